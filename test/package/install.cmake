# A plain configure, as in the README, installs the library and its headers.
cmake_path(SET source NORMALIZE ${CMAKE_CURRENT_LIST_DIR}/../..)
file(REMOVE_RECURSE ${PREFIX} ${BUILD}/CMakeCache.txt)
execute_process(
    COMMAND
        ${CMAKE_COMMAND} -S ${source} -B ${BUILD} -G ${GENERATOR} -DCMAKE_CXX_COMPILER=${COMPILER}
        -DCMAKE_INSTALL_LIBDIR=lib -DBUILD_SHARED_LIBS=${SHARED} -DCMAKE_UNITY_BUILD=ON
    COMMAND_ERROR_IS_FATAL ANY
)
file(STRINGS ${BUILD}/CMakeCache.txt build_type REGEX "^CMAKE_BUILD_TYPE:")
if(NOT build_type MATCHES "=Release$")
    message(FATAL_ERROR "It is not optimised: ${build_type}")
endif()
execute_process(COMMAND ${CMAKE_COMMAND} --build ${BUILD} COMMAND_ERROR_IS_FATAL ANY)
execute_process(COMMAND ${CMAKE_COMMAND} --install ${BUILD} --prefix ${PREFIX} COMMAND_ERROR_IS_FATAL ANY)

file(GLOB_RECURSE headers RELATIVE ${PREFIX}/include ${PREFIX}/include/*)
if(NOT "${headers}" STREQUAL "chainner/crash_handler.hpp;chainner/log_directory.hpp;chainner/logger.hpp;chainner/output_capture.hpp")
    message(FATAL_ERROR "Installed headers: ${headers}")
endif()

if(NOT EXISTS ${PREFIX}/share/chainner_logger/lnav/formats/chainner/chainner_log.json)
    message(FATAL_ERROR "The format for lnav is not installed")
endif()
if(NOT EXISTS ${PREFIX}/share/chainner_logger/collector/otelcol.yaml)
    message(FATAL_ERROR "The configuration of the collector is not installed")
endif()
