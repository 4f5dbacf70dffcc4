#include "model/names.h"

#include <cstring>

namespace baro::model {
namespace {

constexpr char32_t kReplacement = 0xfffd;

bool IsAsciiLetter(char byte) { return (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z'); }
bool IsAsciiDigit(char byte) { return byte >= '0' && byte <= '9'; }
bool IsContinuation(char byte) { return (static_cast<unsigned char>(byte) & 0xc0) == 0x80; }

std::size_t AsciiPrefixLength(std::string_view text) {
  std::size_t at = 0;
  for (; at + 8 <= text.size(); at += 8) {
    std::uint64_t word;
    std::memcpy(&word, text.data() + at, 8);
    if ((word & 0x8080808080808080) != 0) break;
  }
  while (at < text.size() && static_cast<unsigned char>(text[at]) < 0x80) ++at;
  return at;
}

}  // namespace

DecodedRune DecodeRune(std::string_view text) {
  const auto lead = static_cast<unsigned char>(text.front());
  if (lead < 0x80) return {.rune = lead, .size_bytes = 1, .is_valid = true};

  const DecodedRune invalid{.rune = kReplacement, .size_bytes = 1, .is_valid = false};
  std::uint8_t size = 0;
  char32_t rune = 0;
  char32_t smallest = 0;  // below this the form is overlong
  if (lead >= 0xc2 && lead <= 0xdf) {
    size = 2, rune = lead & 0x1f, smallest = 0x80;
  } else if (lead >= 0xe0 && lead <= 0xef) {
    size = 3, rune = lead & 0x0f, smallest = 0x800;
  } else if (lead >= 0xf0 && lead <= 0xf4) {
    size = 4, rune = lead & 0x07, smallest = 0x10000;
  } else {
    return invalid;
  }
  if (text.size() < size) return invalid;
  for (std::uint8_t i = 1; i < size; ++i) {
    if (!IsContinuation(text[i])) return invalid;
    rune = (rune << 6) | (static_cast<unsigned char>(text[i]) & 0x3f);
  }
  if (rune < smallest || rune > 0x10ffff || (rune >= 0xd800 && rune <= 0xdfff)) return invalid;
  return {.rune = rune, .size_bytes = size, .is_valid = true};
}

void AppendRune(std::string& out, char32_t rune) {
  if (rune > 0x10ffff || (rune >= 0xd800 && rune <= 0xdfff)) rune = kReplacement;
  const auto tail = [rune](int shift) { return static_cast<char>(0x80 | ((rune >> shift) & 0x3f)); };
  if (rune < 0x80) {
    out += static_cast<char>(rune);
  } else if (rune < 0x800) {
    out += static_cast<char>(0xc0 | (rune >> 6));
    out += tail(0);
  } else if (rune < 0x10000) {
    out += static_cast<char>(0xe0 | (rune >> 12));
    out += tail(6);
    out += tail(0);
  } else {
    out += static_cast<char>(0xf0 | (rune >> 18));
    out += tail(12);
    out += tail(6);
    out += tail(0);
  }
}

bool IsValidUtf8(std::string_view text) {
  text.remove_prefix(AsciiPrefixLength(text));
  while (!text.empty()) {
    const DecodedRune decoded = DecodeRune(text);
    if (!decoded.is_valid) return false;
    text.remove_prefix(decoded.size_bytes);
  }
  return true;
}

void AppendValidUtf8(std::string& out, std::string_view text) {
  while (!text.empty()) {
    const DecodedRune decoded = DecodeRune(text);
    if (decoded.is_valid) {
      out += text.substr(0, decoded.size_bytes);
    } else {
      AppendRune(out, kReplacement);
    }
    text.remove_prefix(decoded.size_bytes);
  }
}

bool IsLegacyLabelName(std::string_view name) {
  if (name.empty() || IsAsciiDigit(name.front())) return false;
  for (const char byte : name) {
    if (!IsAsciiLetter(byte) && !IsAsciiDigit(byte) && byte != '_') return false;
  }
  return true;
}

bool IsLegacyMetricName(std::string_view name) {
  if (name.empty() || IsAsciiDigit(name.front())) return false;
  for (const char byte : name) {
    if (!IsAsciiLetter(byte) && !IsAsciiDigit(byte) && byte != '_' && byte != ':') return false;
  }
  return true;
}

bool IsValidMetricName(std::string_view name, NameScheme scheme) {
  return scheme == NameScheme::kLegacy ? IsLegacyMetricName(name) : !name.empty() && IsValidUtf8(name);
}

bool IsValidLabelName(std::string_view name, NameScheme scheme) {
  return scheme == NameScheme::kLegacy ? IsLegacyLabelName(name) : !name.empty() && IsValidUtf8(name);
}

}  // namespace baro::model
