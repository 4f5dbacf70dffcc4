#include "base/size_text.h"

#include <charconv>

#include <fmt/format.h>

namespace baro::base {
namespace {

constexpr std::string_view kUnits[] = {"B", "KB", "MB", "GB", "TB", "PB", "EB"};
constexpr std::string_view kBinaryUnits[] = {"B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
constexpr std::uint64_t kBytesMax = UINT64_MAX >> 1;  // Prometheus counts in signed numbers

}  // namespace

Result<std::uint64_t> ParseSize(std::string_view text) {
  std::uint64_t count = 0;
  const char* const begin = text.data();
  const auto [end, error] = std::from_chars(begin, begin + text.size(), count);
  if (error == std::errc() && end != begin) {
    const std::string_view unit = text.substr(static_cast<std::size_t>(end - begin));
    for (std::size_t power = 0; power < std::size(kUnits); ++power) {
      const bool is_bare_zero = power == 0 && unit.empty() && count == 0;
      if (unit != kUnits[power] && unit != kBinaryUnits[power] && !is_bare_zero) continue;
      const std::size_t shift = 10 * power;
      if (count > kBytesMax >> shift) break;
      return count << shift;
    }
  }
  constexpr std::size_t kShown = 64;
  return Fail(Code::kInvalidArgument, fmt::format("\"{}\" is no size such as 512KB or 10MB (B, KB, MB, GB, TB, PB, EB)",
                                                  text.substr(0, kShown)));
}

std::string FormatSize(std::uint64_t bytes) {
  std::size_t power = 0;
  while (bytes != 0 && bytes % 1024 == 0 && power + 1 < std::size(kBinaryUnits)) {
    bytes /= 1024;
    ++power;
  }
  return fmt::format("{}{}", bytes, kBinaryUnits[power]);
}

}  // namespace baro::base
