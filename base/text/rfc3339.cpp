#include "base/rfc3339.h"

#include <charconv>
#include <chrono>

#include <fmt/format.h>

namespace baro::base {
namespace {

bool TakeNumber(std::string_view& text, std::size_t digits, int& value) {
  if (text.size() < digits) return false;
  const auto [end, error] = std::from_chars(text.data(), text.data() + digits, value);
  if (error != std::errc() || end != text.data() + digits || text[0] == '-') return false;
  text.remove_prefix(digits);
  return true;
}

bool TakeChar(std::string_view& text, std::string_view choices) {
  if (text.empty() || choices.find(text[0]) == std::string_view::npos) return false;
  text.remove_prefix(1);
  return true;
}

/// ".123456" as milliseconds, rounded down; nothing is 0.
bool TakeFraction(std::string_view& text, int& ms) {
  ms = 0;
  if (text.empty() || text[0] != '.') return true;
  text.remove_prefix(1);
  int scale = 100;
  std::size_t digits = 0;
  while (digits < text.size() && text[digits] >= '0' && text[digits] <= '9') {
    ms += (text[digits] - '0') * scale;
    scale /= 10;
    ++digits;
  }
  text.remove_prefix(digits);
  return digits > 0;
}

/// "Z" or "+hh:mm", as minutes east.
bool TakeZone(std::string_view& text, int& minutes) {
  minutes = 0;
  if (TakeChar(text, "Zz")) return true;
  const int sign = !text.empty() && text[0] == '-' ? -1 : 1;
  int hours = 0;
  if (!TakeChar(text, "+-") || !TakeNumber(text, 2, hours) || !TakeChar(text, ":") || !TakeNumber(text, 2, minutes)) {
    return false;
  }
  minutes = sign * (hours * 60 + minutes);
  return hours < 24;
}

}  // namespace

std::optional<std::int64_t> ParseRfc3339(std::string_view text) {
  int year = 0;
  int month = 0;
  int day = 0;
  int hour = 0;
  int minute = 0;
  int second = 0;
  int ms = 0;
  int zone = 0;
  const bool good = TakeNumber(text, 4, year) && TakeChar(text, "-") && TakeNumber(text, 2, month) &&
                    TakeChar(text, "-") && TakeNumber(text, 2, day) && TakeChar(text, "Tt") &&
                    TakeNumber(text, 2, hour) && TakeChar(text, ":") && TakeNumber(text, 2, minute) &&
                    TakeChar(text, ":") && TakeNumber(text, 2, second) && TakeFraction(text, ms) &&
                    TakeZone(text, zone) && text.empty();
  const std::chrono::year_month_day date{std::chrono::year(year), std::chrono::month(static_cast<unsigned>(month)),
                                         std::chrono::day(static_cast<unsigned>(day))};
  if (!good || !date.ok() || hour > 23 || minute > 59 || second > 59) return std::nullopt;
  const auto days = std::chrono::sys_days(date).time_since_epoch();
  return std::chrono::milliseconds(days).count() + (((hour * 60LL + minute - zone) * 60 + second) * 1000 + ms);
}

std::string FormatRfc3339(std::int64_t time_ms) {
  const bool is_cut_up = time_ms % 1000 < 0;  // division cuts towards 0, a time is floored
  const std::int64_t seconds = time_ms / 1000 - (is_cut_up ? 1 : 0);
  const std::int64_t fraction = time_ms % 1000 + (is_cut_up ? 1000 : 0);
  constexpr std::int64_t kSecondsOfDay = 86'400;
  constexpr std::int64_t kYearZero = -62'167'219'200;  // 0000-01-01T00:00:00Z
  constexpr std::int64_t kYearTenThousand = 253'402'300'800;
  if (seconds < kYearZero || seconds >= kYearTenThousand) return fmt::format("{}.{:03}", seconds, fraction);
  const std::int64_t day = seconds / kSecondsOfDay - (seconds % kSecondsOfDay < 0 ? 1 : 0);
  const std::int64_t in_day = seconds - day * kSecondsOfDay;
  const std::chrono::year_month_day date{std::chrono::sys_days(std::chrono::days(day))};
  return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:03}Z", static_cast<int>(date.year()),
                     static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()), in_day / 3600,
                     in_day / 60 % 60, in_day % 60, fraction);
}

}  // namespace baro::base
