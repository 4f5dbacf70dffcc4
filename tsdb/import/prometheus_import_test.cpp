// Prometheus' blocks become blocks of ours, sample by sample, and are found by a store.
#include <deque>

#include <gtest/gtest.h>

#include "base/idle_executor.h"
#include "base/overlay_file_system.h"
#include "tsdb/barograph_directory.h"
#include "tsdb/block/block.h"
#include "tsdb/block_import.h"
#include "tsdb/promblock/testing.h"
#include "tsdb/storage/testing.h"

namespace baro::tsdb {
namespace {

using testing_support::Bits;
using testing_support::ReadAllOf;

void ExpectSame(const std::vector<LiteralSeries>& got, const std::vector<LiteralSeries>& want) {
  ASSERT_EQ(got.size(), want.size());
  for (std::size_t i = 0; i < got.size(); ++i) {
    SCOPED_TRACE(want[i].labels.ToString());
    ASSERT_EQ(got[i].labels, want[i].labels);
    ASSERT_EQ(got[i].samples.size(), want[i].samples.size());
    for (std::size_t k = 0; k < got[i].samples.size(); ++k) {
      ASSERT_EQ(got[i].samples[k].timestamp_ms, want[i].samples[k].timestamp_ms);
      ASSERT_EQ(Bits(got[i].samples[k].value), Bits(want[i].samples[k].value));
    }
    ASSERT_EQ(got[i].histograms.size(), want[i].histograms.size());
  }
}

class ImportTest : public ::testing::Test {
 protected:
  ImportTest() : random_(7), all_(RandomSeries(random_, 40)) {
    // A directory is for times that clocks tell: RandomSamples() goes far beyond.
    for (LiteralSeries& series : all_) {
      std::erase_if(series.samples, [](const model::Sample& s) { return s.timestamp_ms > 1'700'020'000'000; });
      std::erase_if(series.histograms, [](const HistogramSample& s) { return s.timestamp_ms > 1'700'020'000'000; });
    }
    std::erase_if(all_, [](const LiteralSeries& s) { return s.samples.empty() && s.histograms.empty(); });
  }

  std::unique_ptr<Storage> Open(base::FileSystem& files) {
    auto opened =
        Storage::Open({.directory = "data", .retention = {.time = {}}}, {.files = files,
                                                                         .clock = clock_,
                                                                         .background = executor_,
                                                                         .metrics = registries_.emplace_back(),
                                                                         .log = {},
                                                                         .random = &random_});
    EXPECT_TRUE(opened) << opened.error().message();
    return opened ? *std::move(opened) : nullptr;
  }

