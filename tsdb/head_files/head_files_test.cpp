// Chunks of the head in files: what they save a restart, and that their damage costs nothing.
#include "tsdb/head_files/head_files.h"

#include <filesystem>
#include <fstream>
#include <map>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/sim_file_system.h"
#include "tsdb/storage/testing.h"

namespace baro::tsdb {
namespace {

using testing_support::Bits;
using testing_support::kStartMs;
using testing_support::ReadAll;
using testing_support::StorageFixture;

constexpr int kRows = 300;  // one joined chunk, one of 32 rows, and some rows that are not sealed
constexpr int kGroups = 3;
constexpr int kSeries = 5;

std::string ReadBytes(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
}
void WriteBytes(const std::string& path, const std::string& bytes) {
  std::ofstream out(path, std::ios::binary | std::ios::trunc);
  out.write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
}

double ValueAt(std::int64_t timestamp_ms, int group, int series) {
  return static_cast<double>((timestamp_ms - kStartMs) / 1000 % 97) * 0.25 + group * 1000 + series;
}

class HeadFilesTest : public ::testing::Test, public StorageFixture {
 protected:
  HeadFilesTest() { options().head_file_bytes = 64; }

  void OpenGroups() {
    Open();
    groups_.clear();
    for (int group = 0; group < kGroups; ++group) groups_.push_back(storage().NewGroup());
  }
  // Each series is missing in some rows.
  void Append(int rows) {
    auto appender = storage().NewAppender();
    for (int row = 0; row < rows; ++row) {
      clock().Advance(std::chrono::seconds(1));
      ++appended_rows_;
      const std::int64_t now_ms = base::ToMs(clock().Now());
      for (int group = 0; group < kGroups; ++group) {
        std::vector<SeriesRef> refs;
        std::vector<double> values;
        for (int series = 0; series < kSeries; ++series) {
          if ((appended_rows_ + series) % 11 == 0) continue;
          refs.push_back(*appender->Resolve(LabelsOf(group, series), nullptr));
          values.push_back(ValueAt(now_ms, group, series));
        }
        appender->AppendRow(groups_[static_cast<std::size_t>(group)], now_ms, refs, values, {});
        samples_ += values.size();
      }
      ASSERT_TRUE(appender->Commit(Durability::kInterval));
    }
  }
  // All that was appended, and nothing else.
  void Check() {
    std::size_t count = 0;
    for (const LiteralSeries& series : ReadAll(storage())) {
      const int group = std::stoi(std::string(series.labels.Get("g")));
      const int number = std::stoi(std::string(series.labels.Get("s")));
      for (const model::Sample& sample : series.samples) {
        ASSERT_EQ(sample.value, ValueAt(sample.timestamp_ms, group, number));
      }
      count += series.samples.size();
    }
    EXPECT_EQ(count, samples_);
  }
  std::string FolderPath() { return options().directory + "/head_chunks"; }
  std::map<std::string, std::string> Files() {
    std::map<std::string, std::string> files;
    for (const auto& entry : std::filesystem::directory_iterator(FolderPath())) {
      files[entry.path().filename()] = ReadBytes(entry.path());
    }
    return files;
  }
  // The number behind `key` in the last line about the replay.
  std::string Replayed(std::string_view key) const {
    for (auto line = lines().rbegin(); line != lines().rend(); ++line) {
      if (line->find("log replayed") == line->npos) continue;
      const std::size_t at = line->find(fmt::format(" {}=", key));
      if (at == line->npos) return {};
      const std::size_t begin = at + key.size() + 2;
      return line->substr(begin, line->find(' ', begin) - begin);
    }
    return {};
  }
  bool IsNamed(std::string_view word) const {
    return std::ranges::any_of(lines(), [word](const std::string& line) { return line.find(word) != line.npos; });
  }

  static model::Labels LabelsOf(int group, int series) {
    return model::Labels::FromPairs(
        {{"__name__", "m"}, {"g", fmt::format("{}", group)}, {"s", fmt::format("{}", series)}});
  }

