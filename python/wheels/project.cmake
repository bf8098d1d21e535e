# What project() would undo, or is not yet known to a toolchain file.
add_link_options(-s)
if(APPLE)
    # zig's linker knows no bundles, and CPython loads a dynamic library too.
    set(CMAKE_SHARED_MODULE_CREATE_CXX_FLAGS -shared)
    set(CMAKE_SHARED_MODULE_LOADER_CXX_FLAG "")
endif()

# spdlog and fmt by their headers alone: the rest of /usr/include is for Debian.
if(NOT TARGET spdlog::spdlog_header_only)
    foreach(library IN ITEMS spdlog fmt)
        file(MAKE_DIRECTORY ${CMAKE_BINARY_DIR}/include)
        file(CREATE_LINK /usr/include/${library} ${CMAKE_BINARY_DIR}/include/${library} SYMBOLIC)
    endforeach()
    add_library(spdlog::spdlog_header_only INTERFACE IMPORTED GLOBAL)
    target_include_directories(spdlog::spdlog_header_only INTERFACE ${CMAKE_BINARY_DIR}/include)
    target_compile_definitions(spdlog::spdlog_header_only INTERFACE FMT_HEADER_ONLY)
endif()