  base::SeededRandom random_;
  std::vector<LiteralSeries> all_;
  base::SimFileSystem files_;
  base::SimClock clock_{base::FromMs(1'700'010'000'000)};
  base::IdleExecutor executor_;
  std::deque<base::Registry> registries_;
};

TEST_F(ImportTest, CopiesABlockBitByBitUnderItsName) {
  ASSERT_TRUE(WriteBlock(files_, "prom", all_));
  const auto block = PrometheusBlock::Open(files_, std::string("prom/") + kTestUlid);
  ASSERT_TRUE(block);
  const auto meta = ImportPrometheusBlock(files_, "data/blocks", **block, {});
  ASSERT_TRUE(meta) << meta.error().message();
  ASSERT_TRUE(meta->has_value());
  EXPECT_EQ((*meta)->ulid.ToString(), kTestUlid);
  EXPECT_EQ((*meta)->counts.samples(), (*block)->meta().samples);
  const auto copy = Block::Open(files_, std::string("data/blocks/") + kTestUlid);
  ASSERT_TRUE(copy);
  ExpectSame(ReadAllOf(*(*copy)->OpenReader()), ReadAllOf(*(*block)->OpenReader()));
}

TEST_F(ImportTest, LeavesNothingOfADamagedBlock) {
  ASSERT_TRUE(WriteBlock(files_, "prom", all_));
  files_.FlipBit(std::string("prom/") + kTestUlid + "/chunks/000001", 500, 3);
  const auto block = PrometheusBlock::Open(files_, std::string("prom/") + kTestUlid);
  ASSERT_TRUE(block);
  const auto meta = ImportPrometheusBlock(files_, "data/blocks", **block, {});
  ASSERT_FALSE(meta);
  EXPECT_EQ(meta.error().code(), base::Code::kCorruption);
  EXPECT_TRUE(files_.ListDirectory("data/blocks")->empty());
}

TEST_F(ImportTest, CutsBlocksAtMultiplesOfTheRange) {
  const MemoryReader reader(all_);
  std::vector<BlockMeta> metas;
  const auto done = WriteBlocksOf(
      files_, "data/blocks", reader, {.min_ms = 1'700'000'000'000, .max_ms = 1'700'020'000'000}, 1'800'000, {},
      [this] { return Ulid::Make(1'700'000'000'000, random_); }, [&](const BlockMeta& meta) { metas.push_back(meta); },
      {});
  ASSERT_TRUE(done) << done.error().message();
  ASSERT_GT(metas.size(), 2U);
  for (const BlockMeta& meta : metas) EXPECT_EQ(meta.min_time_ms / 1'800'000, (meta.max_time_ms - 1) / 1'800'000);
  ExpectSame(ReadAllOf(*Open(files_)->OpenReader()), all_);
}

TEST_F(ImportTest, AStoreReadsBlocksOfPrometheusWhereTheyAreAndChangesNothing) {
  ASSERT_TRUE(WriteBlock(files_, "data", all_));
  const std::string path = std::string("data/") + kTestUlid;
  const std::string chunks = *base::ReadFile(files_, path + "/chunks/000001", 1 << 24);
  const auto storage = Open(files_);
  ExpectSame(ReadAllOf(*storage->OpenReader()), all_);
  const auto blocks = storage->Blocks();
  ASSERT_EQ(blocks.size(), 1U);
  EXPECT_TRUE(blocks[0].is_prometheus);
  EXPECT_EQ(blocks[0].meta.ulid.ToString(), kTestUlid);

  storage->SetRetention({.time = std::chrono::milliseconds(1), .bytes = 1});
  ASSERT_TRUE(storage->Maintain());
  ExpectSame(ReadAllOf(*storage->OpenReader()), all_);
  EXPECT_EQ(*base::ReadFile(files_, path + "/chunks/000001", 1 << 24), chunks);

  const std::vector matchers = {model::Matcher::Equal("__name__", "metric_1")};
  const auto deleted = storage->Delete(matchers, {}, {});
  ASSERT_FALSE(deleted);
  EXPECT_EQ(deleted.error().code(), base::Code::kUnsupported);
  EXPECT_NE(deleted.error().message().find(kTestUlid), std::string::npos);

  const auto snapshot = storage->Snapshot(true);
  ASSERT_TRUE(snapshot) << snapshot.error().message();
  EXPECT_TRUE(*files_.Exists("data/snapshots/" + *snapshot + "/" + kTestUlid + "/chunks/000001"));
}

TEST_F(ImportTest, WhatWasImportedIsNotReadTwice) {
  ASSERT_TRUE(WriteBlock(files_, "data", all_));
  const auto storage = Open(files_);
  ASSERT_EQ(storage->Blocks().size(), 1U);
  const auto block = PrometheusBlock::Open(files_, std::string("data/") + kTestUlid);
  ASSERT_TRUE(ImportPrometheusBlock(files_, "data/blocks", **block, {}));
  ASSERT_TRUE(storage->Maintain());  // a store that runs finds it
  const auto blocks = storage->Blocks();
  ASSERT_EQ(blocks.size(), 1U);
  EXPECT_FALSE(blocks[0].is_prometheus);
  ExpectSame(ReadAllOf(*storage->OpenReader()), all_);
}

TEST_F(ImportTest, ABlockThatCannotBeOpenedIsNamedAndStays) {
  ASSERT_TRUE(WriteBlock(files_, "data", all_));
  const std::string path = std::string("data/") + kTestUlid;
  ASSERT_TRUE(files_.Remove(path + "/index"));
  const auto storage = Open(files_);
  ASSERT_EQ(storage->Damage().size(), 1U);
  EXPECT_NE(storage->Damage()[0].find(kTestUlid), std::string::npos);
  ASSERT_TRUE(storage->Maintain());
  EXPECT_TRUE(*files_.Exists(path + "/meta.json"));
}

TEST_F(ImportTest, ASearchForDamageLooksAtBlocksOfPrometheusToo) {
  ASSERT_TRUE(WriteBlock(files_, "data", all_));
  const std::string chunks = std::string("data/") + kTestUlid + "/chunks/000001";
  files_.FlipBit(chunks, 1000, 2);
  const auto storage = Open(files_);
  EXPECT_TRUE(storage->Damage().empty());
  const auto damage = storage->Scrub();
  ASSERT_TRUE(damage);
  ASSERT_EQ(damage->size(), 1U);
  EXPECT_NE(damage->at(0).find("000001: at offset"), std::string::npos) << damage->at(0);
  EXPECT_EQ(storage->Blocks().at(0).damage.size(), 1U);
  ASSERT_TRUE(storage->Maintain());
  EXPECT_EQ(storage->Damage().size(), 1U);
}

TEST_F(ImportTest, ToolsLookAtADirectoryThatIsInUse) {
  ASSERT_TRUE(WriteBlock(files_, "data", all_));
  const auto storage = Open(files_);
  auto appender = storage->NewAppender();
  const auto ref = appender->Resolve(MakeLabels({{"__name__", "fresh"}}));
  ASSERT_TRUE(ref);
  (void)appender->Append(*ref, {.timestamp_ms = 1'700'009'990'000, .value = 3});
  ASSERT_TRUE(appender->Commit(Durability::kSynced));
  const std::uint64_t operations = files_.operation_count();
  const auto directory = BarographDirectory::Open(files_, "data", {}, {});
  ASSERT_TRUE(directory) << directory.error().message();
  EXPECT_EQ(ReadAllOf(*(*directory)->OpenReader()).size(), all_.size() + 1);
  EXPECT_EQ((*directory)->prometheus_blocks().size(), 1U);
  EXPECT_EQ((*directory)->head_extent().max_ms, 1'700'009'990'000);
  EXPECT_EQ(files_.operation_count(), operations) << "something was changed";
}

TEST_F(ImportTest, AStoreImportsALogOnceAndAgainWhenItChanges) {
  for (LiteralSeries& series : all_) series.histograms.clear();
  std::erase_if(all_, [](const LiteralSeries& series) { return series.samples.empty(); });
  const std::vector<LiteralSeries> half(all_.begin(), all_.begin() + static_cast<std::ptrdiff_t>(all_.size() / 2));
  ASSERT_TRUE(WriteLog(files_, "data", half));
  const std::string log = *base::ReadFile(files_, "data/wal/00000000", 1 << 24);
  ExpectSame(ReadAllOf(*Open(files_)->OpenReader()), half);
  const std::size_t blocks = files_.ListDirectory("data/blocks")->size();
  EXPECT_GE(blocks, 1U);
  ExpectSame(ReadAllOf(*Open(files_)->OpenReader()), half);
  EXPECT_EQ(files_.ListDirectory("data/blocks")->size(), blocks);
  EXPECT_EQ(*base::ReadFile(files_, "data/wal/00000000", 1 << 24), log);

  ASSERT_TRUE(WriteLog(files_, "data", all_));  // Prometheus ran in between
  const auto storage = Open(files_);
  EXPECT_GT(files_.ListDirectory("data/blocks")->size(), blocks);
  ExpectSame(ReadAllOf(*storage->OpenReader()), all_);
  ASSERT_TRUE(storage->Maintain());  // joins what overlaps
  ExpectSame(ReadAllOf(*storage->OpenReader()), all_);
}

TEST_F(ImportTest, AnImportOfALogMayEndAnywhere) {
  for (LiteralSeries& series : all_) series.histograms.clear();
  std::erase_if(all_, [](const LiteralSeries& series) { return series.samples.empty(); });
  for (std::uint64_t operations = 1; operations < 200; operations += 1 + operations / 12) {
    SCOPED_TRACE(operations);
    base::SimFileSystem files;
    ASSERT_TRUE(WriteLog(files, "data", all_));
    ASSERT_TRUE(files.SyncDirectory("data/wal"));
    const LogImport import{
        .from = "data", .to = "data", .new_ulid = [this] { return Ulid::Make(1'700'000'000'000, random_); }};
    files.FailAfter(operations, base::Code::kIo, 1'000'000);
    const auto first = ImportPrometheusLog(files, import, {});
    files.StopFailing();
    files.Crash(random_);
    ASSERT_TRUE(*files.Exists("data/wal/00000000"));
    ExpectSame(ReadAllOf(*Open(files)->OpenReader()), all_);
    if (first) return;  // it came to its end
  }
  FAIL() << "an import takes fewer operations than that";
}

TEST_F(ImportTest, AnImportOfABlockMayEndAnywhere) {
  ASSERT_TRUE(WriteBlock(files_, "prom", all_));
  const auto block = PrometheusBlock::Open(files_, std::string("prom/") + kTestUlid);
  ASSERT_TRUE(block);
  for (std::uint64_t operations = 1; operations < 200; operations += 1 + operations / 12) {
    SCOPED_TRACE(operations);
    base::SimFileSystem files;
    ASSERT_TRUE(files.CreateDirectories("data/blocks"));
    files.FailAfter(operations, base::Code::kNoSpace, 1'000'000);
    const auto first = ImportPrometheusBlock(files, "data/blocks", **block, {});
    files.StopFailing();
    files.Crash(random_);
    if (first) {
      EXPECT_EQ(Open(files)->Blocks().size(), 1U);
      return;
    }
    auto storage = Open(files);  // clears up, or finds it whole
    if (storage->Blocks().empty()) {
      storage.reset();
      ASSERT_TRUE(ImportPrometheusBlock(files, "data/blocks", **block, {}));
      storage = Open(files);
    }
    ExpectSame(ReadAllOf(*storage->OpenReader()), ReadAllOf(*(*block)->OpenReader()));
  }
  FAIL() << "an import takes fewer operations than that";
}

}  // namespace
}  // namespace baro::tsdb
