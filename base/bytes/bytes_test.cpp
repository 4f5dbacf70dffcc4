#include "base/bytes.h"

#include <gtest/gtest.h>

#include "base/crc32c.h"
#include "base/random.h"

namespace baro::base {
namespace {

TEST(Varint, ReadsBackWhatItWrote) {
  SeededRandom random(1);
  for (int i = 0; i < 10'000; ++i) {
    const std::uint64_t value = random.NextU64() >> random.Below(64);
    ByteBuffer bytes;
    AppendVarint(bytes, value);
    AppendSignedVarint(bytes, static_cast<std::int64_t>(value));
    ByteReader reader(bytes);
    EXPECT_EQ(reader.Varint(), value);
    EXPECT_EQ(reader.SignedVarint(), static_cast<std::int64_t>(value));
    EXPECT_TRUE(reader.ok() && reader.AtEnd());
  }
}

TEST(Varint, RefusesWhatIsCutOrTooLong) {
  ByteBuffer endless(11, std::byte{0x80});
  ByteReader long_reader(endless);
  long_reader.Varint();
  EXPECT_FALSE(long_reader.ok());
  ByteBuffer cut(3, std::byte{0xff});
  ByteReader cut_reader(cut);
  cut_reader.Varint();
  EXPECT_FALSE(cut_reader.ok());
  ByteBuffer over(9, std::byte{0xff});  // 9 x 7 bits, then a byte with more than the 64th
  over.push_back(std::byte{2});
  ByteReader over_reader(over);
  over_reader.Varint();
  EXPECT_FALSE(over_reader.ok());
}

TEST(ByteReader, GivesNothingAfterItsEnd) {
  ByteBuffer bytes;
  AppendLe<std::uint32_t>(bytes, 7);
  ByteReader reader(bytes);
  EXPECT_EQ(reader.Le<std::uint32_t>(), 7U);
  EXPECT_EQ(reader.Le<std::uint64_t>(), 0U);
  EXPECT_FALSE(reader.ok());
  EXPECT_TRUE(reader.Bytes(1).empty());
}

TEST(Crc32c, KnowsTheVectorsOfRfc3720) {
  EXPECT_EQ(Crc32c(ByteBuffer(32, std::byte{0})), 0x8A9136AAU);
  EXPECT_EQ(Crc32c(ByteBuffer(32, std::byte{0xff})), 0x62A8AB43U);
  EXPECT_EQ(Crc32c(AsBytes("123456789")), 0xE3069283U);
}

TEST(Crc32c, TheFastOneEqualsThePortableOneAndPiecesAddUp) {
  SeededRandom random(2);
  for (int i = 0; i < 500; ++i) {
    ByteBuffer bytes(random.Below(200));
    for (auto& byte : bytes) byte = static_cast<std::byte>(random.NextU64());
    const ByteSpan all(bytes);
    const std::size_t cut = bytes.empty() ? 0 : random.Below(bytes.size());
    EXPECT_EQ(Crc32c(all), Crc32cPortable(all));
    EXPECT_EQ(Crc32c(all.subspan(cut), Crc32c(all.first(cut))), Crc32c(all));
  }
}

}  // namespace
}  // namespace baro::base
