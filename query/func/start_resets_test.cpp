// Functions of counters with start timestamps: single cases, and against the plainest way to compute them.
#include "query/func/start_resets.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <optional>
#include <random>

#include "query/func/extended_range.h"
#include "query/func/over_time.h"
#include "query/func/rate.h"

namespace baro::query::func {
namespace {

constexpr std::int64_t kMin = std::numeric_limits<std::int64_t>::min();
constexpr std::int64_t kMax = std::numeric_limits<std::int64_t>::max();

TEST(StartReset, IsTheCounterAnewSinceTheSampleBefore) {
  struct Row {
    const char* name;
    StartedAt previous;
    StartedAt next;
    bool is_reset;
    bool overlaps;
  };
  const Row rows[] = {
      {"no starts", {60, 0}, {120, 0}, false, false},
      {"the same start", {60, 10}, {120, 10}, false, false},
      {"a start between the two", {60, 10}, {120, 70}, true, false},
      {"a start between the two, the first unknown", {60, 0}, {120, 70}, true, false},
      {"deltas, each since the one before", {60, 10}, {120, 60}, true, false},
      {"unknown start, told from the second on", {60, 0}, {120, 60}, false, false},
      {"unknown start, the first has itself", {60, 60}, {120, 60}, false, false},
      {"the first starts behind itself", {60, 90}, {120, 60}, false, false},
      {"a start at the sample itself", {60, 10}, {120, 120}, false, false},
      {"a start behind the sample", {60, 10}, {120, 130}, false, false},
      {"a start before the one before, and another", {60, 10}, {120, 20}, false, true},
      {"the first has none", {60, 0}, {120, 20}, false, true},
      {"a start before 1970", {60, -20}, {120, -10}, false, true},
      {"the ends of time", {kMin, kMin}, {kMax, kMin}, false, false},
  };
  for (const Row& row : rows) {
    EXPECT_EQ(IsStartReset(row.previous, row.next), row.is_reset) << row.name;
    EXPECT_EQ(StartsOverlap(row.previous, row.next), row.overlaps) << row.name;
  }
}

TEST(StartReset, AWindowBeginsAtZeroOnlyIfTheStartLiesInside) {
  EXPECT_TRUE(BeginsInside({.timestamp_ms = 60, .start_ms = 31}, 30));
  EXPECT_FALSE(BeginsInside({.timestamp_ms = 60, .start_ms = 30}, 30));  // windows are open on the left
  EXPECT_FALSE(BeginsInside({.timestamp_ms = 60, .start_ms = 60}, 30));
  EXPECT_FALSE(BeginsInside({.timestamp_ms = 60, .start_ms = 61}, 30));
  EXPECT_FALSE(BeginsInside({.timestamp_ms = 60, .start_ms = 0}, -30));
  EXPECT_TRUE(BeginsInside({.timestamp_ms = 60, .start_ms = -1}, -30));
}

// One window, copied.
struct Window {
  std::vector<std::int64_t> times;
  std::vector<std::int64_t> starts;
  std::vector<double> values;
  std::int64_t start_ms = 0;
  std::int64_t end_ms = 0;

