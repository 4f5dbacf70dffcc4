#include "config/sections/values.h"

#include <algorithm>

#include <fmt/format.h>

#include "config/sections/url_text.h"
#include "net/http_message.h"

namespace baro::config {

bool ReadPath(Mapping& mapping, std::string_view field, const FileContext& context, std::string& path) {
  const bool is_there = mapping.Text(field, path);
  if (is_there) path = context.Resolve(path);
  mapping.Note(field, NormalForm::Text(path));
  return is_there;
}

bool ReadUrl(Mapping& mapping, std::string_view field, UrlNeed need, std::string& url) {
  if (!mapping.Text(field, url)) {
    mapping.Note(field, NormalForm::Text(MaskUrlPassword(url)));
    return false;
  }
  const std::string shown = MaskUrlPassword(url);
  mapping.Note(field, NormalForm::Text(shown));
  const auto parts = SplitUrl(url);
  if (!parts) {
    mapping.Fail(field, fmt::format("expected a URL, found \"{}\": {}", shown, parts.error().message()));
    return false;
  }
  if (need == UrlNeed::kNothing || url.empty()) return true;
  if (need == UrlNeed::kHttp && parts->scheme != "http" && parts->scheme != "https") {
    mapping.Fail(field, fmt::format("expected a URL that begins with http:// or https://, found \"{}\"", shown));
    return false;
  }
  if (parts->scheme.empty() || parts->host.empty()) {
    mapping.Fail(field, fmt::format("expected a URL with scheme and host, found \"{}\"", shown));
    return false;
  }
  return true;
}

void ReadSecret(Mapping& mapping, std::string_view name, const FileContext& context, net::SecretSource& source) {
  const std::string file = fmt::format("{}_file", name);
  const std::string reference = fmt::format("{}_ref", name);
  mapping.Secret(name, source.value);
  ReadPath(mapping, file, context, source.file);
  std::string secret_name;
  mapping.Text(reference, secret_name);
  if (!secret_name.empty()) mapping.NotServed(reference);
  const int given = (source.value.empty() ? 0 : 1) + (source.file.empty() ? 0 : 1) + (secret_name.empty() ? 0 : 1);
  if (given > 1) {
    mapping.Fail(source.file.empty() ? reference : file, fmt::format("give one of {0}, {0}_file and {0}_ref", name));
  }
}

bool IsReservedHeader(std::string_view name) {
  // What the client sets by itself, and what signing with SigV4 adds.
  static constexpr std::string_view kReserved[] = {"host",
                                                   "content-encoding",
                                                   "content-length",
                                                   "content-type",
                                                   "user-agent",
                                                   "connection",
                                                   "keep-alive",
                                                   "proxy-authenticate",
                                                   "proxy-authorization",
                                                   "www-authenticate",
                                                   "accept-encoding",
                                                   "x-prometheus-remote-write-version",
                                                   "x-prometheus-remote-read-version",
                                                   "x-amz-date",
                                                   "x-amz-security-token",
                                                   "x-amz-content-sha256"};
  return std::ranges::any_of(kReserved, [name](std::string_view own) { return net::EqualsIgnoringCase(own, name); });
}

void ReadHeaders(Mapping& mapping, std::string_view authorization, std::map<std::string, std::string>& headers) {
  mapping.TextMap("headers", headers);
  for (const auto& [name, value] : headers) {
    if (net::EqualsIgnoringCase(name, "authorization")) {
      mapping.Fail("headers", fmt::format("\"{}\" may not be set here; {}", name, authorization));
    } else if (IsReservedHeader(name)) {
      mapping.Fail("headers", fmt::format("\"{}\" is set by the client and may not be given here", name));
    }
  }
}

void RequireText(Mapping& mapping, std::string_view field, const std::string& value) {
  if (value.empty()) mapping.Fail(field, fmt::format("the field \"{}\" is needed and may not be empty", field));
}

}  // namespace baro::config
