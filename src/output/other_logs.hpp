#pragma once

// Which captured lines are in a log already.

#include <cstddef>
#include <functional>
#include <set>
#include <string>
#include <string_view>

namespace chainner::detail {

/// Knows the records that a process of ours, this one or one that it has started, shows on its console in the default
/// pattern, and that are in a log of that process's own: of which it tells when it begins. Of one stream.
class other_logs {
public:
    /// `own_process_id`: of a process that has a log, whatever it tells.
    explicit other_logs(int own_process_id) : with_log_{std::to_string(own_process_id)} {}

    /// To be asked about each line in turn.
    bool have(std::string_view line);

    /// What comes next was not shown at once with what came before.
    void pause() noexcept { is_after_pause_ = true; }

private:
    std::set<std::string, std::less<>> with_log_;  // process ids
    bool has_last_ = false;
    bool is_after_pause_ = false;
    std::size_t shown_at_once_ = 0;  // bytes, of the record whose line was the last
};

}  // namespace chainner::detail
