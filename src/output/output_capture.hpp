#pragma once

// See <chainner/output_capture.hpp>.

namespace chainner::detail {

/// Whether what is written to stdout or stderr now is captured. At any moment.
bool is_output_captured() noexcept;

}  // namespace chainner::detail
