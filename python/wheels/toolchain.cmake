# Cross-compiles a wheel with zig, a C++ compiler that is a Python package. In the environment: ZIG_TARGET, such as
# x86_64-windows-gnu; ZIG_COMMANDS, the folder in which zig-c++ and its like are; LIBGCC_S, what libgcc_s.c became.
set(target $ENV{ZIG_TARGET})
set(commands $ENV{ZIG_COMMANDS})

if(target MATCHES windows)
    set(CMAKE_SYSTEM_NAME Windows)
elseif(target MATCHES macos)
    set(CMAKE_SYSTEM_NAME Darwin)
    set(CMAKE_OSX_SYSROOT "" CACHE PATH "" FORCE)
    set(CMAKE_OSX_DEPLOYMENT_TARGET "" CACHE STRING "" FORCE) # it is a part of the target
else()
    set(CMAKE_SYSTEM_NAME Linux)
    # pthread_exit unwinds the stack by libgcc_s. zig's own unwinder, linked into the module, crashes in between.
    set(CMAKE_MODULE_LINKER_FLAGS_INIT $ENV{LIBGCC_S})
endif()
string(REGEX REPLACE "-.*" "" CMAKE_SYSTEM_PROCESSOR ${target})

set(CMAKE_CXX_COMPILER ${commands}/zig-c++)
set(CMAKE_AR ${commands}/zig-ar CACHE FILEPATH "")
set(CMAKE_RANLIB ${commands}/zig-ranlib CACHE FILEPATH "")
set(CMAKE_CXX_FLAGS_INIT "-target ${target}")

set(CMAKE_PROJECT_INCLUDE ${CMAKE_CURRENT_LIST_DIR}/project.cmake)