  std::size_t size() const { return times.size(); }
};

using Naive = std::optional<double> (*)(const Window&);

bool NaiveReset(const Window& window, std::size_t i) {
  if (window.values[i] < window.values[i - 1]) return true;
  const std::int64_t start = window.starts[i];
  const bool is_told = start != 0 && start < window.times[i];
  if (is_told && start > window.times[i - 1]) return true;
  const bool previous_is_told = window.starts[i - 1] != 0 && window.starts[i - 1] < window.times[i - 1];
  return is_told && start == window.times[i - 1] && previous_is_told;
}

std::optional<double> NaiveIncrease(const Window& window) {
  const std::size_t n = window.size();
  if (n == 0) return std::nullopt;
  const bool from_zero =
      window.starts[0] != 0 && window.starts[0] > window.start_ms && window.starts[0] < window.times[0];
  if (n == 1 && !from_zero) return std::nullopt;
  double increase = from_zero ? window.values[0] : 0;
  for (std::size_t i = 1; i < n; ++i) {
    increase += NaiveReset(window, i) ? window.values[i] : window.values[i] - window.values[i - 1];
  }
  const double between = static_cast<double>(window.times[n - 1] - window.times[0]) / 1000;
  const double average = n == 1 ? 0 : between / static_cast<double>(n - 1);
  double seen = between;
  double before = static_cast<double>(window.times[0] - window.start_ms) / 1000;
  double behind = static_cast<double>(window.end_ms - window.times[n - 1]) / 1000;
  if (before >= average * 1.1) before = average / 2;
  if (behind >= average * 1.1) behind = average / 2;
  if (increase > 0 && window.values[0] >= 0) before = std::min(before, between * (window.values[0] / increase));
  if (from_zero) {
    before = 0;
    seen = static_cast<double>(window.times[n - 1] - window.starts[0]) / 1000;
  }
  return increase * (seen + before + behind) / seen;
}

std::optional<double> NaiveRate(const Window& window) {
  const auto increase = NaiveIncrease(window);
  if (!increase) return std::nullopt;
  return *increase / (static_cast<double>(window.end_ms - window.start_ms) / 1000);
}

std::optional<double> NaiveInstantRate(const Window& window) {
  const std::size_t n = window.size();
  if (n < 2) return std::nullopt;
  const double last = window.values[n - 1];
  const double difference = NaiveReset(window, n - 1) ? last : last - window.values[n - 2];
  return difference / (static_cast<double>(window.times[n - 1] - window.times[n - 2]) / 1000);
}

std::optional<double> NaiveResets(const Window& window) {
  if (window.size() == 0) return std::nullopt;
  double count = 0;
  for (std::size_t i = 1; i < window.size(); ++i) count += NaiveReset(window, i) ? 1 : 0;
  return count;
}

bool NaiveOverlap(const Window& window) {
  for (std::size_t i = 1; i < window.size(); ++i) {
    if (window.starts[i] != 0 && window.starts[i] < window.times[i - 1] && window.starts[i] != window.starts[i - 1]) {
      return true;
    }
  }
  return false;
}

struct Case {
  const char* name;
  void (*kernel)(const RangeColumn&, const WindowGrid&, const RowView&, Notes&);
  Naive naive;
  bool tells_overlaps;
};

constexpr Case kCases[] = {
    {"rate",
     [](const RangeColumn& column, const WindowGrid& windows, const RowView& out, Notes& notes) {
       Rate(RateKind::kRate, column, windows, out, notes);
     },
     NaiveRate, true},
    {"increase",
     [](const RangeColumn& column, const WindowGrid& windows, const RowView& out, Notes& notes) {
       Rate(RateKind::kIncrease, column, windows, out, notes);
     },
     NaiveIncrease, true},
    {"irate",
     [](const RangeColumn& column, const WindowGrid& windows, const RowView& out, Notes& notes) {
       InstantRate(true, column, windows, out, notes);
     },
     NaiveInstantRate, false},
    {"resets",
     [](const RangeColumn& column, const WindowGrid& windows, const RowView& out, Notes& notes) {
       OverTime(Function::kResets, column, windows, {}, out, notes);
     },
     NaiveResets, false},
};

// Counters of all temporalities, whose sources say the truth or do not.
struct Samples {
  std::vector<std::int64_t> times;
  std::vector<std::int64_t> starts;
  std::vector<double> values;
  std::vector<tsdb::HistogramSample> histograms;  // the values as counts

