// Compresses answers, whole or piece by piece.
//
// Source   As net/content_decoder.h; levels are the fast ones: an answer is compressed once per request, so time to the
//          last byte counts more than the last percents of size.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "net/http_message.h"

namespace baro::net::http {

/// Compresses a stream of pieces.
/// Threads  Confined.
class ContentEncoder {
 public:
  /// Null for identity, and when memory is out: the caller then sends the pieces as they are.
  static std::unique_ptr<ContentEncoder> Make(ContentCoding coding);
  virtual ~ContentEncoder() = default;

  /// Appends what can be sent already. With `is_last` everything, including the trailer.
  virtual void Write(std::string_view in, bool is_last, std::string& out) = 0;
};

/// The whole of `in` compressed; false if that failed or came out no smaller: send it as it is then.
/// Threads  From any; each keeps its own working memory.
bool EncodeContent(ContentCoding coding, std::string_view in, std::string& out);

}  // namespace baro::net::http
