#include "net/http/request_parser.h"

#include <fmt/format.h>
#include <boost/beast/http/fields.hpp>
#include <boost/beast/http/message.hpp>

#include "net/http/message_head.h"

namespace baro::net::http {
namespace {

namespace beast_http = boost::beast::http;
using Parser = beast_http::request_parser<beast_http::empty_body>;

Fault BadRequest(std::string message) { return {.status = 400, .message = std::move(message)}; }

// What makes two parsers disagree about where a line or a field ends.
std::optional<Fault> CheckLines(std::string_view header) {
  for (std::size_t i = 0; i < header.size(); ++i) {
    const char c = header[i];
    if (c == '\0') return BadRequest("the header has a NUL byte");
    if (c == '\n' && (i == 0 || header[i - 1] != '\r'))
      return BadRequest("the header has a line feed without carriage return");
    if (c == '\r' && (i + 1 == header.size() || header[i + 1] != '\n')) {
      return BadRequest("the header has a carriage return without line feed");
    }
    if (c == '\n' && i + 1 < header.size() && (header[i + 1] == ' ' || header[i + 1] == '\t')) {
      return BadRequest("the header has a folded line");
    }
  }
  return std::nullopt;
}

Fault FromBeast(const boost::system::error_code& error) {
  if (error == beast_http::error::bad_version) {
    return {.status = 505, .message = "only HTTP/1.1 and HTTP/1.0 are spoken here"};
  }
  return BadRequest(fmt::format("malformed request: {}", error.message()));
}

// A request target in absolute form, as proxies get it, names the host twice; the path is what counts here.
std::optional<std::string> OriginForm(std::string_view target) {
  if (target.starts_with('/') || target == "*") return std::string(target);
  auto url = ParseUrl(target);
  if (!url) return std::nullopt;
  return std::move(url->target);
}

}  // namespace

std::size_t FindHeaderEnd(std::string_view bytes, std::size_t from) {
  const auto end = bytes.find("\r\n\r\n", from < 3 ? 0 : from - 3);
  return end == std::string_view::npos ? end : end + 4;
}

std::optional<Fault> RequestParser::ParseHeader(std::string_view header) {
  if (auto fault = CheckLines(header)) return fault;
  Parser parser;
  if (const auto error = ParseHead(parser, header)) return FromBeast(error);
  const auto& message = parser.get();
  if (message.version() != 11 && message.version() != 10) return FromBeast(beast_http::error::bad_version);
  const auto method = ParseMethod(std::string_view(message.method_string()));
  if (!method) {
    return Fault{.status = 501,
                 .message = fmt::format("method {:?} is not known here",
                                        std::string_view(message.method_string()).substr(0, 50))};
  }
  request_.method = *method;
  request_.headers = CopyFields(message);
  is_http10_ = message.version() == 10;
  keeps_alive_ = message.keep_alive();
  if (auto fault = CheckFraming()) return fault;
  if (auto fault = CheckHost()) return fault;
  auto target = OriginForm(std::string_view(message.target()));
  if (!target) return BadRequest("malformed request target");
  request_.target = *std::move(target);
  const std::string_view expect = request_.headers.Get("Expect");
  if (!expect.empty() && !EqualsIgnoringCase(expect, "100-continue")) {
    return Fault{.status = 417, .message = "the only expectation that can be met is 100-continue"};
  }
  return std::nullopt;
}

std::optional<Fault> RequestParser::CheckFraming() {
  const auto lengths = request_.headers.All("Content-Length");
  const auto codings = request_.headers.All("Transfer-Encoding");
  if (lengths.size() > 1) return BadRequest("more than one Content-Length");
  if (!lengths.empty()) {
    declared_ = ParseLength(lengths[0]);
    if (!declared_) return BadRequest("Content-Length is not a number");
    framing_ = BodyFraming::Length(*declared_);
  }
  if (codings.empty()) return std::nullopt;
  if (declared_) return BadRequest("both Content-Length and Transfer-Encoding");
  if (codings.size() > 1 || !EqualsIgnoringCase(codings[0], "chunked")) {
    return BadRequest("the only Transfer-Encoding accepted is a single chunked");
  }
  if (is_http10_) return BadRequest("Transfer-Encoding in an HTTP/1.0 request");
  framing_ = BodyFraming::Chunked();
  return std::nullopt;
}

std::optional<Fault> RequestParser::CheckHost() const {
  const auto hosts = request_.headers.All("Host");
  if (hosts.size() > 1) return BadRequest("more than one Host");
  if (hosts.empty()) return is_http10_ ? std::nullopt : std::optional(BadRequest("no Host"));
  // An empty Host is legal where the target has no authority (RFC 9110 section 7.2).
  const bool is_good = hosts[0].empty() || (hosts[0].find_first_of("/?#@\\") == std::string_view::npos &&
                                            ParseUrl(fmt::format("http://{}/", hosts[0])).has_value());
  if (!is_good) return BadRequest("malformed Host");
  return std::nullopt;
}

std::optional<Fault> RequestParser::LimitBody(std::size_t bytes_max) {
  body_bytes_max_ = bytes_max;
  framing_.set_body_bytes_max(bytes_max);
  if (declared_ && *declared_ > bytes_max) {
    return Fault{.status = 413,
                 .message = fmt::format("the body of {} bytes exceeds the limit of {}", *declared_, bytes_max)};
  }
  // A declared length is a claim: memory beyond this is taken as bytes come in.
  constexpr std::uint64_t kReserveMax = 1024 * 1024;
  if (declared_) request_.body.reserve(std::min(*declared_, kReserveMax));
  return std::nullopt;
}

std::expected<std::size_t, Fault> RequestParser::PutBody(std::string_view bytes) {
  const auto used = framing_.Put(bytes, request_.body);
  if (used) return *used;
  if (used.error() == FramingError::kTooLarge) {
    return std::unexpected(
        Fault{.status = 413, .message = fmt::format("the body exceeds the limit of {} bytes", body_bytes_max_)});
  }
  return std::unexpected(BadRequest(used.error() == FramingError::kLongHeader ? "a chunk header or trailer does not end"
                                                                              : "malformed chunk"));
}

}  // namespace baro::net::http
