// Parses an answer that arrives in pieces. No I/O: bytes in, header and body out.
//
// Source   RFC 9112, by Boost.Beast's parser, which is kept out of this header.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>

#include "base/result.h"
#include "net/http_message.h"

namespace baro::net::http {

/// Parses one final answer; interim ones (1xx) in front of it are skipped.
/// Threads  Confined.
class ResponseParser {
 public:
  struct Limits {
    std::size_t header_bytes_max = 64 * 1024;
    std::size_t body_bytes_max = 256 * 1024 * 1024;  ///< of what is appended in all; this many or more are refused
  };

  /// Appends the body, without chunk framing, to `plain`, or to `coded` if the answer has a Content-Encoding. Both are
  /// borrowed, and may be taken out of and cleared between calls. `is_head`: the answer has no body, whatever its
  /// header says.
  ResponseParser(const Limits& limits, bool is_head, std::string& plain, std::string& coded);
  ~ResponseParser();
  ResponseParser(const ResponseParser&) = delete;
  ResponseParser& operator=(const ResponseParser&) = delete;

  /// Returns how many bytes were used; the rest must be offered again with more behind it.
  /// Errors   kCorruption: not HTTP. kLimitExceeded: header or body.
  base::Result<std::size_t> Put(std::string_view bytes);
  /// The other side has ended the connection.
  /// Errors   kCorruption: in the middle of the answer.
  base::Result<> PutEnd();

  bool has_bytes() const;  ///< of this answer, at least one
  bool has_header() const;
  bool is_done() const;

  // Behind the header:
  int status() const;
  HeaderFields TakeHeaders();
  bool keeps_alive() const;
  /// Body bytes so far, also those that were taken out.
  std::size_t body_bytes() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace baro::net::http
