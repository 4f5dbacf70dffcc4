// URLs and query strings: the part of http_message.h that is about them.
#include <algorithm>
#include <charconv>

#include <fmt/format.h>

#include "net/http_message.h"

namespace baro::net {
namespace {

constexpr std::string_view kHexDigits = "0123456789ABCDEF";

int HexValue(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

bool IsUnreserved(unsigned char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '.' ||
         c == '_' || c == '~';
}

std::string EncodeExcept(std::string_view text, std::string_view kept) {
  std::string out;
  out.reserve(text.size() + text.size() / 4);
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (IsUnreserved(byte) || kept.find(c) != std::string_view::npos) {
      out += c;
    } else {
      out += '%';
      out += kHexDigits[byte >> 4];
      out += kHexDigits[byte & 15];
    }
  }
  return out;
}

constexpr std::size_t kDecoded = std::string_view::npos;

// Decodes into `out`; returns kDecoded, or the position of the escape that is none.
std::size_t Decode(std::string_view text, bool plus_is_space, std::string& out) {
  out.reserve(out.size() + text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '+' && plus_is_space) {
      out += ' ';
    } else if (text[i] != '%') {
      out += text[i];
    } else {
      if (text.size() - i < 3 || HexValue(text[i + 1]) < 0 || HexValue(text[i + 2]) < 0) return i;
      out += static_cast<char>(HexValue(text[i + 1]) * 16 + HexValue(text[i + 2]));
      i += 2;
    }
  }
  return kDecoded;
}

bool IsHttp(std::string_view scheme) { return scheme == "http" || scheme == "https"; }
bool IsSocks(std::string_view scheme) { return scheme == "socks5" || scheme == "socks5h"; }

std::uint16_t DefaultPort(std::string_view scheme) {
  if (IsSocks(scheme)) return 1080;
  return scheme == "https" ? 443 : 80;
}

std::string Lower(std::string_view text) {
  std::string lower(text);
  std::ranges::transform(lower, lower.begin(),
                         [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c; });
  return lower;
}

std::unexpected<base::Error> BadUrl(std::string_view text, std::string_view what) {
  // Only the front, and never what may be a password, goes into the message.
  std::string_view shown = text.substr(0, 200);
  if (const auto at = shown.find('@'); at != std::string_view::npos) shown = "(URL with credentials)";
  return base::Fail(base::Code::kInvalidArgument, fmt::format("URL {}: {:?}", what, shown));
}

bool IsHostByte(unsigned char c) {
  // Reg-names of RFC 3986 and, as everywhere in practice, underscores; no escapes: nobody resolves such names.
  return IsUnreserved(c) || c == '!' || c == '$' || c == '&' || c == '\'' || c == '(' || c == ')' || c == '*' ||
         c == '+' || c == ',' || c == ';' || c == '=';
}

struct Authority {
  std::string_view userinfo;
  std::string_view host;
  std::string_view port;
  bool is_valid = false;
};

Authority SplitAuthority(std::string_view text) {
  Authority parts;
  if (const auto at = text.rfind('@'); at != std::string_view::npos) {
    parts.userinfo = text.substr(0, at);
    text.remove_prefix(at + 1);
  }
  std::size_t host_end = text.find(':');
  if (text.starts_with('[')) {
    const auto close = text.find(']');
    if (close == std::string_view::npos) return parts;
    parts.host = text.substr(1, close - 1);
    const auto zone = std::min(parts.host.find('%'), parts.host.size());  // of a link-local address, as in fe80::1%eth0
    const auto is_address_byte = [](char c) { return HexValue(c) >= 0 || c == ':' || c == '.'; };
    const auto is_zone_byte = [](char c) { return c == '%' || IsUnreserved(static_cast<unsigned char>(c)); };
    const std::string_view address = parts.host.substr(0, zone);
    if (address.find(':') == std::string_view::npos || !std::ranges::all_of(address, is_address_byte) ||
        !std::ranges::all_of(parts.host.substr(zone), is_zone_byte)) {
      return parts;
    }
    host_end = close + 1;
  } else {
    parts.host = text.substr(0, host_end);
    if (parts.host.empty() || !std::ranges::all_of(parts.host, IsHostByte)) return parts;
  }
  if (host_end < text.size()) {
    if (text[host_end] != ':') return parts;
    parts.port = text.substr(host_end + 1);
  }
  parts.is_valid = true;
  return parts;
}

// RFC 3986 section 5.2.4, on a path that starts with '/'.
std::string RemoveDotSegments(std::string_view path) {
  std::vector<std::string_view> kept;
  bool ends_open = false;  // the last segment was a dot segment: the result ends with '/'
  std::size_t start = 1;
  while (start <= path.size()) {
    const std::size_t end = std::min(path.find('/', start), path.size());
    const std::string_view segment = path.substr(start, end - start);
    ends_open = segment == "." || segment == "..";
    if (segment == ".." && !kept.empty()) kept.pop_back();
    if (!ends_open) kept.push_back(segment);
    start = end + 1;
  }
  std::string out;
  for (const auto segment : kept) {
    out += '/';
    out += segment;
  }
  if (ends_open || out.empty()) out += '/';
  return out;
}

/// In lower case.
base::Result<std::string> SchemeOf(std::string_view text) {
  if (text.size() > kUrlBytesMax) return BadUrl(text, fmt::format("is longer than {} bytes", kUrlBytesMax));
  const auto colon = text.find("://");
  if (colon == std::string_view::npos) return BadUrl(text, "has no scheme, want http:// or https://");
  return Lower(text.substr(0, colon));
}

/// Spaces and non-ASCII bytes are escaped, as browsers do; control characters are somebody's attempt at something:
/// false.
bool SetTarget(std::string_view text, Url& url) {
  url.target = text.starts_with('/') ? "" : "/";
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x20 || byte == 0x7f) return false;
    if (byte == ' ' || byte >= 0x80) {
      url.target += {'%', kHexDigits[byte >> 4], kHexDigits[byte & 15]};
    } else {
      url.target += c;
    }
  }
  return true;
}

