// Range functions against the plainest way to compute them: copy the window of each step, then calculate.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>
#include <optional>
#include <random>

#include "query/func/over_time.h"
#include "query/func/rate.h"

namespace baro::query::func {
namespace {

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();

struct Window {
  std::vector<std::int64_t> times;
  std::vector<double> values;
  std::int64_t start_ms = 0;
  std::int64_t end_ms = 0;
};

// NaN stands for "no value".
using Naive = std::optional<double> (*)(const Window&);

double RangeSeconds(const Window& window) { return static_cast<double>(window.end_ms - window.start_ms) / 1000; }

std::optional<double> NaiveExtrapolated(const Window& window, bool is_counter) {
  const std::size_t n = window.values.size();
  if (n < 2) return std::nullopt;
  double result = window.values[n - 1] - window.values[0];
  for (std::size_t i = 1; is_counter && i < n; ++i) {
    if (window.values[i] < window.values[i - 1]) result += window.values[i - 1];
  }
  const double sampled = static_cast<double>(window.times[n - 1] - window.times[0]) / 1000;
  const double average = sampled / static_cast<double>(n - 1);
  double before = static_cast<double>(window.times[0] - window.start_ms) / 1000;
  double behind = static_cast<double>(window.end_ms - window.times[n - 1]) / 1000;
  if (before >= average * 1.1) before = average / 2;
  if (is_counter && result > 0 && window.values[0] >= 0) {
    before = std::min(before, sampled * (window.values[0] / result));
  }
  if (behind >= average * 1.1) behind = average / 2;
  return result * ((sampled + before + behind) / sampled);
}

std::optional<double> NaiveSum(const Window& window) {
  if (window.values.empty()) return std::nullopt;
  long double sum = 0;
  for (const double value : window.values) sum += value;
  return static_cast<double>(sum);
}

template <typename Better>
std::optional<double> NaiveExtreme(const Window& window, Better better) {
  if (window.values.empty()) return std::nullopt;
  double best = kNaN;
  for (const double value : window.values) {
    if (std::isnan(best) || better(value, best)) best = value;
  }
  return best;
}

std::optional<double> NaiveVariance(const Window& window) {
  if (window.values.empty()) return std::nullopt;
  const auto n = static_cast<long double>(window.values.size());
  long double mean = 0;
  for (const double value : window.values) mean += value / n;
  long double sum = 0;
  for (const double value : window.values) sum += (value - mean) * (value - mean);
  return static_cast<double>(sum / n);
}

std::optional<double> NaiveCount(const Window& window, bool (*counts)(double, double)) {
  if (window.values.empty()) return std::nullopt;
  double count = 0;
  for (std::size_t i = 1; i < window.values.size(); ++i) count += counts(window.values[i - 1], window.values[i]);
  return count;
}

std::optional<double> NaiveMedian(const Window& window) {
  if (window.values.empty()) return std::nullopt;
  std::vector<double> sorted = window.values;
  std::sort(sorted.begin(), sorted.end(), [](double a, double b) {
    return std::isnan(a) ? !std::isnan(b) : a < b;  // NaN first
  });
  const double rank = 0.5 * static_cast<double>(sorted.size() - 1);
  const auto lower = static_cast<std::size_t>(rank);
  const std::size_t upper = std::min(lower + 1, sorted.size() - 1);
  const double weight = rank - std::floor(rank);
  return sorted[lower] * (1 - weight) + sorted[upper] * weight;
}

std::optional<double> NaiveSlope(const Window& window) {
  const std::size_t n = window.values.size();
  if (n < 2) return std::nullopt;
  long double x = 0;
  long double y = 0;
  for (std::size_t i = 0; i < n; ++i) {
    x += static_cast<long double>(window.times[i] - window.times[0]) / 1000 / static_cast<long double>(n);
    y += window.values[i] / static_cast<long double>(n);
  }
  long double xy = 0;
  long double xx = 0;
  for (std::size_t i = 0; i < n; ++i) {
    const long double dx = static_cast<long double>(window.times[i] - window.times[0]) / 1000 - x;
    xy += dx * (window.values[i] - y);
    xx += dx * dx;
  }
  return static_cast<double>(xy / xx);
}

struct Case {
  const char* name;
  std::function<void(const RangeColumn&, const WindowGrid&, const RowView&)> kernel;
  Naive naive;
  bool may_be_nan = true;  // whether NaN among the values makes sense for the comparison
};

std::vector<Case> Cases() {
  const auto rate = [](RateKind kind) {
    return [kind](const RangeColumn& column, const WindowGrid& windows, const RowView& out) {
      Notes notes;
      Rate(kind, column, windows, out, notes);
    };
  };
  const auto over_time = [](Function function) {
    return [function](const RangeColumn& column, const WindowGrid& windows, const RowView& out) {
      Notes notes;
      const std::vector<double> half(windows.count, 0.5);
      OverTime(function, column, windows, {.steps = {.count = windows.count}, .scalars = {half}}, out, notes);
    };
  };
  return {
      {"rate", rate(RateKind::kRate),
       [](const Window& w) -> std::optional<double> {
         const auto increase = NaiveExtrapolated(w, true);
         if (!increase) return std::nullopt;
         return *increase / RangeSeconds(w);
       }},
      {"increase", rate(RateKind::kIncrease), [](const Window& w) { return NaiveExtrapolated(w, true); }},
      {"delta", rate(RateKind::kDelta), [](const Window& w) { return NaiveExtrapolated(w, false); }},
      {"sum", over_time(Function::kSumOverTime), NaiveSum},
      {"avg", over_time(Function::kAvgOverTime),
       [](const Window& w) -> std::optional<double> {
         const auto sum = NaiveSum(w);
         if (!sum) return std::nullopt;
         return *sum / static_cast<double>(w.values.size());
       }},
      {"min", over_time(Function::kMinOverTime), [](const Window& w) { return NaiveExtreme(w, std::less<>()); }},
      {"max", over_time(Function::kMaxOverTime), [](const Window& w) { return NaiveExtreme(w, std::greater<>()); }},
      {"count", over_time(Function::kCountOverTime),
       [](const Window& w) -> std::optional<double> {
         if (w.values.empty()) return std::nullopt;
         return static_cast<double>(w.values.size());
       }},
      {"last", over_time(Function::kLastOverTime),
       [](const Window& w) { return w.values.empty() ? std::nullopt : std::optional(w.values.back()); }},
      {"first", over_time(Function::kFirstOverTime),
       [](const Window& w) { return w.values.empty() ? std::nullopt : std::optional(w.values.front()); }},
      {"changes", over_time(Function::kChanges),
       [](const Window& w) {
         return NaiveCount(w, [](double a, double b) { return a != b && !(std::isnan(a) && std::isnan(b)); });
       }},
      {"resets", over_time(Function::kResets),
       [](const Window& w) { return NaiveCount(w, [](double a, double b) { return b < a; }); }},
      {"stdvar", over_time(Function::kStdvarOverTime), NaiveVariance, false},
      {"median", over_time(Function::kQuantileOverTime), NaiveMedian},
      {"deriv", over_time(Function::kDeriv), NaiveSlope, false},
  };
}

struct Samples {
  std::vector<std::int64_t> times;
  std::vector<double> values;
};

// Counters that reset, gauges, runs of equal values, NaN and gaps.
Samples RandomSamples(std::mt19937_64& random, bool with_nan) {
  Samples samples;
  std::int64_t time = static_cast<std::int64_t>(random() % 100'000) - 50'000;
  double value = 0;
  const std::size_t count = random() % 80;
  for (std::size_t i = 0; i < count; ++i) {
    time += 1 + static_cast<std::int64_t>(random() % (random() % 8 == 0 ? 200'000 : 15'000));
    switch (random() % 8) {
      case 0:
        value = 0;
        break;
      case 1:
        break;
      case 2:
        value -= static_cast<double>(random() % 50);
        break;
      default:
        value += static_cast<double>(random() % 1000) / 7;
        break;
    }
    samples.times.push_back(time);
    samples.values.push_back(with_nan && random() % 20 == 0 ? kNaN : value);
  }
  return samples;
}

void ExpectNear(double want, double got, const std::string& where) {
  if (std::isnan(want)) {
    EXPECT_TRUE(std::isnan(got)) << where << ": got " << got;
  } else {
    EXPECT_NEAR(want, got, 1e-9 * std::max(1.0, std::fabs(want))) << where;
  }
}

TEST(RangeKernels, AgreeWithTheNaiveWayOnRandomColumns) {
  for (std::uint64_t seed = 1; seed <= 400; ++seed) {
    std::mt19937_64 random(seed);
    const bool with_nan = seed % 3 == 0;
    const Samples samples = RandomSamples(random, with_nan);
    const RangeColumn column{.timestamps_ms = samples.times, .values = samples.values, .histograms = {}};
    const WindowGrid windows{.first_end_ms = static_cast<std::int64_t>(random() % 200'000) - 100'000,
                             .step_ms = seed % 7 == 0 ? 0 : 1 + static_cast<std::int64_t>(random() % 60'000),
                             .range_ms = 1 + static_cast<std::int64_t>(random() % 300'000),
                             .count = 1 + random() % 60};
    for (const Case& test : Cases()) {
      if (with_nan && !test.may_be_nan) continue;
      std::vector<double> values(windows.count);
      std::vector<Kind> kinds(windows.count);
      std::vector<HistogramPtr> histograms;
      test.kernel(column, windows, {.values = values, .kinds = kinds, .histograms = &histograms});
      for (std::size_t step = 0; step < windows.count; ++step) {
        Window window{.times = {}, .values = {}, .start_ms = windows.start_ms(step), .end_ms = windows.end_ms(step)};
        for (std::size_t i = 0; i < samples.times.size(); ++i) {
          if (samples.times[i] <= window.start_ms || samples.times[i] > window.end_ms) continue;
          window.times.push_back(samples.times[i]);
          window.values.push_back(samples.values[i]);
        }
        const auto want = test.naive(window);
        const std::string where = std::string(test.name) + " seed " + std::to_string(seed) + " step " +
                                  std::to_string(step) + " window of " + std::to_string(window.values.size());
        EXPECT_EQ(want.has_value(), kinds[step] == Kind::kFloat) << where;
        if (want && kinds[step] == Kind::kFloat) ExpectNear(*want, values[step], where);
      }
    }
  }
}

TEST(RangeKernels, SumsForgetLargeValuesThatLeftTheWindow) {
  std::vector<std::int64_t> times;
  std::vector<double> values;
  for (int i = 0; i < 100; ++i) {
    times.push_back(i * 1000);
    values.push_back(i == 10 ? 1e300 : (i == 20 ? std::numeric_limits<double>::infinity() : 1));
  }
  const WindowGrid windows{.first_end_ms = 50'000, .step_ms = 1000, .range_ms = 20'000, .count = 40};
  std::vector<double> sums(windows.count);
  std::vector<Kind> kinds(windows.count);
  std::vector<HistogramPtr> histograms;
  Notes notes;
  OverTime(Function::kSumOverTime, {.timestamps_ms = times, .values = values, .histograms = {}}, windows, {},
           {.values = sums, .kinds = kinds, .histograms = &histograms}, notes);
  for (const double sum : sums) EXPECT_EQ(sum, 20);
}

TEST(RangeKernels, AveragesDoNotOverflow) {
  const std::vector<std::int64_t> times = {1000, 2000, 3000};
  const std::vector<double> values = {1.5e308, 1.5e308, 1.2e308};
  std::vector<double> mean(1);
  std::vector<Kind> kinds(1);
  std::vector<HistogramPtr> histograms;
  Notes notes;
  OverTime(Function::kAvgOverTime, {.timestamps_ms = times, .values = values, .histograms = {}},
           {.first_end_ms = 3000, .step_ms = 0, .range_ms = 3000, .count = 1}, {},
           {.values = mean, .kinds = kinds, .histograms = &histograms}, notes);
  EXPECT_NEAR(mean[0], 1.4e308, 1e300);
}

TEST(Quantile, InterpolatesBetweenRanks) {
  struct Row {
    double phi;
    std::vector<double> values;
    double want;
  };
  const double infinity = std::numeric_limits<double>::infinity();
  const std::vector<Row> rows = {
      {0.5, {3, 1, 2}, 2},    {0.5, {4, 1, 2, 3}, 2.5}, {0, {5, 4}, 4},    {1, {5, 4}, 5},  {0.75, {1, 2, 3, 4, 5}, 4},
      {-0.1, {1}, -infinity}, {1.1, {1}, infinity},     {kNaN, {1}, kNaN}, {0.5, {}, kNaN}, {0.9, {7}, 7}};
  for (const Row& row : rows) {
    std::vector<double> values = row.values;
    const double got = Quantile(row.phi, values);
    if (std::isnan(row.want)) {
      EXPECT_TRUE(std::isnan(got)) << row.phi;
    } else {
      EXPECT_DOUBLE_EQ(got, row.want) << row.phi;
    }
  }
}

}  // namespace
}  // namespace baro::query::func
