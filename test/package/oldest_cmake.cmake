# All of it once more with the oldest CMake that will do, which pip brings.
set(cmake ${BUILD}/python/bin/cmake)
execute_process(
    COMMAND ${PYTHON} -m pip install --quiet --target ${BUILD}/python cmake==3.22.*
    RESULT_VARIABLE failed
)
if(failed)
    message(FATAL_ERROR "Skipped: CMake 3.22 cannot be had")
endif()

set(prefix ${BUILD}/prefix)
set(ENV{PYTHONPATH} ${BUILD}/python)
# run(FOLDER SCRIPT OPTION...)
function(run folder script)
    execute_process(
        COMMAND ${cmake} -DGENERATOR=${GENERATOR} -DCOMPILER=${COMPILER} -DBUILD=${BUILD}/${folder} ${ARGN}
                -P ${CMAKE_CURRENT_LIST_DIR}/${script}
        COMMAND_ERROR_IS_FATAL ANY
    )
endfunction()
run(install install.cmake -DPREFIX=${prefix} -DSHARED=OFF)
run(find_package consume.cmake -DPREFIX=${prefix} -DWAY=find_package)
run(fetch_content consume.cmake -DWAY=fetch_content)
