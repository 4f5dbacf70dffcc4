// What an answer looks like on the wire, short of its body. Pure functions.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "net/http_message.h"

namespace baro::net::http {

/// How the connection and the request shape the answer's header.
struct HeadOptions {
  bool keeps_alive = true;
  bool is_http10 = false;
  bool is_chunked = false;
  std::optional<std::uint64_t> content_length;  ///< none: chunked, or up to the end of the connection
  ContentCoding coding = ContentCoding::kIdentity;
  std::string_view date;
  const HeaderFields* defaults = nullptr;  ///< added unless the answer has them
};

/// The header up to and with its blank line. Header fields that could break out of their line are left out.
std::string RenderHead(const HttpResponse& response, const HeadOptions& options);

/// Whether it pays to compress content of this type: text, JSON and the like, but no images, fonts or archives.
bool IsCompressible(std::string_view content_type);

/// What to compress this answer with, given what the client takes.
ContentCoding CodingFor(const HttpResponse& response, std::string_view accept_encoding);

/// Whether an answer of this status has a body at all (RFC 9112 section 6.3).
bool HasBody(int status);

}  // namespace baro::net::http
