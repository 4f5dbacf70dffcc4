#include "remote/write/snappy_block.h"

#include <snappy.h>

#include <fmt/format.h>

namespace baro::remote {
namespace {

// A copy element of 3 bytes yields at most 64: what declares more per byte lies.
constexpr std::size_t kExpansionMax = 22;

}  // namespace

base::Result<std::string_view> SnappyBlock::Decode(std::string_view block, std::size_t bytes_max) {
  std::size_t size = 0;
  if (!snappy::GetUncompressedLength(block.data(), block.size(), &size)) {
    return base::Fail(base::Code::kInvalidArgument,
                      fmt::format("snappy: corrupt input: no length at the start of {} bytes", block.size()));
  }
  if (size > bytes_max) {
    return base::Fail(
        base::Code::kLimitExceeded,
        fmt::format("snappy: the body declares {} bytes when decompressed, the limit is {}", size, bytes_max));
  }
  if (size / kExpansionMax > block.size()) {
    return base::Fail(
        base::Code::kInvalidArgument,
        fmt::format("snappy: corrupt input: {} bytes cannot hold the {} that they declare", block.size(), size));
  }
  if (size > capacity_) {
    buffer_ = std::make_unique_for_overwrite<char[]>(size);
    capacity_ = size;
  }
  if (!snappy::RawUncompress(block.data(), block.size(), buffer_.get())) {
    return base::Fail(base::Code::kInvalidArgument,
                      fmt::format("snappy: corrupt input in a body of {} bytes", block.size()));
  }
  return std::string_view(buffer_.get(), size);
}

}  // namespace baro::remote
