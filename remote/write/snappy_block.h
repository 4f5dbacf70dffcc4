// Bodies in snappy's block format, with its length checked before memory is taken.
//
// Source   https://github.com/google/snappy/blob/main/format_description.txt
// Threads  Confined.
#pragma once

#include <cstddef>
#include <memory>
#include <string_view>

#include "base/result.h"

namespace baro::remote {

/// Decompresses one block after the other into memory that it keeps.
class SnappyBlock {
 public:
  /// The decompressed bytes, valid until the next call.
  /// Errors   kInvalidArgument: no snappy block. kLimitExceeded: it declares more than `bytes_max`.
  base::Result<std::string_view> Decode(std::string_view block, std::size_t bytes_max);

  /// How much memory it keeps.
  std::size_t capacity() const { return capacity_; }

 private:
  std::unique_ptr<char[]> buffer_;
  std::size_t capacity_ = 0;
};

}  // namespace baro::remote
