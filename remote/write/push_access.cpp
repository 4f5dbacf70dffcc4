#include "remote/write/push_access.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <string>

#include <fmt/format.h>

#include "remote/write_receiver.h"

namespace baro::remote {
namespace {

using net::EqualsIgnoringCase;

constexpr std::string_view kMessageV1 = "prometheus.WriteRequest";
constexpr std::string_view kMediaType = "application/x-protobuf";
constexpr std::size_t kShownBytesMax = 100;

/// "127.x.y.z", all of it numbers.
bool IsLoopbackV4(std::string_view host) {
  std::array<int, 4> parts{};
  const char* at = host.data();
  const char* const end = host.data() + host.size();
  for (std::size_t i = 0; i < parts.size(); ++i) {
    if (i > 0 && (at == end || *at++ != '.')) return false;
    const auto [next, error] = std::from_chars(at, end, parts[i]);
    if (error != std::errc() || parts[i] < 0 || parts[i] > 255) return false;
    at = next;
  }
  return at == end && parts[0] == 127;
}

std::string_view Trim(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

/// The value of parameter `proto`; `kMessageV1` if there is none, as the specification says.
std::string_view MessageName(std::string_view content_type) {
  for (std::size_t at = content_type.find(';'); at != std::string_view::npos; at = content_type.find(';', at)) {
    const std::size_t end = content_type.find(';', ++at);
    const std::string_view parameter = Trim(content_type.substr(at, end - at));
    const std::size_t equals = parameter.find('=');
    if (equals == std::string_view::npos || !EqualsIgnoringCase(Trim(parameter.substr(0, equals)), "proto")) continue;
    std::string_view value = Trim(parameter.substr(equals + 1));
    if (value.size() >= 2 && value.front() == '"' && value.back() == '"') value = value.substr(1, value.size() - 2);
    return value;
  }
  return kMessageV1;
}

net::HttpResponse UnsupportedType(std::string text) { return net::HttpResponse::Text(415, std::move(text) + "\n"); }

}  // namespace

bool IsLoopbackAddress(std::string_view address) {
  const std::size_t colon = address.rfind(':');
  if (colon == std::string_view::npos) return false;
  std::string_view host = address.substr(0, colon);
  if (host.size() < 2 || host.front() != '[' || host.back() != ']') return IsLoopbackV4(host);
  host = host.substr(1, host.size() - 2);
  constexpr std::string_view kMapped = "::ffff:";  // RFC 4291 section 2.5.5.2
  return host == "::1" || (host.starts_with(kMapped) && IsLoopbackV4(host.substr(kMapped.size())));
}

bool IsLocalPush(const net::HttpRequest& request) {
  constexpr std::string_view kSignsOfOthers[] = {"Forwarded", "X-Forwarded-For", "X-Real-IP",
                                                 "Via",       "Origin",          "Sec-Fetch-Site"};
  return IsLoopbackAddress(request.peer) &&
         std::ranges::none_of(kSignsOfOthers, [&](std::string_view name) { return request.headers.Has(name); });
}

std::optional<net::HttpResponse> CheckWriteFormat(const net::HttpRequest& request, bool accepts_v1) {
  const std::string_view content_type = request.headers.Get("Content-Type");
  if (!content_type.empty() && net::MediaType(content_type) != kMediaType) {
    return UnsupportedType(fmt::format("expected {} as the first (media) part of Content-Type, got {:?}", kMediaType,
                                       content_type.substr(0, kShownBytesMax)));
  }
  const std::string_view message = MessageName(content_type);
  if (message != kMessageV1 || !accepts_v1) {
    return UnsupportedType(fmt::format("{} protobuf message is not accepted by this server; {}",
                                       message.substr(0, kShownBytesMax),
                                       accepts_v1 ? "it only accepts prometheus.WriteRequest (remote write 1.0)"
                                                  : "it accepts none that it supports"));
  }
  const std::string_view encoding = request.headers.Get("Content-Encoding");
  if (!encoding.empty() && !EqualsIgnoringCase(encoding, "snappy")) {
    return UnsupportedType(
        fmt::format("{} encoding (compression) is not accepted by this server; it only accepts snappy",
                    encoding.substr(0, kShownBytesMax)));
  }
  return std::nullopt;
}

PushAccess DefaultPushAccess(std::span<const std::string> addresses) {
  return !addresses.empty() && std::ranges::all_of(addresses, IsLoopbackAddress) ? PushAccess::kLoopback
                                                                                 : PushAccess::kNobody;
}

}  // namespace baro::remote
