// TLS of a listener.
//
// Source   web.config.yml of the Prometheus exporter toolkit: ../shared/reference/prometheus.md, section 8.
#pragma once

#include <string>

#include "net/http_client_options.h"

namespace baro::net {

/// What is asked of clients, in the words of web.config.yml.
enum class ClientAuth {
  kNoClientCert,
  kRequestClientCert,           ///< ask, and take whatever comes
  kRequireAnyClientCert,        ///< one must come; it is not checked
  kVerifyClientCertIfGiven,     ///< one that comes must be signed by the client authority
  kRequireAndVerifyClientCert,  ///< one must come and be signed by the client authority
};

/// Certificate and key are given as text or as a file, both needed. Files are read again when they change; new
/// connections then get the new ones, and a broken new file leaves the old ones working.
struct TlsServerOptions {
  std::string cert;  ///< PEM: the server's certificate, then its chain
  std::string cert_file;
  SecretSource key;
  std::string client_ca;  ///< PEM; needed by the two verifying kinds of `client_auth`
  std::string client_ca_file;
  ClientAuth client_auth = ClientAuth::kNoClientCert;
  TlsVersion min_version = TlsVersion::kTls12;
  TlsVersion max_version = TlsVersion::kTls13;
  std::string ciphers;  ///< OpenSSL cipher list for TLS 1.2; empty: OpenSSL's choice
  std::string curves;   ///< OpenSSL group list, e.g. "X25519:P-256"; empty: OpenSSL's choice
  bool prefer_server_ciphers = true;
};

}  // namespace baro::net
