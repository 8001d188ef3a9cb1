# Each tests/**/NAME_test.c is a program and a ctest of that name, mirroring its source.
# A test that cannot run here (no Vulkan device, no python3-torch) exits with 77: skipped.
# Built for Windows, all of this runs with Wine.
pkg_check_modules(CMOCKA REQUIRED IMPORTED_TARGET cmocka)

function(cubby_test source)
  get_filename_component(name ${source} NAME_WE)
  cmake_path(RELATIVE_PATH source BASE_DIRECTORY ${CMAKE_CURRENT_SOURCE_DIR}/tests
             OUTPUT_VARIABLE relative)
  cmake_path(GET relative PARENT_PATH folder)
  string(REPLACE "/" "." label "${folder}.${name}")
  add_executable(${name} ${source} ${PROGRAM_SOURCES} ${ARGN})
  target_include_directories(${name} PRIVATE tests engine src shaders/include ${SHADER_DIR}
                             ${VOLK_INCLUDE})
  target_compile_definitions(${name} PRIVATE VK_NO_PROTOTYPES
    TESTS_DIR="${CMAKE_CURRENT_SOURCE_DIR}/tests"
    MODELS_DIR="${CMAKE_CURRENT_SOURCE_DIR}/models")
  target_link_libraries(${name} PRIVATE engine cubby_flags PkgConfig::CMOCKA PkgConfig::JANSSON m)
  if(TARGET cubby_core)
    target_link_libraries(${name} PRIVATE cubby_core PkgConfig::LIBUV PkgConfig::LIBARCHIVE
                          PkgConfig::XXHASH PkgConfig::SQLITE)
  endif()
  add_test(NAME ${label} COMMAND ${name})
  set_tests_properties(${label} PROPERTIES SKIP_RETURN_CODE 77 TIMEOUT 900)
endfunction()