/// All but the scheme, which is known already.
base::Result<Url> ParseBehindScheme(std::string_view text, const std::string& scheme) {
  Url url;
  url.scheme = scheme;
  std::string_view rest = text.substr(scheme.size() + 3);
  rest = rest.substr(0, rest.find('#'));
  const auto authority_end = std::min(rest.find_first_of("/?"), rest.size());
  const Authority authority = SplitAuthority(rest.substr(0, authority_end));
  if (!authority.is_valid) return BadUrl(text, "has no valid host");
  url.userinfo = authority.userinfo;
  url.host = Lower(authority.host);
  url.port = DefaultPort(url.scheme);
  if (!authority.port.empty()) {
    const auto* end = authority.port.data() + authority.port.size();
    const auto [stop, error] = std::from_chars(authority.port.data(), end, url.port);
    if (error != std::errc() || stop != end || url.port == 0) return BadUrl(text, "has a port that is not 1 to 65535");
  }

  if (!SetTarget(rest.substr(authority_end), url)) return BadUrl(text, "has a control character");
  return url;
}

}  // namespace

std::string Url::HostHeader() const {
  const bool is_v6 = host.find(':') != std::string::npos;
  std::string header = is_v6 ? fmt::format("[{}]", host) : host;
  if (port != DefaultPort(scheme)) header += fmt::format(":{}", port);
  return header;
}

std::string Url::ToString() const { return fmt::format("{}://{}{}", scheme, HostHeader(), target); }

base::Result<Url> ParseUrl(std::string_view text) {
  const std::string scheme = BARO_TRY(SchemeOf(text));
  if (!IsHttp(scheme)) return BadUrl(text, "has a scheme that is not http or https");
  return ParseBehindScheme(text, scheme);
}

base::Result<Url> ParseProxyUrl(std::string_view text) {
  const std::string scheme = BARO_TRY(SchemeOf(text));
  if (!IsHttp(scheme) && !IsSocks(scheme)) {
    return base::Fail(base::Code::kUnsupported, "only proxies of http, https, socks5 and socks5h are supported");
  }
  return ParseBehindScheme(text, scheme);
}

