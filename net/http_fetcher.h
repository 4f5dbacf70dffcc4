// One HTTP call to somebody else, as an interface: the real client is net/http_client.h, simulations have their own.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "base/memory_budget.h"
#include "base/result.h"
#include "net/http_message.h"

namespace baro::net {

struct HttpClientOptions;

/// What to ask for. The client adds Host, User-Agent, Accept-Encoding, Content-Length, credentials and the configured
/// headers; `headers` wins over all of these but Host and Content-Length.
struct FetchRequest {
  Method method = Method::kGet;
  std::string url;  ///< absolute, http or https
  HeaderFields headers;
  std::string body;
  /// Path of a unix socket that is connected to instead of the URL's host, redirects included; no proxy is asked then.
  /// The host still stands in the request. Empty: TCP.
  std::string unix_socket;
  std::string reuse;  ///< a string whose memory the answer's body may take over; its content does not matter
};

/// Bounds of one call. All have a default that a small machine survives.
struct FetchOptions {
  std::chrono::milliseconds timeout{30'000};         ///< for the whole call, redirects included
  std::chrono::milliseconds connect_timeout{5'000};  ///< for name, connection and TLS handshake; never beyond `timeout`
  std::size_t body_bytes_max =
      256 * 1024 * 1024;  ///< decoded; a body of this many bytes or more is refused (scrape semantics)
  /// Of a stream only: the longest wait for the next bytes of its body. `timeout` then ends with the header.
  std::chrono::milliseconds idle_timeout{60'000};
  std::size_t header_bytes_max = 64 * 1024;
  std::uint32_t redirects_max = 10;
  /// Charged with the bytes of the body, encoded and decoded, as they come, until the callback has returned; may be
  /// null. Not of a stream.
  std::shared_ptr<base::MemoryBudget> budget;
  bool accept_gzip = true;   ///< offer gzip; false sends `Accept-Encoding: identity`
  bool accept_zstd = false;  ///< offer zstd too
};

/// How long the parts of a call took; zero for a part that did not happen (kept-alive connection, no TLS).
struct FetchTimings {
  std::chrono::nanoseconds resolve{};
  std::chrono::nanoseconds connect{};
  std::chrono::nanoseconds tls{};
  std::chrono::nanoseconds first_byte{};  ///< from the request's last byte to the answer's header
  std::chrono::nanoseconds total{};
};

/// An answer, whatever its status; 4xx and 5xx are no errors here.
struct FetchResponse {
  int status = 0;
  HeaderFields headers;
  std::string body;                 ///< decoded
  std::size_t wire_body_bytes = 0;  ///< before decoding, without chunk framing
  std::string final_url;            ///< where the answer came from after redirects; empty if there were none
  std::uint32_t redirects = 0;
  bool is_reused_connection = false;
  FetchTimings timings;
};

/// Called exactly once per Fetch(), never from inside of Fetch().
/// Errors   kTimeout, kIo (refused, reset, TLS, name not found), kLimitExceeded (body or header, compression ratio,
///          redirects), kCorruption (not HTTP, or not what Content-Encoding says), kInvalidArgument (URL, headers,
///          credential files), kCancelled (Cancel() or the end of the fetcher).
using FetchCallback = std::function<void(base::Result<FetchResponse>)>;

/// Takes the next piece of a body, a loan; returns whether more is wanted. Called on the executor, one call at a time,
/// each before the call's FetchCallback. The next piece is read when it has returned.
using BodySink = std::function<bool(std::string_view piece)>;

/// Makes HTTP calls.
/// Threads  All from any thread. Callbacks run on the executor that the implementation was made with, never under a
/// lock.
class HttpFetcher {
 public:
  /// Names a running call, for Cancel(). Never 0.
  enum class CallId : std::uint64_t {};

  virtual ~HttpFetcher() = default;

  virtual CallId Fetch(FetchRequest request, FetchOptions options, FetchCallback callback) = 0;

  /// As Fetch(), for an answer that comes bit by bit and may have no end: the body of a 2xx goes to `sink` as it comes,
  /// in pieces of at most 64 KiB, and is not in the callback's answer. It is asked for without coding, and
  /// `body_bytes_max` is a limit for other answers only.
  /// Errors   as Fetch(); kTimeout also when nothing came for `idle_timeout`, kCancelled also when `sink` wants no
  /// more,
  ///          kUnsupported for a body with a coding.
  /// Unless an implementation does better, it fetches, and gives the whole body as one piece.
  virtual CallId Stream(FetchRequest request, FetchOptions options, BodySink sink, FetchCallback callback);

  /// Ends the call early; its callback gets kCancelled, unless it was done already. Unknown ids do nothing.
  virtual void Cancel(CallId call) = 0;
};

/// Makes the fetcher for one configuration. The wiring passes the real one, tests pass theirs.
/// Errors   kInvalidArgument: the configuration contradicts itself or names unusable files.
using FetcherFactory = std::function<base::Result<std::shared_ptr<HttpFetcher>>(const HttpClientOptions&)>;

}  // namespace baro::net
