// Readers and appenders at the same time; run under tsan to mean something (`./dev sanitize tsan`).
#include <atomic>
#include <thread>

#include <gtest/gtest.h>

#include "base/random.h"
#include "tsdb/storage/testing.h"

namespace baro::tsdb {
namespace {

using testing_support::kStartMs;
using testing_support::ReadAllOf;
using testing_support::StorageFixture;

class ConcurrencyTest : public ::testing::Test, public StorageFixture {};

model::Labels LabelsOf(std::size_t writer, std::size_t series) {
  return model::Labels::FromPairs(
      {{"__name__", "m"}, {"series", fmt::format("{}", series)}, {"writer", fmt::format("{}", writer)}});
}

// Each commit writes one value to all series of its writer, some by row, some singly: whoever reads must find the same
// newest value in all of them.
TEST_F(ConcurrencyTest, ReadersSeeWholeCommitsWhileWritersWrite) {
  constexpr std::size_t kWriters = 3;
  constexpr std::size_t kSeries = 8;
  constexpr int kCommits = 300;
  options().segment_bytes = 20'000;
  Open();
  std::atomic<std::size_t> running{kWriters};
  const auto write = [&](std::size_t writer) {
    GroupRef group = storage().NewGroup();
    for (int i = 1; i <= kCommits; ++i) {
      auto appender = storage().NewAppender();
      std::vector<SeriesRef> refs;
      for (std::size_t k = 0; k < kSeries; ++k) refs.push_back(*appender->Resolve(LabelsOf(writer, k), nullptr));
      const std::vector<double> values(kSeries - 2, i);
      appender->AppendRow(group, kStartMs + i, std::span(refs).first(kSeries - 2), values, {});
      for (std::size_t k = kSeries - 2; k < kSeries; ++k) {
        appender->Append(refs[k], {.timestamp_ms = kStartMs + i, .value = static_cast<double>(i)});
      }
      EXPECT_TRUE(appender->Commit(i % 16 == 0 ? Durability::kSynced : Durability::kInterval));
      if (i % 100 == 0) {  // as when a target goes and comes again
        storage().DropGroup(group);
        group = storage().NewGroup();
      }
    }
    --running;
  };
  const auto read = [&] {
    while (running > 0) {
      const auto reader = storage().OpenReader();
      std::map<std::string, double> newest;
      for (const LiteralSeries& series : ReadAllOf(*reader)) {
        const std::string writer(series.labels.Get("writer"));
        const double value = series.samples.back().value;
        ASSERT_EQ(series.samples.size(), static_cast<std::size_t>(value)) << series.labels.ToString();
        const auto [known, is_first] = newest.emplace(writer, value);
        ASSERT_EQ(known->second, value) << "half a commit: " << series.labels.ToString();
      }
    }
  };
  const auto tend = [&] {
    while (running > 0) {
      EXPECT_TRUE(storage().Sync());
      EXPECT_TRUE(storage().Maintain());
      (void)storage().Status(5);
    }
  };
  {
    std::vector<std::jthread> threads;
    for (std::size_t i = 0; i < kWriters; ++i) threads.emplace_back(write, i);
    threads.emplace_back(read);
    threads.emplace_back(read);
    threads.emplace_back(tend);
  }
  EXPECT_EQ(testing_support::ReadAll(storage()).size(), kWriters * kSeries);
  Reopen();
  for (const LiteralSeries& series : testing_support::ReadAll(storage())) {
    EXPECT_EQ(series.samples.size(), static_cast<std::size_t>(kCommits)) << series.labels.ToString();
  }
}

// Writers that fight for the same series through different groups: each sample is taken once or refused, none is lost
// or doubled.
TEST_F(ConcurrencyTest, SeriesThatTwoGroupsClaimKeepTheirOrder) {
  Open();
  std::atomic<std::size_t> accepted{0};
  const auto write = [&](std::size_t writer) {
    const GroupRef group = storage().NewGroup();
    for (int i = 0; i < 200; ++i) {
      auto appender = storage().NewAppender();
      const std::vector<SeriesRef> refs = {*appender->Resolve(LabelsOf(0, 0), nullptr),
                                           *appender->Resolve(LabelsOf(0, 1), nullptr)};
      const std::vector<double> values(2, static_cast<double>(writer));
      if (i % 5 == 4) {
        appender->Append(refs[0], {.timestamp_ms = kStartMs + i, .value = values[0]});
      } else {
        appender->AppendRow(group, kStartMs + i, refs, values, {});
      }
      const auto stats = appender->Commit(Durability::kInterval);
      ASSERT_TRUE(stats);
      accepted += stats->accepted;
    }
  };
  {
    std::vector<std::jthread> threads;
    for (std::size_t i = 0; i < 4; ++i) threads.emplace_back(write, i);
  }
  for (int restart = 0; restart < 2; ++restart) {
    std::size_t found = 0;
    for (const LiteralSeries& series : testing_support::ReadAll(storage())) found += series.samples.size();
    EXPECT_EQ(found, accepted.load());
    Reopen();
  }
}

}  // namespace
}  // namespace baro::tsdb
