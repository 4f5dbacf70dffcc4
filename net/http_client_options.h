// How one speaks to an HTTP server: credentials, TLS, redirects, headers. The block that stands in a Prometheus
// configuration file wherever a URL or target does.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/secret.h"

namespace baro::net {

/// A secret given in the text or in a file. The file is read again when it changes.
struct SecretSource {
  base::Secret value;
  std::string file;  ///< path, or empty

  bool is_set() const { return !file.empty() || !value.empty(); }
};

struct BasicAuthOptions {
  std::string username;
  std::string username_file;
  SecretSource password;
};

/// `Authorization: <type> <credentials>`.
struct AuthorizationOptions {
  std::string type = "Bearer";
  SecretSource credentials;
};

enum class TlsVersion { kTls10, kTls11, kTls12, kTls13 };

struct TlsClientOptions {
  std::string ca;  ///< PEM text; with neither text nor file the system's authorities are trusted
  std::string ca_file;
  std::string cert;
  std::string cert_file;
  SecretSource key;
  std::string server_name;  ///< name that the server's certificate must have; empty: the host of the URL
  bool insecure_skip_verify = false;
  std::optional<TlsVersion> min_version;
  std::optional<TlsVersion> max_version;
};

/// How a proxy is found.
struct ProxyOptions {
  std::string url;                                                   ///< empty: none
  std::string no_proxy;                                              ///< comma-separated hosts that are asked directly
  bool from_environment = false;                                     ///< HTTP_PROXY, HTTPS_PROXY, NO_PROXY
  std::map<std::string, std::vector<base::Secret>> connect_headers;  ///< sent to the proxy with CONNECT
};

/// Tokens that a server of its own gives out (RFC 6749, RFC 7523).
struct OAuth2Options {
  std::string client_id;
  SecretSource client_secret;
  std::string grant_type;  ///< empty: client_credentials
  SecretSource client_certificate_key;
  std::string client_certificate_key_id;
  std::string signature_algorithm;  ///< RS256, RS384, RS512; empty: RS256
  std::string iss;
  std::string audience;
  std::string claims;  ///< JSON text of an object; empty: none
  std::vector<std::string> scopes;
  std::string token_url;
  std::map<std::string, std::string> endpoint_params;
  TlsClientOptions tls;
  ProxyOptions proxy;
};

struct HttpHeaderOptions {
  std::vector<std::string> values;
  std::vector<base::Secret> secrets;
  std::vector<std::string> files;
};

struct HttpClientOptions {
  std::optional<BasicAuthOptions> basic_auth;
  std::optional<AuthorizationOptions> authorization;
  std::optional<OAuth2Options> oauth2;
  TlsClientOptions tls;
  bool follow_redirects = true;
  bool enable_http2 = true;  ///< the client speaks HTTP/1.1 in any case
  ProxyOptions proxy;
  std::map<std::string, HttpHeaderOptions> headers;  ///< sent with each request
};

}  // namespace baro::net
