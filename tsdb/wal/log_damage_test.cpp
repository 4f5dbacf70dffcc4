// Damage to a log's files: every start succeeds, damage is named, no value is wrong, what is undamaged is complete.
#include <filesystem>
#include <fstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/random.h"
#include "tsdb/storage/testing.h"
#include "tsdb/wal/log_writer.h"
#include "tsdb/wal/record.h"
#include "tsdb/wal/segment.h"

namespace baro::tsdb {
namespace {

using testing_support::kStartMs;
using testing_support::ReadAll;
using testing_support::StorageFixture;

constexpr int kRows = 400;
constexpr int kSeries = 5;

std::string ReadBytes(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
}
void WriteBytes(const std::string& path, const std::string& bytes) {
  std::ofstream out(path, std::ios::binary | std::ios::trunc);
  out.write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
}

double ValueAt(std::int64_t timestamp_ms, std::string_view series) {
  return static_cast<double>((timestamp_ms - kStartMs) / 1000) * 1.25 + static_cast<double>(series[0]);
}

class LogDamageTest : public ::testing::Test, public StorageFixture {
 protected:
  // A log of several segments, and its files as they were.
  void WriteLog() {
    options().segment_bytes = 4000;
    Open();
    const GroupRef group = storage().NewGroup();
    auto appender = storage().NewAppender();
    std::vector<SeriesRef> series;
    std::vector<std::string> names;
    for (int i = 0; i < kSeries; ++i) {
      names.push_back(fmt::format("{}", i));
      series.push_back(*appender->Resolve(model::Labels::FromPairs({{"__name__", "m"}, {"n", names.back()}}), nullptr));
    }
    for (int row = 0; row < kRows; ++row) {
      clock().Advance(std::chrono::seconds(1));
      const std::int64_t now_ms = base::ToMs(clock().Now());
      std::vector<double> values;
      for (const std::string& name : names) values.push_back(ValueAt(now_ms, name));
      appender->AppendRow(group, now_ms, series, values, {});
      ASSERT_TRUE(appender->Commit(Durability::kInterval));
    }
    appender.reset();
    Drop();
    for (const auto& entry : std::filesystem::directory_iterator(LogPath(""))) {
      files_[entry.path().filename()] = ReadBytes(entry.path());
    }
    ASSERT_GE(files_.size(), 4U);
  }
  void Restore() {
    Drop();
    std::filesystem::remove_all(LogPath(""));
    std::filesystem::create_directory(LogPath(""));
    for (const auto& [name, bytes] : files_) WriteBytes(LogPath(name), bytes);
  }
  // Opens, and returns how many samples there are, all of them right.
  std::size_t OpenAndCount() {
    Open();
    std::size_t count = 0;
    for (const LiteralSeries& series : ReadAll(storage())) {
      for (const model::Sample& sample : series.samples) {
        EXPECT_EQ(sample.value, ValueAt(sample.timestamp_ms, series.labels.Get("n")));
      }
      count += series.samples.size();
    }
    return count;
  }
  std::size_t OpenAndCountAgain() {
    Drop();
    return OpenAndCount();
  }
  bool IsNamed(std::string_view word) const {
    return std::ranges::any_of(lines(), [word](const std::string& line) { return line.find(word) != line.npos; });
  }