  std::vector<GroupRef> groups_;
  int appended_rows_ = 0;
  std::size_t samples_ = 0;
};

TEST_F(HeadFilesTest, ARestartReadsFromTheLogOnlyWhatNoChunkHas) {
  OpenGroups();
  Append(kRows);
  Check();
  EXPECT_FALSE(Files().empty());
  Reopen();
  Check();
  // 300 rows are 256 + 32 and 12 that are not sealed, of up to five series in three groups.
  const std::size_t decoded = std::stoul(Replayed("samples"));
  EXPECT_GT(decoded, 0U);
  EXPECT_LE(decoded, 12U * kGroups * kSeries);
  EXPECT_EQ(Replayed("chunks"), "6");
}

TEST_F(HeadFilesTest, GroupsGoOnWhereTheyEndedBeforeTheRestart) {
  OpenGroups();
  for (int run = 0; run < 6; ++run) {
    Append(70);
    Check();
    storage().Sync().value();
    Drop();
    OpenGroups();
    Check();
  }
  // 420 rows in six runs: 256 are one chunk, the others chunks of 32, as if there had been one run.
  EXPECT_EQ(Replayed("chunks"), fmt::format("{}", kGroups * (1 + 5)));
}

// As remote write does that cannot remember all of its series.
TEST_F(HeadFilesTest, ANewGroupForTheSeriesOfADroppedOneGoesOnWithIt) {
  OpenGroups();
  for (int row = 0; row < 70; ++row) {
    Append(1);
    for (GroupRef& group : groups_) {
      storage().DropGroup(group);
      group = storage().NewGroup();
    }
  }
  Check();
  Reopen();
  Check();
  EXPECT_EQ(Replayed("chunks"), fmt::format("{}", kGroups * 2));
}

TEST_F(HeadFilesTest, TheOrderRulesHoldAfterARestart) {
  OpenGroups();
  Append(256);  // all rows are in chunks, none is staged
  const std::int64_t newest_ms = base::ToMs(clock().Now());
  Drop();
  OpenGroups();
  auto appender = storage().NewAppender();
  const std::vector<SeriesRef> refs = {*appender->Resolve(LabelsOf(0, 0), nullptr)};
  std::vector<SampleStatus> statuses(1);
  const std::vector<double> same = {ValueAt(newest_ms, 0, 0)};
  appender->AppendRow(groups_[0], newest_ms, refs, same, statuses);
  EXPECT_EQ(statuses[0], SampleStatus::kRepeated);
  appender->AppendRow(groups_[0], newest_ms, refs, std::vector<double>{-1}, statuses);
  EXPECT_EQ(statuses[0], SampleStatus::kDuplicate);
  appender->AppendRow(groups_[0], newest_ms - 1, refs, same, statuses);
  EXPECT_EQ(statuses[0], SampleStatus::kOutOfOrder);
  EXPECT_EQ(appender->Append(refs[0], {.timestamp_ms = newest_ms - 1, .value = 1}), SampleStatus::kOutOfOrder);
  EXPECT_EQ(appender->Append(refs[0], {.timestamp_ms = newest_ms + 1, .value = 1}), SampleStatus::kAccepted);
}

TEST_F(HeadFilesTest, DamageCostsNothingAndIsNamed) {
  OpenGroups();
  Append(kRows);
  Drop();
  const auto files = Files();
  ASSERT_GE(files.size(), 2U);
  const auto restore = [&] {
    Drop();
    std::filesystem::remove_all(FolderPath());
    std::filesystem::create_directory(FolderPath());
    for (const auto& [name, bytes] : files) WriteBytes(FolderPath() + "/" + name, bytes);
  };
  base::SeededRandom random(7);
  for (const auto& [name, bytes] : files) {
    const std::string path = FolderPath() + "/" + name;
    std::vector<std::string> damaged = {"", std::string(bytes.size(), '\0')};
    for (int i = 0; i < 16; ++i) damaged.push_back(bytes.substr(0, random.Below(bytes.size())));
    for (int i = 0; i < 32; ++i) {
      damaged.push_back(bytes);
      damaged.back()[random.Below(bytes.size())] ^= static_cast<char>(1 << random.Below(8));
    }
    damaged.push_back(files.begin()->first == name ? files.rbegin()->second : files.begin()->second);
    for (const std::string& content : damaged) {
      restore();
      WriteBytes(path, content);
      OpenGroups();
      Check();
      EXPECT_TRUE(IsNamed(name));
      Reopen();  // what was found damaged was made anew
      Check();
      if (HasFailure()) return;
    }
    restore();
    std::filesystem::remove(path);
    OpenGroups();
    Check();
  }
  restore();
  std::filesystem::remove_all(FolderPath());
  OpenGroups();
  Check();
}

// Without its log the store knows no series; chunks must not be given to others that get the same numbers.
TEST_F(HeadFilesTest, FilesWithoutTheirLogTellNothing) {
  OpenGroups();
  Append(kRows);
  Drop();
  std::filesystem::remove_all(LogPath(""));
  samples_ = 0;
  OpenGroups();
  Check();
  Append(40);
  Check();
  Reopen();
  Check();
}

TEST_F(HeadFilesTest, FilesLeaveWithTheHeadsSamples) {
  options().block_range = std::chrono::seconds(64);
  options().lateness_max = std::chrono::seconds(32);
  OpenGroups();
  Append(64);
  const auto early = Files();
  ASSERT_FALSE(early.empty());
  for (int i = 0; i < 8; ++i) {
    Append(64);
    ASSERT_TRUE(storage().Maintain());
  }
  Check();
  const auto late = Files();
  for (const auto& [name, bytes] : early) EXPECT_FALSE(late.contains(name)) << name;
  Reopen();
  Check();
}

TEST(HeadFiles, ADiskThatTakesNothingLeavesChunksInMemory) {
  base::SimFileSystem disk;
  HeadFiles files(disk, "d/head_chunks", 1, {});
  EXPECT_TRUE(files.Load(0).chunks.empty());
  const GroupPtr group = MakeCounted<Group>(1, &files);
  disk.SetQuota(1);
  for (std::uint64_t number = 1; number <= 64; ++number) {
    auto row = std::make_shared<Row>();
    row->number = number;
    row->timestamp_ms = static_cast<std::int64_t>(number);
    row->values = {1.5};
    const base::MutexLock lock(group->mutex);
    group->Link(std::move(row));
  }
  group->Seal(0, /*all=*/false);
  const base::MutexLock lock(group->mutex);
  ASSERT_EQ(group->chunks().size(), 2U);
  for (const GroupChunkPtr& chunk : group->chunks()) EXPECT_FALSE(chunk->is_in_file());
  EXPECT_EQ(files.SizeBytes(), 0U);
}

TEST(HeadFile, LooksLikeItsDocumentSays) {
  // The dump in docs/formats/head-chunks.md: if this changes, so does the document.
  std::vector<RowPtr> rows;
  for (std::uint64_t i = 0; i < 4; ++i) {
    auto row = std::make_shared<Row>();
    row->number = 33 + i;
    row->timestamp_ms = 1000 + static_cast<std::int64_t>(i) * 1000;
    row->values = {1, static_cast<double>(i), 0};
    if (i == 2) row->presence = {3};
    rows.push_back(std::move(row));
  }
  const GroupChunkPtr chunk = GroupChunk::FromRows(rows);
  const std::vector<LogSeriesId> layout = {LogSeriesId{7}, LogSeriesId{8}, LogSeriesId::kNone};
  HeadFileBuilder builder(5);
  builder.Add(65536, layout, *chunk);
  const base::ByteBuffer file = builder.Take();
  std::string dump;
  for (std::size_t i = 0; i < file.size(); ++i) {
    if (i % 16 == 0) dump += fmt::format("{}{:04x} ", i == 0 ? "" : "\n", i);
    dump += fmt::format(" {:02x}", static_cast<unsigned>(file[i]));
  }
  const std::string document = ReadBytes(std::string(BARO_SOURCE_DIR) + "/docs/formats/head-chunks.md");
  EXPECT_THAT(document, ::testing::HasSubstr(dump)) << dump;
}

}  // namespace
}  // namespace baro::tsdb
