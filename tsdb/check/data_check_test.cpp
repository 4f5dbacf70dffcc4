// Damage anywhere in a data directory is named, and what can be read survives a repair.
#include "tsdb/data_check.h"
#include "base/idle_executor.h"

#include <deque>

#include <gtest/gtest.h>

#include "tsdb/barograph_directory.h"
#include "tsdb/block/block.h"
#include "tsdb/block_import.h"
#include "tsdb/promblock/testing.h"
#include "tsdb/storage/loss_notes.h"
#include "tsdb/storage/testing.h"

namespace baro::tsdb {
namespace {

using testing_support::ReadAllOf;

constexpr std::int64_t kBeginMs = 1'700'000'000'000;
constexpr std::int64_t kStepMs = 15'000;
constexpr int kSeries = 200;

class DataCheckTest : public ::testing::Test {
 protected:
  std::unique_ptr<Storage> Open() {
    auto opened =
        Storage::Open({.directory = "data", .retention = {.time = {}}}, {.files = files_,
                                                                         .clock = clock_,
                                                                         .background = executor_,
                                                                         .metrics = registries_.emplace_back(),
                                                                         .log = {},
                                                                         .random = &random_});
    EXPECT_TRUE(opened) << opened.error().message();
    return opened ? *std::move(opened) : nullptr;
  }

  /// Rows `from` to `to`, one commit each.
  static void Append(Storage& storage, int from, int to) {
    const GroupRef group = storage.NewGroup();
    std::vector<SeriesRef> refs;
    const auto appender = storage.NewAppender();
    for (int i = 0; i < kSeries; ++i) {
      refs.push_back(*appender->Resolve(MakeLabels({{"__name__", "m"}, {"i", fmt::format("{}", i)}})));
    }
    std::vector<double> values(kSeries);
    for (int row = from; row < to; ++row) {
      for (int i = 0; i < kSeries; ++i) values[static_cast<std::size_t>(i)] = row * 1.37 * (i + 1) / 7;
      appender->AppendRow(group, kBeginMs + row * kStepMs, refs, values, {});
      ASSERT_TRUE(appender->Commit(Durability::kSynced));
    }
  }

  DataCheck Check(bool is_repairing = false) {
    auto check = CheckDataDirectory(
        files_, "data", {.is_repairing = is_repairing, .new_ulid = [this] { return Ulid::Make(kBeginMs, random_); }},
        {});
    EXPECT_TRUE(check) << check.error().message();
    return check ? *std::move(check) : DataCheck();
  }

  /// The most samples that can be read of one block, which may have been put aside.
  std::size_t MostInABlock() {
    std::size_t most = 0;
    for (const std::string folder : {"data/blocks", "data/quarantine"}) {
      const auto names = files_.ListDirectory(folder);
      for (const std::string& name : names ? *names : std::vector<std::string>()) {
        const auto block = BarographBlock::Open(files_, folder + "/" + name);
        if (!block) continue;
        std::size_t samples = 0;
        SampleColumns columns;
        for (const auto scan = (*block)->Scan(); *scan->Next({});) {
          (void)scan->Read({}, columns).has_value();
          samples += columns.values().size();
        }
        most = std::max(most, samples);
      }
    }
    return most;
  }

  /// Samples of the last fifty rows that a store shows.
  std::size_t NewSamples() {
    const auto directory = BarographDirectory::Open(files_, "data", {}, {});
    EXPECT_TRUE(directory) << directory.error().message();
    if (!directory) return 0;
    const model::TimeRange range{.min_ms = kBeginMs + 900 * kStepMs};
    const std::vector matchers = {model::Matcher::Equal("__name__", "m")};
    const auto selection = (*directory)->OpenReader()->Select({.matchers = matchers, .range = range}, {});
    std::size_t samples = 0;
    SampleColumns columns;
    for (std::size_t i = 0; i < (*selection)->size(); ++i) {
      EXPECT_TRUE((*selection)->Read(i, range, columns));
      samples += columns.values().size();
    }
    return samples;
  }

  std::size_t SampleCount() {
    std::size_t samples = 0;
    for (const LiteralSeries& series : ReadAllOf(*Open()->OpenReader())) samples += series.samples.size();
    return samples;
  }

  std::string OnlyName(const std::string& folder) {
    const auto names = files_.ListDirectory(folder);
    EXPECT_TRUE(names && names->size() == 1);
    return folder + "/" + names->at(0);
  }

