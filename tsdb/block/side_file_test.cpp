#include "tsdb/block/side_file.h"

#include <map>

#include <gtest/gtest.h>

#include "base/random.h"
#include "base/sim_file_system.h"
#include "tsdb/block/side_records.h"
#include "tsdb/block/testing.h"

namespace baro::tsdb {
namespace {

using block_testing::TestUlid;

std::map<std::uint64_t, base::ByteBuffer> RandomRecords(base::Random& random, std::size_t count) {
  std::map<std::uint64_t, base::ByteBuffer> records;
  std::uint64_t number = 0;
  for (std::size_t i = 0; i < count; ++i) {
    number += random.Below(5);
    base::ByteBuffer& record = records[number++];
    for (std::uint64_t k = random.Below(200); k > 0; --k) record.push_back(static_cast<std::byte>(random.Below(256)));
  }
  return records;
}

base::ByteBuffer WriteAll(const std::map<std::uint64_t, base::ByteBuffer>& records) {
  base::SimFileSystem files;
  EXPECT_TRUE(files.CreateDirectories("b"));
  SideFileWriter writer(files, "b", TestUlid(), BlockFile::kStarts);
  for (const auto& [number, record] : records) EXPECT_TRUE(writer.Add(number, record));
  EXPECT_TRUE(writer.Finish());
  EXPECT_EQ(writer.record_count(), records.size());
  const auto map = files.Map("b/starts");
  return map ? base::ByteBuffer((*map)->bytes().begin(), (*map)->bytes().end()) : base::ByteBuffer();
}

TEST(SideFile, GivesEachRecordAndNoOther) {
  base::SeededRandom random(1);
  for (const std::size_t count : {std::size_t{1}, std::size_t{10}, std::size_t{3000}}) {
    const auto records = RandomRecords(random, count);
    const base::ByteBuffer bytes = WriteAll(records);
    const auto file = SideFile::Open(bytes, TestUlid(), BlockFile::kStarts);
    ASSERT_TRUE(file) << file.error().message();
    EXPECT_TRUE(file->Verify());
    SideFileCursor cursor(*file);
    for (std::uint64_t number = 0; number <= records.rbegin()->first + 2; ++number) {
      const auto found = cursor.Find(number);
      ASSERT_TRUE(found);
      const auto want = records.find(number);
      ASSERT_EQ(found->has_value(), want != records.end()) << number;
      if (*found) {
        ASSERT_TRUE(std::ranges::equal(**found, want->second));
      }
      const auto next = cursor.FindFrom(number);
      ASSERT_TRUE(next);
      const auto want_next = records.lower_bound(number);
      ASSERT_EQ(next->has_value(), want_next != records.end());
      if (*next) {
        ASSERT_EQ((*next)->number, want_next->first);
      }
    }
  }
}

TEST(SideFile, NoRecordNoFile) { EXPECT_TRUE(WriteAll({}).empty()); }

TEST(SideFile, SeesEachFlippedByteAndEachCut) {
  base::SeededRandom random(2);
  const auto records = RandomRecords(random, 40);
  const base::ByteBuffer bytes = WriteAll(records);
  const auto is_good = [](base::ByteSpan file) {
    const auto opened = SideFile::Open(file, TestUlid(), BlockFile::kStarts);
    return opened && opened->Verify().has_value();
  };
  ASSERT_TRUE(is_good(bytes));
  for (std::size_t at = 0; at < bytes.size(); ++at) {
    if (at >= 36 && at < 40) continue;  // the header's end is not used
    base::ByteBuffer damaged = bytes;
    damaged[at] ^= std::byte{0x10};
    EXPECT_FALSE(is_good(damaged)) << at;
  }
  for (std::size_t size = 0; size < bytes.size(); ++size) EXPECT_FALSE(is_good(base::ByteSpan(bytes).first(size)));
  EXPECT_FALSE(SideFile::Open(bytes, TestUlid(2), BlockFile::kStarts));
  EXPECT_FALSE(SideFile::Open(bytes, TestUlid(), BlockFile::kExemplars));
}

TEST(SideRecords, ComeBackAsTheyWere) {
  const FamilyMetadata family{
      .family = "f", .metadata = {.type = model::MetricType::kSummary, .help = "h", .unit = "s"}, .seen_ms = -5};
  base::ByteBuffer bytes;
  EncodeFamily(family, bytes);
  EXPECT_EQ(DecodeFamily(bytes).value(), family);
  EXPECT_FALSE(DecodeFamily(base::ByteSpan(bytes).first(bytes.size() - 1)));

  std::vector<model::Exemplar> exemplars = {
      {.labels = model::Labels::FromPairs({{"a", "b"}}), .value = -0.0, .timestamp_ms = model::kMinTimestampMs},
      {.labels = {}, .value = 1, .timestamp_ms = model::kMaxTimestampMs}};
  bytes.clear();
  EncodeExemplars(exemplars, bytes);
  std::vector<model::Exemplar> read;
  ASSERT_TRUE(DecodeExemplars(bytes, read));
  EXPECT_EQ(read, exemplars);
  read.clear();
  EXPECT_FALSE(DecodeExemplars(base::ByteSpan(bytes).first(bytes.size() - 1), read));

  const std::vector<StartRun> runs = {{.from_ms = -10, .start_ms = 7},
                                      {.from_ms = 5, .start_ms = 0},
                                      {.from_ms = model::kMaxTimestampMs, .start_ms = model::kMinTimestampMs}};
  bytes.clear();
  EncodeStarts(runs, bytes);
  std::vector<StartRun> read_runs;
  ASSERT_TRUE(DecodeStarts(bytes, read_runs));
  EXPECT_EQ(read_runs, runs);
  EXPECT_FALSE(DecodeStarts(base::ByteSpan(bytes).first(bytes.size() - 1), read_runs));
}

}  // namespace
}  // namespace baro::tsdb
