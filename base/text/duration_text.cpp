#include "base/duration_text.h"

#include <cstdint>

#include <fmt/format.h>

namespace baro::base {
namespace {

struct Unit {
  std::string_view name;
  std::int64_t ms;
  bool only_whole;  ///< printed only where the rest divides by it
};
constexpr std::int64_t kSecond = 1000;
constexpr std::int64_t kDay = 86'400 * kSecond;
constexpr Unit kUnits[] = {
    {"y", 365 * kDay, true},    {"w", 7 * kDay, true}, {"d", kDay, false}, {"h", 3600 * kSecond, false},
    {"m", 60 * kSecond, false}, {"s", kSecond, false}, {"ms", 1, false}};

/// Prometheus counts in nanoseconds of 64 bits.
constexpr std::int64_t kMsMax = INT64_MAX / 1'000'000;

Error Malformed(std::string_view text, std::string_view why) {
  constexpr std::size_t kShown = 64;
  return {Code::kInvalidArgument,
          fmt::format("\"{}\" is no duration such as 15s or 1h30m: {}", text.substr(0, kShown), why)};
}

}  // namespace

Result<std::chrono::milliseconds> ParseDuration(std::string_view text) {
  if (text == "0") return std::chrono::milliseconds(0);
  if (text.empty()) return Malformed(text, "it is empty");
  std::string_view rest = text;
  std::int64_t total = 0;
  const Unit* next = std::begin(kUnits);
  while (!rest.empty()) {
    std::size_t digits = 0;
    std::int64_t count = 0;
    while (digits < rest.size() && rest[digits] >= '0' && rest[digits] <= '9') {
      count = count * 10 + (rest[digits++] - '0');
      if (count > kMsMax) return Malformed(text, "it is longer than 292 years");
    }
    if (digits == 0) return Malformed(text, "a number is expected before a unit");
    rest.remove_prefix(digits);
    std::size_t letters = 0;
    while (letters < rest.size() && rest[letters] >= 'a' && rest[letters] <= 'z') ++letters;
    const std::string_view name = rest.substr(0, letters);
    while (next != std::end(kUnits) && next->name != name) ++next;
    if (next == std::end(kUnits)) return Malformed(text, "units are y, w, d, h, m, s, ms, in this order, each once");
    if (count > (kMsMax - total) / next->ms) return Malformed(text, "it is longer than 292 years");
    total += count * next->ms;
    ++next;
    rest.remove_prefix(letters);
  }
  return std::chrono::milliseconds(total);
}

std::string FormatDuration(std::chrono::milliseconds duration) {
  if (duration.count() == 0) return "0s";
  const bool is_negative = duration.count() < 0;
  std::string out = is_negative ? "-" : "";
  // Unsigned, for the most negative number has no positive one of its type.
  std::uint64_t rest = static_cast<std::uint64_t>(duration.count());
  if (is_negative) rest = 0 - rest;
  for (const Unit& unit : kUnits) {
    if (rest == 0) break;
    const auto unit_ms = static_cast<std::uint64_t>(unit.ms);
    if (unit.only_whole && rest % unit_ms != 0) continue;
    if (const std::uint64_t count = rest / unit_ms; count > 0) {
      out += fmt::format("{}{}", count, unit.name);
      rest -= count * unit_ms;
    }
  }
  return out;
}

}  // namespace baro::base
