#include "config/sections/url_text.h"

#include <algorithm>
#include <cctype>

#include <fmt/format.h>

namespace baro::config {
namespace {

using base::Code;
using base::Fail;

bool IsAlpha(char c) { return std::isalpha(static_cast<unsigned char>(c)) != 0; }
bool IsDigit(char c) { return std::isdigit(static_cast<unsigned char>(c)) != 0; }

/// Takes "scheme:" from the front of `rest`. RFC 3986 section 3.1; what cannot be a scheme is left where it is.
base::Result<std::string> TakeScheme(std::string_view& rest) {
  for (std::size_t i = 0; i < rest.size(); ++i) {
    const char c = rest[i];
    if (IsAlpha(c)) continue;
    if (IsDigit(c) || c == '+' || c == '-' || c == '.') {
      if (i == 0) break;
      continue;
    }
    if (c != ':') break;
    if (i == 0) return Fail(Code::kInvalidArgument, "the scheme in front of \":\" is missing");
    std::string scheme(rest.substr(0, i));
    std::ranges::transform(scheme, scheme.begin(),
                           [](unsigned char letter) { return static_cast<char>(std::tolower(letter)); });
    rest.remove_prefix(i + 1);
    return scheme;
  }
  return std::string();
}

base::Result<> CheckEscapes(std::string_view text) {
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') continue;
    const auto is_hex = [&](std::size_t at) {
      return at < text.size() && std::isxdigit(static_cast<unsigned char>(text[at])) != 0;
    };
    if (!is_hex(i + 1) || !is_hex(i + 2)) {
      return Fail(Code::kInvalidArgument, fmt::format("\"{}\" is no escape", text.substr(i, 3)));
    }
  }
  return {};
}

base::Result<> CheckPort(std::string_view port) {
  if (port.empty()) return {};
  if (port.front() != ':' || !std::ranges::all_of(port.substr(1), IsDigit)) {
    return Fail(Code::kInvalidArgument, fmt::format("\"{}\" is no port", port));
  }
  return {};
}

base::Result<> CheckHost(std::string_view host) {
  if (host.starts_with('[')) {
    const std::size_t close = host.rfind(']');
    if (close == std::string_view::npos) return Fail(Code::kInvalidArgument, "\"]\" is missing in the host");
    return CheckPort(host.substr(close + 1));
  }
  const std::size_t colon = host.rfind(':');
  if (colon != std::string_view::npos) BARO_TRY(CheckPort(host.substr(colon)));
  if (host.find_first_of(" \"<>\\^`{|}") != std::string_view::npos) {
    return Fail(Code::kInvalidArgument, fmt::format("the host \"{}\" has characters that may not stand there", host));
  }
  return {};
}

}  // namespace

base::Result<UrlParts> SplitUrl(std::string_view text) {
  if (std::ranges::any_of(text, [](unsigned char c) { return c < 0x20 || c == 0x7f; })) {
    return Fail(Code::kInvalidArgument, "control characters may not stand in a URL");
  }
  std::string_view rest = text.substr(0, text.find('#'));
  UrlParts parts{.scheme = BARO_TRY(TakeScheme(rest)), .host = ""};
  rest = rest.substr(0, rest.find('?'));
  if (!rest.starts_with('/')) {
    if (!parts.scheme.empty()) return parts;  // opaque, as in "mailto:a@b"
    if (rest.substr(0, rest.find('/')).find(':') != std::string_view::npos) {
      return Fail(Code::kInvalidArgument, "its first part has a \":\"; is \"http://\" missing in front?");
    }
  }
  if (rest.starts_with("//") && (!parts.scheme.empty() || !rest.starts_with("///"))) {
    rest.remove_prefix(2);
    const std::size_t slash = rest.find('/');
    std::string_view authority = rest.substr(0, slash);
    rest = slash == std::string_view::npos ? std::string_view() : rest.substr(slash);
    if (const std::size_t at = authority.rfind('@'); at != std::string_view::npos) {
      if (!CheckEscapes(authority.substr(0, at))) {  // without its text: a password may stand there
        return Fail(Code::kInvalidArgument, "a \"%\" in front of the host is not followed by two hexadecimal digits");
      }
      authority.remove_prefix(at + 1);
    }
    BARO_TRY(CheckHost(authority));
    parts.host = authority;
  }
  BARO_TRY(CheckEscapes(rest));
  return parts;
}

std::string MaskUrlPassword(const std::string& text) {
  const std::size_t scheme = text.find("://");
  if (scheme == std::string::npos) return text;
  const std::size_t host_end = text.find_first_of("/?#", scheme + 3);
  const std::size_t at = text.rfind('@', host_end);
  if (at == std::string::npos || at < scheme + 3) return text;
  const std::size_t colon = text.find(':', scheme + 3);
  if (colon == std::string::npos || colon > at) return text;
  return text.substr(0, colon + 1) + "xxxxx" + text.substr(at);
}

}  // namespace baro::config
