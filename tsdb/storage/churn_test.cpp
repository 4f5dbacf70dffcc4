// Series that come and go for a day: memory stays what it was after the first hours.
#include <map>

#include <gtest/gtest.h>

#include "base/sim_file_system.h"
#include "tsdb/storage/testing.h"

namespace baro::tsdb {
namespace {

using testing_support::kStartMs;
using testing_support::StorageFixture;

constexpr std::size_t kTargets = 8;
constexpr std::size_t kSeriesPerTarget = 30;
constexpr int kMinutes = 24 * 60;
constexpr int kReplaceEvery = 10;  // minutes

// A target whose series are told apart by a number that rises: a tenth of them is replaced at a time.
struct Target {
  GroupRef group = GroupRef::kNone;
  std::vector<model::Labels> labels;
};

class ChurnTest : public ::testing::Test, public StorageFixture {
 protected:
  model::Labels NewSeries(std::size_t target, std::size_t index) {
    return model::Labels::FromPairs({{"__name__", fmt::format("metric_{}", index)},
                                     {"instance", fmt::format("host-{}", target)},
                                     {"pod", fmt::format("pod-{}", next_pod_++)}});
  }

  Target NewTarget(std::size_t number) {
    Target target{.group = storage().NewGroup()};
    for (std::size_t i = 0; i < kSeriesPerTarget; ++i) target.labels.push_back(NewSeries(number, i));
    return target;
  }

  void Scrape(Target& target, std::int64_t time_ms, int minute) {
    auto appender = storage().NewAppender();
    std::vector<SeriesRef> refs;
    std::vector<double> values;
    for (std::size_t i = 0; i < target.labels.size(); ++i) {
      refs.push_back(*appender->Resolve(target.labels[i]));
      values.push_back(static_cast<double>(minute * static_cast<int>(i)));
    }
    appender->AppendRow(target.group, time_ms, refs, values, {});
    // A few come singly, and some of them late.
    const SeriesRef single = *appender->Resolve(
        model::Labels::FromPairs({{"__name__", "pushed"}, {"pod", fmt::format("pod-{}", next_pod_ / 10)}}));
    appender->Append(single, {.timestamp_ms = time_ms, .value = 1});
    appender->Append(refs[0], {.timestamp_ms = time_ms - 200'000, .value = 2});
    ASSERT_TRUE(appender->Commit(Durability::kInterval));
  }

  // The most that each part had; "series_count" beside them.
  using Peaks = std::map<std::string, std::uint64_t>;
  void Note(Peaks& peaks) {
    const HeadStatus status = storage().Status(1);
    const auto note = [&peaks](const std::string& name, std::uint64_t count) {
      peaks[name] = std::max(peaks[name], count);
    };
    for (const NamedCount& part : status.memory_bytes_by_part) note(part.name, part.count);
    note("series_count", status.series_count);
    note("label_pair_count", status.label_pair_count);
    note("log", storage().log_status().size_bytes);
  }

  std::size_t next_pod_ = 0;
};

TEST_F(ChurnTest, ATenthOfTheSeriesReplacedEveryTenMinutesLeavesMemoryFlat) {
  base::SimFileSystem files;
  UseFiles(files);
  options().retention.time = std::chrono::hours(6);
  options().out_of_order_window = std::chrono::minutes(30);
  options().segment_bytes = 1 << 20;
  Open();
  std::vector<Target> targets;
  for (std::size_t i = 0; i < kTargets; ++i) targets.push_back(NewTarget(i));
  Peaks early;
  Peaks late;
  for (int minute = 0; minute < kMinutes; ++minute) {
    clock().Advance(std::chrono::minutes(1));
    const std::int64_t time_ms = kStartMs + static_cast<std::int64_t>(minute) * 60'000;
    for (Target& target : targets) Scrape(target, time_ms, minute);
    if (minute % kReplaceEvery == 0) {
      const std::size_t round = static_cast<std::size_t>(minute / kReplaceEvery);
      for (std::size_t t = 0; t < kTargets; ++t) {
        for (std::size_t i = 0; i < kSeriesPerTarget / 10; ++i) {
          const std::size_t index = (round * 3 + i) % kSeriesPerTarget;
          targets[t].labels[index] = NewSeries(t, index);
        }
      }
      // Now and then a whole target goes, and another comes.
      if (round % 6 == 0) {
        storage().DropGroup(targets[round / 6 % kTargets].group);
        targets[round / 6 % kTargets] = NewTarget(round / 6 % kTargets);
      }
      ASSERT_TRUE(storage().Maintain());
    }
    if (minute >= 3 * 60 && minute < 11 * 60) Note(early);
    if (minute >= 16 * 60) Note(late);
  }
  for (const auto& [name, most] : late) {
    // Tables grow by doubling, lists by halves: what is flat wavers by less than that.
    EXPECT_LE(most, early[name] * 5 / 4 + 1024) << name;
  }
  EXPECT_LT(late["series_count"], 6 * kTargets * kSeriesPerTarget);
  Drop();
}

}  // namespace
}  // namespace baro::tsdb
