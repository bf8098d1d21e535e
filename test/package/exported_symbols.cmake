# The shared library exports every function that the public headers declare, and nothing else.
file(GLOB headers ${PREFIX}/include/chainner/*.hpp)
foreach(header IN LISTS headers)
    file(STRINGS ${header} declarations REGEX "^[a-z_:<>]+ [a-z_]+\\(")
    foreach(declaration IN LISTS declarations)
        string(REGEX REPLACE "^[^ ]+ ([a-z_]+).*" "\\1" function "${declaration}")
        list(APPEND functions ${function})
    endforeach()
endforeach()

list(REMOVE_DUPLICATES functions)

execute_process(
    COMMAND ${NM} --demangle --dynamic --defined-only ${PREFIX}/lib/libchainner_logger.so
    OUTPUT_VARIABLE symbols
    COMMAND_ERROR_IS_FATAL ANY
)
foreach(function IN LISTS functions)
    set(symbol "[^\n]* T chainner::${function}[[(][^\n]*\n")
    if(NOT symbols MATCHES "${symbol}")
        message(SEND_ERROR "Not exported: ${function}")
    endif()
    string(REGEX REPLACE "${symbol}" "" symbols "${symbols}")
endforeach()
# In the place of the C library's: see src/platform/posix/output.cpp.
string(REGEX REPLACE "[^\n]* W _[eE]xit\n" "" symbols "${symbols}")
if(symbols)
    message(SEND_ERROR "Exported, but not public:\n${symbols}")
endif()