file(GLOB_RECURSE TEST_SOURCES CONFIGURE_DEPENDS tests/engine/*_test.c tests/src/*_test.c)
if(WIN32) # these fork, write to /dev/null or take "/x" for absolute
  list(FILTER TEST_SOURCES EXCLUDE REGEX
    "/(output_lock|recover|power_cut|filings|folders|runs|model_file)_test\\.c$")
endif()
foreach(source ${TEST_SOURCES})
  cubby_test(${source})
endforeach()

# The lane kernels differ by the length of the CPU driver's vectors, of which it takes 256 bits by
# itself. cubby asks for 512 only of Mesa 22, since others may crash with them.
foreach(bits 128 512)
  add_test(NAME engine.ops.conv_test_${bits} COMMAND conv_test)
  set_tests_properties(engine.ops.conv_test_${bits} PROPERTIES SKIP_RETURN_CODE 77 TIMEOUT 900
    ENVIRONMENT LP_NATIVE_VECTOR_WIDTH=${bits})
endforeach()
set_property(TEST engine.ops.conv_test_512 APPEND PROPERTY ENVIRONMENT CUBBY_ONLY_MESA22=1)

# Makes each allocation fail in turn.
target_link_options(validate_test PRIVATE -Wl,--wrap=malloc,--wrap=calloc)

# What scripts start: the programs, or on Windows scripts of the same names that start them.
set(PROGRAM_UNDER_TEST $<TARGET_FILE:cubby>)
if(WIN32)
  foreach(name cubby cubby_stub preprocess_dump)
    file(GENERATE OUTPUT ${CMAKE_CURRENT_BINARY_DIR}/${name}
      CONTENT "#!/bin/sh
exec ${CMAKE_CROSSCOMPILING_EMULATOR} ${CMAKE_CURRENT_BINARY_DIR}/${name}.exe \"$@\"
"
      FILE_PERMISSIONS OWNER_READ OWNER_WRITE OWNER_EXECUTE)
  endforeach()
  set(PROGRAM_UNDER_TEST ${CMAKE_CURRENT_BINARY_DIR}/cubby)
  file(CREATE_LINK ${CMAKE_CURRENT_SOURCE_DIR}/models ${CMAKE_CURRENT_BINARY_DIR}/models SYMBOLIC)
endif()

# tests/cli/NAME.sh: a whole command, with the program's folder in $CUBBY; see tests/cli/README.md.
file(GLOB CLI_TESTS CONFIGURE_DEPENDS tests/cli/*.sh)
if(NOT WIN32)
  list(FILTER CLI_TESTS EXCLUDE REGEX "/windows_[^/]*$")
endif()
foreach(script ${CLI_TESTS})
  get_filename_component(name ${script} NAME_WE)
  add_test(NAME cli.${name}
           COMMAND ${CMAKE_CURRENT_SOURCE_DIR}/tests/cli/run ${PROGRAM_UNDER_TEST} ${script})
  set_tests_properties(cli.${name} PROPERTIES SKIP_RETURN_CODE 77 TIMEOUT 900)
endforeach()

# tests/python/NAME_test.py: comparisons with the libraries that photos and models come from.
find_program(PYTHON3 NAMES /usr/bin/python3)
file(GLOB PYTHON_TESTS CONFIGURE_DEPENDS tests/python/*_test.py)
foreach(script ${PYTHON_TESTS})
  get_filename_component(name ${script} NAME_WE)
  add_test(NAME python.${name} COMMAND ${PYTHON3} ${script} ${CMAKE_CURRENT_BINARY_DIR})
  set_tests_properties(python.${name} PROPERTIES SKIP_RETURN_CODE 77 TIMEOUT 1800)
endforeach()

# tests/windows: the programs for Windows beside those for Linux of the preset "ci".
if(WIN32)
  add_test(NAME windows.same_answers COMMAND ${PYTHON3}
    ${CMAKE_CURRENT_SOURCE_DIR}/tests/windows/same_answers_test.py
    ${CMAKE_CURRENT_BINARY_DIR} ${CMAKE_CURRENT_SOURCE_DIR}/build/ci)
  set_tests_properties(windows.same_answers PROPERTIES SKIP_RETURN_CODE 77 TIMEOUT 900)
  foreach(name hold_file end_session)
    add_executable(${name} tests/tools/${name}.c)
    target_link_libraries(${name} PRIVATE cubby_flags user32)
  endforeach()
  # There is one window of cubby's at a time to be told, and a test that no other may disturb.
  set_tests_properties(cli.windows_logoff PROPERTIES RUN_SERIAL TRUE)
  add_test(NAME windows.kill COMMAND ${PYTHON3}
    ${CMAKE_CURRENT_SOURCE_DIR}/tests/python/kill_test.py ${CMAKE_CURRENT_BINARY_DIR} 4)
  set_tests_properties(windows.kill PROPERTIES TIMEOUT 900)
  add_test(NAME windows.imports COMMAND
    ${CMAKE_CURRENT_SOURCE_DIR}/tools/windows/check-imports $<TARGET_FILE:cubby>)
endif()

# The whole program with a classifier that needs no device, for tests that run it very often.
add_executable(cubby_stub tests/tools/cubby_stub.c ${PROGRAM_SOURCES})
target_link_libraries(cubby_stub PRIVATE cubby_core cubby_flags)

# What tests/python/resize_test.py and preprocess_test.py compare with Pillow, numpy and torch.
add_executable(preprocess_dump tests/tools/preprocess_dump.c)
target_link_libraries(preprocess_dump PRIVATE cubby_core cubby_flags)

# What tests/python/learn_fit_test.py compares with scikit-learn.
add_executable(learn_dump tests/tools/learn_dump.c)
target_link_libraries(learn_dump PRIVATE cubby_core cubby_flags)

# Puts features into the cache, and takes them out: tests/python/learn_test.py.
add_executable(learn_rows tests/tools/learn_rows.c ${PROGRAM_SOURCES})
target_link_libraries(learn_rows PRIVATE cubby_core cubby_flags)

# tests/style/NAME.sh: what the sources themselves must look like.
file(GLOB STYLE_TESTS CONFIGURE_DEPENDS tests/style/*.sh)
foreach(script ${STYLE_TESTS})
  get_filename_component(name ${script} NAME_WE)
  add_test(NAME style.${name} COMMAND ${script})
  set_tests_properties(style.${name} PROPERTIES SKIP_RETURN_CODE 77)
endforeach()
