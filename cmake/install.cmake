include(CMakePackageConfigHelpers)
include(GNUInstallDirs)

set(package_directory ${CMAKE_INSTALL_LIBDIR}/cmake/chainner_logger)
set(pkgconfig_directory ${CMAKE_INSTALL_LIBDIR}/pkgconfig)
file(RELATIVE_PATH prefix_from_pkgconfig /${pkgconfig_directory} /)

configure_file(cmake/chainner_loggerConfig.cmake.in chainner_loggerConfig.cmake @ONLY)
if(CMAKE_DL_LIBS)
    set(dl_flag " -l${CMAKE_DL_LIBS}")
endif()
configure_file(cmake/chainner_logger.pc.in chainner_logger.pc @ONLY)
write_basic_package_version_file(chainner_loggerConfigVersion.cmake COMPATIBILITY SameMinorVersion)

# What a program needs to run, and what is needed to build one.
set(CMAKE_INSTALL_DEFAULT_COMPONENT_NAME development)
install(
    TARGETS chainner_logger
    EXPORT chainner_loggerTargets
    LIBRARY COMPONENT runtime NAMELINK_COMPONENT development
    RUNTIME COMPONENT runtime
    INCLUDES DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}
)
install(DIRECTORY include/chainner DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})
install(EXPORT chainner_loggerTargets NAMESPACE chainner:: DESTINATION ${package_directory})
install(
    FILES ${CMAKE_CURRENT_BINARY_DIR}/chainner_loggerConfig.cmake
          ${CMAKE_CURRENT_BINARY_DIR}/chainner_loggerConfigVersion.cmake
    DESTINATION ${package_directory}
)
install(FILES ${CMAKE_CURRENT_BINARY_DIR}/chainner_logger.pc DESTINATION ${pkgconfig_directory})
install(DIRECTORY lnav DESTINATION ${CMAKE_INSTALL_DATADIR}/chainner_logger)
install(
    FILES collector/README.md collector/builder.yaml collector/otelcol.yaml
    DESTINATION ${CMAKE_INSTALL_DATADIR}/chainner_logger/collector
)
