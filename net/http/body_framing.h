// Where a message's body ends, and what of the bytes is body: by length, in chunks, or up to the end of the connection.
//
// Source   RFC 9112 sections 6 and 7. Our own and not Beast's: that asserts on a last chunk whose trailer comes in
// pieces
//          (basic_parser::parse_chunk_header, 1.81), which any client could send. Found by tests/fuzz/http_fuzz.cpp.
#pragma once

#include <cstddef>
#include <cstdint>
#include <expected>
#include <string>
#include <string_view>

namespace baro::net::http {

/// What is wrong with a body.
enum class FramingError : std::uint8_t {
  kTooLarge,    ///< more than the limit
  kBadChunk,    ///< no chunk where one must be
  kLongHeader,  ///< a chunk header or trailer that does not end
};

/// Takes a body out of its framing.
/// Threads  Confined.
class BodyFraming {
 public:
  static BodyFraming None() { return BodyFraming(Kind::kLength, 0); }
  static BodyFraming Length(std::uint64_t bytes) { return BodyFraming(Kind::kLength, bytes); }
  static BodyFraming Chunked() { return BodyFraming(Kind::kChunked, 0); }
  static BodyFraming UntilEnd() { return BodyFraming(Kind::kUntilEnd, 0); }

  /// At most this many bytes are appended in all.
  void set_body_bytes_max(std::size_t bytes) { body_bytes_max_ = bytes; }

  /// The connection has ended, and with it a body that goes up to there.
  void End() {
    if (is_until_end()) state_ = State::kDone;
  }

  bool is_until_end() const { return kind_ == Kind::kUntilEnd; }
  bool is_done() const { return kind_ == Kind::kLength ? left_ == 0 : state_ == State::kDone; }
  /// Appended so far.
  std::size_t body_bytes() const { return body_bytes_; }

  /// Appends what is body to `out`; returns how many bytes were used: all of them, unless the body ended before.
  std::expected<std::size_t, FramingError> Put(std::string_view bytes, std::string& out);

 private:
  enum class Kind : std::uint8_t { kLength, kChunked, kUntilEnd };
  enum class State : std::uint8_t {
    kSize,       // hexadecimal digits
    kExtension,  // up to the line's end, which is skipped
    kSizeLf,     // the line feed of the size's line
    kData,
    kDataCr,
    kDataLf,
    kTrailerStart,  // a trailer's first byte, or the carriage return of the blank line
    kTrailer,
    kTrailerLf,
    kEndLf,
    kDone,
  };

  BodyFraming(Kind kind, std::uint64_t left) : kind_(kind), left_(left) {}

  std::expected<std::size_t, FramingError> Append(std::string_view bytes, std::string& out);
  std::expected<void, FramingError> Step(char c);
  std::expected<void, FramingError> StepSize(char c);

  Kind kind_;
  State state_ = State::kSize;
  std::uint64_t left_;  // of the body, or of the current chunk
  int digits_ = 0;
  std::size_t header_bytes_ = 0;  // of the current chunk header, or of the trailer
  std::size_t body_bytes_ = 0;
  std::size_t body_bytes_max_ = SIZE_MAX;
};

}  // namespace baro::net::http
