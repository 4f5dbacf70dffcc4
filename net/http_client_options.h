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

struct HttpHeaderOptions {
  std::vector<std::string> values;
  std::vector<base::Secret> secrets;
  std::vector<std::string> files;
};

struct HttpClientOptions {
  std::optional<BasicAuthOptions> basic_auth;
  std::optional<AuthorizationOptions> authorization;
  TlsClientOptions tls;
  bool follow_redirects = true;
  std::string proxy_url;                             ///< empty: none
  std::map<std::string, HttpHeaderOptions> headers;  ///< sent with each request
};

}  // namespace baro::net
