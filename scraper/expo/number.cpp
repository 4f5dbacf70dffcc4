#include "scraper/expo/number.h"

#include <charconv>
#include <cmath>
#include <limits>

#include <fast_float/fast_float.h>

namespace baro::scraper::expo {
namespace {

bool EqualsIgnoringCase(std::string_view text, std::string_view lower) {
  if (text.size() != lower.size()) return false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if ((text[i] | 0x20) != lower[i]) return false;
  }
  return true;
}

bool StartsLikeDecimal(std::string_view text) {
  return !text.empty() && (internal::IsDigit(text[0]) || (text[0] == '.' && text.size() > 1));
}

}  // namespace

std::optional<double> ParseNumber(std::string_view text) {
  if (EqualsIgnoringCase(text, "nan")) return std::bit_cast<double>(kNormalNanBits);
  const bool has_sign = !text.empty() && (text[0] == '+' || text[0] == '-');
  const double sign = has_sign && text[0] == '-' ? -1 : 1;
  if (has_sign) text.remove_prefix(1);
  if (EqualsIgnoringCase(text, "inf") || EqualsIgnoringCase(text, "infinity")) {
    return sign * std::numeric_limits<double>::infinity();
  }
  if (!StartsLikeDecimal(text)) return {};  // fast_float has its own ideas of signs and names
  double value = 0;
  const char* const end = text.data() + text.size();
  const auto [at, error] = fast_float::from_chars(text.data(), end, value);
  if (error != std::errc() || at != end || std::isinf(value)) return {};
  return std::copysign(value, sign);
}

const char* ParseLongNumber(const char* at, const char* end, double& value) {
  const auto [behind, error] = fast_float::from_chars(at, end, value);
  return error != std::errc() || !std::isfinite(value) ? nullptr : behind;
}

void AppendOpenMetricsNumber(double value, std::string& out) {
  if (std::isnan(value)) {
    out += "NaN";
    return;
  }
  if (std::isinf(value)) {
    out += value > 0 ? "+Inf" : "-Inf";
    return;
  }
  std::array<char, 32> buffer;
  const auto end =
      std::to_chars(buffer.data(), buffer.data() + buffer.size(), value, std::chars_format::scientific).ptr;
  const std::string_view shortest(buffer.data(), static_cast<std::size_t>(end - buffer.data()));
  const std::size_t e = shortest.find('e');
  int exponent = 0;
  const char* const exponent_begin = shortest.data() + e + (shortest[e + 1] == '+' ? 2 : 1);
  std::from_chars(exponent_begin, end, exponent);
  // As Go's shortest %g, which Prometheus uses here: exponents below 1e-4 and from 1e6 on.
  const bool is_negative = shortest[0] == '-';
  std::string digits;
  for (const char c : shortest.substr(0, e)) {
    if (internal::IsDigit(c)) digits += c;
  }
  if (exponent < -4 || exponent >= 6) {
    out += shortest;
    return;
  }
  if (is_negative) out += '-';
  if (exponent < 0) {
    out.append("0.").append(static_cast<std::size_t>(-exponent - 1), '0').append(digits);
    return;
  }
  const auto whole = static_cast<std::size_t>(exponent + 1);
  if (digits.size() <= whole) {
    out.append(digits).append(whole - digits.size(), '0').append(".0");
    return;
  }
  out.append(digits, 0, whole).append(".").append(digits, whole);
}

}  // namespace baro::scraper::expo
