# Debian's MinGW-w64 for 64-bit Windows, with the libraries that tools/windows/libraries builds.
#
# The C library is MSVCRT: Debian 12's libgcc and libmingwex are built for it, and mixing them with
# UCRT's headers gives two stdio implementations in one program. Every Windows has msvcrt.dll.
# What it is known for does not reach us: paths go through libuv's wide calls, and printf and strtod
# are MinGW's own (__USE_MINGW_ANSI_STDIO).
set(CMAKE_SYSTEM_NAME Windows)
set(CMAKE_SYSTEM_PROCESSOR x86_64)
# The variant with Windows' own threads: nothing of ours needs libwinpthread.
set(CMAKE_C_COMPILER x86_64-w64-mingw32-gcc-win32)
set(CMAKE_RC_COMPILER x86_64-w64-mingw32-windres)
# The libraries are built with this file, too, and say where they are to go.
get_filename_component(CUBBY_WINDOWS_LIBRARIES ${CMAKE_CURRENT_LIST_DIR}/../../build/windows-libraries
                       ABSOLUTE)
set(CMAKE_FIND_ROOT_PATH ${CUBBY_WINDOWS_LIBRARIES})
set(CMAKE_FIND_ROOT_PATH_MODE_PROGRAM NEVER)
set(CMAKE_FIND_ROOT_PATH_MODE_LIBRARY ONLY)
set(CMAKE_FIND_ROOT_PATH_MODE_INCLUDE ONLY)
set(CMAKE_FIND_ROOT_PATH_MODE_PACKAGE ONLY)
set(ENV{PKG_CONFIG_LIBDIR} ${CUBBY_WINDOWS_LIBRARIES}/lib/pkgconfig)
set(ENV{PKG_CONFIG_PATH} "")
# How programs of the build are run.
set(CMAKE_CROSSCOMPILING_EMULATOR ${CMAKE_CURRENT_LIST_DIR}/wine)
# Static, and the same bytes wherever and whenever it is linked.
set(CMAKE_C_FLAGS_INIT "-D__USE_MINGW_ANSI_STDIO=1 -D_WIN32_WINNT=0x0A00")
set(CMAKE_EXE_LINKER_FLAGS_INIT "-static -s -Wl,--no-insert-timestamp")
