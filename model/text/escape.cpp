// Escaping of names for peers that take legacy names only. Source: "Escaping schemes" in Prometheus' documentation.
#include <charconv>

#include <fmt/format.h>

#include "model/names.h"

namespace baro::model {
namespace {

constexpr std::string_view kValuesPrefix = "U__";
constexpr std::string_view kDotMark = "_dot_";

bool IsLegal(char32_t rune, bool is_first) {
  if (rune == '_' || rune == ':' || (rune >= 'a' && rune <= 'z') || (rune >= 'A' && rune <= 'Z')) return true;
  return !is_first && rune >= '0' && rune <= '9';
}

void AppendEscapedRune(std::string& out, const DecodedRune& decoded, bool is_first, EscapingScheme scheme) {
  const bool is_legal = decoded.is_valid && IsLegal(decoded.rune, is_first);
  switch (scheme) {
    case EscapingScheme::kAllowUtf8:
    case EscapingScheme::kUnderscores:
      out += is_legal ? static_cast<char>(decoded.rune) : '_';
      return;
    case EscapingScheme::kDots:
      if (decoded.rune == '_') {
        out += "__";
      } else if (decoded.rune == '.') {
        out += kDotMark;
      } else if (is_legal) {
        out += static_cast<char>(decoded.rune);
      } else {
        out += "__";
      }
      return;
    case EscapingScheme::kValues:
      if (decoded.rune == '_') {
        out += "__";
      } else if (is_legal) {
        out += static_cast<char>(decoded.rune);
      } else if (!decoded.is_valid) {
        out += "_FFFD_";
      } else {
        out += fmt::format("_{:x}_", static_cast<std::uint32_t>(decoded.rune));
      }
      return;
  }
}

std::string UnescapeDots(std::string_view name) {
  std::string out;
  while (!name.empty()) {
    if (name.starts_with(kDotMark)) {
      out += '.';
      name.remove_prefix(kDotMark.size());
    } else if (name.starts_with("__")) {
      out += '_';
      name.remove_prefix(2);
    } else if (name.front() == '_') {
      return {};  // a lone underscore is never written by the scheme
    } else {
      out += name.front();
      name.remove_prefix(1);
    }
  }
  return out;
}

// Empty if the text was not written by the scheme.
std::string UnescapeValues(std::string_view name) {
  std::string out;
  while (!name.empty()) {
    if (name.starts_with("__")) {
      out += '_';
      name.remove_prefix(2);
      continue;
    }
    if (name.front() != '_') {
      out += name.front();
      name.remove_prefix(1);
      continue;
    }
    const std::size_t close = name.find('_', 1);
    std::uint32_t rune = 0;
    if (close == std::string_view::npos || close > 9) return {};
    const char* const end = name.data() + close;
    const auto [parsed, failure] = std::from_chars(name.data() + 1, end, rune, 16);
    if (failure != std::errc() || parsed != end || rune > 0x10ffff || (rune >= 0xd800 && rune <= 0xdfff)) return {};
    AppendRune(out, rune);
    name.remove_prefix(close + 1);
  }
  return out;
}

}  // namespace

std::string_view EscapingSchemeName(EscapingScheme scheme) {
  switch (scheme) {
    case EscapingScheme::kAllowUtf8:
      return "allow-utf-8";
    case EscapingScheme::kUnderscores:
      return "underscores";
    case EscapingScheme::kDots:
      return "dots";
    case EscapingScheme::kValues:
      return "values";
  }
  return "allow-utf-8";
}

std::optional<EscapingScheme> ParseEscapingScheme(std::string_view name) {
  for (const auto scheme :
       {EscapingScheme::kAllowUtf8, EscapingScheme::kUnderscores, EscapingScheme::kDots, EscapingScheme::kValues}) {
    if (EscapingSchemeName(scheme) == name) return scheme;
  }
  return std::nullopt;
}

std::string EscapeName(std::string_view name, EscapingScheme scheme) {
  if (scheme == EscapingScheme::kAllowUtf8 || name.empty()) return std::string(name);
  if (scheme != EscapingScheme::kDots && IsLegacyMetricName(name)) return std::string(name);
  std::string out;
  if (scheme == EscapingScheme::kValues) out = kValuesPrefix;
  for (bool is_first = true; !name.empty(); is_first = false) {
    const DecodedRune decoded = DecodeRune(name);
    AppendEscapedRune(out, decoded, is_first, scheme);
    name.remove_prefix(decoded.size_bytes);
  }
  return out;
}

std::string UnescapeName(std::string_view name, EscapingScheme scheme) {
  std::string out;
  if (scheme == EscapingScheme::kDots) out = UnescapeDots(name);
  if (scheme == EscapingScheme::kValues && name.starts_with(kValuesPrefix)) {
    out = UnescapeValues(name.substr(kValuesPrefix.size()));
  }
  return out.empty() ? std::string(name) : out;
}

}  // namespace baro::model