  std::map<std::string, std::string> files_;
};

TEST_F(LogDamageTest, FlippedBitsCostOnlyWhatTheyTouch) {
  WriteLog();
  base::SeededRandom random(11);
  for (int round = 0; round < 40; ++round) {
    Restore();
    const auto victim = std::next(files_.begin(), static_cast<std::ptrdiff_t>(random.Below(files_.size())));
    std::string bytes = victim->second;
    const std::size_t at = random.Below(bytes.size());
    bytes[at] = static_cast<char>(bytes[at] ^ (1 << random.Below(8)));
    WriteBytes(LogPath(victim->first), bytes);
    const std::size_t lines_before = lines().size();
    const std::size_t count = OpenAndCount();
    EXPECT_GE(count, static_cast<std::size_t>((kRows - 140) * kSeries)) << victim->first << " byte " << at;
    bool is_named = false;
    for (std::size_t i = lines_before; i < lines().size(); ++i)
      is_named |= lines()[i].find("warn") != std::string::npos;
    EXPECT_TRUE(is_named) << victim->first << " byte " << at;
  }
}

TEST_F(LogDamageTest, EveryPlaceIsCountedOnceAndATornTailIsNone) {
  WriteLog();
  const auto first = files_.begin();
  const auto second = std::next(first);
  const auto last = std::prev(files_.end());
  const auto flip = [this](const auto& file, std::size_t at) {
    std::string bytes = ReadBytes(LogPath(file->first));
    bytes[at] = static_cast<char>(bytes[at] ^ 1);
    WriteBytes(LogPath(file->first), bytes);
  };
  const auto corruptions = [this] {
    OpenAndCount();
    double metric = -1;
    for (const base::MetricFamily& family : registry().Gather()) {
      if (family.name == "prometheus_tsdb_wal_corruptions_total") metric = family.points.at(0).value;
    }
    EXPECT_EQ(metric, static_cast<double>(storage().log_status().corruptions)) << "the metric says the same";
    return storage().log_status().corruptions;
  };
  Restore();
  EXPECT_EQ(corruptions(), 0U);
  Restore();
  flip(first, first->second.size() / 2);
  EXPECT_EQ(corruptions(), 1U);
  Restore();
  flip(first, first->second.size() / 4);
  flip(first, first->second.size() / 4 * 3);
  flip(second, second->second.size() / 2);
  EXPECT_EQ(corruptions(), 3U);
  Restore();
  flip(last, last->second.size() - 1);
  EXPECT_EQ(corruptions(), 0U);
}

TEST_F(LogDamageTest, ATornTailIsCutAndNamed) {
  WriteLog();
  const std::string last = files_.rbegin()->first;
  base::SeededRandom random(12);
  for (int round = 0; round < 16; ++round) {
    Restore();
    const std::string& bytes = files_.at(last);
    WriteBytes(LogPath(last), bytes.substr(0, 41 + random.Below(bytes.size() - 41)));
    const std::size_t count = OpenAndCount();
    EXPECT_GE(count, static_cast<std::size_t>((kRows - 200) * kSeries));
    EXPECT_EQ(OpenAndCountAgain(), count) << "the next start finds the same";
  }
  EXPECT_TRUE(IsNamed("torn tail"));
}

TEST_F(LogDamageTest, MissingEmptyAndZeroedSegmentsAreNamedAndTheOthersServe) {
  WriteLog();
  const std::vector<std::string> kinds = {"missing", "empty", "zeroes", "cut", "swapped"};
  for (const auto& [name, bytes] : files_) {
    for (const std::string& kind : kinds) {
      Restore();
      SCOPED_TRACE(kind + " " + name);
      if (kind == "missing") std::filesystem::remove(LogPath(name));
      if (kind == "empty") WriteBytes(LogPath(name), "");
      if (kind == "zeroes") WriteBytes(LogPath(name), std::string(bytes.size(), '\0'));
      if (kind == "cut") WriteBytes(LogPath(name), bytes.substr(0, bytes.size() / 2));
      if (kind == "swapped")
        WriteBytes(LogPath(name),
                   files_.at(name == files_.begin()->first ? files_.rbegin()->first : files_.begin()->first));
      const std::size_t count = OpenAndCount();
      // The first segment alone names the series: without it nothing can be told, and nothing is guessed.
      if (name == files_.begin()->first) continue;
      EXPECT_GE(count, static_cast<std::size_t>((kRows - 250) * kSeries));
    }
  }
}

TEST_F(LogDamageTest, LooksLikeItsDocumentSays) {
  // The dump in docs/formats/log.md: if this changes, so does the document.
  base::ByteBuffer payload;
  RecordWriter records(payload);
  const model::Labels up = model::Labels::FromPairs({{"__name__", "up"}, {"job", "node"}});
  records.Series(LogSeriesId{1}, up);
  const std::vector<LogSeriesId> columns = {LogSeriesId{1}};
  records.Layout(1, columns);
  const std::vector<double> one = {1.0};
  const LoggedRow row{.group = 1, .number = 1, .timestamp_ms = 1000, .values = one};
  records.Row(row, nullptr);
  records.Row({.group = 1, .number = 2, .timestamp_ms = 2000, .values = one}, &row);
  records.Sample(LogSeriesId{1}, {.timestamp_ms = 3000, .value = 0.5});
  base::ByteBuffer file = EncodeSegmentHeader({.segment = 2, .previous = 1, .previous_end = 100});
  AppendFrames(payload, 2, file.size(), file);
  std::string dump;
  for (std::size_t i = 0; i < file.size(); ++i) {
    if (i % 16 == 0) dump += fmt::format("{}{:04x} ", i == 0 ? "" : "\n", i);
    dump += fmt::format(" {:02x}", static_cast<unsigned>(file[i]));
  }
  const std::string document = ReadBytes(std::string(BARO_SOURCE_DIR) + "/docs/formats/log.md");
  EXPECT_THAT(document, ::testing::HasSubstr(dump)) << dump;
}

TEST(FrameScanner, PutsSplitCommitsTogether) {
  base::ByteBuffer payload(kFramePayloadBytesMax + 100, std::byte{7});
  base::ByteBuffer file = EncodeSegmentHeader({.segment = 3});
  AppendFrames(payload, 3, file.size(), file);
  EXPECT_EQ(file.size(), kSegmentHeaderBytes + FramesBytes(payload.size()));
  FrameScanner scanner(file, 3, kSegmentHeaderBytes);
  ASSERT_EQ(scanner.Next(), FrameScanner::Event::kCommit);
  EXPECT_TRUE(std::ranges::equal(scanner.payload(), payload));
  EXPECT_EQ(scanner.Next(), FrameScanner::Event::kEnd);
  file.resize(file.size() - kFrameHeaderBytes - 100);  // the last part never came
  FrameScanner torn(file, 3, kSegmentHeaderBytes);
  EXPECT_EQ(torn.Next(), FrameScanner::Event::kTornTail);
}

}  // namespace
}  // namespace baro::tsdb
