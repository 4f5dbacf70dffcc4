// The promise of docs/formats/log.md on a disk that fails, fills up, tears and loses: what was acknowledged is there
// after every restart, what is there was appended, and the store always opens.
#include <cmath>
#include <map>

#include <gtest/gtest.h>

#include "base/idle_executor.h"
#include "base/random.h"
#include "base/sim_clock.h"
#include "base/sim_file_system.h"
#include "tsdb/compact/retention_rules.h"
#include "tsdb/storage/testing.h"

namespace baro::tsdb {
namespace {

using base::Code;
using testing_support::Bits;

constexpr std::size_t kSeries = 12;
constexpr std::size_t kHistogramSeries = kSeries;  // behind the others

// All samples of a time have this start: it changes often, and each sample shows whether all changes are there.
std::int64_t StartOf(std::int64_t timestamp_ms) { return timestamp_ms / 20'000 * 20'000 - 5; }

// A histogram that its sum tells all of.
model::FloatHistogram HistogramOf(std::uint64_t observations) {
  const auto count = static_cast<double>(observations);
  model::FloatHistogram histogram;
  histogram.positive_spans = {{.offset = 1, .length = 3}};
  histogram.positive_buckets = {count, std::floor(count / 3), 7};
  histogram.count = count + std::floor(count / 3) + 7;
  histogram.sum = count;
  return histogram;
}

// What may happen to one sample.
enum class Fate { kRefused, kWritten, kDurable };

struct Written {
  double value = 0;
  Fate fate = Fate::kRefused;
  bool has_start = true;  // late samples are written without
};

// One store on one simulated disk, and what was written to it.
class CrashWorld {
 public:
  explicit CrashWorld(std::uint64_t seed, StorageOptions options = {.retention = {.time = {}}})
      : random_(seed), clock_(base::FromMs(testing_support::kStartMs)), options_(std::move(options)) {
    options_.directory = "d";
    options_.segment_bytes = 1500;
  }

  base::SimFileSystem& files() { return files_; }
  base::Random& random() { return random_; }

  base::Result<> Open() {
    storage_.reset();
    registry_ = std::make_unique<base::Registry>();
    auto opened = Storage::Open(options_, {.files = files_,
                                           .clock = clock_,
                                           .background = executor_,
                                           .metrics = *registry_,
                                           .log = {},
                                           .random = &random_});
    if (!opened) return opened.error();
    storage_ = *std::move(opened);
    groups_ = {storage_->NewGroup(), storage_->NewGroup()};
    told_.clear();
    return {};
  }

  void Commit() {
    clock_.Advance(std::chrono::seconds(1));
    const std::int64_t now_ms = base::ToMs(clock_.Now());
    auto appender = storage_->NewAppender();
    std::vector<std::pair<std::size_t, double>> put;
    std::vector<SeriesRef> refs;
    std::vector<double> values;
    const bool as_row = !random_.OneIn(4);
    const std::size_t group = random_.Below(2);
    for (std::size_t i = 0; i < kSeries; ++i) {
      if (random_.OneIn(5)) continue;
      const SeriesRef ref = Resolve(*appender, i);
      const double value = static_cast<double>(random_.Below(1000)) / 8;
      put.emplace_back(i, value);
      refs.push_back(ref);
      values.push_back(value);
      if (as_row) continue;
      EXPECT_EQ(appender->Append(ref, {.timestamp_ms = now_ms, .value = value}), SampleStatus::kAccepted);
    }
    if (as_row) appender->AppendRow(groups_[group], now_ms, refs, values, {});
    if (random_.OneIn(2)) {
      observations_ = random_.OneIn(10) ? 0 : observations_ + random_.Below(1000);
      const SeriesRef ref = Resolve(*appender, kHistogramSeries);
      EXPECT_EQ(appender->AppendHistogram(ref, now_ms, HistogramOf(observations_)).value(), SampleStatus::kAccepted);
      put.emplace_back(kHistogramSeries, static_cast<double>(observations_));
      refs.push_back(ref);
    }
    for (std::size_t i = 0; i < put.size(); ++i) {
      const auto told = told_.find(put[i].first);
      if (told != told_.end() && told->second == StartOf(now_ms) && !random_.OneIn(9)) continue;
      appender->AppendStart(refs[i], now_ms, StartOf(now_ms));
      told_[put[i].first] = StartOf(now_ms);
    }
    const std::string help = fmt::format("{}", random_.Below(5));
    appender->AppendMetadata("m", {.type = model::MetricType::kGauge, .help = help, .unit = {}});
    std::vector<Late> late;
    if (options_.out_of_order_window.count() > 0 && random_.OneIn(2)) AppendLate(*appender, now_ms, late);
    const bool synced = random_.OneIn(3);
    const auto result = appender->Commit(synced ? Durability::kSynced : Durability::kInterval);
    const Fate fate = !result ? Fate::kRefused : synced ? Fate::kDurable : Fate::kWritten;
    for (const auto& [series, value] : put) model_[series][now_ms] = {.value = value, .fate = fate};
    for (const Late& each : late) {
      model_[each.series][each.time_ms] = {.value = each.value, .fate = fate, .has_start = false};
    }
    if (result) helps_[help] = std::max(helps_[help], fate);
    if (!result) told_.clear();  // what was told may not have been stored
    if (result && synced) MarkAllDurable();
    refused_ += result ? 0 : 1;
  }

