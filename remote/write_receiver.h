// The receiver of remote write 1.0: takes samples that other servers push.
//
//     WriteReceiver receiver({.push_access = PushAccess::kLoopback}, {.storage = *storage, .registry = registry,
//                             .log = log, .hash_seed = random.NextU64()});
//     response = receiver.Handle(request);     // POST /api/v1/write
//
// Format   docs/remote-write.md.
// Source   https://prometheus.io/docs/specs/prw/remote_write_spec/; answers as Prometheus' receiver gives them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>

#include "base/log.h"
#include "base/metrics.h"
#include "net/http_message.h"
#include "tsdb/appender.h"

namespace baro::remote {

/// Bodies longer than this, as sent or decompressed, are refused.
inline constexpr std::size_t kWriteBodyBytesMax = 32 * 1024 * 1024;

/// Who may push.
enum class PushAccess : std::uint8_t {
  kNobody,
  kLoopback,  ///< programs of this machine: not through a proxy, and no page in a browser
  kEverybody,
};

/// The rule for servers whose owner said nothing: pushes are taken from this machine if nothing else can reach the
/// server anyway, which is so if all `addresses` ("127.0.0.1:9090", "[::1]:9090") that it listens on are loopback ones.
PushAccess DefaultPushAccess(std::span<const std::string> addresses);

struct WriteReceiverOptions {
  PushAccess push_access = PushAccess::kNobody;
  bool accepts_v1 = true;  ///< prometheus.WriteRequest is among the messages that are accepted
  /// For the labels of known series; about 200 bytes a series.
  std::size_t series_cache_bytes_max = 128 * 1024 * 1024;
};

/// What it stands on. `storage` and `registry` are borrowed and outlive it.
struct WriteReceiverParts {
  tsdb::AppenderSource& storage;
  base::Registry& registry;
  base::Logger log;
  std::uint64_t hash_seed = 0;  ///< secret and random
};

/// Threads  Safe to share.
class WriteReceiver {
 public:
  WriteReceiver(WriteReceiverOptions options, WriteReceiverParts parts);
  ~WriteReceiver();
  WriteReceiver(const WriteReceiver&) = delete;
  WriteReceiver& operator=(const WriteReceiver&) = delete;

  /// Stores the samples of a request whose body has at most kWriteBodyBytesMax. Blocks until they are on disk.
  /// Returns  204: all is stored. 400: not all; the text says what, the rest is stored. 404: it may not push here.
  ///          413, 415: another format. 503 with Retry-After: the log takes nothing at present.
  net::HttpResponse Handle(const net::HttpRequest& request);

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace baro::remote
