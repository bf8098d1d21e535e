include(CMakePackageConfigHelpers)
include(GNUInstallDirs)

set(package_directory ${CMAKE_INSTALL_LIBDIR}/cmake/chainner_logger)

configure_file(cmake/chainner_loggerConfig.cmake.in chainner_loggerConfig.cmake @ONLY)
write_basic_package_version_file(chainner_loggerConfigVersion.cmake COMPATIBILITY SameMinorVersion)

install(TARGETS chainner_logger EXPORT chainner_loggerTargets FILE_SET HEADERS)
install(EXPORT chainner_loggerTargets NAMESPACE chainner:: DESTINATION ${package_directory})
install(
    FILES ${CMAKE_CURRENT_BINARY_DIR}/chainner_loggerConfig.cmake
          ${CMAKE_CURRENT_BINARY_DIR}/chainner_loggerConfigVersion.cmake
    DESTINATION ${package_directory}
)
install(DIRECTORY lnav DESTINATION ${CMAKE_INSTALL_DATADIR}/chainner_logger)
