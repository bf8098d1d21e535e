#pragma once

// See <chainner/output_capture.hpp>.

namespace chainner::detail {

/// Whether what is written to stdout or stderr now is captured. Thread-safe.
bool is_output_captured();

}  // namespace chainner::detail