  struct Late {
    std::size_t series = 0;
    std::int64_t time_ms = 0;
    double value = 0;
  };

  // A row or some single samples out of order, at times that no commit had before.
  void AppendLate(Appender& appender, std::int64_t now_ms, std::vector<Late>& late) {
    const auto window_ms = static_cast<std::uint64_t>(options_.out_of_order_window.count());
    const std::int64_t row_ms = now_ms - 1001 - static_cast<std::int64_t>(random_.Below(window_ms - 2000));
    const bool as_row = random_.OneIn(2);
    std::vector<SeriesRef> refs;
    std::vector<double> values;
    for (std::size_t i = 0; i < kSeries; ++i) {
      if (random_.OneIn(3)) continue;
      const std::int64_t time_ms =
          as_row ? row_ms : now_ms - 1001 - static_cast<std::int64_t>(random_.Below(window_ms - 2000));
      if (model_[i].contains(time_ms)) continue;
      const double value = static_cast<double>(random_.Below(1000)) / 8;
      const SeriesRef ref = *appender.Resolve(LabelsOf(i), nullptr);
      late.push_back({.series = i, .time_ms = time_ms, .value = value});
      if (!as_row) {
        EXPECT_EQ(appender.Append(ref, {.timestamp_ms = time_ms, .value = value}), SampleStatus::kAccepted);
      }
      refs.push_back(ref);
      values.push_back(value);
    }
    std::vector<SampleStatus> statuses(refs.size());
    if (as_row) appender.AppendRow(groups_[0], row_ms, refs, values, statuses);
    for (const SampleStatus status : statuses) EXPECT_EQ(status, SampleStatus::kAccepted);
  }

  void Step() {
    if (random_.OneIn(12)) {
      if (storage_->Sync()) MarkAllDurable();
    } else if (random_.OneIn(20)) {
      (void)storage_->Maintain().has_value();  // its failure is told in the log, and tried again later
    } else {
      Commit();
    }
  }

  // The process or the power goes; then a start, which must succeed, and the look at what is there.
  void CrashAndCheck(bool power_cut, const std::string& trace) {
    SCOPED_TRACE(trace);
    // A failed sync dropped what had been written, and it could not be written anew: only what was promised is left.
    const bool has_lost_writes = !storage_->log_status().is_writable;
    if (power_cut) {
      files_.Crash(random_);
    } else {
      files_.Kill();
    }
    storage_.reset();
    files_.StopFailing();
    files_.SetQuota(0);
    const auto opened = Open();
    ASSERT_TRUE(opened) << opened.error().message();
    Check(power_cut || has_lost_writes ? Fate::kDurable : Fate::kWritten);
  }

