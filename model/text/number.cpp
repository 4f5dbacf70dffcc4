#include "model/number.h"

#include <array>
#include <charconv>
#include <cmath>
#include <span>
#include <string_view>

namespace baro::model {
namespace {

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

std::string_view ToChars(std::span<char> buffer, double value, std::chars_format format) {
  const auto [end, failure] = std::to_chars(buffer.data(), buffer.data() + buffer.size(), value, format);
  return {buffer.data(), static_cast<std::size_t>(end - buffer.data())};
}

}  // namespace

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
  std::array<char, 400> buffer;  // 1 sign, 309 digits before the point or 17 behind 307 zeros
  out += ToChars(buffer, value, std::chars_format::fixed);
}

}  // namespace baro::model
