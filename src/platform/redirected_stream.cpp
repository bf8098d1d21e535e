#include "platform/redirected_stream.hpp"

#include <utility>

#include "platform/output.hpp"

namespace chainner::platform {

redirected_stream::redirected_stream(standard_stream which) noexcept
    : stream(which), was_open_at_start_(is_inherited(which)) {}

void redirected_stream::capture() {
    const bool was_in_place = is_in_place();
    if (was_in_place && !is_parents_) return;
    if (!was_in_place) {
        const bool is_open = platform::is_open(stream);
        if (is_open && !was_open_at_start_) return;
        file present = duplicate_of(stream);
        if (is_open && !present) fail_to_capture();
        present_original_.remember(present.known());
        if (is_redirected_ && !first_) first_ = std::move(original_);
        original_ = std::move(present);
    }
    present_pipe_.remember(pipe.write.known());
    if (!lead(stream, pipe.write)) fail_to_capture();
    is_redirected_ = true;
    is_parents_ = false;
    go_on_captured(*this);
}

void redirected_stream::give_back() noexcept {
    if (!is_redirected_ || !is_in_place()) return;
    if (!original_) {
        close_stream(stream);
    } else if (!lead(stream, original_)) {
        return;
    }
    is_redirected_ = false;
    if (!first_) return;
    present_original_.remember(first_.known());
    original_ = std::exchange(first_, file());
}

void redirected_stream::leave_to_parent() noexcept {
    is_parents_ = true;
    pipe = {};
}

bool redirected_stream::is_in_place() const noexcept {
    const known_file present = present_pipe_.latest();
    return present.number != no_file && leads_to(stream, present);
}

file_number redirected_stream::target(console_target wanted) const noexcept {
    if (!was_open_at_start_) return no_file;
    if (wanted == console_target::stream && !is_in_place()) return number_of(stream);
    const known_file original = present_original_.latest();
    return platform::is_in_place(original) ? original.number : no_file;
}

std::array<redirected_stream, 2>& redirected_streams() {
    static auto& made = *new std::array<redirected_stream, 2>{redirected_stream(standard_stream::output),
                                                              redirected_stream(standard_stream::error)};
    return made;
}

namespace {

[[maybe_unused]] const auto& were_made_before_main = redirected_streams();

}  // namespace

namespace captured_streams {

void capture(choice which) try {
    for (redirected_stream& each : redirected_streams()) {
        if (which == choice::all || each.is_in_place()) each.capture();
    }
} catch (...) {
    release();
    throw;
}

void release() noexcept {
    for (redirected_stream& each : redirected_streams()) each.give_back();
}

bool is_captured(standard_stream stream) noexcept { return redirected(stream).is_captured(); }

}  // namespace captured_streams

}  // namespace chainner::platform
