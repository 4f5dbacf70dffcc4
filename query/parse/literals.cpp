#include "query/parse/literals.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdint>
#include <limits>

#include <fast_float/fast_float.h>
#include <fmt/format.h>

namespace baro::query {
namespace {

bool IsDigit(char c) { return c >= '0' && c <= '9'; }
bool IsLetter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; }

int HexValue(char c) {
  if (IsDigit(c)) return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

// Removes `_`, each of which must stand between digits (or behind the 0x). False if one does not.
bool StripUnderscores(std::string_view text, bool is_hex, std::string& digits) {
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '_') {
      digits += text[i];
      continue;
    }
    const auto is_digit = [&](std::size_t at) {
      return at < text.size() &&
             (is_hex ? HexValue(text[at]) >= 0 || text[at] == 'x' || text[at] == 'X' : IsDigit(text[at]));
    };
    if (i == 0 || !is_digit(i - 1) || !is_digit(i + 1)) return false;
  }
  return true;
}

std::unexpected<LiteralError> NotANumber() { return std::unexpected(LiteralError{}); }

std::expected<double, LiteralError> ParseHex(std::string_view digits) {
  if (digits.empty()) return NotANumber();
  std::uint64_t value = 0;
  for (const char c : digits) {
    const int digit = HexValue(c);
    if (digit < 0) return NotANumber();
    if (value > (std::numeric_limits<std::uint64_t>::max() >> 4)) {
      return std::unexpected(LiteralError{0, "hexadecimal number out of range: at most 64 bits"});
    }
    value = value << 4 | static_cast<std::uint64_t>(digit);
  }
  return static_cast<double>(value);
}

void AppendUtf8(std::uint32_t rune, std::string& out) {
  if (rune < 0x80) {
    out += static_cast<char>(rune);
  } else if (rune < 0x800) {
    out += static_cast<char>(0xC0 | rune >> 6);
    out += static_cast<char>(0x80 | (rune & 0x3F));
  } else if (rune < 0x10000) {
    out += static_cast<char>(0xE0 | rune >> 12);
    out += static_cast<char>(0x80 | (rune >> 6 & 0x3F));
    out += static_cast<char>(0x80 | (rune & 0x3F));
  } else {
    out += static_cast<char>(0xF0 | rune >> 18);
    out += static_cast<char>(0x80 | (rune >> 12 & 0x3F));
    out += static_cast<char>(0x80 | (rune >> 6 & 0x3F));
    out += static_cast<char>(0x80 | (rune & 0x3F));
  }
}

// Reads `count` digits of `base` at `at`; nothing if there are not that many.
std::expected<std::uint32_t, LiteralError> ReadDigits(std::string_view body, std::size_t at, std::size_t count,
                                                      std::uint32_t base) {
  std::uint32_t value = 0;
  for (std::size_t i = at; i < at + count; ++i) {
    const int digit = i < body.size() ? HexValue(body[i]) : -1;
    if (digit < 0 || static_cast<std::uint32_t>(digit) >= base) {
      return std::unexpected(LiteralError{i, fmt::format("escape sequence needs {} base-{} digits", count, base)});
    }
    value = value * base + static_cast<std::uint32_t>(digit);
  }
  return value;
}

// Appends what the escape at body[at] (just behind the backslash) stands for; returns the index behind it.
std::expected<std::size_t, LiteralError> AppendEscape(std::string_view body, std::size_t at, std::string& out) {
  static constexpr std::string_view kLetters = "abfnrtv\\'\"";
  static constexpr std::string_view kMeanings = "\a\b\f\n\r\t\v\\'\"";
  if (at >= body.size()) return std::unexpected(LiteralError{at, "escape sequence not terminated"});
  const char c = body[at];
  if (const std::size_t known = kLetters.find(c); known != std::string_view::npos) {
    out += kMeanings[known];
    return at + 1;
  }
  if (c >= '0' && c <= '7') {
    const auto value = ReadDigits(body, at, 3, 8);
    if (!value) return std::unexpected(value.error());
    if (*value > 0xFF) return std::unexpected(LiteralError{at, "octal escape out of range: at most \\377"});
    out += static_cast<char>(*value);
    return at + 3;
  }
  const std::size_t count = c == 'x' ? 2 : c == 'u' ? 4 : c == 'U' ? 8 : 0;
  if (count == 0) return std::unexpected(LiteralError{at, "unknown escape sequence"});
  const auto value = ReadDigits(body, at + 1, count, 16);
  if (!value) return std::unexpected(value.error());
  if (c == 'x') {
    out += static_cast<char>(*value);
  } else {
    if (*value > 0x10FFFF || (*value >= 0xD800 && *value < 0xE000)) {
      return std::unexpected(LiteralError{at, "escape sequence is not a Unicode code point"});
    }
    AppendUtf8(*value, out);
  }
  return at + 1 + count;
}

}  // namespace

