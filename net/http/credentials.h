// The headers that a client's configuration adds to each request, with secrets from text or from watched files.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "net/http_client_options.h"
#include "net/http_message.h"
#include "net/tls/watched_file.h"

namespace baro::net::http {

/// "dXNlcjpwYXNz": RFC 4648 section 4, with padding.
std::string Base64Encode(std::string_view bytes);

/// Threads  Confined: each loop has its own.
class Credentials {
 public:
  /// Errors   kInvalidArgument: both basic_auth and authorization, both forms of one secret, a reserved or malformed
  ///          header name.
  static base::Result<Credentials> Make(const HttpClientOptions& options);

  /// Adds Authorization and the configured headers to `fields`, but none that is there already.
  /// Errors   kIo: a file that was never readable. kInvalidArgument: a value that may not stand in a header. Neither
  ///          message has the value in it.
  base::Result<> AddTo(HeaderFields& fields);

 private:
  struct Source {  // of one value
    std::string text;
    std::optional<tls::WatchedFile> file;
  };
  struct Header {
    std::string name;
    std::vector<Source> values;
  };

  Credentials() = default;
  static base::Result<Source> MakeSource(std::string_view what, std::string text, const std::string& file);
  static base::Result<Header> MakeHeader(const std::string& name, const HttpHeaderOptions& options);
  static base::Result<std::string> Read(Source& source);
  base::Result<std::string> AuthorizationValue();

  std::optional<Source> username_;
  std::optional<Source> password_;
  std::string authorization_type_;
  std::optional<Source> authorization_;
  std::vector<Header> headers_;
};

}  // namespace baro::net::http
