#include "tsdb/block/page_cache.h"

#include <gtest/gtest.h>

namespace baro::tsdb {
namespace {

SeriesPage PageOf(std::size_t series) {
  SeriesPage page;
  page.series.resize(series);
  return page;
}

TEST(PageCache, FindsWhatItKeepsAndDropsTheOldestFirst) {
  PageCache cache;
  EXPECT_EQ(cache.FindSeries(7), nullptr);
  EXPECT_EQ(cache.FindValues(7), nullptr);
  const auto first = std::make_shared<KeptSeriesPage>(PageOf(kSeriesPerPage));
  cache.Keep(7, first);
  cache.Keep(7, std::make_shared<KeptSeriesPage>(PageOf(1)));
  EXPECT_EQ(cache.FindSeries(7), first) << "who comes second uses what is there from then on";
  std::uint64_t next = 8;
  for (; cache.FindSeries(7) != nullptr; ++next) {
    ASSERT_LT(next, 1000U) << "there is a bound";
    cache.Keep(next, std::make_shared<KeptSeriesPage>(PageOf(kSeriesPerPage)));
  }
  EXPECT_NE(cache.FindSeries(8), nullptr);
  EXPECT_NE(cache.FindSeries(next - 1), nullptr);
  EXPECT_GT(next, 20U);
}

TEST(KeptSeriesPage, RemembersLabels) {
  KeptSeriesPage page(PageOf(3));
  EXPECT_TRUE(page.LabelsOf(1).empty());
  const auto labels = model::Labels::FromPairs({{"a", "b"}});
  page.Keep(1, labels);
  EXPECT_EQ(page.LabelsOf(1).packed().data(), labels.packed().data());
  EXPECT_TRUE(page.LabelsOf(2).empty());
}

}  // namespace
}  // namespace baro::tsdb
