// What becomes of log and checkpoints when a checkpoint does not come out well.
#include "tsdb/wal/checkpoint.h"
#include "base/idle_executor.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/sim_file_system.h"
#include "tsdb/storage/testing.h"
#include "tsdb/wal/log_writer.h"

namespace baro::tsdb {
namespace {

using ::testing::ElementsAre;
using testing_support::kStartMs;

class FixedBytes : public base::MappedFile {
 public:
  explicit FixedBytes(base::ByteBuffer bytes) : bytes_(std::move(bytes)) {}
  base::ByteSpan bytes() const override { return bytes_; }

 private:
  const base::ByteBuffer bytes_;
};

// Takes all that is written; while it lies, checkpoints read back have one bit wrong.
class LyingDisk : public base::SimFileSystem {
 public:
  base::Result<std::unique_ptr<base::MappedFile>> Map(const std::string& path) override {
    std::unique_ptr<base::MappedFile> map = BARO_TRY(SimFileSystem::Map(path));
    if (!is_lying_ || path.find("checkpoint") == std::string::npos) return map;
    base::ByteBuffer bytes(map->bytes().begin(), map->bytes().end());
    bytes.at(bytes.size() / 2) ^= std::byte{1};
    return std::make_unique<FixedBytes>(std::move(bytes));
  }
  void set_lying(bool is_lying) { is_lying_ = is_lying; }

 private:
  bool is_lying_ = false;
};

constexpr const char* kFolder = "wal";

base::Result<> WriteOneSeries(base::FileSystem& files, std::uint64_t first_segment) {
  return WriteCheckpoint(files, kFolder, first_segment, LogSeriesId{2},
                         [](const auto& put) { put(LogSeriesId{1}, model::Labels::FromPairs({{"__name__", "up"}})); });
}

class CheckpointTest : public ::testing::Test {
 protected:
  CheckpointTest() {
    EXPECT_TRUE(disk_.CreateDirectories(kFolder));
    for (const char* const segment : {"wal/00000001", "wal/00000002", "wal/00000003"}) {
      EXPECT_TRUE(disk_.OpenWritable(segment, base::FileSystem::OpenMode::kCreate));
    }
    EXPECT_TRUE(WriteOneSeries(disk_, 2));
  }
  std::vector<std::string> Names() { return disk_.ListDirectory(kFolder).value(); }

  LyingDisk disk_;
};

TEST_F(CheckpointTest, OneThatCannotBeReadBackRemovesNothingAndIsWrittenAgain) {
  disk_.set_lying(true);
  for (int i = 0; i < 2; ++i) {
    EXPECT_EQ(WriteOneSeries(disk_, 3).error().code(), base::Code::kCorruption);
    EXPECT_THAT(Names(), ElementsAre("00000002", "00000003", "checkpoint.00000002", "checkpoint.00000003"));
  }
  disk_.set_lying(false);
  EXPECT_TRUE(WriteOneSeries(disk_, 3));
  EXPECT_THAT(Names(), ElementsAre("00000003", "checkpoint.00000003"));
}

TEST_F(CheckpointTest, WhateverFailsTheNextTryEndsTheWork) {
  for (std::uint64_t at = 1;; ++at) {
    LyingDisk disk;
    ASSERT_TRUE(disk.CreateDirectories(kFolder));
    ASSERT_TRUE(disk.OpenWritable("wal/00000002", base::FileSystem::OpenMode::kCreate));
    ASSERT_TRUE(disk.OpenWritable("wal/00000003", base::FileSystem::OpenMode::kCreate));
    ASSERT_TRUE(WriteOneSeries(disk, 2));
    disk.FailAfter(at, base::Code::kIo);
    if (WriteOneSeries(disk, 3)) {
      EXPECT_GT(at, 8U) << "operations of a checkpoint";
      break;
    }
    const auto retried = WriteOneSeries(disk, 3);
    EXPECT_TRUE(retried) << "operation " << at << " failed: " << retried.error().message();
    std::vector<std::string> names = disk.ListDirectory(kFolder).value();
    std::erase_if(names, [](const std::string& name) { return name.starts_with("gone-"); });  // the next start's
    EXPECT_THAT(names, ElementsAre("00000003", "checkpoint.00000003")) << "operation " << at;
  }
}

TEST(StorageOnALyingDisk, CountsACheckpointThatCannotBeReadBackAsDamage) {
  LyingDisk disk;
  base::SimClock clock(base::FromMs(kStartMs));
  base::IdleExecutor executor;
  base::Registry registry;
  const auto storage =
      Storage::Open({.directory = "d", .retention = {.time = std::chrono::minutes(1)}, .segment_bytes = 1500},
                    {.files = disk, .clock = clock, .background = executor, .metrics = registry, .log = {}});
  ASSERT_TRUE(storage);
  const auto append_a_while = [&] {
    const auto appender = (*storage)->NewAppender();
    const SeriesRef series = *appender->Resolve(model::Labels::FromPairs({{"__name__", "up"}}), nullptr);
    for (int i = 0; i < 300; ++i) {
      clock.Advance(std::chrono::seconds(1));
      appender->Append(series, {.timestamp_ms = base::ToMs(clock.Now()), .value = i * 1.5});
      ASSERT_TRUE(appender->Commit(Durability::kInterval));
    }
  };
  append_a_while();
  EXPECT_TRUE((*storage)->Maintain());
  EXPECT_EQ((*storage)->log_status().corruptions, 0U);
  append_a_while();
  disk.set_lying(true);
  EXPECT_FALSE((*storage)->Maintain());
  EXPECT_EQ((*storage)->log_status().corruptions, 1U);
  disk.set_lying(false);
  EXPECT_TRUE((*storage)->Maintain());
  EXPECT_EQ((*storage)->log_status().corruptions, 1U);
}

}  // namespace
}  // namespace baro::tsdb
