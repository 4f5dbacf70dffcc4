// Parses a request that arrives in pieces, and refuses what could be read in two ways. No I/O.
//
// Source   RFC 9112; headers by Boost.Beast's parser, which is kept out of this header; and stricter where leniency
// lets requests be
//          smuggled past a proxy: reliability.md section 9.10, RFC 9112 sections 2.2, 5.2, 6.1, 6.3, 11.2.
#pragma once

#include <cstddef>
#include <expected>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "net/http/body_framing.h"
#include "net/http_message.h"

namespace baro::net::http {

/// Why a request is not served: the status to answer with, after which the connection is closed.
struct Fault {
  int status = 400;
  std::string message;
};

/// Where the header ends in `bytes`: behind its blank line; npos if that is not there yet. `from` is where the last
/// search ended, so that a header that comes in single bytes is not searched again and again.
std::size_t FindHeaderEnd(std::string_view bytes, std::size_t from);

/// Threads  Confined.
class RequestParser {
 public:
  /// Shape    `header` is the header up to and with its blank line.
  std::optional<Fault> ParseHeader(std::string_view header);

  // Behind the header:
  /// Method, target and headers are set; the body is at the end.
  HttpRequest& request() { return request_; }
  bool is_http10() const { return is_http10_; }
  bool keeps_alive() const { return keeps_alive_; }
  bool expects_continue() const { return request_.headers.Has("Expect"); }
  bool is_done() const { return framing_.is_done(); }  ///< no body, or all of it has come

  /// To be called once, before PutBody(). The fault is 413 if the declared length is larger.
  std::optional<Fault> LimitBody(std::size_t bytes_max);

  /// Returns how many bytes were used; the rest must be offered again with more behind it, or belongs to the next
  /// request.
  std::expected<std::size_t, Fault> PutBody(std::string_view bytes);

 private:
  std::optional<Fault> CheckFraming();
  std::optional<Fault> CheckHost() const;

  HttpRequest request_;
  BodyFraming framing_ = BodyFraming::None();
  std::optional<std::uint64_t> declared_;
  std::size_t body_bytes_max_ = 0;
  bool is_http10_ = false;
  bool keeps_alive_ = false;
};

}  // namespace baro::net::http
