#include "net/http/response_head.h"

#include <array>

#include <fmt/format.h>

namespace baro::net::http {
namespace {

constexpr std::array<std::string_view, 6> kOurs = {"Content-Length", "Transfer-Encoding", "Connection",
                                                   "Date",           "Keep-Alive",        "Trailer"};

bool IsOurs(std::string_view name) {
  for (const auto ours : kOurs) {
    if (EqualsIgnoringCase(ours, name)) return true;
  }
  return false;
}

void Append(std::string& head, std::string_view name, std::string_view value) {
  head += name;
  head += ": ";
  head += value;
  head += "\r\n";
}

}  // namespace

bool HasBody(int status) { return status / 100 != 1 && status != 204 && status != 304; }

std::string RenderHead(const HttpResponse& response, const HeadOptions& options) {
  std::string head;
  head.reserve(512);
  fmt::format_to(std::back_inserter(head), "HTTP/1.1 {} {}\r\n", response.status, StatusPhrase(response.status));
  for (const auto& [name, value] : response.headers) {
    if (IsToken(name) && IsFieldValue(value) && !IsOurs(name)) Append(head, name, value);
  }
  if (options.defaults != nullptr) {
    for (const auto& [name, value] : *options.defaults) {
      if (!response.headers.Has(name)) Append(head, name, value);
    }
  }
  Append(head, "Date", options.date);
  if (options.coding != ContentCoding::kIdentity) Append(head, "Content-Encoding", ContentCodingName(options.coding));
  if (response.compress && IsCompressible(response.headers.Get("Content-Type")))
    Append(head, "Vary", "Accept-Encoding");
  if (options.content_length && HasBody(response.status)) {
    fmt::format_to(std::back_inserter(head), "Content-Length: {}\r\n", *options.content_length);
  }
  if (options.is_chunked) Append(head, "Transfer-Encoding", "chunked");
  if (!options.keeps_alive) {
    Append(head, "Connection", "close");
  } else if (options.is_http10) {
    Append(head, "Connection", "keep-alive");
  }
  head += "\r\n";
  return head;
}

bool IsCompressible(std::string_view content_type) {
  const std::string type = MediaType(content_type);
  if (type.starts_with("text/") || type.ends_with("+json") || type.ends_with("+xml")) return true;
  constexpr std::array<std::string_view, 8> kTypes = {"application/json",          "application/javascript",
                                                      "application/xml",           "application/wasm",
                                                      "application/manifest+json", "application/openmetrics-text",
                                                      "application/yaml",          "application/vnd.google.protobuf"};
  for (const auto known : kTypes) {
    if (type == known) return true;
  }
  return false;
}

ContentCoding CodingFor(const HttpResponse& response, std::string_view accept_encoding) {
  const bool may = response.compress && HasBody(response.status) && !response.headers.Has("Content-Encoding") &&
                   IsCompressible(response.headers.Get("Content-Type"));
  return may ? ChooseContentCoding(accept_encoding) : ContentCoding::kIdentity;
}

}  // namespace baro::net::http
