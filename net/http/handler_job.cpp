#include "net/http/handler_job.h"

#include <exception>

#include <fmt/format.h>

#include "net/http/response_head.h"

namespace baro::net::http {
namespace {

// Bytes that are collected before they are sent: few enough that the client sees the answer begin, and that a slow
// client holds little memory; many enough that the way between the threads does not count.
constexpr std::size_t kPieceBytes = 128 * 1024;

// Up to here compressing takes less than the way to the pool and back: 0.2 ms.
constexpr std::size_t kInlineEncodeBytes = 64 * 1024;

base::Result<bool> Produce(const BodyProducer& producer, std::string& chunk) {
  try {
    return producer(chunk);
  } catch (const std::exception& e) {
    return base::Fail(base::Code::kIo, fmt::format("producing the body: {}", e.what()));
  }
}

}  // namespace

void RunHandler(HandlerJob& job) {
  job.response = job.router->Dispatch(*job.route, job.request, job.cancel);
  BeginBody(job);
}

bool IsLongWork(const HandlerJob& job) {
  return job.response.producer != nullptr || (job.response.body.size() > kInlineEncodeBytes &&
                                              CodingFor(job.response, job.accept_encoding) != ContentCoding::kIdentity);
}

void BeginBody(HandlerJob& job) {
  job.coding = CodingFor(job.response, job.accept_encoding);
  if (job.response.producer) {
    if (!job.wants_body) return;
    job.encoder = ContentEncoder::Make(job.coding);
    if (!job.encoder) job.coding = ContentCoding::kIdentity;
    ContinueBody(job);
    return;
  }
  job.out = std::move(job.response.body);
  if (job.coding == ContentCoding::kIdentity) return;
  std::string encoded;
  if (job.out.size() >= job.compress_bytes_min && EncodeContent(job.coding, job.out, encoded)) {
    job.out = std::move(encoded);
  } else {
    job.coding = ContentCoding::kIdentity;
  }
}

void ContinueBody(HandlerJob& job) {
  job.out.clear();
  job.is_whole = false;
  std::string chunk;
  while (!job.is_whole && job.out.size() < kPieceBytes) {
    chunk.clear();
    const auto more = Produce(job.response.producer, chunk);
    if (!more) {
      job.failure = std::unexpected(more.error());
      return;
    }
    job.is_whole = !*more;
    if (job.encoder) {
      job.encoder->Write(chunk, job.is_whole, job.out);
    } else {
      job.out += chunk;
    }
  }
}

}  // namespace baro::net::http
