#include "tsdb/index/label_index.h"

#include <set>

#include <gtest/gtest.h>

#include "base/random.h"

namespace baro::tsdb {
namespace {

using model::Labels;
using model::Matcher;
using model::MatchType;

// The naive index: every question is a walk over all series.
class Model {
 public:
  std::map<Slot, Labels> series;

  std::vector<Slot> Select(std::span<const Matcher> matchers) const {
    std::vector<Slot> slots;
    for (const auto& [slot, labels] : series) {
      if (model::MatchesAll(matchers, labels)) slots.push_back(slot);
    }
    return slots;
  }
  std::vector<std::string> Values(std::string_view name, std::span<const Matcher> matchers) const {
    std::set<std::string> values;
    for (const Slot slot : Select(matchers)) {
      if (series.at(slot).Has(name)) values.emplace(series.at(slot).Get(name));
    }
    return {values.begin(), values.end()};
  }
  std::vector<std::string> Names(std::span<const Matcher> matchers) const {
    std::set<std::string> names;
    for (const Slot slot : Select(matchers)) {
      for (const auto& label : series.at(slot)) names.emplace(label.name);
    }
    return {names.begin(), names.end()};
  }
};

Labels RandomLabels(base::Random& random, std::size_t serial) {
  model::LabelsBuilder builder;
  builder.Set("__name__", fmt::format("metric_{}", random.Below(5)));
  builder.Set("serial", fmt::format("{}", serial));
  if (!random.OneIn(3)) builder.Set("job", random.OneIn(2) ? "node" : "api");
  if (random.OneIn(2)) builder.Set("code", fmt::format("{}", 200 + 100 * random.Below(4)));
  if (random.OneIn(4)) builder.Set("mode", random.OneIn(2) ? "idle" : "");
  return builder.Build();
}

Matcher RandomMatcher(base::Random& random) {
  static const std::vector<std::string> kNames = {"__name__", "job", "code", "mode", "serial", "absent"};
  static const std::vector<std::string> kTexts = {"",     "node", "api",      "200",         "metric_1",  "idle",
                                                  "none", "7",    "node|api", "metric_[12]", "2.*",       ".*",
                                                  ".+",   "a.*",  "(200|)",   "1[0-9]*",     "metric_.+", "[^n].*"};
  const std::string& name = kNames[random.Below(kNames.size())];
  const std::string& text = kTexts[random.Below(kTexts.size())];
  return Matcher::Make(static_cast<MatchType>(random.Below(4)), name, text).value();
}

TEST(LabelIndex, AgreesWithAWalkOverAllSeriesForRandomMatchers) {
  base::SeededRandom random(7);
  LabelIndex index;
  Model naive;
  Slot next = 0;
  for (int round = 0; round < 1000; ++round) {
    if (random.OneIn(3) && !naive.series.empty()) {
      const auto victim =
          std::next(naive.series.begin(), static_cast<std::ptrdiff_t>(random.Below(naive.series.size())));
      if (random.OneIn(4)) {
        index.Remove(victim->first, victim->second);
        naive.series.erase(victim);
      }
    } else if (naive.series.size() < 400) {
      const Labels labels = RandomLabels(random, random.Below(1000));
      index.Add(next, labels);
      naive.series[next++] = labels;
    }
    std::vector<Matcher> matchers;
    std::string text;
    for (std::uint64_t i = random.Below(4); i > 0; --i) {
      matchers.push_back(RandomMatcher(random));
      text += matchers.back().ToString() + " ";
    }
    SCOPED_TRACE(fmt::format("round {}: {}", round, text));
    ASSERT_EQ(index.Select(matchers, {}).value(), naive.Select(matchers));
    ASSERT_EQ(index.Names(matchers, 0, {}).value(), naive.Names(matchers));
    for (const char* name : {"job", "serial", "mode"}) {
      ASSERT_EQ(index.Values(name, matchers, 0, {}).value(), naive.Values(name, matchers)) << name;
    }
  }
}

TEST(LabelIndex, ForgetsPairsWithoutSeries) {
  LabelIndex index;
  const Labels labels = Labels::FromPairs({{"__name__", "up"}, {"job", "x"}});
  index.Add(3, labels);
  EXPECT_EQ(index.Stats().pairs, 2U);
  index.Remove(3, labels);
  EXPECT_EQ(index.Stats().pairs, 0U);
  EXPECT_TRUE(index.Names({}, 0, {})->empty());
}

TEST(LabelIndex, StopsWhenNobodyWaits) {
  LabelIndex index;
  index.Add(0, Labels::FromPairs({{"a", "b"}}));
  const base::CancelToken cancel;
  cancel.Cancel();
  const std::vector<Matcher> matchers = {Matcher::Equal("a", "b")};
  EXPECT_EQ(index.Select(matchers, cancel).error().code(), base::Code::kCancelled);
}

TEST(Postings, TurnIntoABitmapWhenTheyGrow) {
  Postings postings;
  for (Slot slot = 0; slot < 1000; ++slot) postings.Add(slot * 3);
  EXPECT_EQ(postings.size(), 1000U);
  EXPECT_TRUE(postings.Contains(999 * 3));
  EXPECT_FALSE(postings.Contains(1));
  for (Slot slot = 0; slot < 1000; ++slot) postings.Remove(slot * 3);
  EXPECT_TRUE(postings.empty());
}

}  // namespace
}  // namespace baro::tsdb
