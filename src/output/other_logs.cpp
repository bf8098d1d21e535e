#include "output/other_logs.hpp"

#include <utility>

#include "lossy_console.hpp"
#include "record/escaping.hpp"

namespace chainner::detail {

using std::string_view;

bool other_logs::have(string_view line) {
    constexpr std::size_t process_id_begin = 12;  // [05:52:25] [1234] [INFO] message
    const bool is_after_pause = std::exchange(is_after_pause_, false);
    const std::size_t size = line.size() + 1;
    shown_at_once_ += size;
    if (begins_with(line, "\t")) {
        const bool is_shown_apart = shown_at_once_ > lossy_console::most_at_once;
        if (is_shown_apart) shown_at_once_ = size;
        // Others print such lines, too.
        return has_last_ = has_last_ && (is_shown_apart || !is_after_pause);
    }
    shown_at_once_ = size;
    has_last_ = false;
    if (line.size() < process_id_begin || line.front() != '[' || line.substr(9, 3) != "] [") return false;
    line.remove_prefix(process_id_begin);
    const string_view process_id = line.substr(0, line.find("] ["));
    const std::size_t message = line.find("] ", process_id.size() + 1);
    if (message == line.npos) return false;
    if (begins_with(line.substr(message + 2), session_opening)) {
        has_last_ = line.find(". Log file: ", message) != line.npos;
        if (has_last_) with_log_.emplace(process_id);
        if (!has_last_) with_log_.erase(std::string(process_id));
    } else {
        has_last_ = with_log_.find(process_id) != with_log_.end();
    }
    return has_last_;
}

}  // namespace chainner::detail
