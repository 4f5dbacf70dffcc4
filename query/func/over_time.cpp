#include "query/func/over_time.h"

#include <bit>
#include <cmath>
#include <functional>

#include "query/func/column_windows.h"
#include "query/func/over_time_parts.h"
#include "query/func/sliding.h"
#include "query/func/start_resets.h"

namespace baro::query::func {
namespace {

// Calls `at(step, window)` for each step whose window has floats.
template <typename At>
void ForEachWindow(const RangeColumn& column, const WindowGrid& windows, const At& at) {
  ColumnWindows own;
  const ColumnWindows& known = WindowsOf(column, windows, /*divisor=*/0, own);
  for (std::size_t step = 0; step < windows.count; ++step) {
    const Stretch window = known.stretches[step];
    if (!window.empty()) at(step, window);
  }
}

// Whether windows overlap so much that a running structure is worth its bookkeeping.
bool WindowsOverlap(const WindowGrid& windows) { return windows.count > 1 && windows.range_ms > 2 * windows.step_ms; }

void SumOrAverage(bool is_average, const RangeColumn& column, const WindowGrid& windows, const RowView& out) {
  ColumnWindows own;
  const ColumnWindows& known = WindowsOf(column, windows, /*divisor=*/0, own);
  const bool overlap = WindowsOverlap(windows);
  SlidingSum sliding(column.values, overlap ? std::span(known.stretches) : std::span<const Stretch>());
  ForEachWindow(column, windows, [&](std::size_t step, const Stretch& window) {
    const auto values = column.values.subspan(window.begin, window.size());
    CompensatedSum sum = overlap ? sliding.In(window) : SumOf(values);
    // Infinities of both signs and sums beyond the range of doubles depend on the order, and that is from left to
    // right.
    if (overlap && !std::isfinite(sum.sum)) sum = SumOf(values);
    if (!is_average) {
      out.SetFloat(step, sum.value());
    } else if (!std::isfinite(sum.sum)) {
      out.SetFloat(step, AverageOf(values));
    } else {
      out.SetFloat(step, (sum.sum + sum.lost) / static_cast<double>(values.size()));
    }
  });
}

// min, max and the times at which they stand. Of equal values the last one counts.
template <typename Better>
void Extreme(const RangeColumn& column, const WindowGrid& windows, const RowView& out, bool want_time, Better better) {
  SlidingBest<Better> sliding(column.values, better);
  ForEachWindow(column, windows, [&](std::size_t step, const Stretch& window) {
    std::size_t at = sliding.In(window);
    if (at == window.end) at = window.begin;  // all NaN
    out.SetFloat(step, want_time ? static_cast<double>(column.timestamps_ms[at]) / 1000 : column.values[at]);
  });
}

bool IsSameValue(double a, double b) { return a == b || (std::isnan(a) && std::isnan(b)); }

// changes and resets: pairs of neighbours inside a window, from counts of pairs up to each sample. `counts(index)`
// looks at a sample and the one before.
template <typename Counts>
void NeighbourCount(const RangeColumn& column, const WindowGrid& windows, const RowView& out, Counts counts) {
  std::vector<std::uint32_t> up_to(column.values.size());
  std::uint32_t count = 0;
  for (std::size_t i = 1; i < up_to.size(); ++i) {
    if (counts(i)) ++count;
    up_to[i] = count;
  }
  ForEachWindow(column, windows, [&](std::size_t step, const Stretch& window) {
    out.SetFloat(step, static_cast<double>(up_to[window.end - 1] - up_to[window.begin]));
  });
}

void Changes(const RangeColumn& column, const WindowGrid& windows, const RowView& out) {
  const auto values = column.values;
  NeighbourCount(column, windows, out, [values](std::size_t i) { return !IsSameValue(values[i - 1], values[i]); });
}

void Resets(const RangeColumn& column, const WindowGrid& windows, const RowView& out) {
  const auto values = column.values;
  if (column.starts_ms.empty()) {
    return NeighbourCount(column, windows, out, [values](std::size_t i) { return values[i] < values[i - 1]; });
  }
  NeighbourCount(column, windows, out, [values, &column](std::size_t i) {
    return values[i] < values[i - 1] || IsStartReset(StartOf(column, i - 1), StartOf(column, i));
  });
}

template <typename Of>
void WindowWise(const RangeColumn& column, const WindowGrid& windows, const RowView& out, const Of& of) {
  ForEachWindow(column, windows, [&](std::size_t step, const Stretch& window) {
    out.SetFloat(step, of(column.values.subspan(window.begin, window.size())));
  });
}

void Regression(Function function, const RangeColumn& column, const WindowGrid& windows,
                const RangeArguments& arguments, const RowView& out) {
  ForEachWindow(column, windows, [&](std::size_t step, const Stretch& window) {
    if (window.size() < 2) return;
    const auto times = column.timestamps_ms.subspan(window.begin, window.size());
    const auto values = column.values.subspan(window.begin, window.size());
    if (function == Function::kDeriv) {
      out.SetFloat(step, FitLine(times, values, times.front()).slope);
      return;
    }
    const Line line = FitLine(times, values, arguments.steps.at(step));
    out.SetFloat(step, line.slope * arguments.scalars[0][step] + line.intercept);
  });
}

void QuantileOverTime(const RangeColumn& column, const WindowGrid& windows, const RangeArguments& arguments,
                      const RowView& out) {
  std::vector<double> scratch;
  ForEachWindow(column, windows, [&](std::size_t step, const Stretch& window) {
    const auto values = column.values.subspan(window.begin, window.size());
    scratch.assign(values.begin(), values.end());
    out.SetFloat(step, Quantile(arguments.scalars[0][step], scratch));
  });
}

void Smoothing(const RangeColumn& column, const WindowGrid& windows, const RangeArguments& arguments,
               const RowView& out) {
  ForEachWindow(column, windows, [&](std::size_t step, const Stretch& window) {
    if (window.size() < 2) return;
    const auto values = column.values.subspan(window.begin, window.size());
    out.SetFloat(step, SmoothExponentially(values, arguments.scalars[0][step], arguments.scalars[1][step]));
  });
}

void FloatsOverTime(Function function, const RangeColumn& column, const WindowGrid& windows,
                    const RangeArguments& arguments, const RowView& out) {
  switch (function) {
    case Function::kSumOverTime:
      return SumOrAverage(false, column, windows, out);
    case Function::kAvgOverTime:
      return SumOrAverage(true, column, windows, out);
    case Function::kMinOverTime:
      return Extreme(column, windows, out, false, std::less_equal<>());
    case Function::kMaxOverTime:
      return Extreme(column, windows, out, false, std::greater_equal<>());
    case Function::kTsOfMinOverTime:
      return Extreme(column, windows, out, true, std::less_equal<>());
    case Function::kTsOfMaxOverTime:
      return Extreme(column, windows, out, true, std::greater_equal<>());
    case Function::kChanges:
      return Changes(column, windows, out);
    case Function::kResets:
      return Resets(column, windows, out);
    case Function::kStddevOverTime:
      return WindowWise(column, windows, out, [](auto values) { return std::sqrt(VarianceOf(values)); });
    case Function::kStdvarOverTime:
      return WindowWise(column, windows, out, [](auto values) { return VarianceOf(values); });
    case Function::kMadOverTime:
      return WindowWise(column, windows, out, [](auto values) { return MedianDeviationOf(values); });
    case Function::kQuantileOverTime:
      return QuantileOverTime(column, windows, arguments, out);
    case Function::kDoubleExponentialSmoothing:
      return Smoothing(column, windows, arguments, out);
    case Function::kDeriv:
    case Function::kPredictLinear:
      return Regression(function, column, windows, arguments, out);
    default:
      BARO_ASSERT(false);
  }
}

// Functions that take samples of both kinds alike: they look at times and at single samples only.
void AnyKindOverTime(Function function, const RangeColumn& column, const WindowGrid& windows, const RowView& out) {
  ColumnWindows own;
  const ColumnWindows& known = WindowsOf(column, windows, /*divisor=*/0, own);
  auto histogram_edges = HistogramEdges(column);
  for (std::size_t step = 0; step < windows.count; ++step) {
    const Stretch floats = known.stretches[step];
    const Stretch histograms = histogram_edges.MoveTo(windows.start_ms(step), windows.end_ms(step));
    if (floats.empty() && histograms.empty()) continue;
    if (function == Function::kCountOverTime) {
      out.SetFloat(step, static_cast<double>(floats.size() + histograms.size()));
      continue;
    }
    if (function == Function::kPresentOverTime) {
      out.SetFloat(step, 1);
      continue;
    }
    const bool want_first = function == Function::kFirstOverTime || function == Function::kTsOfFirstOverTime;
    const std::size_t float_at = want_first ? floats.begin : floats.end - 1;
    const std::size_t histogram_at = want_first ? histograms.begin : histograms.end - 1;
    bool is_float = histograms.empty();
    if (!floats.empty() && !histograms.empty()) {
      const std::int64_t float_time = column.timestamps_ms[float_at];
      const std::int64_t histogram_time = column.histograms[histogram_at].timestamp_ms;
      is_float = want_first ? float_time < histogram_time : float_time > histogram_time;
    }
    if (function == Function::kTsOfFirstOverTime || function == Function::kTsOfLastOverTime) {
      const std::int64_t time =
          is_float ? column.timestamps_ms[float_at] : column.histograms[histogram_at].timestamp_ms;
      out.SetFloat(step, static_cast<double>(time) / 1000);
    } else if (is_float) {
      out.SetFloat(step, column.values[float_at]);
    } else {
      out.SetHistogram(step, column.histograms[histogram_at].histogram);
    }
  }
}

bool TakesAnyKind(Function function) {
  switch (function) {
    case Function::kCountOverTime:
    case Function::kPresentOverTime:
    case Function::kFirstOverTime:
    case Function::kLastOverTime:
    case Function::kTsOfFirstOverTime:
    case Function::kTsOfLastOverTime:
      return true;
    default:
      return false;
  }
}

// Functions that take floats only say so when histograms stand among them. A window of histograms alone is silent.
void NoteIgnoredHistograms(const RangeColumn& column, const WindowGrid& windows, Notes& notes) {
  auto float_edges = FloatEdges(column);
  auto histogram_edges = HistogramEdges(column);
  for (std::size_t step = 0; step < windows.count; ++step) {
    const Stretch floats = float_edges.MoveTo(windows.start_ms(step), windows.end_ms(step));
    const Stretch histograms = histogram_edges.MoveTo(windows.start_ms(step), windows.end_ms(step));
    if (!floats.empty() && !histograms.empty()) notes.Add(Note::kHistogramsIgnored);
  }
}

}  // namespace

bool IsOverTime(Function function) {
  switch (function) {
    case Function::kAvgOverTime:
    case Function::kChanges:
    case Function::kCountOverTime:
    case Function::kDeriv:
    case Function::kDoubleExponentialSmoothing:
    case Function::kFirstOverTime:
    case Function::kLastOverTime:
    case Function::kMadOverTime:
    case Function::kMaxOverTime:
    case Function::kMinOverTime:
    case Function::kPredictLinear:
    case Function::kPresentOverTime:
    case Function::kQuantileOverTime:
    case Function::kResets:
    case Function::kStddevOverTime:
    case Function::kStdvarOverTime:
    case Function::kSumOverTime:
    case Function::kTsOfFirstOverTime:
    case Function::kTsOfLastOverTime:
    case Function::kTsOfMaxOverTime:
    case Function::kTsOfMinOverTime:
      return true;
    default:
      return false;
  }
}

void OverTime(Function function, const RangeColumn& column, const WindowGrid& windows, const RangeArguments& arguments,
              const RowView& out, Notes& notes) {
  if (TakesAnyKind(function)) return AnyKindOverTime(function, column, windows, out);
  if (column.histograms.empty()) return FloatsOverTime(function, column, windows, arguments, out);
  switch (function) {
    case Function::kSumOverTime:
    case Function::kAvgOverTime:
    case Function::kChanges:
    case Function::kResets:
      return HistogramsOverTime(function, column, windows, out, notes);
    default:
      NoteIgnoredHistograms(column, windows, notes);
      return FloatsOverTime(function, column, windows, arguments, out);
  }
}

}  // namespace baro::query::func