  RangeColumn floats() const {
    return {.timestamps_ms = times, .values = values, .histograms = {}, .starts_ms = starts};
  }
  RangeColumn counts() const {
    return {.timestamps_ms = {}, .values = {}, .histograms = histograms, .starts_ms = {}, .has_histogram_starts = true};
  }
};

std::int64_t RandomStart(std::mt19937_64& random, const Samples& samples, std::int64_t time) {
  const std::int64_t previous = samples.times.empty() ? time - 10'000 : samples.times.back();
  switch (random() % 8) {
    case 0:
      return 0;
    case 1:
      return previous;
    case 2:
      return time;
    case 3:
      return time + 1 - static_cast<std::int64_t>(random() % 3);
    case 4:
      return previous + 1 + static_cast<std::int64_t>(random() % static_cast<std::uint64_t>(time - previous));
    case 5:
      return time - static_cast<std::int64_t>(random() % 100'000);
    default:
      return samples.starts.empty() ? previous : samples.starts.back();
  }
}

Samples RandomSamples(std::mt19937_64& random) {
  Samples samples;
  std::int64_t time = static_cast<std::int64_t>(random() % 100'000) - 50'000;
  double value = 0;
  const std::size_t count = random() % 60;
  const bool always_anew = random() % 4 == 0;
  for (std::size_t i = 0; i < count; ++i) {
    time += 1 + static_cast<std::int64_t>(random() % (random() % 8 == 0 ? 200'000 : 15'000));
    if (always_anew || random() % 6 == 0) value = 0;
    value += static_cast<double>(random() % 1000);
    const std::int64_t start =
        always_anew && !samples.times.empty() ? samples.times.back() : RandomStart(random, samples, time);
    samples.times.push_back(time);
    samples.starts.push_back(start);
    samples.values.push_back(value);
    auto histogram = std::make_shared<model::FloatHistogram>();
    histogram->count = value;
    samples.histograms.push_back(
        {.timestamp_ms = time, .histogram = std::move(histogram), .start_timestamp_ms = start});
  }
  return samples;
}

Window CopyWindow(const Samples& samples, const WindowGrid& windows, std::size_t step) {
  Window window{
      .times = {}, .starts = {}, .values = {}, .start_ms = windows.start_ms(step), .end_ms = windows.end_ms(step)};
  for (std::size_t i = 0; i < samples.times.size(); ++i) {
    if (samples.times[i] <= window.start_ms || samples.times[i] > window.end_ms) continue;
    window.times.push_back(samples.times[i]);
    window.starts.push_back(samples.starts[i]);
    window.values.push_back(samples.values[i]);
  }
  return window;
}

// A function's row; a histogram stands as its count.
std::vector<std::optional<double>> RowOf(const Case& test, const RangeColumn& column, const WindowGrid& windows,
                                         Notes& notes) {
  std::vector<double> values(windows.count);
  std::vector<Kind> kinds(windows.count);
  std::vector<HistogramPtr> histograms;
  const RowView row{.values = values, .kinds = kinds, .histograms = &histograms};
  test.kernel(column, windows, row, notes);
  std::vector<std::optional<double>> result(windows.count);
  for (std::size_t step = 0; step < windows.count; ++step) {
    if (kinds[step] == Kind::kFloat) result[step] = values[step];
    if (kinds[step] == Kind::kHistogram) result[step] = row.histogram(step)->count;
  }
  return result;
}

TEST(CountersWithStarts, AgreeWithTheNaiveWayOnRandomColumnsOfFloatsAndOfHistograms) {
  for (std::uint64_t seed = 1; seed <= 600; ++seed) {
    std::mt19937_64 random(seed);
    const Samples samples = RandomSamples(random);
    const WindowGrid windows{.first_end_ms = static_cast<std::int64_t>(random() % 200'000) - 100'000,
                             .step_ms = seed % 7 == 0 ? 0 : 1 + static_cast<std::int64_t>(random() % 60'000),
                             .range_ms = 1 + static_cast<std::int64_t>(random() % 300'000),
                             .count = 1 + random() % 60};
    for (const Case& test : kCases) {
      Notes float_notes;
      Notes histogram_notes;
      const auto floats = RowOf(test, samples.floats(), windows, float_notes);
      const auto counts = RowOf(test, samples.counts(), windows, histogram_notes);
      bool overlaps = false;
      for (std::size_t step = 0; step < windows.count; ++step) {
        const Window window = CopyWindow(samples, windows, step);
        const auto want = test.naive(window);
        overlaps |= NaiveOverlap(window);
        const std::string where = std::string(test.name) + " seed " + std::to_string(seed) + " step " +
                                  std::to_string(step) + " window of " + std::to_string(window.size());
        ASSERT_EQ(want.has_value(), floats[step].has_value()) << where;
        ASSERT_EQ(want.has_value(), counts[step].has_value()) << where;
        if (!want) continue;
        EXPECT_NEAR(*want, *floats[step], 1e-9 * std::max(1.0, std::fabs(*want))) << where;
        EXPECT_NEAR(*want, *counts[step], 1e-9 * std::max(1.0, std::fabs(*want))) << where << ", histograms";
      }
      EXPECT_EQ(float_notes.Has(Note::kStartsOverlap), overlaps && test.tells_overlaps) << test.name << " " << seed;
      EXPECT_EQ(histogram_notes.Has(Note::kStartsOverlap), overlaps && test.tells_overlaps) << test.name << " " << seed;
    }
  }
}

// Restarts every four samples, at values that never fall.
Samples Restarting() {
  Samples samples;
  for (int i = 1; i <= 12; ++i) {
    samples.times.push_back(i * 1000);
    samples.starts.push_back((i - i % 4) * 1000 - 500);
    samples.values.push_back(i);
    auto histogram = std::make_shared<model::FloatHistogram>();
    histogram->count = i;
    samples.histograms.push_back(
        {.timestamp_ms = i * 1000, .histogram = std::move(histogram), .start_timestamp_ms = samples.starts.back()});
  }
  return samples;
}

constexpr WindowGrid kAll{.first_end_ms = 12'000, .step_ms = 0, .range_ms = 10'000, .count = 1};

TEST(CountersWithStarts, StartsOfHistogramsAreNotLookedAtUnlessTheyCount) {
  const Samples samples = Restarting();
  Notes notes;
  for (const Case& test : kCases) {
    RangeColumn column = samples.counts();
    const auto with = RowOf(test, column, kAll, notes);
    column.has_histogram_starts = false;
    const auto without = RowOf(test, column, kAll, notes);
    const auto floats =
        RowOf(test, {.timestamps_ms = samples.times, .values = samples.values, .histograms = {}}, kAll, notes);
    EXPECT_EQ(without, floats) << test.name;
    EXPECT_NE(with, without) << test.name;
  }
}

TEST(CountersWithStarts, AnAnchoredCountOfResetsSeesThemAndAnchoredIncreasesDoNot) {
  const Samples samples = Restarting();
  for (const RangeColumn& column : {samples.floats(), samples.counts()}) {
    const auto anchored = [&column](Function function) {
      double value = 0;
      Kind kind{};
      std::vector<HistogramPtr> histograms;
      Notes notes;
      const RowView row{.values = {&value, 1}, .kinds = {&kind, 1}, .histograms = &histograms};
      ExtendedRange(function, Extension::kAnchored, column, kAll, 300'000, row, notes);
      return kind == Kind::kHistogram ? row.histogram(0)->count : value;
    };
    EXPECT_EQ(anchored(Function::kResets), 3);
    EXPECT_EQ(anchored(Function::kChanges), 10);
    EXPECT_EQ(anchored(Function::kIncrease), 10);
  }
}

}  // namespace
}  // namespace baro::query::func
