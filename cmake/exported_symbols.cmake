# A shared library exports its public functions and nothing else, above all nothing of spdlog, of which the program may
# have another version.
if(WIN32)
    set_target_properties(chainner_logger PROPERTIES WINDOWS_EXPORT_ALL_SYMBOLS ON)
elseif(APPLE)
    set(exported_symbols ${CMAKE_CURRENT_LIST_DIR}/exported_symbols.txt)
    target_link_options(chainner_logger PRIVATE LINKER:-exported_symbols_list,${exported_symbols})
else()
    set(exported_symbols ${CMAKE_CURRENT_LIST_DIR}/exported_symbols.map)
    target_link_options(chainner_logger PRIVATE LINKER:--version-script=${exported_symbols})
endif()
set_target_properties(chainner_logger PROPERTIES LINK_DEPENDS "${exported_symbols}")