  void Check(Fate must_be_there) {
    CheckHelps(must_be_there);
    std::map<std::size_t, std::map<std::int64_t, double>> found;
    std::map<std::size_t, std::map<std::int64_t, std::int64_t>> starts;
    std::int64_t newest_ms = 0;
    for (const LiteralSeries& series : testing_support::ReadAll(*storage_)) {
      const auto index = static_cast<std::size_t>(std::stoi(std::string(series.labels.Get("n"))));
      EXPECT_EQ(series.labels, LabelsOf(index));
      for (std::size_t i = 0; i < series.samples.size(); ++i) {
        starts[index][series.samples[i].timestamp_ms] =
            series.start_timestamps_ms.empty() ? 0 : series.start_timestamps_ms[i];
      }
      std::vector<model::Sample> samples = series.samples;
      for (const HistogramSample& sample : series.histograms) {
        ASSERT_EQ(*sample.histogram, HistogramOf(static_cast<std::uint64_t>(sample.histogram->sum)));
        starts[index][sample.timestamp_ms] = sample.start_timestamp_ms;
        samples.push_back({.timestamp_ms = sample.timestamp_ms, .value = sample.histogram->sum});
      }
      for (const model::Sample& sample : samples) {
        found[index][sample.timestamp_ms] = sample.value;
        newest_ms = std::max(newest_ms, sample.timestamp_ms);
        const auto known = model_[index].find(sample.timestamp_ms);
        ASSERT_NE(known, model_[index].end()) << "invented: series " << index << " at " << sample.timestamp_ms;
        ASSERT_EQ(Bits(known->second.value), Bits(sample.value)) << "changed: series " << index;
      }
    }
    const RetentionCutoffs cutoffs(options_.retention.rules, options_.retention.time, newest_ms);
    for (auto& [index, samples] : model_) {
      const std::int64_t kept_from_ms = cutoffs.KeepFrom(LabelsOf(index));
      for (const auto& [time_ms, start_ms] : starts[index]) {
        if (time_ms < kept_from_ms) continue;  // of a series that had left memory for its age
        if (!samples[time_ms].has_start) continue;
        ASSERT_EQ(start_ms, StartOf(time_ms)) << "start of series " << index << " at " << time_ms;
      }
      for (auto& [time_ms, written] : samples) {
        if (written.fate < must_be_there || time_ms < kept_from_ms) continue;
        ASSERT_TRUE(found[index].contains(time_ms)) << "lost: series " << index << " at " << time_ms;
      }
      // From here on the disk is what it is: what did not survive is not expected again.
      std::erase_if(samples, [&](const auto& entry) { return !found[index].contains(entry.first); });
      for (auto& [time_ms, written] : samples) written.fate = Fate::kWritten;
    }
    if (storage_->Sync()) MarkAllDurable();
  }

  // What was said of the metric, and how far it must have come.
  void CheckHelps(Fate must_be_there) {
    const auto all = storage_->OpenReader()->Metadata({}, {});
    ASSERT_TRUE(all);
    std::map<std::string, Fate> kept;
    for (const FamilyMetadata& each : *all) {
      EXPECT_TRUE(helps_.contains(each.metadata.help) || refused_ > 0) << "invented";
      kept[each.metadata.help] = Fate::kWritten;
    }
    for (const auto& [help, fate] : helps_) {
      EXPECT_TRUE(fate < must_be_there || kept.contains(help)) << "lost: help " << help;
    }
    helps_ = std::move(kept);
  }

  std::size_t refused() const { return refused_; }
  base::SimClock& clock() { return clock_; }
  Storage& storage() { return *storage_; }

 private:
  static model::Labels LabelsOf(std::size_t series) {
    return model::Labels::FromPairs({{"__name__", "m"}, {"n", fmt::format("{}", series)}});
  }
  // A series that had left memory begins anew, without what was told of it.
  SeriesRef Resolve(Appender& appender, std::size_t series) {
    bool created = false;
    const SeriesRef ref = *appender.Resolve(LabelsOf(series), &created);
    if (created) told_.erase(series);
    return ref;
  }
  // A sync makes all durable that was written before.
  void MarkAllDurable() {
    for (auto& [index, samples] : model_) {
      for (auto& [time_ms, written] : samples) {
        if (written.fate == Fate::kWritten) written.fate = Fate::kDurable;
      }
    }
    for (auto& [help, fate] : helps_) fate = Fate::kDurable;
  }

