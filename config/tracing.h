// What the `tracing` section says: where the server's own traces go.
#pragma once

#include <chrono>
#include <map>
#include <string>

#include "net/http_client_options.h"

namespace baro::config {

struct TracingOptions {
  std::string client_type = "grpc";  ///< or "http"
  std::string endpoint;
  double sampling_fraction = 0;
  bool insecure = false;
  net::TlsClientOptions tls;
  std::map<std::string, std::string> headers;
  std::string compression;               ///< empty or "gzip"
  std::chrono::milliseconds timeout{0};  ///< 0: the client's default
};

}  // namespace baro::config
