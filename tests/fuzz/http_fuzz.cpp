// fuzz: net
// Requests and answers from anywhere, whole and in pieces: no crash, and both ways agree.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <optional>
#include <string_view>

#include "net/http/request_parser.h"
#include "net/http/response_parser.h"

namespace http = baro::net::http;

namespace {

constexpr std::size_t kBodyMax = 1000;

// What became of a request: its body, or the status of its refusal.
std::string ParseRequest(std::string_view bytes, std::size_t piece) {
  const std::size_t header_size = http::FindHeaderEnd(bytes, 0);
  if (header_size == std::string_view::npos) return "no header";
  http::RequestParser parser;
  if (const auto fault = parser.ParseHeader(bytes.substr(0, header_size))) return "refused";
  if (parser.LimitBody(kBodyMax)) return "declared too large";
  std::string pending;
  for (std::size_t at = header_size; at < bytes.size() && !parser.is_done(); at += piece) {
    pending += bytes.substr(at, piece);
    const auto used = parser.PutBody(pending);
    if (!used) return "unfinished";  // a refusal may come as soon as there is enough to see it
    pending.erase(0, *used);
  }
  if (parser.request().body.size() > kBodyMax) std::abort();
  return parser.is_done() ? parser.request().body : "unfinished";
}

std::string ParseResponse(std::string_view bytes, std::size_t piece) {
  std::string plain;
  std::string coded;
  http::ResponseParser parser({.header_bytes_max = 4096, .body_bytes_max = kBodyMax}, false, plain, coded);
  std::string pending;
  for (std::size_t at = 0; at < bytes.size() && !parser.is_done(); at += piece) {
    pending += bytes.substr(at, piece);
    const auto used = parser.Put(pending);
    if (!used) return "refused";
    pending.erase(0, *used);
  }
  if (!parser.is_done() && !parser.PutEnd()) return "cut";
  if (plain.size() + coded.size() > kBodyMax) std::abort();
  return plain + coded;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  const std::size_t all = size == 0 ? 1 : size;
  if (ParseRequest(bytes, all) != ParseRequest(bytes, 1)) std::abort();
  // A refusal may come at another byte, but not turn into an answer.
  const std::string whole = ParseResponse(bytes, all);
  const std::string pieces = ParseResponse(bytes, 1);
  const bool is_bad = whole == "refused" || whole == "cut" || pieces == "refused" || pieces == "cut";
  if (!is_bad && whole != pieces) std::abort();
  return 0;
}
