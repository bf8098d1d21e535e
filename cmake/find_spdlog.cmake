option(CHAINNER_LOGGER_FETCH_SPDLOG "Download spdlog if it is not installed" OFF)

if(NOT TARGET spdlog::spdlog)
    find_package(spdlog ${minimum_spdlog_version} CONFIG QUIET)
endif()

if(NOT TARGET spdlog::spdlog AND NOT TARGET spdlog::spdlog_header_only)
    if(NOT CHAINNER_LOGGER_FETCH_SPDLOG)
        message(
            FATAL_ERROR
            "spdlog ${minimum_spdlog_version} or newer is missing: install it (apt: libspdlog-dev, brew and vcpkg: "
            "spdlog), or set CHAINNER_LOGGER_FETCH_SPDLOG=ON to download it."
        )
    endif()
    include(FetchContent)
    FetchContent_Declare(spdlog GIT_REPOSITORY https://github.com/gabime/spdlog.git GIT_TAG v1.15.3)
    set(SPDLOG_INSTALL ${CHAINNER_LOGGER_INSTALL}) # The installed chainner::logger needs it.
    FetchContent_MakeAvailable(spdlog)
endif()

# An installation of the headers alone has no spdlog::spdlog.
if(TARGET spdlog::spdlog)
    set(spdlog_target spdlog::spdlog)
else()
    set(spdlog_target spdlog::spdlog_header_only)
endif()