base::Result<Url> ResolveUrl(const Url& base, std::string_view reference) {
  reference = reference.substr(0, reference.find('#'));
  const auto scheme_end = reference.find_first_of(":/?");
  if (scheme_end != std::string_view::npos && reference[scheme_end] == ':') return ParseUrl(reference);
  if (reference.starts_with("//")) return ParseUrl(fmt::format("{}:{}", base.scheme, reference));

  const std::string_view base_path = std::string_view(base.target).substr(0, base.target.find('?'));
  std::string target;
  if (reference.empty()) {
    target = base.target;
  } else if (reference.starts_with('?')) {
    target = fmt::format("{}{}", base_path, reference);
  } else {
    const std::string_view path = reference.substr(0, reference.find('?'));
    const std::string_view directory = path.starts_with('/') ? "" : base_path.substr(0, base_path.rfind('/') + 1);
    target = RemoveDotSegments(fmt::format("{}{}", directory, path));
    target += reference.substr(path.size());
  }
  auto url = ParseUrl(fmt::format("{}://{}{}", base.scheme, base.HostHeader(), target));
  if (url) url->userinfo = base.userinfo;
  return url;
}

std::string UrlEncode(std::string_view text) { return EncodeExcept(text, ""); }

std::string UrlEncodePath(std::string_view text) { return EncodeExcept(text, "/"); }

std::optional<std::string> UrlDecode(std::string_view text) {
  std::string out;
  if (Decode(text, /*plus_is_space=*/false, out) != kDecoded) return std::nullopt;
  return out;
}

base::Result<> AppendQuery(std::string_view query, Params& params) {
  std::size_t start = 0;
  while (start < query.size()) {
    const std::size_t end = std::min(query.find('&', start), query.size());
    const std::string_view pair = query.substr(start, end - start);
    if (!pair.empty()) {
      if (params.size() >= kParamsMax) {
        return base::Fail(base::Code::kLimitExceeded, fmt::format("more than {} parameters", kParamsMax));
      }
      const std::size_t name_end = std::min(pair.find('='), pair.size());
      std::string name;
      std::string value;
      std::size_t bad = Decode(pair.substr(0, name_end), /*plus_is_space=*/true, name);
      if (bad == kDecoded && name_end < pair.size()) {
        bad = Decode(pair.substr(name_end + 1), /*plus_is_space=*/true, value);
        if (bad != kDecoded) bad += name_end + 1;
      }
      if (bad != kDecoded) {
        return base::Fail(
            base::Code::kInvalidArgument,
            fmt::format("invalid URL escape {:?} at byte {} of the parameters", pair.substr(bad, 3), start + bad));
      }
      params.Add(std::move(name), std::move(value));
    }
    start = end + 1;
  }
  return {};
}

base::Result<Params> ParseQuery(std::string_view query) {
  Params params;
  BARO_TRY(AppendQuery(query, params));
  return params;
}

std::string EncodeQuery(const Params& params) {
  std::string out;
  const auto append = [&out](std::string_view text) {
    const std::size_t begin = out.size();
    out += EncodeExcept(text, " ");
    std::ranges::replace(out.begin() + static_cast<std::ptrdiff_t>(begin), out.end(), ' ', '+');
  };
  for (const auto& [name, value] : params) {
    if (!out.empty()) out += '&';
    append(name);
    out += '=';
    append(value);
  }
  return out;
}

base::Result<> DecodeParams(HttpRequest& request) {
  const auto question = request.target.find('?');
  request.query = question == std::string::npos ? "" : request.target.substr(question + 1);
  const bool has_form = request.method != Method::kGet && request.method != Method::kHead && !request.body.empty() &&
                        MediaType(request.headers.Get("Content-Type")) == "application/x-www-form-urlencoded";
  if (has_form) BARO_TRY(AppendQuery(request.body, request.params));
  return AppendQuery(request.query, request.params);
}

}  // namespace baro::net
