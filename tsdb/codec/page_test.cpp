// Pages of float chunks: what went in comes out, from any place, and damage is found.
#include "tsdb/codec/page.h"

#include <bit>

#include <gtest/gtest.h>

#include "base/random.h"
#include "model/sample.h"
#include "tsdb/codec/timestamp_codec.h"

namespace baro::tsdb {
namespace {

using Columns = std::vector<std::vector<double>>;

std::vector<std::uint64_t> BitsOf(std::span<const double> values) {
  std::vector<std::uint64_t> bits;
  for (const double value : values) bits.push_back(std::bit_cast<std::uint64_t>(value));
  return bits;
}

// Chunks as neighbours in a block are: constants, counters, some of them alike, some with rows missing.
Columns SomeColumns(std::size_t count, base::Random& random) {
  Columns columns;
  for (std::size_t i = 0; i < count; ++i) {
    if (!columns.empty() && random.OneIn(5)) {
      columns.push_back(columns[random.Below(columns.size())]);
      continue;
    }
    std::vector<double> column(random.OneIn(4) ? 1 + random.Below(kChunkRowsMax) : 480);
    double value = static_cast<double>(random.Below(1000));
    const std::uint64_t shape = random.Below(4);
    for (double& slot : column) {
      if (shape == 1) value += static_cast<double>(random.Below(100));
      if (shape == 2) value = std::bit_cast<double>(random.NextU64());
      slot = shape == 3 && random.OneIn(40) ? model::StaleNaN() : value;
    }
    columns.push_back(std::move(column));
  }
  return columns;
}

void ExpectHolds(const PageView& page, const Columns& columns) {
  ASSERT_EQ(page.chunks(), columns.size());
  PageCursor cursor(page);
  for (std::size_t i = 0; i < columns.size(); ++i) {
    const auto chunk = static_cast<std::uint32_t>(i);
    std::vector<double> values(columns[i].size());
    ASSERT_TRUE(page.Decode(chunk, values.size(), values)) << "chunk " << i;
    EXPECT_EQ(BitsOf(values), BitsOf(columns[i])) << "chunk " << i;
    std::ranges::fill(values, 0);
    ASSERT_TRUE(cursor.Decode(chunk, values.size(), values)) << "chunk " << i;
    EXPECT_EQ(BitsOf(values), BitsOf(columns[i])) << "chunk " << i;
    const auto facts = page.Facts(chunk);
    ASSERT_TRUE(facts);
    const std::vector<std::uint64_t> bits = BitsOf(columns[i]);
    EXPECT_EQ(facts->is_constant, std::ranges::count(bits, bits[0]) == std::ssize(bits)) << "chunk " << i;
    EXPECT_EQ(std::bit_cast<std::uint64_t>(facts->first.value_or(columns[i][0])), bits[0]) << "chunk " << i;
  }
}

TEST(Page, GivesBackItsChunksFromAnyPlaceInEitherForm) {
  base::SeededRandom random(1);
  PageBuilder builder;
  for (const std::size_t count : {1U, 15U, 16U, 17U, 33U, 100U}) {
    const Columns columns = SomeColumns(count, random);
    for (const PageForm form : {PageForm::kHot, PageForm::kCold}) {
      SCOPED_TRACE(fmt::format("{} chunks, form {}", count, static_cast<int>(form)));
      for (const auto& column : columns) builder.Add(column);
      base::ByteBuffer bytes;
      builder.Finish(7, form, bytes);
      const auto page = PageView::Open(bytes, 7);
      ASSERT_TRUE(page) << page.error().message();
      ExpectHolds(*page, columns);
      // Backwards, so that the cursor's place never serves.
      PageCursor cursor(*page);
      for (std::size_t i = columns.size(); i-- > 0;) {
        std::vector<double> values(columns[i].size());
        ASSERT_TRUE(cursor.Decode(static_cast<std::uint32_t>(i), values.size(), values));
        EXPECT_EQ(BitsOf(values), BitsOf(columns[i]));
      }
    }
  }
}

TEST(Page, KeepsEqualPayloadsOnce) {
  base::SeededRandom random(2);
  std::vector<double> column(480);
  for (double& value : column) value = static_cast<double>(random.Below(1 << 20));
  PageBuilder once;
  once.Add(column);
  PageBuilder often;
  for (int i = 0; i < 50; ++i) often.Add(column);
  EXPECT_LT(often.SizeBytes(), once.SizeBytes() + 50 * 20);
}

TEST(Page, BelongsToItsPlaceAndIsDamagedByAnyFlippedBit) {
  base::SeededRandom random(3);
  const Columns columns = SomeColumns(20, random);
  for (const PageForm form : {PageForm::kHot, PageForm::kCold}) {
    PageBuilder builder;
    for (const auto& column : columns) builder.Add(column);
    base::ByteBuffer bytes;
    builder.Finish(7, form, bytes);
    EXPECT_FALSE(PageView::Open(bytes, 8));
    std::vector<double> values(kChunkRowsMax);
    for (int round = 0; round < 2000; ++round) {
      base::ByteBuffer flipped = bytes;
      const std::size_t bit = random.Below(bytes.size() * 8);
      flipped[bit / 8] ^= static_cast<std::byte>(1U << (bit % 8));
      EXPECT_FALSE(PageView::Open(flipped, 7));
      // Without the checksum it may decode to something else, but it never reads outside.
      const auto page = PageView::OpenChecked(flipped);
      if (!page) continue;
      for (std::uint32_t i = 0; i < columns.size() && i < page->chunks(); ++i) {
        (void)page->Decode(i, columns[i].size(), std::span(values).first(columns[i].size())).has_value();
      }
    }
    for (std::size_t cut = 0; cut < bytes.size(); cut += 7) {
      EXPECT_FALSE(PageView::OpenChecked(base::ByteSpan(bytes).first(cut)));
    }
  }
}

TEST(Page, RefusesChunksThatAreNotThereAndOtherRowCounts) {
  PageBuilder builder;
  std::vector<double> values(100);
  for (std::size_t i = 0; i < values.size(); ++i) values[i] = static_cast<double>(i * i % 37);
  builder.Add(values);
  base::ByteBuffer bytes;
  builder.Finish(0, PageForm::kHot, bytes);
  const auto page = PageView::Open(bytes, 0);
  ASSERT_TRUE(page);
  EXPECT_TRUE(page->Decode(0, values.size(), values));
  EXPECT_EQ(page->Decode(1, values.size(), values).error().code(), base::Code::kCorruption);
  EXPECT_EQ(page->Decode(0, 99, std::span(values).first(99)).error().code(), base::Code::kCorruption);
}

TEST(TimestampCodec, GivesBackColumns) {
  base::SeededRandom random(4);
  for (std::size_t rows : {0U, 1U, 2U, 480U, 1024U, 5000U}) {
    std::vector<std::int64_t> column(rows);
    std::int64_t at = 1'700'000'000'000;
    for (std::int64_t& slot : column) slot = at += 15'000 + static_cast<std::int64_t>(random.Below(3)) - 1;
    base::ByteBuffer bytes;
    EncodeTimestamps(column, bytes);
    EXPECT_LT(bytes.size(), rows / 2 + 32);
    std::vector<std::int64_t> decoded(rows);
    const auto rest = DecodeTimestamps(bytes, decoded);
    ASSERT_TRUE(rest);
    EXPECT_TRUE(rest->empty());
    EXPECT_EQ(decoded, column);
  }
}

}  // namespace
}  // namespace baro::tsdb
