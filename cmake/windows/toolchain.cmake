# Builds for Windows on Debian, with MinGW-w64, and runs what was built, with Wine.
set(CMAKE_SYSTEM_NAME Windows)
set(CMAKE_SYSTEM_PROCESSOR x86_64)
set(CMAKE_C_COMPILER x86_64-w64-mingw32-gcc-posix)
set(CMAKE_CXX_COMPILER x86_64-w64-mingw32-g++-posix)
# The libraries of the compiler are nowhere where Wine looks for them. MinGW's own linker takes minutes for the tests, and
# gcc knows no other by its name.
set(CMAKE_EXE_LINKER_FLAGS_INIT "-static -wrapper sh,-c,'exec ld.lld \"$@\"'")

find_program(WINE NAMES wine64 wine PATHS /usr/lib/wine REQUIRED)
set(CMAKE_CROSSCOMPILING_EMULATOR ${WINE})

set(CMAKE_PROJECT_chainner_logger_INCLUDE ${CMAKE_CURRENT_LIST_DIR}/dependencies.cmake)
