// Whole blocks: what was written is read, by any matcher, and damage is told.
#include "tsdb/prometheus_block.h"

#include <gtest/gtest.h>

#include "base/sim_file_system.h"
#include "tsdb/promblock/big_endian.h"
#include "tsdb/promblock/index_reader.h"
#include "tsdb/promblock/meta_json.h"
#include "tsdb/promblock/testing.h"
#include "tsdb/promblock/tombstones.h"

namespace baro::tsdb {
namespace {

using model::MatchType;

std::string BlockPath() { return std::string("data/") + kTestUlid; }

std::shared_ptr<const PrometheusBlock> WriteAndOpen(base::FileSystem& files, std::span<const LiteralSeries> all,
                                                    PrometheusBlockWriterOptions options = {.ulid = kTestUlid}) {
  const auto meta = WriteBlock(files, "data", all, std::move(options));
  EXPECT_TRUE(meta) << meta.error().message();
  auto block = PrometheusBlock::Open(files, BlockPath());
  EXPECT_TRUE(block) << block.error().message();
  if (!block) return nullptr;
  EXPECT_EQ((*block)->meta(), *meta);
  return *block;
}

void ExpectSameSamples(const SampleColumns& got, const SampleColumns& want) {
  ASSERT_TRUE(std::ranges::equal(got.timestamps_ms(), want.timestamps_ms()));
  for (std::size_t i = 0; i < got.values().size(); ++i) {
    ASSERT_EQ(std::bit_cast<std::uint64_t>(got.values()[i]), std::bit_cast<std::uint64_t>(want.values()[i]));
  }
  ASSERT_EQ(got.histograms().size(), want.histograms().size());
  for (std::size_t i = 0; i < got.histograms().size(); ++i) {
    ASSERT_EQ(got.histograms()[i].timestamp_ms, want.histograms()[i].timestamp_ms);
    model::FloatHistogram a = *got.histograms()[i].histogram;
    model::FloatHistogram b = *want.histograms()[i].histogram;
    a.Compact(0);
    b.Compact(0);
    ASSERT_TRUE(a.Equals(b) || (model::IsStaleNaN(a.sum) && model::IsStaleNaN(b.sum)));
  }
}

void ExpectSameSelection(const Reader& got_reader, const Reader& want_reader, std::span<const model::Matcher> matchers,
                         model::TimeRange range) {
  const auto got = got_reader.Select({.matchers = matchers, .range = range}, {});
  const auto want = want_reader.Select({.matchers = matchers, .range = range}, {});
  ASSERT_TRUE(got) << got.error().message();
  ASSERT_TRUE(want);
  EXPECT_TRUE((*got)->warnings().empty());
  std::size_t at = 0;
  SampleColumns got_columns;
  SampleColumns want_columns;
  for (std::size_t i = 0; i < (*want)->size(); ++i) {
    // A block may keep series whose chunks, but no samples, lie in the range.
    while (at < (*got)->size() && (*got)->labels(at) < (*want)->labels(i)) {
      ASSERT_TRUE((*got)->Read(at, range, got_columns));
      EXPECT_TRUE(got_columns.empty());
      ++at;
    }
    ASSERT_LT(at, (*got)->size());
    ASSERT_EQ((*got)->labels(at), (*want)->labels(i));
    ASSERT_TRUE((*got)->Read(at, range, got_columns));
    ASSERT_TRUE((*want)->Read(i, range, want_columns));
    ExpectSameSamples(got_columns, want_columns);
    ++at;
  }
}

std::vector<std::vector<model::Matcher>> InterestingMatchers() {
  const auto make = [](MatchType type, std::string_view name, std::string_view value) {
    return *model::Matcher::Make(type, name, value);
  };
  using enum MatchType;
  const model::Matcher any = make(kRegex, "__name__", ".+");
  return {
      {any},
      {make(kEqual, "__name__", "metric_3")},
      {make(kEqual, "__name__", "metric_9")},
      {make(kEqual, "nothing", "x")},
      {make(kRegex, "__name__", "metric_(1|2|5)")},
      {make(kRegex, "instance", "host-00.*"), make(kNotEqual, "job", "node")},
      {any, make(kNotRegex, "instance", "host-0[0-3].|host-041")},
      {any, make(kNotRegex, "instance", "host-001|host-002")},
      {any, make(kEqual, "even", "")},
      {make(kNotEqual, "even", "")},
      {any, make(kRegex, "even", "|yes")},
      {any, make(kRegex, "even", "|no")},
      {any, make(kNotEqual, "even", "yes"), make(kNotEqual, "nothing", "here")},
      {make(kNotRegex, "even", "|no"), make(kRegex, "job", "web|node")},
  };
}

TEST(PrometheusBlock, AnswersEveryQueryAsTheModelDoes) {
  for (std::uint64_t seed = 1; seed <= 6; ++seed) {
    SCOPED_TRACE(seed);
    base::SeededRandom random(seed);
    base::SimFileSystem files;
    const std::vector<LiteralSeries> all = RandomSeries(random, 60);
    const auto block = WriteAndOpen(files, all);
    ASSERT_TRUE(block);
    const MemoryReader model(all);
    const auto reader = block->OpenReader();
    const model::TimeRange ranges[] = {{}, {.min_ms = 1'700'001'000'000, .max_ms = 1'700'002'000'000}, {.max_ms = 5}};
    for (const auto& matchers : InterestingMatchers()) {
      for (const model::TimeRange range : ranges) ExpectSameSelection(*reader, model, matchers, range);
      EXPECT_EQ(*reader->LabelNames(matchers, {}, 0, {}), *model.LabelNames(matchers, {}, 0, {}));
      EXPECT_EQ(*reader->LabelValues("instance", matchers, {}, 3, {}),
                *model.LabelValues("instance", matchers, {}, 3, {}));
    }
    EXPECT_EQ(*reader->LabelNames({}, {}, 0, {}), *model.LabelNames({}, {}, 0, {}));
    EXPECT_EQ(*reader->LabelValues("job", {}, {}, 0, {}), *model.LabelValues("job", {}, {}, 0, {}));
    EXPECT_EQ(*reader->LabelValues("instance", {}, {}, 2, {}), *model.LabelValues("instance", {}, {}, 2, {}));
  }
}

TEST(PrometheusBlock, ScansAllSeriesInOrderOverManySegments) {
  base::SeededRandom random(7);
  base::SimFileSystem files;
  const std::vector<LiteralSeries> all = RandomSeries(random, 80);
  const auto block = WriteAndOpen(files, all, {.ulid = kTestUlid, .segment_bytes_max = 4096});
  ASSERT_TRUE(block);
  EXPECT_GT(files.ListDirectory(BlockPath() + "/chunks")->size(), 3);
  const auto scan = block->Scan();
  SampleColumns columns;
  std::size_t chunks = 0;
  for (const LiteralSeries& series : all) {
    const auto more = scan->Next({});
    ASSERT_TRUE(more && *more);
    EXPECT_EQ(scan->labels(), series.labels);
    ASSERT_TRUE(scan->Read({}, columns));
    EXPECT_EQ(columns.values().size(), series.samples.size());
    EXPECT_EQ(columns.histograms().size(), series.histograms.size());
    chunks += scan->Chunks()->size();
  }
  EXPECT_FALSE(*scan->Next({}));
  EXPECT_EQ(chunks, block->info().chunks);
  EXPECT_EQ(all.size(), block->info().series);
}

TEST(PrometheusBlock, HidesWhatTombstonesDelete) {
  base::SimFileSystem files;
  LiteralSeries series{.labels = MakeLabels({{"__name__", "up"}})};
  for (int i = 0; i < 500; ++i) series.samples.push_back({.timestamp_ms = i, .value = 1});
  auto gone = series;
  gone.labels = MakeLabels({{"__name__", "up2"}});
  ASSERT_TRUE(WriteAndOpen(files, std::vector{series, gone}));
  Tombstones stones;
  // References: the first entry lies behind 5 bytes of header and the symbols.
  const auto index = IndexReader::Open(files, BlockPath() + "/index");
  const PostingsList refs = *(*index)->AllSeries();
  stones.Add(refs[0], {.min_ms = 100, .max_ms = 200});
  stones.Add(refs[0], {.min_ms = 150, .max_ms = 399});
  stones.Add(refs[1], {.min_ms = 0, .max_ms = 1000});
  stones.Normalize();
  ASSERT_TRUE(base::WriteFileAtomically(files, BlockPath() + "/tombstones", stones.Format()));
  const auto block = PrometheusBlock::Open(files, BlockPath());
  ASSERT_TRUE(block) << block.error().message();
  const std::vector matchers = {*model::Matcher::Make(MatchType::kRegex, "__name__", "up.*")};
  const auto selection = (*block)->OpenReader()->Select({.matchers = matchers, .range = {}}, {});
  ASSERT_TRUE(selection);
  ASSERT_EQ((*selection)->size(), 1);
  SampleColumns columns;
  ASSERT_TRUE((*selection)->Read(0, {}, columns));
  EXPECT_EQ(columns.values().size(), 200);
  EXPECT_EQ(columns.timestamps_ms()[99], 99);
  EXPECT_EQ(columns.timestamps_ms()[100], 400);
}

TEST(PrometheusBlock, RefusesOtherVersionsByName) {
  base::SimFileSystem files;
  base::SeededRandom random(1);
  ASSERT_TRUE(WriteAndOpen(files, RandomSeries(random, 3)));
  files.FlipBit(BlockPath() + "/index", 4, 0);
  files.FlipBit(BlockPath() + "/index", 4, 1);  // version 1
  const auto block = PrometheusBlock::Open(files, BlockPath());
  ASSERT_FALSE(block);
  EXPECT_EQ(block.error().code(), base::Code::kUnsupported);
  EXPECT_NE(block.error().message().find("version 1 of the index"), std::string::npos) << block.error().message();
}

TEST(PrometheusBlock, NoFlippedBitGivesAWrongSample) {
  base::SeededRandom random(5);
  const std::vector<LiteralSeries> all = RandomSeries(random, 5);
  const MemoryReader model(all);
  const std::vector matchers = {*model::Matcher::Make(MatchType::kRegex, "__name__", ".+")};
  const auto want = *model.Select({.matchers = matchers, .range = {}}, {});
  std::size_t noticed = 0;
  for (int round = 0; round < 150; ++round) {
    SCOPED_TRACE(round);
    base::SimFileSystem files;
    ASSERT_TRUE(WriteBlock(files, "data", all));
    const std::string path = BlockPath() + (random.OneIn(2) ? "/index" : "/chunks/000001");
    files.FlipBit(path, random.Below(*files.FileSize(path)), static_cast<unsigned>(random.Below(8)));
    const auto block = PrometheusBlock::Open(files, BlockPath());
    if (!block) {
      ++noticed;
      continue;
    }
    const auto got = (*block)->OpenReader()->Select({.matchers = matchers, .range = {}}, {});
    if (!got) {
      ++noticed;
      continue;
    }
    if (!(*got)->warnings().empty()) ++noticed;
    SampleColumns got_columns;
    SampleColumns want_columns;
    for (std::size_t i = 0; i < (*got)->size(); ++i) {
      if (!(*got)->Read(i, {}, got_columns)) {
        ++noticed;
        continue;
      }
      for (std::size_t j = 0; j < want->size(); ++j) {
        if (want->labels(j) != (*got)->labels(i)) continue;
        ASSERT_TRUE(want->Read(j, {}, want_columns));
        ExpectSameSamples(got_columns, want_columns);
      }
    }
  }
  EXPECT_GT(noticed, 110) << "only padding, unused sections and version bits may be flipped unnoticed";
}

TEST(PrometheusBlock, EveryCutFileIsNoticed) {
  base::SeededRandom random(9);
  const std::vector<LiteralSeries> all = RandomSeries(random, 4);
  const std::vector matchers = {*model::Matcher::Make(MatchType::kRegex, "__name__", ".+")};
  for (const char* const name : {"/index", "/chunks/000001", "/tombstones", "/meta.json"}) {
    for (int round = 0; round < 40; ++round) {
      base::SimFileSystem files;
      ASSERT_TRUE(WriteBlock(files, "data", all));
      const std::string path = BlockPath() + name;
      std::string content = *base::ReadFile(files, path, 1 << 24);
      content.resize(random.Below(content.size()));
      if (content.ends_with("}")) continue;  // meta.json without its last line break is whole
      ASSERT_TRUE(base::WriteFileAtomically(files, path, base::AsBytes(content)));
      const auto block = PrometheusBlock::Open(files, BlockPath());
      if (!block) continue;
      const auto selection = (*block)->OpenReader()->Select({.matchers = matchers, .range = {}}, {});
      ASSERT_TRUE(selection);
      bool is_noticed = false;
      SampleColumns columns;
      for (std::size_t i = 0; i < (*selection)->size(); ++i) {
        is_noticed = is_noticed || !(*selection)->Read(i, {}, columns);
      }
      EXPECT_TRUE(is_noticed) << name << " cut to " << content.size();
    }
  }
}

TEST(PrometheusBlock, KeepsToTheLimitOfASelection) {
  base::SimFileSystem files;
  base::SeededRandom random(2);
  ASSERT_TRUE(WriteBlock(files, "data", RandomSeries(random, 20)));
  const auto block = PrometheusBlock::Open(files, BlockPath(), {.selection_bytes_max = 500});
  const std::vector matchers = {*model::Matcher::Make(MatchType::kRegex, "__name__", ".+")};
  const auto selection = (*block)->OpenReader()->Select({.matchers = matchers, .range = {}}, {});
  ASSERT_FALSE(selection);
  EXPECT_EQ(selection.error().code(), base::Code::kLimitExceeded);
}

TEST(PrometheusBlockWriter, RefusesDisorderAndLeavesNothing) {
  const model::Labels a = MakeLabels({{"__name__", "a"}});
  const model::Labels b = MakeLabels({{"__name__", "b"}});
  const std::int64_t times[] = {5, 4};
  const double values[] = {1, 2};
  const std::function<base::Result<>(PrometheusBlockWriter&)> kCases[] = {
      [&](auto& writer) -> base::Result<> {
        BARO_TRY(writer.BeginSeries(b));
        return writer.BeginSeries(a);
      },
      [&](auto& writer) -> base::Result<> {
        BARO_TRY(writer.BeginSeries(a));
        return writer.BeginSeries(a);
      },
      [&](auto& writer) { return writer.BeginSeries({}); },
      [&](auto& writer) { return writer.Add(times, values); },
      [&](auto& writer) -> base::Result<> {
        BARO_TRY(writer.BeginSeries(a));
        return writer.Add(times, values);
      },
      [&](auto& writer) -> base::Result<> {
        BARO_TRY(writer.BeginSeries(a));
        return writer.Add(std::span(times).first(1), std::span(values).first(2));
      },
      [&](auto& writer) -> base::Result<> {
        BARO_TRY(writer.BeginSeries(a));
        BARO_TRY(writer.Finish());
        return {};
      },
  };
  for (const auto& run : kCases) {
    base::SimFileSystem files;
    {
      auto writer = PrometheusBlockWriter::Create(files, "data", {.ulid = kTestUlid});
      ASSERT_TRUE(writer);
      const auto result = run(**writer);
      ASSERT_FALSE(result);
      EXPECT_EQ(result.error().code(), base::Code::kInvalidArgument);
      EXPECT_FALSE((*writer)->Finish()) << "the first error is final";
    }
    EXPECT_TRUE(files.ListDirectory("data")->empty());
  }
}

TEST(PrometheusBlockWriter, IsThereAsAWholeOrNotAtAllWhereverItFails) {
  base::SeededRandom random(4);
  const std::vector<LiteralSeries> all = RandomSeries(random, 3);
  for (std::uint64_t operation = 1;; ++operation) {
    base::SimFileSystem files;
    files.FailAfter(operation, base::Code::kNoSpace, 1'000'000);
    const auto meta = WriteBlock(files, "data", all);
    files.StopFailing();
    if (meta) break;
    ASSERT_LT(operation, 100);
    files.Crash(random);
    const auto exists = files.Exists(BlockPath());
    ASSERT_TRUE(exists);
    if (*exists) {
      EXPECT_TRUE(PrometheusBlock::Open(files, BlockPath()));
    }
  }
}

TEST(PrometheusMeta, IsReadAsPrometheusWritesIt) {
  const auto meta = ParsePrometheusMeta(R"({
	"ulid": "01GZHCE3T8V5RZ3PQK7XKZ4E2Q", "minTime": 1683000000000, "maxTime": 1683007200000,
	"stats": {"numSamples": 12, "numSeries": 3, "numChunks": 4, "somethingNew": [1]},
	"compaction": {"level": 2, "sources": ["01GZHCE3T8V5RZ3PQK7XKZ4E2Q"], "hints": ["from-out-of-order"],
	  "parents": [{"ulid": "01GZHCE3T8V5RZ3PQK7XKZ4E2R", "minTime": 1, "maxTime": 2}]},
	"version": 1 })");
  ASSERT_TRUE(meta) << meta.error().message();
  EXPECT_EQ(meta->samples, 12);
  EXPECT_EQ(meta->compaction_level, 2);
  EXPECT_EQ(meta->hints, std::vector<std::string>{"from-out-of-order"});
  EXPECT_EQ(meta->parents.at(0).max_time_ms, 2);
  EXPECT_EQ(*ParsePrometheusMeta(FormatPrometheusMeta(*meta)), *meta);
  for (const char* const bad : {"", "[]", "{}", R"({"ulid":"x","minTime":1,"maxTime":2,"version":1})",
                                R"({"ulid":"01GZHCE3T8V5RZ3PQK7XKZ4E2Q","minTime":3,"maxTime":2,"version":1})",
                                R"({"ulid":"01GZHCE3T8V5RZ3PQK7XKZ4E2Q","minTime":"1","maxTime":2,"version":1})",
                                R"({"ulid":"01GZHCE3T8V5RZ3PQK7XKZ4E2Q","minTime":1,"maxTime":2,"version":2})"}) {
    EXPECT_FALSE(ParsePrometheusMeta(bad)) << bad;
  }
}

}  // namespace
}  // namespace baro::tsdb
