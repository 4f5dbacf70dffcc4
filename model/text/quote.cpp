#include "model/quote.h"

#include <fmt/format.h>

#include "model/names.h"
#include "model/text/unicode.h"

namespace baro::model {
namespace {

// The letter of the short escape of a control character, or 0.
char ShortEscape(char32_t rune) {
  switch (rune) {
    case '\a':
      return 'a';
    case '\b':
      return 'b';
    case '\f':
      return 'f';
    case '\n':
      return 'n';
    case '\r':
      return 'r';
    case '\t':
      return 't';
    case '\v':
      return 'v';
    case '"':
      return '"';
    case '\\':
      return '\\';
    default:
      return 0;
  }
}

void AppendQuotedRune(std::string& out, const DecodedRune& decoded, std::string_view bytes) {
  if (!decoded.is_valid) {
    out += fmt::format("\\x{:02x}", static_cast<unsigned char>(bytes.front()));
  } else if (const char letter = ShortEscape(decoded.rune); letter != 0) {
    out += '\\';
    out += letter;
  } else if (IsPrintable(decoded.rune)) {
    out += bytes;
  } else if (decoded.rune < 0x20 || decoded.rune == 0x7f) {
    out += fmt::format("\\x{:02x}", static_cast<std::uint32_t>(decoded.rune));
  } else if (decoded.rune < 0x10000) {
    out += fmt::format("\\u{:04x}", static_cast<std::uint32_t>(decoded.rune));
  } else {
    out += fmt::format("\\U{:08x}", static_cast<std::uint32_t>(decoded.rune));
  }
}

}  // namespace

void AppendQuoted(std::string& out, std::string_view text) {
  out += '"';
  while (!text.empty()) {
    const DecodedRune decoded = DecodeRune(text);
    AppendQuotedRune(out, decoded, text.substr(0, decoded.size_bytes));
    text.remove_prefix(decoded.size_bytes);
  }
  out += '"';
}

std::string Quoted(std::string_view text) {
  std::string out;
  AppendQuoted(out, text);
  return out;
}

std::string Abridged(std::string_view text, std::size_t bytes_max) {
  if (text.size() <= bytes_max) return std::string(text);
  // A code point has at most three bytes behind its first; what is not UTF-8 is cut anywhere.
  constexpr std::size_t kBehindFirstMax = 3;
  const auto is_behind_first = [](char byte) { return (static_cast<unsigned char>(byte) & 0xc0U) == 0x80U; };
  std::size_t size_bytes = bytes_max;
  while (size_bytes > 0 && bytes_max - size_bytes < kBehindFirstMax && is_behind_first(text[size_bytes])) --size_bytes;
  return std::string(text.substr(0, size_bytes)) + "...";
}

void AppendLabelName(std::string& out, std::string_view name) {
  if (IsLegacyLabelName(name)) {
    out += name;
  } else {
    AppendQuoted(out, name);
  }
}

}  // namespace baro::model
