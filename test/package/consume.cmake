# Builds and runs the project in `consumer`, which gets the library in one WAY of several.
set(logs ${BUILD}/logs)
file(REMOVE_RECURSE ${logs} ${BUILD}/installed)
if(PREFIX)
    file(GLOB_RECURSE found ${PREFIX}/*/chainner_logger.pc)
    cmake_path(GET found PARENT_PATH pkgconfig_directory)
    cmake_path(GET pkgconfig_directory PARENT_PATH library_directory)
    set(ENV{PKG_CONFIG_PATH} ${pkgconfig_directory})
    set(ENV{LD_LIBRARY_PATH} ${library_directory})
endif()
execute_process(
    COMMAND
        ${CMAKE_COMMAND} -S ${CMAKE_CURRENT_LIST_DIR}/consumer -B ${BUILD} -G ${GENERATOR}
        -DCMAKE_CXX_COMPILER=${COMPILER} -DCMAKE_BUILD_TYPE=Debug -DCMAKE_PREFIX_PATH=${PREFIX} -DWAY=${WAY}
        -DCMAKE_UNITY_BUILD=ON
    COMMAND_ERROR_IS_FATAL ANY
)
if(WAY STREQUAL fetch_content)
    return() # From here on it is add_subdirectory, which has a test of its own.
endif()

execute_process(COMMAND ${CMAKE_COMMAND} --build ${BUILD} COMMAND_ERROR_IS_FATAL ANY)
execute_process(
    COMMAND ${CMAKE_COMMAND} -E env CHAINNER_LOG_DIR=${logs} ${BUILD}/consumer
    COMMAND_ERROR_IS_FATAL ANY
)

file(READ ${logs}/worker.log log)
if(NOT log MATCHES "\\[INFO\\] loaded 3 models in 0\\.8 s\n")
    message(FATAL_ERROR "The record is not in worker.log:\n${log}")
endif()

# Nothing of ours is installed along with it.
set(installed ${BUILD}/installed)
execute_process(COMMAND ${CMAKE_COMMAND} --install ${BUILD} --prefix ${installed} COMMAND_ERROR_IS_FATAL ANY)
file(GLOB_RECURSE files RELATIVE ${installed} ${installed}/*)
if(NOT files MATCHES "^bin/consumer([.]exe)?$")
    message(FATAL_ERROR "Installed with the consumer: ${files}")
endif()

if(UNIX)
    execute_process(
        COMMAND ${CMAKE_COMMAND} -E env CHAINNER_LOG_DIR=${logs} ${BUILD}/load_plugin ${BUILD}/plugin.so
        COMMAND_ERROR_IS_FATAL ANY
    )
    file(STRINGS ${logs}/host.log records REGEX "from the plugin|Logger closed")
    list(LENGTH records count)
    if(NOT count EQUAL 3 OR EXISTS ${logs}/host-2.log)
        message(FATAL_ERROR "A plugin that was loaded twice has logged:\n${records}")
    endif()
endif()
