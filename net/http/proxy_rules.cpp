#include "net/http/proxy_rules.h"

#include <algorithm>
#include <charconv>
#include <cstdlib>

#include <fmt/format.h>
#include <boost/asio/ip/address.hpp>

#include "net/http/socks5.h"

namespace baro::net::http {
namespace {

using base::Code;
using base::Fail;
using base::Result;

std::string_view Trimmed(std::string_view text) {
  constexpr std::string_view kSpace = " \t\r\n";
  const auto first = text.find_first_not_of(kSpace);
  return first == std::string_view::npos ? "" : text.substr(first, text.find_last_not_of(kSpace) - first + 1);
}

std::string Lower(std::string_view text) {
  std::string lower(text);
  std::ranges::transform(lower, lower.begin(),
                         [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c; });
  return lower;
}

boost::asio::ip::address Unmapped(const boost::asio::ip::address& address) {
  if (!address.is_v6() || !address.to_v6().is_v4_mapped()) return address;
  return boost::asio::ip::make_address_v4(boost::asio::ip::v4_mapped, address.to_v6());
}

/// The address' 4 or 16 bytes; empty if `text` is none. An IPv4 address inside of IPv6 is an IPv4 address.
std::string AddressBytes(std::string_view text) {
  boost::system::error_code error;
  const auto address = Unmapped(boost::asio::ip::make_address(std::string(text), error));
  if (error) return "";
  std::string out;
  if (address.is_v4()) {
    for (const unsigned char byte : address.to_v4().to_bytes()) out += static_cast<char>(byte);
  } else {
    for (const unsigned char byte : address.to_v6().to_bytes()) out += static_cast<char>(byte);
  }
  return out;
}

template <typename T>
std::optional<T> ParseNumber(std::string_view text, T max) {
  T number = 0;
  const auto* const end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, number);
  if (error != std::errc() || stop != end || number > max) return std::nullopt;
  return number;
}

bool SharesPrefix(std::string_view a, std::string_view b, unsigned bits) {
  if (a.size() != b.size()) return false;
  const std::size_t whole = bits / 8;
  if (a.substr(0, whole) != b.substr(0, whole)) return false;
  const unsigned rest = bits % 8;
  if (rest == 0) return true;
  const auto difference = static_cast<unsigned char>(a[whole]) ^ static_cast<unsigned char>(b[whole]);
  return (difference >> (8 - rest)) == 0;
}

bool IsThisMachine(const Url& url) {
  if (url.host == "localhost") return true;
  const std::string bytes = AddressBytes(url.host);
  if (bytes.size() == 4) return bytes[0] == 127;
  return bytes.size() == 16 && bytes == std::string(15, '\0') + '\1';
}

Result<std::optional<Url>> ParseProxy(std::string_view what, const std::string& text) {
  if (text.empty()) return std::optional<Url>();
  auto url = ParseProxyUrl(text);
  if (!url) return url.error().WithContext(what);
  if (IsSocks(*url)) {
    const auto handshake = Socks5Handshake::Start(url->userinfo, {.host = url->host, .port = url->port});
    if (!handshake) return handshake.error().WithContext(what);
  }
  return std::optional(*std::move(url));
}

Result<std::optional<Url>> FromEnvironment(const ProxyRules::Environment& environment, const char* upper,
                                           const char* lower) {
  std::string text = environment(upper);
  if (text.empty()) text = environment(lower);
  if (!text.empty() && text.find("://") == std::string::npos) text.insert(0, "http://");
  return ParseProxy(upper, text);
}

}  // namespace

