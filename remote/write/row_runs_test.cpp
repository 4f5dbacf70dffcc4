#include "remote/write/row_runs.h"

#include <gtest/gtest.h>

namespace baro::remote {
namespace {

using tsdb::GroupRef;
using tsdb::SeriesRef;

class RowRunsTest : public ::testing::Test {
 protected:
  // `count` series with samples at these times, of a group of `size`.
  void Add(std::size_t count, const std::vector<std::int64_t>& times, GroupRef group = GroupRef::kNone,
           std::uint32_t size = 0) {
    for (std::size_t i = 0; i < count; ++i) {
      request_.series.push_back({.first_sample = static_cast<std::uint32_t>(request_.samples.size()),
                                 .sample_count = static_cast<std::uint32_t>(times.size())});
      for (const std::int64_t time_ms : times) request_.samples.push_back({.timestamp_ms = time_ms, .value = 1});
      known_.push_back({.ref = static_cast<SeriesRef>(known_.size() + 1), .group = group, .group_size = size});
    }
  }
  std::vector<std::pair<std::size_t, RowRun::Use>> Find() {
    FindRowRuns(request_, known_, 0, known_.size(), runs_);
    std::vector<std::pair<std::size_t, RowRun::Use>> found;
    for (const RowRun& run : runs_) found.emplace_back(run.count, run.use);
    return found;
  }
  using Found = std::vector<std::pair<std::size_t, RowRun::Use>>;

  WriteRequest request_;
  std::vector<KnownSeries> known_;
  std::vector<RowRun> runs_;
};

TEST_F(RowRunsTest, NewSeriesWithEqualTimesMakeSmallGroups) {
  Add(300, {1000});
  Add(3, {2000});
  EXPECT_EQ(Find(), (Found{{128, RowRun::Use::kNewGroup},
                           {128, RowRun::Use::kNewGroup},
                           {44, RowRun::Use::kNewGroup},
                           {3, RowRun::Use::kSingly}}));
}

TEST_F(RowRunsTest, KnownSeriesStayInTheirGroups) {
  Add(100, {1000, 2000}, GroupRef{1}, 100);
  Add(50, {1000, 2000}, GroupRef{2}, 100);
  EXPECT_EQ(Find(), (Found{{100, RowRun::Use::kRows}, {50, RowRun::Use::kRows}}));
  EXPECT_FALSE(runs_[1].leaves_group);  // the rest is in the next request
}

TEST_F(RowRunsTest, AFewOfAGroupGoSinglyAndLeaveIt) {
  Add(10, {1000}, GroupRef{1}, 10);
  Add(20, {1000}, GroupRef{2}, 100);
  Add(10, {1000}, GroupRef{3}, 10);
  EXPECT_EQ(Find(), (Found{{10, RowRun::Use::kRows}, {20, RowRun::Use::kSingly}, {10, RowRun::Use::kRows}}));
  EXPECT_TRUE(runs_[1].leaves_group);
}

TEST_F(RowRunsTest, TimesThatDoNotIncreaseAreNoRows) {
  Add(20, {2000, 1000});
  const Found found = Find();
  EXPECT_EQ(found.size(), 20U);
  EXPECT_EQ(found[0].second, RowRun::Use::kSingly);
}

TEST_F(RowRunsTest, TheNumberOfRowsHasALimit) {
  std::vector<std::int64_t> times(kRequestRowsMax);
  for (std::size_t i = 0; i < times.size(); ++i) times[i] = static_cast<std::int64_t>(i);
  Add(8, times, GroupRef{1}, 8);
  Add(8, {1}, GroupRef{2}, 8);
  EXPECT_EQ(Find(), (Found{{8, RowRun::Use::kRows}, {8, RowRun::Use::kSingly}}));
}

TEST_F(RowRunsTest, SeriesWithoutSamplesOrOutOfTheRequestAreNotInAnyRun) {
  Add(1, {});
  Add(10, {1000});
  known_[5].ref = SeriesRef::kNone;
  EXPECT_EQ(Find(), (Found{{4, RowRun::Use::kSingly}, {5, RowRun::Use::kSingly}}));
}

}  // namespace
}  // namespace baro::remote
