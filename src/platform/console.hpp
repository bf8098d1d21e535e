#pragma once

#include <cstddef>
#include <memory>
#include <string_view>
#include <system_error>

namespace chainner::platform {

enum class standard_stream { output, error };

/// The stream, where the program leads it elsewhere too; or what it was before it was captured, to show what was read.
enum class console_target { stream, original };

/// stdout or stderr, written to without ever waiting and without a signal, also while it is captured (output.hpp).
/// Changes nothing that other holders of the same terminal, pipe or socket could see. Off for good once the stream is
/// closed, as it may be when the process starts.
class console {
public:
    virtual ~console() = default;

    /// To be called before each record and after a failed `write`: whether the stream is another file than it was, as
    /// `dup2` makes it. Costs nothing where `write` would fail if it were.
    virtual bool follow() noexcept = 0;

    virtual bool is_terminal() const noexcept = 0;

    /// Returns how much of `text` was taken. `error` is `std::errc::resource_unavailable_try_again` if there is no room
    /// now.
    virtual std::size_t write(std::string_view text, std::error_code& error) noexcept = 0;

    /// Whether there is a reader, and room for something.
    virtual bool is_ready() const noexcept = 0;

    /// Bytes that the reader has still to take, where the system tells, else 0.
    virtual std::size_t unread() const noexcept = 0;
};

std::unique_ptr<console> make_console(standard_stream stream, console_target target = console_target::stream);

}  // namespace chainner::platform
