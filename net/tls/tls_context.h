// OpenSSL contexts from options, made again when a certificate file has changed.
#pragma once

#include <chrono>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include <boost/asio/ssl/context.hpp>

#include "base/result.h"
#include "net/http_client_options.h"
#include "net/tls/watched_file.h"
#include "net/tls_server_options.h"

namespace baro::net::tls {

using ContextPtr = std::shared_ptr<boost::asio::ssl::context>;

/// Errors   kInvalidArgument: contradicting options, unreadable PEM, key and certificate that do not belong together.
///          kIo: unreadable file.
base::Result<ContextPtr> MakeContext(const TlsClientOptions& options);
base::Result<ContextPtr> MakeContext(const TlsServerOptions& options);

/// The context of one set of options, renewed at most once a second when one of its files has changed. If the new files
/// are no good, the old context stays, and `last_error` says why.
/// Threads  Any.
template <typename Options>
class ContextSource {
 public:
  /// Errors   as MakeContext(): there is nothing to fall back to.
  static base::Result<std::shared_ptr<ContextSource>> Make(Options options);

  ContextPtr Get();
  /// Empty unless the latest renewal failed.
  std::string last_error() const;

 private:
  explicit ContextSource(Options options) : options_(std::move(options)) {}
  std::vector<FileStamp> Stamps() const;

  const Options options_;
  mutable std::mutex mutex_;  // leaf but for the file system
  ContextPtr context_;
  std::vector<FileStamp> stamps_;
  std::chrono::steady_clock::time_point checked_at_;
  std::string last_error_;
};

using ClientContextSource = ContextSource<TlsClientOptions>;
using ServerContextSource = ContextSource<TlsServerOptions>;

}  // namespace baro::net::tls
