#pragma once

#include <string>

namespace chainner::detail {

/// `+05:30`
std::string utc_offset_text(int minutes);

/// The record at the beginning of a file: which program, on which system, wrote what follows.
std::string origin(const std::string& role, const std::string& application_version, int utc_offset);

}  // namespace chainner::detail