  base::SeededRandom random_{11};
  base::SimFileSystem files_;
  base::SimClock clock_{base::FromMs(kBeginMs + 1'000'000'000)};
  base::IdleExecutor executor_;
  std::deque<base::Registry> registries_;
};

TEST_F(DataCheckTest, FindsNothingWrongInASoundDirectoryAndChangesNothing) {
  {
    const auto storage = Open();
    Append(*storage, 0, 900);
    ASSERT_TRUE(storage->Maintain());
    ASSERT_FALSE(storage->Blocks().empty());
    Append(*storage, 900, 910);
  }
  ASSERT_TRUE(WriteBlock(files_, "data", RandomSeries(random_, 20)));
  const std::uint64_t operations = files_.operation_count();
  const DataCheck check = Check();
  EXPECT_TRUE(check.findings.empty()) << check.findings[0].where << ": " << check.findings[0].what;
  EXPECT_GE(check.blocks, 1U);
  EXPECT_EQ(check.prometheus_blocks, 1U);
  EXPECT_GT(check.log_samples, 0U);
  EXPECT_EQ(files_.operation_count(), operations);
  EXPECT_TRUE(Check(/*is_repairing=*/true).findings.empty());
}

TEST_F(DataCheckTest, ADamagedLogIsNamedWithItsTimeAndItsRestBecomesBlocks) {
  {
    const auto storage = Open();
    Append(*storage, 0, 200);
  }
  const std::string segment = OnlyName("data/log");
  files_.FlipBit(segment, *files_.FileSize(segment) / 2, 1);
  const std::size_t before = SampleCount();
  EXPECT_LE(before, 200U * kSeries);  // files of head chunks may have what the log lost
  EXPECT_GT(before, 0U);
  const DataCheck found = Check();
  ASSERT_FALSE(found.findings.empty());
  EXPECT_NE(found.findings[0].what.find("from_byte="), std::string::npos) << found.findings[0].what;
  EXPECT_GT(found.findings[0].range.min_ms, kBeginMs);
  EXPECT_LT(found.findings[0].range.max_ms, kBeginMs + 200 * kStepMs);
  EXPECT_TRUE(found.findings[0].repair.empty());

  const DataCheck repaired = Check(/*is_repairing=*/true);
  ASSERT_FALSE(repaired.findings.empty());
  EXPECT_FALSE(repaired.findings[0].repair.empty());
  EXPECT_TRUE(Check().findings.empty());
  EXPECT_EQ(SampleCount(), before);
  {
    const auto storage = Open();
    Append(*storage, 200, 210);  // it goes on
  }
  EXPECT_EQ(SampleCount(), before + 10U * kSeries);
  EXPECT_TRUE(Check().findings.empty());
  // Numbers of segments are never used twice.
  const std::string old = segment.substr(segment.rfind('/') + 1);
  EXPECT_FALSE(*files_.Exists("data/log/" + old));
  EXPECT_GT(files_.ListDirectory("data/log")->back(), old);
}

TEST_F(DataCheckTest, ARepairMayEndAnywhere) {
  {
    const auto storage = Open();
    Append(*storage, 0, 900);
    ASSERT_TRUE(storage->Maintain());
    Append(*storage, 900, 950);
  }
  const std::string block = OnlyName("data/blocks");
  files_.FlipBit(block + "/chunks", *files_.FileSize(block + "/chunks") / 2, 5);
  const std::string segment = "data/log/" + files_.ListDirectory("data/log")->back();
  files_.FlipBit(segment, *files_.FileSize(segment) - 100, 1);
  const std::size_t in_block = MostInABlock();
  const std::size_t behind = NewSamples();
  ASSERT_GT(in_block, 0U);
  ASSERT_GT(behind, 40U * kSeries);
  bool is_done = false;
  for (std::uint64_t operations = 1; operations < 1000 && !is_done; operations += 1 + operations / 4) {
    SCOPED_TRACE(operations);
    files_.FailAfter(operations, base::Code::kIo, 1'000'000);
    is_done =
        CheckDataDirectory(files_, "data",
                           {.is_repairing = true, .new_ulid = [this] { return Ulid::Make(kBeginMs, random_); }}, {})
            .has_value();
    files_.StopFailing();
    files_.Crash(random_);
    ASSERT_GE(MostInABlock(), in_block);
    ASSERT_GE(NewSamples(), behind);
  }
  EXPECT_TRUE(is_done);
  EXPECT_TRUE(Check().findings.empty());
}

TEST_F(DataCheckTest, ADamagedBlockIsWrittenAnewWithoutWhatIsDamaged) {
  {
    const auto storage = Open();
    Append(*storage, 0, 900);
    ASSERT_TRUE(storage->Maintain());
  }
  const std::string block = OnlyName("data/blocks");
  const model::TimeRange range = RangeOfLostBlock(files_, block);
  files_.FlipBit(block + "/chunks", *files_.FileSize(block + "/chunks") / 2, 5);
  const DataCheck found = Check();
  ASSERT_FALSE(found.findings.empty());
  EXPECT_NE(found.findings[0].where.find("blocks/"), std::string::npos);
  EXPECT_GT(found.findings[0].series, 0U);

  const DataCheck repaired = Check(/*is_repairing=*/true);
  ASSERT_EQ(repaired.findings.size(), found.findings.size());
  EXPECT_NE(repaired.findings[0].repair.find("quarantine/"), std::string::npos) << repaired.findings[0].repair;
  const std::string name = block.substr(block.rfind('/') + 1);
  EXPECT_TRUE(*files_.Exists("data/quarantine/" + name));
  EXPECT_TRUE(Check().findings.empty());
  // What could not be read is missing still.
  const auto losses = ReadLossNotes(files_, "data/quarantine");
  ASSERT_EQ(losses.size(), 1U);
  EXPECT_EQ(losses[0].range, range);
  EXPECT_TRUE(losses[0].what.starts_with("block " + name + ": damaged; ")) << losses[0].what;
  EXPECT_EQ(Open()->Damage(), std::vector{losses[0].what});
}

TEST_F(DataCheckTest, ADamagedFileOfHeadChunksIsNamedAndCostsNothing) {
  {
    const auto storage = Open();
    Append(*storage, 0, 600);
  }
  const auto names = files_.ListDirectory("data/head_chunks");
  ASSERT_TRUE(names);
  std::string file;
  for (const std::string& name : *names) {
    if (name.starts_with("0")) file = "data/head_chunks/" + name;
  }
  ASSERT_FALSE(file.empty());
  files_.FlipBit(file, *files_.FileSize(file) / 2, 1);
  const DataCheck found = Check();
  ASSERT_EQ(found.findings.size(), 1U);
  EXPECT_EQ("data/" + found.findings[0].where, file);
  EXPECT_FALSE(Check(/*is_repairing=*/true).findings[0].repair.empty());
  EXPECT_EQ(SampleCount(), 600U * kSeries);
  EXPECT_TRUE(Check().findings.empty());
}

TEST_F(DataCheckTest, WhatCannotBeOpenedIsPutAside) {
  {
    const auto storage = Open();
    Append(*storage, 0, 900);
    ASSERT_TRUE(storage->Maintain());
  }
  const std::string block = OnlyName("data/blocks");
  const model::TimeRange range = RangeOfLostBlock(files_, block);
  ASSERT_TRUE(files_.Remove(block + "/index"));
  EXPECT_EQ(Check().findings.size(), 1U);
  EXPECT_FALSE(Check(/*is_repairing=*/true).findings[0].repair.empty());
  EXPECT_TRUE(Check().findings.empty());
  const auto losses = ReadLossNotes(files_, "data/quarantine");
  ASSERT_EQ(losses.size(), 1U);
  EXPECT_EQ(losses[0].range, range);
}

TEST_F(DataCheckTest, OfADamagedBlockOfPrometheusTheRestBecomesOneOfOurs) {
  std::vector<LiteralSeries> all = RandomSeries(random_, 40);
  for (LiteralSeries& series : all) {
    std::erase_if(series.samples, [](const model::Sample& s) { return s.timestamp_ms > 1'700'020'000'000; });
  }
  ASSERT_TRUE(WriteBlock(files_, "data", all));
  const std::string path = std::string("data/") + kTestUlid;
  const auto intact = ReadAllOf(*(*PrometheusBlock::Open(files_, path))->OpenReader());
  files_.FlipBit(path + "/chunks/000001", *files_.FileSize(path + "/chunks/000001") / 2, 2);
  const DataCheck found = Check();
  ASSERT_FALSE(found.findings.empty());
  EXPECT_EQ(found.findings[0].where, kTestUlid);
  const DataCheck repaired = Check(/*is_repairing=*/true);
  EXPECT_NE(repaired.findings[0].repair.find("files of Prometheus stay"), std::string::npos);
  EXPECT_TRUE(Check().findings.empty());
  const auto left = ReadAllOf(*Open()->OpenReader());
  EXPECT_GE(left.size() + 1, intact.size());
  std::size_t samples = 0;
  std::size_t intact_samples = 0;
  for (const auto& series : left) samples += series.samples.size() + series.histograms.size();
  for (const auto& series : intact) intact_samples += series.samples.size() + series.histograms.size();
  EXPECT_LT(samples, intact_samples);
  EXPECT_GE(samples + 240, intact_samples);  // a chunk has no more than 120 samples, and has two neighbours
}

TEST_F(DataCheckTest, ADamagedListOfAllSeriesOfPrometheusIsNamedOnce) {
  ASSERT_TRUE(WriteBlock(files_, "data", RandomSeries(random_, 20)));
  const std::string index = std::string("data/") + kTestUlid + "/index";
  // The first list of postings, behind the series: that of all of them. Where it lies stands in the contents at the
  // end.
  const std::string content = *base::ReadFile(files_, index, 1 << 24);
  const std::size_t contents = content.size() - (6 * 8 + 4);
  files_.FlipBit(index, LoadBe<std::uint64_t>(base::AsBytes(content).data() + contents + 4 * 8) + 9, 0);
  const DataCheck found = Check();
  ASSERT_EQ(found.findings.size(), 1U);
  EXPECT_NE(found.findings[0].what.find("checksum"), std::string::npos) << found.findings[0].what;
  EXPECT_TRUE(Check(/*is_repairing=*/true).findings[0].repair.empty());
}

TEST_F(DataCheckTest, ARepairNeedsTheDirectoryForItself) {
  const auto storage = Open();
  EXPECT_TRUE(Check().findings.empty());
  const auto repair = CheckDataDirectory(files_, "data", {.is_repairing = true}, {});
  ASSERT_FALSE(repair);
  EXPECT_EQ(repair.error().code(), base::Code::kUnavailable);
  EXPECT_EQ(CheckDataDirectory(files_, "data/log", {}, {}).error().code(), base::Code::kUnsupported);
}

}  // namespace
}  // namespace baro::tsdb