std::string LowerCase(std::string_view text) {
  std::string lower(text);
  for (char& c : lower) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return lower;
}

std::expected<double, LiteralError> ParseNumber(std::string_view text) {
  if (text.size() == 3 && IsLetter(text[0])) {
    const std::string word = LowerCase(text);
    if (word == "inf") return std::numeric_limits<double>::infinity();
    if (word == "nan") return std::numeric_limits<double>::quiet_NaN();
    return NotANumber();
  }
  const bool is_hex = text.size() > 1 && text[0] == '0' && (text[1] == 'x' || text[1] == 'X');
  std::string digits;
  digits.reserve(text.size());
  if (!StripUnderscores(text, is_hex, digits)) return NotANumber();
  if (is_hex) return ParseHex(std::string_view(digits).substr(2));
  // A leading zero makes an integer octal, as in Go; with an 8, a 9, a dot or an exponent in it it is decimal.
  if (digits.size() > 1 && digits[0] == '0' && digits.find_first_not_of("01234567") == std::string::npos) {
    std::uint64_t value = 0;
    const auto end = std::from_chars(digits.data(), digits.data() + digits.size(), value, 8);
    if (end.ec == std::errc() && value <= static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max())) {
      return static_cast<double>(value);
    }
  }
  if (digits.empty() || !(IsDigit(digits[0]) || digits[0] == '.')) return NotANumber();
  double value = 0;
  const auto end = fast_float::from_chars(digits.data(), digits.data() + digits.size(), value);
  if (end.ptr != digits.data() + digits.size() || end.ec == std::errc::invalid_argument) return NotANumber();
  if (std::isinf(value)) return std::unexpected(LiteralError{0, "number out of range"});
  return value;
}

std::expected<std::string, LiteralError> Unquote(std::string_view literal) {
  const std::string_view body = literal.substr(1, literal.size() - 2);
  if (literal[0] == '`') return std::string(body);
  std::string out;
  out.reserve(body.size());
  for (std::size_t i = 0; i < body.size();) {
    if (body[i] != '\\') {
      out += body[i++];
      continue;
    }
    const auto next = AppendEscape(body, i + 1, out);
    if (!next) return std::unexpected(LiteralError{next.error().offset + 1, next.error().message});
    i = *next;
  }
  return out;
}

std::size_t Utf8SequenceLength(std::string_view bytes) {
  const auto at = [&](std::size_t i) { return i < bytes.size() ? static_cast<unsigned char>(bytes[i]) : 0U; };
  const auto is_tail = [&](std::size_t i) { return (at(i) & 0xC0U) == 0x80U; };
  const unsigned first = at(0);
  if (first < 0x80) return 1;
  if (first >= 0xC2 && first < 0xE0) return is_tail(1) ? 2 : 0;
  if (first >= 0xE0 && first < 0xF0) {
    if (!is_tail(1) || !is_tail(2)) return 0;
    if (first == 0xE0 && at(1) < 0xA0) return 0;   // overlong
    if (first == 0xED && at(1) >= 0xA0) return 0;  // surrogate
    return 3;
  }
  if (first >= 0xF0 && first < 0xF5) {
    if (!is_tail(1) || !is_tail(2) || !is_tail(3)) return 0;
    if (first == 0xF0 && at(1) < 0x90) return 0;
    if (first == 0xF4 && at(1) >= 0x90) return 0;
    return 4;
  }
  return 0;
}

}  // namespace baro::query
