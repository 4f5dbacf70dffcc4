// Which proxy a request goes through, if any.
//
// Source   Prometheus' `proxy_url`, `no_proxy` and `proxy_from_environment`; what the variables mean is Go's reading of
//          them (golang.org/x/net/http/httpproxy, its documentation).
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "net/http_client_options.h"
#include "net/http_message.h"

namespace baro::net::http {

/// The hosts that are asked directly: "localhost,10.0.0.0/8,.corp.example,host.example:8080" or "*".
/// Immutable value.
class NoProxyList {
 public:
  /// Parts that are no host, network or domain match nothing, as in Go.
  explicit NoProxyList(std::string_view text);

  bool Matches(const Url& url) const;

 private:
  struct Rule {
    std::string network;       ///< of an address or a network: its bytes, 4 or 16
    unsigned prefix_bits = 0;  ///< of these
    std::string domain;        ///< with a dot in front; empty for networks
    bool with_domain_itself = false;
    std::uint16_t port = 0;  ///< 0: any
  };
  static std::optional<Rule> ParseRule(std::string_view text);
  static bool Matches(const Rule& rule, const Url& url, const std::string& address);

  bool matches_all_ = false;
  std::vector<Rule> rules_;
};

/// Whether a proxy is spoken to in SOCKS 5, for every target alike.
bool IsSocks(const Url& proxy);

/// Immutable value.
class ProxyRules {
 public:
  /// The value of a variable; empty if it is not set.
  using Environment = std::function<std::string(const std::string& name)>;

  ProxyRules() = default;

  /// Errors   kInvalidArgument: a proxy's URL, a header for it. kUnsupported: a proxy that is spoken to in another way.
  static base::Result<ProxyRules> Make(const ProxyOptions& options, const Environment& environment);

  /// The proxy for `url`, a loan; null: none.
  const Url* For(const Url& url) const;

 private:
  std::optional<Url> for_http_;
  std::optional<Url> for_https_;
  std::optional<NoProxyList> direct_;  ///< with it, this machine's own names and addresses are asked directly too
};

/// The process' own environment.
std::string ProcessEnvironment(const std::string& name);

}  // namespace baro::net::http
