// What a power cut may take, by policy.
#include <gtest/gtest.h>

#include "base/random.h"
#include "base/sim_file_system.h"
#include "tsdb/storage/testing.h"

namespace baro::tsdb {
namespace {

using testing_support::kStartMs;
using testing_support::ReadAll;
using testing_support::StorageFixture;

class LogSyncTest : public ::testing::Test, public StorageFixture {
 protected:
  void Put(std::int64_t time_ms, Durability durability) {
    auto appender = storage().NewAppender();
    const SeriesRef series = *appender->Resolve(model::Labels::FromPairs({{"__name__", "a"}}));
    ASSERT_EQ(appender->Append(series, {.timestamp_ms = time_ms, .value = 1}), SampleStatus::kAccepted);
    ASSERT_TRUE(appender->Commit(durability));
  }
  // How many samples are there after a power cut, by the least that any of some cuts leaves.
  std::size_t LeastLeft(LogSync policy, Durability durability) {
    std::size_t least = 1000;
    for (std::uint64_t seed = 1; seed <= 20; ++seed) {
      base::SimFileSystem files;
      base::SeededRandom random(seed);
      UseFiles(files);
      options().log_sync = policy;
      Open();
      for (int i = 0; i < 5; ++i) Put(kStartMs + i, durability);
      files.Crash(random);
      files.FailAfter(1, base::Code::kIo, 1'000'000);  // the process dies too, and closes nothing
      Drop();
      files.StopFailing();
      Open();
      const auto all = ReadAll(storage());
      least = std::min(least, all.empty() ? 0 : all[0].samples.size());
      Drop();
    }
    return least;
  }
};

TEST_F(LogSyncTest, AlwaysKeepsWhatIsCommittedThroughAPowerCut) {
  EXPECT_EQ(LeastLeft(LogSync::kAlways, Durability::kInterval), 5U);
}

TEST_F(LogSyncTest, OthersLoseWhatWasNotSynced) {
  EXPECT_LT(LeastLeft(LogSync::kInterval, Durability::kInterval), 5U);
  EXPECT_LT(LeastLeft(LogSync::kOs, Durability::kInterval), 5U);
}

TEST_F(LogSyncTest, WhatWasPromisedIsKeptWithEachPolicy) {
  EXPECT_EQ(LeastLeft(LogSync::kInterval, Durability::kSynced), 5U);
  EXPECT_EQ(LeastLeft(LogSync::kOs, Durability::kSynced), 5U);
}

}  // namespace
}  // namespace baro::tsdb