  base::SeededRandom random_;
  base::SimFileSystem files_;
  base::SimClock clock_;
  base::IdleExecutor executor_;
  StorageOptions options_;
  std::unique_ptr<base::Registry> registry_;
  std::unique_ptr<Storage> storage_;
  std::vector<GroupRef> groups_;
  std::map<std::size_t, std::map<std::int64_t, Written>> model_;
  std::map<std::size_t, std::int64_t> told_;  // starts, by series
  std::map<std::string, Fate> helps_;
  std::uint64_t observations_ = 0;
  std::size_t refused_ = 0;
};

TEST(Crash, AtAnyMomentLosesNothingThatWasAcknowledged) {
  for (std::uint64_t seed = 1; seed <= 60; ++seed) {
    CrashWorld world(seed);
    ASSERT_TRUE(world.Open());
    for (int life = 0; life < 4; ++life) {
      for (std::uint64_t step = world.random().Below(60); step > 0; --step) world.Step();
      world.CrashAndCheck(world.random().OneIn(2), fmt::format("seed {} life {}", seed, life));
      if (::testing::Test::HasFatalFailure()) return;
    }
  }
}

TEST(Crash, WhenAnyOperationFailsLosesNothingThatWasAcknowledged) {
  for (const Code code : {Code::kIo, Code::kNoSpace}) {
    for (const std::uint64_t times : {1, 3}) {
      for (std::uint64_t at = 1; at <= 70; ++at) {
        CrashWorld world(at * 7 + times);
        ASSERT_TRUE(world.Open());
        world.files().FailAfter(at, code, times);
        for (int step = 0; step < 50; ++step) world.Step();
        EXPECT_LE(world.refused(), 8U) << "operation " << at << " failed " << times << " times";
        world.Check(Fate::kWritten);
        world.CrashAndCheck(at % 2 == 0, fmt::format("{} times {} at operation {}", times, CodeName(code), at));
        if (::testing::Test::HasFatalFailure()) return;
        for (int step = 0; step < 10; ++step) world.Step();
        world.CrashAndCheck(true, "second life");
        if (::testing::Test::HasFatalFailure()) return;
      }
    }
  }
}

TEST(Crash, WithRetentionKeepsWhatIsYoung) {
  for (std::uint64_t seed = 1; seed <= 30; ++seed) {
    CrashWorld world(seed, {.retention = {.time = std::chrono::seconds(40)}});
    ASSERT_TRUE(world.Open());
    for (int life = 0; life < 5; ++life) {
      if (world.random().OneIn(2)) world.files().FailAfter(1 + world.random().Below(200), Code::kIo);
      for (std::uint64_t step = world.random().Below(120); step > 0; --step) world.Step();
      world.CrashAndCheck(world.random().OneIn(2), fmt::format("seed {} life {}", seed, life));
      if (::testing::Test::HasFatalFailure()) return;
    }
  }
}

// Ranges so short that the head is cut and blocks are joined all the time.
StorageOptions ManyBlocks(std::chrono::milliseconds retention) {
  return {.retention = {.time = retention},
          .block_range = std::chrono::seconds(8),
          .block_range_max = std::chrono::seconds(72),
          .lateness_max = std::chrono::seconds(4)};
}

TEST(Crash, WhileBlocksAreCutAndJoinedLosesNothingThatWasAcknowledged) {
  std::size_t blocks = 0;
  for (std::uint64_t seed = 1; seed <= 60; ++seed) {
    CrashWorld world(seed, ManyBlocks(std::chrono::milliseconds(0)));
    ASSERT_TRUE(world.Open());
    for (int life = 0; life < 4; ++life) {
      if (world.random().OneIn(2)) world.files().FailAfter(1 + world.random().Below(300), Code::kIo);
      for (std::uint64_t step = world.random().Below(120); step > 0; --step) world.Step();
      blocks += world.storage().Blocks().size();
      world.CrashAndCheck(world.random().OneIn(2), fmt::format("seed {} life {}", seed, life));
      if (::testing::Test::HasFatalFailure()) return;
    }
  }
  EXPECT_GT(blocks, 300U);  // or the test looks at nothing
}

StorageOptions ManyLateSamples() {
  StorageOptions options = ManyBlocks(std::chrono::milliseconds(0));
  options.out_of_order_window = std::chrono::seconds(60);
  return options;
}

TEST(Crash, OfLateSamplesTooLosesNothingThatWasAcknowledged) {
  for (std::uint64_t seed = 1; seed <= 25; ++seed) {
    CrashWorld world(seed, ManyLateSamples());
    ASSERT_TRUE(world.Open());
    for (int life = 0; life < 4; ++life) {
      if (world.random().OneIn(2)) world.files().FailAfter(1 + world.random().Below(300), Code::kIo);
      for (std::uint64_t step = world.random().Below(120); step > 0; --step) world.Step();
      world.CrashAndCheck(world.random().OneIn(2), fmt::format("seed {} life {}", seed, life));
      if (::testing::Test::HasFatalFailure()) return;
    }
  }
}

TEST(Crash, WhenAnyOperationFailsWhileLateSamplesAreCutLosesNothing) {
  for (std::uint64_t at = 1; at <= 500; at += 9) {
    CrashWorld world(at, ManyLateSamples());
    ASSERT_TRUE(world.Open());
    world.files().FailAfter(at, at % 2 == 0 ? Code::kIo : Code::kNoSpace, 1 + at % 3);
    for (int step = 0; step < 60; ++step) world.Step();
    world.CrashAndCheck(at % 2 == 0, fmt::format("operation {}", at));
    if (::testing::Test::HasFatalFailure()) return;
  }
}

TEST(Crash, WhenAnyOperationFailsWhileBlocksAreMadeLosesNothing) {
  for (std::uint64_t at = 1; at <= 400; at += 3) {
    CrashWorld world(at, ManyBlocks(std::chrono::milliseconds(0)));
    ASSERT_TRUE(world.Open());
    world.files().FailAfter(at, at % 2 == 0 ? Code::kIo : Code::kNoSpace, 1 + at % 3);
    for (int step = 0; step < 60; ++step) world.Step();
    world.CrashAndCheck(at % 2 == 0, fmt::format("operation {}", at));
    if (::testing::Test::HasFatalFailure()) return;
  }
}

TEST(Crash, WithRetentionOfBlocksKeepsWhatIsYoung) {
  for (std::uint64_t seed = 1; seed <= 30; ++seed) {
    CrashWorld world(seed, ManyBlocks(std::chrono::seconds(60)));
    ASSERT_TRUE(world.Open());
    for (int life = 0; life < 4; ++life) {
      for (std::uint64_t step = world.random().Below(150); step > 0; --step) world.Step();
      world.CrashAndCheck(world.random().OneIn(2), fmt::format("seed {} life {}", seed, life));
      if (::testing::Test::HasFatalFailure()) return;
    }
  }
}

TEST(Crash, WithRetentionByRuleKeepsWhatIsYoungOfEachSeries) {
  const auto rule = [](const char* expression, std::chrono::milliseconds time) {
    return RetentionRule{.matchers = {model::Matcher::Make(model::MatchType::kRegex, "n", expression).value()},
                         .time = time};
  };
  const auto rules = std::make_shared<const StorageRules>(StorageRules{
      .retention = {rule("[01]", std::chrono::seconds(20)), rule("2", std::chrono::seconds(120))}, .downsampling = {}});
  for (std::uint64_t seed = 1; seed <= 60; ++seed) {
    StorageOptions options = ManyBlocks(std::chrono::seconds(60));
    options.retention.rules = rules;
    CrashWorld world(seed, options);
    ASSERT_TRUE(world.Open());
    for (int life = 0; life < 4; ++life) {
      if (world.random().OneIn(2)) world.files().FailAfter(1 + world.random().Below(400), Code::kIo);
      for (std::uint64_t step = world.random().Below(150); step > 0; --step) world.Step();
      world.CrashAndCheck(world.random().OneIn(2), fmt::format("seed {} life {}", seed, life));
      if (::testing::Test::HasFatalFailure()) return;
    }
  }
}

TEST(Crash, AFullDiskRefusesAppendsAndRecoversByItself) {
  CrashWorld world(5);
  ASSERT_TRUE(world.Open());
  for (int i = 0; i < 10; ++i) world.Commit();
  world.files().SetQuota(1);
  for (int i = 0; i < 5; ++i) world.Commit();
  EXPECT_EQ(world.refused(), 5U);
  EXPECT_FALSE(world.storage().log_status().is_writable);
  world.Check(Fate::kWritten);
  world.files().SetQuota(0);
  world.clock().Advance(std::chrono::seconds(2));
  for (int i = 0; i < 5; ++i) world.Commit();
  EXPECT_EQ(world.refused(), 5U);
  EXPECT_TRUE(world.storage().log_status().is_writable);
  world.CrashAndCheck(false, "after recovery");
}

TEST(Crash, AStoreOpensOnAFullDisk) {
  CrashWorld world(6);
  ASSERT_TRUE(world.Open());
  for (int i = 0; i < 10; ++i) world.Commit();
  world.files().Kill();
  world.files().SetQuota(1);
  ASSERT_TRUE(world.Open());
  world.Check(Fate::kWritten);
  world.Commit();
  EXPECT_EQ(world.refused(), 1U);
}

}  // namespace
}  // namespace baro::tsdb
