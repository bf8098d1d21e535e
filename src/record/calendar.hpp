#pragma once

// The calendar, for a handler of signals.

#include <cstdint>

namespace chainner::detail {

struct date {
    std::int64_t year, month, day;
};

/// The functions of C that know the calendar take a lock. This counts in years that begin in March, so that the leap
/// day is the last one.
inline date date_of(std::int64_t days_since_1970) noexcept {
    constexpr std::int64_t days_per_400_years = 146'097;
    const std::int64_t days = days_since_1970 + 719'468;  // since 0000-03-01
    const std::int64_t era = days / days_per_400_years;
    const std::int64_t day_of_era = days % days_per_400_years;
    const std::int64_t year_of_era =
        (day_of_era - day_of_era / 1'460 + day_of_era / 36'524 - day_of_era / 146'096) / 365;
    const std::int64_t day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    const std::int64_t month = (5 * day_of_year + 2) / 153;  // 0: March
    return {400 * era + year_of_era + (month >= 10 ? 1 : 0), month >= 10 ? month - 9 : month + 3,
            day_of_year - (153 * month + 2) / 5 + 1};
}

}  // namespace chainner::detail
