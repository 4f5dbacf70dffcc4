// Undoes gzip, zstd and deflate of bodies that somebody else chose, with a limit on what comes out.
//
// Source   RFC 1950, 1951, 1952 (zlib, deflate, gzip), RFC 8878 (zstd), RFC 9659 (its window in HTTP).
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>

#include "base/result.h"
#include "net/http_message.h"

namespace baro::net {

/// What may come out of a compressed body.
struct DecodeLimits {
  std::size_t output_bytes_max = 256 * 1024 * 1024;  ///< this many bytes or more are refused
  std::size_t ratio_max = 200;                       ///< output per input byte, looked at ...
  std::size_t ratio_from_bytes = 1024 * 1024;        ///< ... once this much has come out
};

/// Decodes a body that arrives in pieces. Identity is a coding too, so that callers need no second way.
/// Threads  Confined.
class ContentDecoder {
 public:
  static std::unique_ptr<ContentDecoder> Make(ContentCoding coding, const DecodeLimits& limits);
  virtual ~ContentDecoder() = default;

  /// Appends what `in` decodes to. Several gzip members or zstd frames one after the other are one body.
  /// Shape    `out` is only appended to by this decoder from first to last: its size is what the limit is about.
  /// Errors   kLimitExceeded: output or ratio; kCorruption: not in that coding. The decoder is then of no use any more.
  /// Cost     At most 64 KiB or four times the input are allocated beyond what really comes out.
  virtual base::Result<> Feed(std::string_view in, std::string& out) = 0;

  /// Errors   kCorruption: the body ended too early.
  virtual base::Result<> Finish() = 0;
};

/// Decodes a body that is there as a whole, into `out`, whose memory is reused. Faster than the above for gzip and
/// deflate. Errors   as ContentDecoder; `out` is then unspecified.
base::Result<> DecodeContent(ContentCoding coding, std::string_view in, const DecodeLimits& limits, std::string& out);

}  // namespace baro::net
