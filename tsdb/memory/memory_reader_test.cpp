#include "tsdb/memory_reader.h"

#include <gtest/gtest.h>

namespace baro::tsdb {
namespace {

using model::Labels;
using model::Matcher;

MemoryReader TwoSeries() {
  return MemoryReader({{.labels = Labels::FromPairs({{"__name__", "up"}, {"job", "node"}}),
                        .samples = {{.timestamp_ms = 10, .value = 1}, {.timestamp_ms = 20, .value = 0}}},
                       {.labels = Labels::FromPairs({{"__name__", "up"}, {"job", "api"}, {"zone", "a"}}),
                        .samples = {{.timestamp_ms = 15, .value = 3}}}});
}

TEST(MemoryReader, SelectsInLabelOrderAndReadsOnlyTheRange) {
  const MemoryReader reader = TwoSeries();
  const std::vector<Matcher> matchers = {Matcher::Equal("__name__", "up")};
  const auto selection = reader.Select({.matchers = matchers, .range = {.min_ms = 0, .max_ms = 19}}, {});
  ASSERT_TRUE(selection);
  ASSERT_EQ((*selection)->size(), 2U);
  EXPECT_EQ((*selection)->labels(0).Get("job"), "api");
  EXPECT_EQ((*selection)->labels(1).Get("job"), "node");
  SampleColumns columns;
  ASSERT_TRUE((*selection)->Read(1, {.min_ms = 0, .max_ms = 19}, columns));
  ASSERT_EQ(columns.timestamps_ms().size(), 1U);
  EXPECT_EQ(columns.timestamps_ms()[0], 10);
  EXPECT_EQ(columns.values()[0], 1);
}

TEST(MemoryReader, RefusesASelectionOfEverythingByAccident) {
  const auto selection = TwoSeries().Select({.matchers = {}, .range = {}}, {});
  ASSERT_FALSE(selection);
  EXPECT_EQ(selection.error().code(), base::Code::kInvalidArgument);
}

TEST(MemoryReader, ListsNamesAndValuesOfSeriesWithData) {
  const MemoryReader reader = TwoSeries();
  EXPECT_EQ(reader.LabelNames({}, {}, 0, {}).value(), (std::vector<std::string>{"__name__", "job", "zone"}));
  EXPECT_EQ(reader.LabelNames({}, {.min_ms = 20, .max_ms = 30}, 0, {}).value(),
            (std::vector<std::string>{"__name__", "job"}));
  EXPECT_EQ(reader.LabelValues("job", {}, {}, 1, {}).value(), (std::vector<std::string>{"api"}));
}

}  // namespace
}  // namespace baro::tsdb
