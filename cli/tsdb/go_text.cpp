#include "cli/tsdb/go_text.h"

#include <algorithm>
#include <array>
#include <chrono>

#include <fmt/format.h>

namespace baro::cli {

std::string GoDuration(std::int64_t duration_ms) {
  if (duration_ms == 0) return "0s";
  const bool is_negative = duration_ms < 0;
  auto left = static_cast<std::uint64_t>(duration_ms);
  if (is_negative) left = 0 - left;
  std::string out = is_negative ? "-" : "";
  if (left < 1000) return out + fmt::format("{}ms", left);
  const std::uint64_t seconds = left / 1000;
  if (seconds >= 3600) out += fmt::format("{}h", seconds / 3600);
  if (seconds >= 60) out += fmt::format("{}m", seconds / 60 % 60);
  out += fmt::format("{}", seconds % 60);
  if (left % 1000 != 0) {
    out += fmt::format(".{:03}", left % 1000);
    while (out.ends_with('0')) out.pop_back();
  }
  return out + "s";
}

std::string GoTime(std::int64_t time_ms) {
  // Rounded towards zero, as an integer division in Go does.
  const std::chrono::sys_seconds time{std::chrono::seconds(time_ms / 1000)};
  const auto day = std::chrono::floor<std::chrono::days>(time);
  const std::chrono::year_month_day date(day);
  const std::chrono::hh_mm_ss clock(time - day);
  return fmt::format("{:04}-{:02}-{:02} {:02}:{:02}:{:02} +0000 UTC", static_cast<int>(date.year()),
                     static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()), clock.hours().count(),
                     clock.minutes().count(), clock.seconds().count());
}

std::string Base2Bytes(std::uint64_t bytes) {
  constexpr std::array<const char*, 7> kUnits = {"B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
  if (bytes == 0) return "0B";
  std::string out;
  for (const char* const unit : kUnits) {
    if (bytes % 1024 != 0) out = fmt::format("{}{}", bytes % 1024, unit) + out;
    bytes /= 1024;
  }
  return out;
}

std::string AlignTable(const std::vector<std::vector<std::string>>& rows) {
  constexpr std::size_t kWidthMin = 13;
  constexpr std::size_t kPadding = 2;
  std::vector<std::size_t> widths;
  for (const auto& row : rows) {
    widths.resize(std::max(widths.size(), row.size()), kWidthMin);
    for (std::size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], row[i].size() + kPadding);
  }
  std::string out;
  for (const auto& row : rows) {
    for (std::size_t i = 0; i < row.size(); ++i) {
      out += i + 1 == row.size() ? row[i] : fmt::format("{:<{}}", row[i], widths[i]);
    }
    out += '\n';
  }
  return out;
}

}  // namespace baro::cli
