#include "remote/write/snappy_block.h"

#include <snappy.h>

#include <gtest/gtest.h>

#include <string>

namespace baro::remote {
namespace {

constexpr std::size_t kBytesMax = 1 << 20;

std::string Compressed(const std::string& text) {
  std::string out;
  snappy::Compress(text.data(), text.size(), &out);
  return out;
}

TEST(SnappyBlock, GivesBackWhatWasCompressed) {
  SnappyBlock block;
  for (const std::size_t size : {0, 1, 100, 1 << 20, 50}) {
    const std::string text(size, 'x');
    const auto decoded = block.Decode(Compressed(text), kBytesMax);
    ASSERT_TRUE(decoded) << decoded.error().message();
    EXPECT_EQ(*decoded, text);
  }
}

TEST(SnappyBlock, RefusesBeforeItTakesMemory) {
  const struct {
    std::string_view bytes;
    base::Code want;
  } kRows[] = {
      {"", base::Code::kInvalidArgument},
      {"\xff\xff\xff\xff\xff\xff", base::Code::kInvalidArgument},
      {"\xff\xff\xff\xff\x0f"
       "abc",
       base::Code::kLimitExceeded},  // 4 GiB
      {"\x80\x80\x20"
       "abc",
       base::Code::kInvalidArgument},  // 512 KiB in 6 bytes
      {"\x05\x10"
       "ab",
       base::Code::kInvalidArgument},  // a literal cut short
  };
  for (const auto& [bytes, want] : kRows) {
    SnappyBlock block;
    const auto decoded = block.Decode(bytes, kBytesMax);
    ASSERT_FALSE(decoded) << bytes.size();
    EXPECT_EQ(decoded.error().code(), want) << decoded.error().message();
    EXPECT_LE(block.capacity(), std::size_t{100});
  }
}

}  // namespace
}  // namespace baro::remote
