#include "record/calendar.hpp"

#include <gtest/gtest.h>

#include <ctime>

namespace {

TEST(Calendar, TellsTheDateOfEachDayAsTheSystemDoes) {
    for (std::int64_t day = 0; day < 200 * 366; ++day) {
        const auto time = static_cast<std::time_t>(day * 86'400);
        const std::tm expected = *std::gmtime(&time);
        const auto found = chainner::detail::date_of(day);
        ASSERT_EQ(found.year, expected.tm_year + 1900) << day;
        ASSERT_EQ(found.month, expected.tm_mon + 1) << day;
        ASSERT_EQ(found.day, expected.tm_mday) << day;
    }
}

}  // namespace
