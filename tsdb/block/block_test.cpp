// A block gives back what was written, whatever is asked of it: compared with literal series.
#include "tsdb/block/block.h"

#include <gtest/gtest.h>

#include "tsdb/block/testing.h"

namespace baro::tsdb {
namespace {

using block_testing::CountingBudget;
using block_testing::Fleet;
using block_testing::kStartMs;
using model::Matcher;
using model::MatchType;

Matcher Make(MatchType type, std::string_view name, std::string_view value) {
  return Matcher::Make(type, name, value).value();
}

Matcher RandomMatcher(base::Random& random) {
  static constexpr const char* kNames[] = {"__name__", "instance", "job", "mode", "Zone", "absent"};
  static constexpr const char* kValues[] = {
      "metric_1", "metric_[02]", "host-1|host-3|nowhere", "host-.*", "node", "m1", "m.", "", ".*", ".+", "a", "me.*2"};
  const auto type = static_cast<MatchType>(random.Below(4));
  return Make(type, kNames[random.Below(std::size(kNames))], kValues[random.Below(std::size(kValues))]);
}

model::TimeRange RandomRange(base::Random& random, std::size_t rows) {
  if (random.OneIn(4)) return {};
  const auto span_ms = static_cast<std::uint64_t>(rows) * 15'000 + 30'000;
  const auto a = static_cast<std::int64_t>(random.Below(span_ms));
  const auto b = static_cast<std::int64_t>(random.Below(span_ms));
  return {.min_ms = kStartMs - 10'000 + std::min(a, b), .max_ms = kStartMs - 10'000 + std::max(a, b)};
}

// The series of a selection that have samples in the range, with all they have.
struct Found {
  std::vector<std::string> labels;
  std::vector<std::unique_ptr<SampleColumns>> columns;
};

Found ReadThem(const Reader& reader, const SelectRequest& request, model::TimeRange range) {
  Found found;
  const auto selection = reader.Select(request, {});
  EXPECT_TRUE(selection) << selection.error().message();
  if (!selection) return found;
  for (std::size_t i = 0; i < (*selection)->size(); ++i) {
    EXPECT_TRUE(i == 0 || (*selection)->labels(i - 1) < (*selection)->labels(i));
    auto columns = std::make_unique<SampleColumns>();
    const auto read = (*selection)->Read(i, range, *columns);
    EXPECT_TRUE(read) << read.error().message();
    if (columns->empty()) continue;
    found.labels.push_back((*selection)->labels(i).ToString());
    found.columns.push_back(std::move(columns));
  }
  return found;
}

void ExpectSameAnswers(const Reader& reader, const Reader& model, base::Random& random, std::size_t rows) {
  for (int round = 0; round < 60; ++round) {
    std::vector<Matcher> matchers;
    for (std::uint64_t i = 1 + random.Below(3); i > 0; --i) matchers.push_back(RandomMatcher(random));
    std::string text;
    for (const Matcher& matcher : matchers) text += matcher.ToString() + " ";
    SCOPED_TRACE(fmt::format("round {}: {}", round, text));
    EXPECT_EQ(reader.LabelNames(matchers, {}, 0, {}).value(), model.LabelNames(matchers, {}, 0, {}).value());
    for (const char* name : {"__name__", "mode", "instance", "absent"}) {
      EXPECT_EQ(reader.LabelValues(name, matchers, {}, 0, {}).value(),
                model.LabelValues(name, matchers, {}, 0, {}).value());
      EXPECT_EQ(reader.LabelValues(name, matchers, {}, 2, {}).value(),
                model.LabelValues(name, matchers, {}, 2, {}).value());
    }
    SelectRequest request{.matchers = matchers, .range = RandomRange(random, rows)};
    const Matcher other = RandomMatcher(random);
    const auto alike = model.Select({.matchers = {&other, 1}, .range = {}}, {});
    if (alike && random.OneIn(2)) request.alike = alike->get();
    CountingBudget budget(SIZE_MAX);
    request.memory = &budget;
    if (const auto wanted = model.Select(request, {}); !wanted) {
      EXPECT_EQ(reader.Select(request, {}).error().code(), wanted.error().code());
      continue;
    }
    const model::TimeRange part = random.OneIn(2) ? request.range : RandomRange(random, rows);
    const model::TimeRange range{.min_ms = std::max(part.min_ms, request.range.min_ms),
                                 .max_ms = std::min(part.max_ms, request.range.max_ms)};
    const Found got = ReadThem(reader, request, range);
    const Found want = ReadThem(model, request, range);
    EXPECT_EQ(budget.used(), 0U);
    ASSERT_EQ(got.labels, want.labels);
    for (std::size_t i = 0; i < got.columns.size(); ++i) {
      SCOPED_TRACE(got.labels[i]);
      block_testing::ExpectSame(*got.columns[i], *want.columns[i]);
    }
  }
}

std::shared_ptr<Block> OpenWhole(base::FileSystem& files, const std::string& directory) {
  auto block = Block::Open(files, directory);
  EXPECT_TRUE(block) << block.error().message();
  if (!block) return nullptr;
  EXPECT_TRUE((*block)->Damage().empty()) << (*block)->Damage()[0];
  return *block;
}

TEST(Block, ChargesWhatASelectionHoldsAndSharesLabels) {
  base::SeededRandom random(1);
  const Fleet fleet = block_testing::RandomFleet(random, 5, 30, 100);
  base::SimFileSystem files;
  ASSERT_TRUE(block_testing::WriteBlock(files, "d", fleet, {.ulid = block_testing::TestUlid()}, random));
  const auto block = OpenWhole(files, "d/" + block_testing::TestUlid().ToString());
  ASSERT_NE(block, nullptr);
  const Matcher all[] = {Make(MatchType::kNotEqual, "__name__", "")};
  CountingBudget budget(SIZE_MAX);
  std::size_t needed = 0;
  {
    const auto first = block->OpenReader()->Select({.matchers = all, .range = {}, .memory = &budget}, {});
    ASSERT_TRUE(first);
    needed = budget.used();
    EXPECT_GT(needed, (*first)->size() * 50);
    const auto second =
        block->OpenReader()->Select({.matchers = all, .range = {}, .memory = &budget, .alike = first->get()}, {});
    ASSERT_TRUE(second);
    EXPECT_LT(budget.used() - needed, needed);  // labels are not its own
    ASSERT_EQ((*first)->size(), (*second)->size());
    for (std::size_t i = 0; i < (*first)->size(); ++i) {
      EXPECT_EQ((*first)->labels(i).packed().data(), (*second)->labels(i).packed().data());
    }
  }
  EXPECT_EQ(budget.used(), 0U);
  for (const std::size_t limit : {std::size_t{0}, needed / 4, needed / 2, needed - 1}) {
    CountingBudget small(limit);
    const auto fresh = OpenWhole(files, "d/" + block_testing::TestUlid().ToString());  // keeps no labels yet
    const auto refused = fresh->OpenReader()->Select({.matchers = all, .range = {}, .memory = &small}, {});
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code(), base::Code::kLimitExceeded);
    EXPECT_EQ(small.used(), 0U);
  }
}

class BlockProperty : public ::testing::TestWithParam<std::uint64_t> {};

TEST_P(BlockProperty, AnswersAsLiteralSeriesDo) {
  base::SeededRandom random(GetParam());
  const std::size_t rows = random.OneIn(3) ? 2500 : 1 + random.Below(300);
  const Fleet fleet = block_testing::RandomFleet(random, 1 + random.Below(6), 1 + random.Below(30), rows);
  base::SimFileSystem files;
  const auto meta =
      block_testing::WriteBlock(files, "d", fleet,
                                {.ulid = block_testing::TestUlid(),
                                 .form = random.OneIn(2) ? BlockForm::kCold : BlockForm::kHot,
                                 .column_memory_bytes = random.OneIn(3) ? std::size_t{2000} : std::size_t{64} << 20},
                                random);
  ASSERT_TRUE(meta) << meta.error().message();
  EXPECT_EQ(meta->counts.series, fleet.series.size());
  const auto block = OpenWhole(files, "d/" + block_testing::TestUlid().ToString());
  ASSERT_NE(block, nullptr);
  EXPECT_EQ(block->meta(), *meta);
  const MemoryReader model(fleet.series);
  ExpectSameAnswers(*block->OpenReader(), model, random, rows);
  EXPECT_TRUE(block->Verify([](std::uint64_t) {}, {}).value().empty());
}

INSTANTIATE_TEST_SUITE_P(Seeds, BlockProperty, ::testing::Range(std::uint64_t{1}, std::uint64_t{40}));

}  // namespace
}  // namespace baro::tsdb
