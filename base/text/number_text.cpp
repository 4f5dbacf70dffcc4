#include "base/number_text.h"

#include <array>
#include <bit>
#include <charconv>
#include <cmath>
#include <limits>
#include <span>

#include <fast_float/fast_float.h>

namespace baro::base {
namespace {

bool EqualsLower(std::string_view text, std::string_view lower) {
  if (text.size() != lower.size()) return false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if ((text[i] | 0x20) != lower[i]) return false;
  }
  return true;
}

std::optional<double> ParseSpecial(std::string_view text, bool is_negative, bool has_sign) {
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  if (EqualsLower(text, "inf") || EqualsLower(text, "infinity")) return is_negative ? -kInfinity : kInfinity;
  if (!has_sign && EqualsLower(text, "nan")) return std::bit_cast<double>(0x7ff8000000000001);
  return std::nullopt;
}

bool AppendSpecial(std::string& out, double value) {
  if (std::isnan(value)) {
    out += "NaN";
  } else if (std::isinf(value)) {
    out += value > 0 ? "+Inf" : "-Inf";
  } else {
    return false;
  }
  return true;
}

// Shape    fits, in the shortest digits.
std::string_view ToChars(std::span<char> buffer, double value, std::chars_format format) {
  const auto [end, failure] = std::to_chars(buffer.data(), buffer.data() + buffer.size(), value, format);
  return {buffer.data(), static_cast<std::size_t>(end - buffer.data())};
}

// Above it not every integer is a double, and libstdc++ writes the exact value of the double in plain notation, which
// is not the shortest text that gives it back: 100000000000000008192 for 1e+20 + 8192, where Go has
// 100000000000000010000.
constexpr double kExactIntegersEnd = 9007199254740992;

// The shortest digits, then zeros up to the point. Shape: finite, a magnitude of kExactIntegersEnd at least.
void AppendLargePlain(std::string& out, double value) {
  std::array<char, 32> buffer;
  std::string_view text = ToChars(buffer, value, std::chars_format::scientific);
  const std::size_t mantissa = text.find('e');
  std::size_t exponent = 0;
  std::from_chars(text.data() + mantissa + 2, text.data() + text.size(), exponent);  // behind "e+"
  text = text.substr(0, mantissa);
  if (text.front() == '-') {
    out += '-';
    text.remove_prefix(1);
  }
  out += text.front();
  const std::string_view digits = text.size() > 2 ? text.substr(2) : std::string_view();  // behind the point
  out += digits;
  out.append(exponent - digits.size(), '0');  // 17 digits at most, and the exponent is 15 at least
}

// Most samples are counts, or measured in at most three decimals. Below 2^52 thousandths no two of them are the same
// number, so that if one is the value, its digits without trailing zeros are the shortest. False: it is none of those.
bool AppendThousandths(std::string& out, double value) {
  constexpr double kMax = 4e12;
  const double magnitude = std::fabs(value);
  if (!(magnitude < kMax) || (value == 0 && std::signbit(value))) return false;
  // Wrong by one is no harm: it is compared.
  const auto thousandths = static_cast<std::uint64_t>(magnitude * 1000 + 0.5);  // NOLINT(bugprone-incorrect-roundings)
  if (static_cast<double>(thousandths) / 1000 != magnitude) return false;
  std::array<char, 24> buffer;
  char* at = buffer.data();
  if (value < 0) *at++ = '-';
  at = std::to_chars(at, buffer.data() + buffer.size(), thousandths / 1000).ptr;
  if (std::uint64_t fraction = thousandths % 1000; fraction != 0) {
    *at++ = '.';
    for (std::uint64_t unit = 100; fraction != 0; unit /= 10) {
      *at++ = static_cast<char>('0' + fraction / unit);
      fraction %= unit;
    }
  }
  out.append(buffer.data(), at);
  return true;
}

// Shape    finite.
void AppendPlain(std::string& out, double value) {
  if (AppendThousandths(out, value)) return;
  if (std::fabs(value) >= kExactIntegersEnd) return AppendLargePlain(out, value);
  std::array<char, 400> buffer;  // 17 digits behind 323 zeros at most
  out += ToChars(buffer, value, std::chars_format::fixed);
}

}  // namespace

std::optional<double> ParseFloat(std::string_view text) {
  const bool has_sign = !text.empty() && (text.front() == '+' || text.front() == '-');
  const bool is_negative = has_sign && text.front() == '-';
  if (has_sign) text.remove_prefix(1);
  if (text.empty()) return std::nullopt;
  const char first = text.front();
  if (first != '.' && (first < '0' || first > '9')) return ParseSpecial(text, is_negative, has_sign);
  double value = 0;
  const auto [end, error] = fast_float::from_chars(text.data(), text.data() + text.size(), value);
  if (end != text.data() + text.size() || error == std::errc::invalid_argument || std::isinf(value))
    return std::nullopt;
  return is_negative ? -value : value;
}

void AppendFloat(std::string& out, double value) {
  if (AppendSpecial(out, value)) return;
  const double magnitude = std::fabs(value);
  const bool is_scientific = magnitude != 0 && (magnitude < 1e-6 || magnitude >= 1e21);
  if (!is_scientific) return AppendPlain(out, value);
  std::array<char, 32> buffer;
  out += ToChars(buffer, value, std::chars_format::scientific);
}

std::string FormatFloat(double value) {
  std::string out;
  AppendFloat(out, value);
  return out;
}

void AppendFloatG(std::string& out, double value) {
  if (AppendSpecial(out, value)) return;
  std::array<char, 32> buffer;
  const std::string_view scientific = ToChars(buffer, value, std::chars_format::scientific);
  int exponent = 0;
  const char* digits = scientific.data() + scientific.find('e') + 1;
  if (*digits == '+') ++digits;
  std::from_chars(digits, scientific.data() + scientific.size(), exponent);
  // strconv's rule for the shortest precision: an exponent below 1e-4 and from 1e6 on.
  if (exponent < -4 || exponent >= 6) {
    out += scientific;
  } else {
    AppendFloatF(out, value);
  }
}

void AppendFloatF(std::string& out, double value) {
  if (AppendSpecial(out, value)) return;
  AppendPlain(out, value);
}

}  // namespace baro::base
