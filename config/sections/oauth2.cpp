// oauth2 and the fields of a proxy, which stand in it and beside it alike.
#include <algorithm>

#include <fmt/format.h>

#include "config/sections/sections.h"
#include "config/sections/values.h"
#include "net/http_message.h"

namespace baro::config {
namespace {

constexpr std::string_view kJwtBearer = "urn:ietf:params:oauth:grant-type:jwt-bearer";

void CheckOAuth2(Mapping& fields, const net::OAuth2Options& oauth2) {
  RequireText(fields, "client_id", oauth2.client_id);
  RequireText(fields, "token_url", oauth2.token_url);
  if (oauth2.grant_type != kJwtBearer) return;
  const std::string& algorithm = oauth2.signature_algorithm;
  if (!algorithm.empty() && algorithm != "RS256" && algorithm != "RS384" && algorithm != "RS512") {
    fields.Fail("signature_algorithm", fmt::format("expected one of RS256, RS384, RS512, found \"{}\"", algorithm));
  }
}

constexpr std::string_view kProxySchemes[] = {"http", "https", "socks5", "socks5h"};

// `proxy_connect_header`: names to lists of secrets.
void ReadConnectHeaders(Mapping& mapping, net::ProxyOptions& proxy) {
  mapping.Child("proxy_connect_header", [&proxy](Mapping& fields) {
    for (const std::string& name : fields.Names()) fields.SecretList(name, proxy.connect_headers[name]);
  });
}

}  // namespace

void ReadProxy(Mapping& mapping, net::ProxyOptions& proxy) {
  ReadUrl(mapping, "proxy_url", UrlNeed::kNothing, proxy.url);
  const std::string_view scheme = std::string_view(proxy.url).substr(0, proxy.url.find(':'));
  const bool is_known = std::ranges::any_of(
      kProxySchemes, [&](std::string_view known) { return net::EqualsIgnoringCase(scheme, known); });
  if (!proxy.url.empty() && !is_known) mapping.NotServed("proxy_url");
  mapping.Text("no_proxy", proxy.no_proxy);
  mapping.Bool("proxy_from_environment", proxy.from_environment);
  ReadConnectHeaders(mapping, proxy);

  if (proxy.from_environment && !proxy.url.empty()) {
    mapping.Fail("proxy_url", "give proxy_url or proxy_from_environment, not both");
  }
  if (proxy.from_environment && !proxy.no_proxy.empty()) {
    mapping.Fail("no_proxy", "give no_proxy or proxy_from_environment, not both");
  }
  if (!proxy.from_environment && proxy.url.empty()) {
    if (!proxy.no_proxy.empty()) mapping.Fail("no_proxy", "no_proxy needs proxy_url");
    if (!proxy.connect_headers.empty()) {
      mapping.Fail("proxy_connect_header", "proxy_connect_header needs proxy_url or proxy_from_environment");
    }
  }
}

void ReadOAuth2(Mapping& mapping, const FileContext& context, std::optional<net::OAuth2Options>& options) {
  mapping.Child("oauth2", [&](Mapping& fields) {
    net::OAuth2Options oauth2;
    fields.Text("client_id", oauth2.client_id);
    ReadSecret(fields, "client_secret", context, oauth2.client_secret);
    fields.Text("client_certificate_key_id", oauth2.client_certificate_key_id);
    ReadSecret(fields, "client_certificate_key", context, oauth2.client_certificate_key);
    fields.Text("grant_type", oauth2.grant_type);
    fields.Text("signature_algorithm", oauth2.signature_algorithm);
    fields.Text("iss", oauth2.iss);
    fields.Text("audience", oauth2.audience);
    fields.Json("claims", oauth2.claims);
    fields.TextList("scopes", oauth2.scopes);
    fields.Text("token_url", oauth2.token_url);
    fields.TextMap("endpoint_params", oauth2.endpoint_params);
    ReadTls(fields, context, oauth2.tls);
    ReadProxy(fields, oauth2.proxy);
    CheckOAuth2(fields, oauth2);
    options = std::move(oauth2);
  });
}

}  // namespace baro::config
