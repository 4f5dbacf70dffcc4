// Numbers of expositions where they come by the million: most lines of a scrape are one name and one number that this
// reads in a few nanoseconds, without knowing where the number ends. All else takes base/number_text.h, and gives the
// same values (BM_NumbersAsText in bench/expo takes four times as long as BM_NumbersPlain).
//
// Threads  Pure functions.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>

namespace baro::scraper::expo {

/// Appends `value` as OpenMetrics writes `le` and `quantile`: shortest, with a decimal point or an exponent. Source:
/// OpenMetrics 1.0, "Considerations: Canonical Numbers". At most kNumberBytesMax bytes.
void AppendOpenMetricsNumber(double value, std::string& out);

/// -d.dddddddddddddddde-ddd
inline constexpr std::size_t kNumberBytesMax = 26;

/// A number at `at` that needs more than ParsePlainNumber can do exactly. The input must end in a byte that no number
/// has before `end`.
const char* ParseLongNumber(const char* at, const char* end, double& value);

namespace internal {
inline constexpr std::array<double, 23> kPowersOfTen = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,
                                                        1e8,  1e9,  1e10, 1e11, 1e12, 1e13, 1e14, 1e15,
                                                        1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};
inline bool IsDigit(char c) { return static_cast<unsigned char>(c - '0') < 10; }
}  // namespace internal

/// Parses a decimal number at `at`; returns the byte behind it, or null when there is none that is finite. Whoever
/// calls looks at the byte behind to see whether the number is all there is.
///
/// Source   Clinger, "How to Read Floating Point Numbers Accurately", PLDI 1990: a mantissa below 2^53 and a power of
/// ten
///          up to 22 are both exact doubles, so their product or quotient is correctly rounded.
/// Shape    a byte that no number has (a line end) stands before `end`: there is no check for the end.
inline const char* ParsePlainNumber(const char* at, const char* end, double& value) {
  const char* const begin = at;
  const bool is_negative = *at == '-';
  if (is_negative) ++at;
  const char* const digits = at;
  std::uint64_t mantissa = 0;
  while (internal::IsDigit(*at)) mantissa = mantissa * 10 + static_cast<std::uint64_t>(*at++ - '0');
  std::ptrdiff_t digit_count = at - digits;
  std::int64_t exponent = 0;
  if (*at == '.') {
    const char* const fraction = ++at;
    while (internal::IsDigit(*at)) mantissa = mantissa * 10 + static_cast<std::uint64_t>(*at++ - '0');
    exponent = fraction - at;
    digit_count -= exponent;
  }
  if (digit_count == 0) [[unlikely]]
    return nullptr;
  if ((*at | 0x20) == 'e') {
    const char* const sign = ++at;
    if (*at == '-' || *at == '+') ++at;
    const char* const exponent_digits = at;
    std::int64_t written = 0;
    while (internal::IsDigit(*at)) written = written < 10'000 ? written * 10 + (*at - '0') : written, ++at;
    if (at == exponent_digits) [[unlikely]]
      return nullptr;
    exponent += *sign == '-' ? -written : written;
  }
  // 19 digits always fit in 64 bits; more may have wrapped around.
  if (digit_count > 19 || mantissa > (std::uint64_t{1} << 53) || exponent < -22 || exponent > 22) [[unlikely]] {
    return ParseLongNumber(begin, end, value);
  }
  const auto whole = static_cast<double>(mantissa);
  const double magnitude = exponent < 0 ? whole / internal::kPowersOfTen[static_cast<std::size_t>(-exponent)]
                                        : whole * internal::kPowersOfTen[static_cast<std::size_t>(exponent)];
  value = is_negative ? -magnitude : magnitude;
  return at;
}

}  // namespace baro::scraper::expo
