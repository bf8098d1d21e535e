# Debian has no libraries for Windows, but it has the headers of spdlog and fmt, and the sources of GoogleTest.

# The headers get a folder of their own: the rest of /usr/include is for Linux.
foreach(library IN ITEMS spdlog fmt)
    file(MAKE_DIRECTORY ${CMAKE_BINARY_DIR}/include)
    file(CREATE_LINK /usr/include/${library} ${CMAKE_BINARY_DIR}/include/${library} SYMBOLIC)
endforeach()
add_library(spdlog::spdlog INTERFACE IMPORTED)
target_include_directories(spdlog::spdlog INTERFACE ${CMAKE_BINARY_DIR}/include)
target_compile_definitions(spdlog::spdlog INTERFACE FMT_HEADER_ONLY)

include(FetchContent)
FetchContent_Declare(GTest SOURCE_DIR /usr/src/googletest OVERRIDE_FIND_PACKAGE)
