# What a user of the library has CMake do, by the oldest that will do, which pip brings.
execute_process(
    COMMAND ${PYTHON} -m pip install --quiet --upgrade --target ${BUILD}/python cmake==3.22.*
    RESULT_VARIABLE failed
)
if(failed)
    message(FATAL_ERROR "Skipped: CMake 3.22 cannot be had")
endif()

set(ENV{PYTHONPATH} ${BUILD}/python)
foreach(way IN ITEMS find_package fetch_content)
    execute_process(
        COMMAND ${BUILD}/python/bin/cmake -DGENERATOR=${GENERATOR} -DCOMPILER=${COMPILER} -DBUILD=${BUILD}/${way}
                -DWAY=${way} -DPREFIX=${PREFIX} -P ${CMAKE_CURRENT_LIST_DIR}/consume.cmake
        COMMAND_ERROR_IS_FATAL ANY
    )
endforeach()

cmake_path(GET CMAKE_CURRENT_LIST_DIR PARENT_PATH tests)
execute_process(
    COMMAND ${BUILD}/python/bin/cmake -S ${tests}/../python -B ${BUILD}/module -G ${GENERATOR}
            -DCMAKE_CXX_COMPILER=${COMPILER} -DPython_EXECUTABLE=${PYTHON}
    COMMAND_ERROR_IS_FATAL ANY
)
