// What happens to a request away from the loop: the handler, then its answer's first bytes, compressed.
#pragma once

#include <memory>
#include <string>

#include "base/cancel.h"
#include "base/compute_pool.h"
#include "base/result.h"
#include "net/asio/remote_event.h"
#include "net/http/content_encoder.h"
#include "net/http_message.h"
#include "net/router.h"

namespace baro::net::http {

/// One request on its way through handler, producer and encoder. Owned jointly by the connection and the task that
/// runs, which touch it in turn.
struct HandlerJob {
  // In:
  const Router* router = nullptr;
  const Route* route = nullptr;
  HttpRequest request;
  base::CancelToken cancel;
  std::string accept_encoding;
  std::size_t compress_bytes_min = 1024;
  bool wants_body = true;  ///< false for HEAD: the producer is not asked

  // Out:
  HttpResponse response;
  ContentCoding coding = ContentCoding::kIdentity;
  std::string out;         ///< bytes of the body that can be sent
  bool is_whole = true;    ///< `out` is all (or the rest) of the body
  base::Result<> failure;  ///< of the producer

  std::unique_ptr<ContentEncoder> encoder;
};

/// Runs the handler, then begins the body.
void RunHandler(HandlerJob& job);

/// Begins the body of `job.response`: compresses it as a whole, or takes the first pieces of its producer.
void BeginBody(HandlerJob& job);

/// Clears `job.out` and fills it with the next pieces.
void ContinueBody(HandlerJob& job);

/// Whether BeginBody() would take long enough to be kept off the loop.
bool IsLongWork(const HandlerJob& job);

}  // namespace baro::net::http
