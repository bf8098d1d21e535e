# `cpack` makes the Debian packages, of a shared LIBRARY that another test has built for another prefix. They are
# unpacked into a root of their own, where other tests use them.
cmake_path(SET source NORMALIZE ${CMAKE_CURRENT_LIST_DIR}/../..)
file(REMOVE_RECURSE ${PREFIX} ${BUILD} ${LIBRARY}/CMakeCache.txt)
execute_process(
    COMMAND
        ${CMAKE_COMMAND} -S ${source} -B ${LIBRARY} -G ${GENERATOR} -DCMAKE_CXX_COMPILER=${COMPILER}
        -DCMAKE_BUILD_TYPE=Release -DCMAKE_INSTALL_PREFIX=/usr -DBUILD_SHARED_LIBS=ON -DCMAKE_UNITY_BUILD=ON
    COMMAND_ERROR_IS_FATAL ANY
)
execute_process(COMMAND ${CMAKE_COMMAND} --build ${LIBRARY} COMMAND_ERROR_IS_FATAL ANY)
cmake_path(GET CMAKE_COMMAND PARENT_PATH commands)
execute_process(COMMAND ${commands}/cpack -B ${BUILD} WORKING_DIRECTORY ${LIBRARY} COMMAND_ERROR_IS_FATAL ANY)

# unpack(PACKAGE PATTERN...): each regular expression must match what it says of itself, or the names of its files.
function(unpack package)
    file(GLOB file ${BUILD}/${package}_*.deb)
    file(MAKE_DIRECTORY ${PREFIX})
    execute_process(COMMAND dpkg-deb --extract ${file} ${PREFIX}/.. COMMAND_ERROR_IS_FATAL ANY)
    execute_process(COMMAND dpkg-deb --field ${file} OUTPUT_VARIABLE about COMMAND_ERROR_IS_FATAL ANY)
    execute_process(COMMAND dpkg-deb --contents ${file} OUTPUT_VARIABLE files COMMAND_ERROR_IS_FATAL ANY)
    foreach(pattern IN LISTS ARGN)
        if(NOT "${about}${files}" MATCHES "${pattern}")
            message(FATAL_ERROR "${package} has no ${pattern}:\n${about}${files}")
        endif()
    endforeach()
    set(files "${files}" PARENT_SCOPE)
endfunction()

unpack(
    libchainner-logger-dev
    "Depends: libchainner-logger0[.]1 [(]= [^\n]*libspdlog-dev [(]>= "
    "libchainner_logger[.]so -> "
    "chainner_loggerConfig[.]cmake\n"
    "chainner_logger[.]pc\n"
)
unpack(libchainner-logger0.1 "Depends: [^\n]*libspdlog1[.]" "libchainner_logger[.]so[.]0[.]1[.]0\n")
if(files MATCHES "include/|[.]so -> |cmake/")
    message(FATAL_ERROR "The library's package holds what only a build needs:\n${files}")
endif()
