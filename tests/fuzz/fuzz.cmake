# Each tests/fuzz/NAME_fuzz.c is a libFuzzer program: NAME_fuzz CORPUS_FOLDER -max_total_time=60
# The libraries are built with fuzzer-no-link (preset "fuzz"), so that they are instrumented too.
if(NOT CMAKE_C_COMPILER_ID MATCHES "Clang")
  message(FATAL_ERROR "CUBBY_FUZZ needs clang: use the preset \"fuzz\"")
endif()

file(GLOB FUZZ_SOURCES CONFIGURE_DEPENDS ${CMAKE_CURRENT_LIST_DIR}/*_fuzz.c)
foreach(source ${FUZZ_SOURCES})
  get_filename_component(name ${source} NAME_WE)
  add_executable(${name} ${source})
  target_include_directories(${name} PRIVATE engine src)
  target_link_libraries(${name} PRIVATE cubby_core engine cubby_flags)
  target_link_options(${name} PRIVATE -fsanitize=fuzzer)
endforeach()
