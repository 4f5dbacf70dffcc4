#include "base/number_text.h"

#include <charconv>
#include <cmath>
#include <limits>

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
  if (!has_sign && EqualsLower(text, "nan")) return std::numeric_limits<double>::quiet_NaN();
  return std::nullopt;
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
  if (end != text.data() + text.size() || error == std::errc::invalid_argument) return std::nullopt;
  return is_negative ? -value : value;
}

void AppendFloat(std::string& out, double value) {
  if (std::isnan(value)) {
    out += "NaN";
    return;
  }
  if (std::isinf(value)) {
    out += value > 0 ? "+Inf" : "-Inf";
    return;
  }
  const double magnitude = std::fabs(value);
  const bool scientific = magnitude != 0 && (magnitude < 1e-6 || magnitude >= 1e21);
  char buffer[64];  // plain notation needs 24 characters at most within these bounds
  const auto [end, error] = std::to_chars(buffer, buffer + sizeof buffer, value,
                                          scientific ? std::chars_format::scientific : std::chars_format::fixed);
  out.append(buffer, end);
}

std::string FormatFloat(double value) {
  std::string out;
  AppendFloat(out, value);
  return out;
}

}  // namespace baro::base