std::optional<NoProxyList::Rule> NoProxyList::ParseRule(std::string_view text) {
  Rule rule;
  if (const auto slash = text.find('/'); slash != std::string_view::npos) {
    rule.network = AddressBytes(text.substr(0, slash));
    const auto bits = ParseNumber<unsigned>(text.substr(slash + 1), static_cast<unsigned>(rule.network.size() * 8));
    if (rule.network.empty() || !bits) return std::nullopt;
    rule.prefix_bits = *bits;
    return rule;
  }
  std::string_view host = text;
  const auto colon = text.rfind(':');
  const bool has_port = colon != std::string_view::npos && AddressBytes(text).empty();
  if (has_port) {
    const auto port = ParseNumber<std::uint16_t>(text.substr(colon + 1), UINT16_MAX);
    if (!port || *port == 0) return std::nullopt;
    rule.port = *port;
    host = text.substr(0, colon);
  }
  if (host.starts_with('[') && host.ends_with(']')) host = host.substr(1, host.size() - 2);
  rule.network = AddressBytes(host);
  rule.prefix_bits = static_cast<unsigned>(rule.network.size() * 8);
  if (!rule.network.empty()) return rule;
  if (host.starts_with("*.")) host.remove_prefix(1);
  if (host.empty() || host == ".") return std::nullopt;
  rule.with_domain_itself = !host.starts_with('.');
  rule.domain = rule.with_domain_itself ? fmt::format(".{}", host) : std::string(host);
  return rule;
}

NoProxyList::NoProxyList(std::string_view text) {
  while (!text.empty()) {
    const auto comma = std::min(text.find(','), text.size());
    const std::string part = Lower(Trimmed(text.substr(0, comma)));
    text.remove_prefix(std::min(comma + 1, text.size()));
    if (part == "*") matches_all_ = true;
    if (const auto rule = part.empty() ? std::nullopt : ParseRule(part)) rules_.push_back(*rule);
  }
}

bool NoProxyList::Matches(const Rule& rule, const Url& url, const std::string& address) {
  if (rule.port != 0 && rule.port != url.port) return false;
  if (!rule.network.empty()) return SharesPrefix(rule.network, address, rule.prefix_bits);
  if (url.host.ends_with(rule.domain)) return true;
  return rule.with_domain_itself && url.host == std::string_view(rule.domain).substr(1);
}

bool NoProxyList::Matches(const Url& url) const {
  if (matches_all_) return true;
  const std::string address = AddressBytes(url.host);
  return std::ranges::any_of(rules_, [&](const Rule& rule) { return Matches(rule, url, address); });
}

Result<ProxyRules> ProxyRules::Make(const ProxyOptions& options, const Environment& environment) {
  ProxyRules rules;
  if (options.from_environment) {
    rules.for_http_ = BARO_TRY(FromEnvironment(environment, "HTTP_PROXY", "http_proxy"));
    rules.for_https_ = BARO_TRY(FromEnvironment(environment, "HTTPS_PROXY", "https_proxy"));
    std::string direct = environment("NO_PROXY");
    if (direct.empty()) direct = environment("no_proxy");
    rules.direct_.emplace(direct);
  } else {
    rules.for_http_ = BARO_TRY(ParseProxy("proxy_url", options.url));
    rules.for_https_ = rules.for_http_;
    if (!options.no_proxy.empty()) rules.direct_.emplace(options.no_proxy);
  }
  for (const auto& [name, values] : options.connect_headers) {
    const bool is_fine = IsToken(name) && std::ranges::all_of(values, [](const base::Secret& value) {
                           return IsFieldValue(value.Reveal());
                         });
    if (!is_fine) return Fail(Code::kInvalidArgument, fmt::format("proxy_connect_header: {:?} is no header", name));
  }
  return rules;
}

bool IsSocks(const Url& proxy) { return proxy.scheme == "socks5" || proxy.scheme == "socks5h"; }

const Url* ProxyRules::For(const Url& url) const {
  const std::optional<Url>& proxy = url.scheme == "https" ? for_https_ : for_http_;
  if (!proxy) return nullptr;
  if (direct_ && (IsThisMachine(url) || direct_->Matches(url))) return nullptr;
  return &*proxy;
}

std::string ProcessEnvironment(const std::string& name) {
  const char* const value = std::getenv(name.c_str());  // NOLINT(concurrency-mt-unsafe): nobody sets variables
  return value != nullptr ? value : "";
}

}  // namespace baro::net::http
