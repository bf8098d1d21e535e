#pragma once

// See <chainner/output_capture.hpp>.

namespace chainner::detail {

/// Whether what is written to stdout or stderr now is captured. Thread-safe.
bool is_output_captured();

/// Waits, up to a second, until what was written until now is in the log. Thread-safe, also in a signal handler.
void settle_output() noexcept;

}  // namespace chainner::detail
