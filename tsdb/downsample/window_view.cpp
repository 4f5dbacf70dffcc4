#include "tsdb/downsample/window_view.h"

#include <algorithm>
#include <array>
#include <optional>

#include "model/sample.h"
#include "tsdb/downsample/aggregate.h"

namespace baro::tsdb {
namespace {

// A level stands at most at this many times of a window, however small the steps that are asked for.
constexpr std::int64_t kStepsPerWindowMax = 64;

bool IsLevel(DownsampledView view) {
  return view == DownsampledView::kLevel || view == DownsampledView::kLevelMin || view == DownsampledView::kLevelMax;
}

// Writes samples within a range.
class Output {
 public:
  Output(model::TimeRange range, SampleColumns& out) : range_(range), out_(out) { out_.Clear(); }
  ~Output() { out_.UseBuffers(); }
  Output(const Output&) = delete;
  Output& operator=(const Output&) = delete;

  void Put(std::int64_t timestamp_ms, double value) {
    if (!range_.Contains(timestamp_ms)) return;
    out_.timestamp_buffer().push_back(timestamp_ms);
    out_.value_buffer().push_back(value);
  }

 private:
  const model::TimeRange range_;
  SampleColumns& out_;
};

// The samples of a counter column, window by window.
class CounterWindows {
 public:
  CounterWindows(const SampleColumns& counter, std::int64_t resolution_ms)
      : times_(counter.timestamps_ms()), values_(counter.values()), resolution_ms_(resolution_ms) {}

  // False at the end.
  bool Next() {
    begin_ = end_;
    if (begin_ == times_.size()) return false;
    const std::int64_t before_ms = end_ms_;
    end_ms_ = WindowEndMs(times_[begin_], resolution_ms_);
    while (end_ < times_.size() && times_[end_] <= end_ms_) ++end_;
    follows_ =
        begin_ > 0 && before_ms == WindowBeginMs(end_ms_, resolution_ms_) && !model::IsStaleNaN(values_[begin_ - 1]);
    is_stale_ = model::IsStaleNaN(values_[end_ - 1]);
    return true;
  }

  std::int64_t end_ms() const { return end_ms_; }
  bool follows() const { return follows_; }    // the series was there at the end of the window before
  bool is_stale() const { return is_stale_; }  // a stale marker stands at its end
  bool has_samples() const { return end_ - begin_ > (is_stale_ ? 1U : 0U); }
  std::int64_t first_time() const { return times_[begin_]; }
  std::int64_t stale_time() const { return times_[end_ - 1]; }
  double stale_value() const { return values_[end_ - 1]; }
  std::size_t last() const { return end_ - (is_stale_ ? 2 : 1); }

 private:
  std::span<const std::int64_t> times_;
  std::span<const double> values_;
  const std::int64_t resolution_ms_;
  std::size_t begin_ = 0;
  std::size_t end_ = 0;
  std::int64_t end_ms_ = 0;
  bool follows_ = false;
  bool is_stale_ = false;
};

void MakeLast(const SampleColumns& counter, std::int64_t resolution_ms, Output& out) {
  CounterWindows windows(counter, resolution_ms);
  while (windows.Next()) {
    if (windows.has_samples()) out.Put(counter.timestamps_ms()[windows.last()], counter.values()[windows.last()]);
    if (windows.is_stale()) out.Put(windows.stale_time(), windows.stale_value());
  }
}

// The value of each window at its last sample's time: an index into `rows` that only moves on.
std::optional<double> ValueAt(const SampleColumns& rows, std::int64_t timestamp_ms, std::size_t& at) {
  const auto times = rows.timestamps_ms();
  while (at < times.size() && times[at] < timestamp_ms) ++at;
  if (at == times.size() || times[at] != timestamp_ms) return std::nullopt;
  return rows.values()[at];
}

void MakeLevel(const ViewColumns& columns, const SampleColumns& rows, bool is_average, std::int64_t resolution_ms,
               std::int64_t step_ms, Output& out) {
  step_ms = std::clamp(step_ms, resolution_ms / kStepsPerWindowMax, resolution_ms);
  CounterWindows windows(columns.counter, resolution_ms);
  std::size_t row = 0;
  std::size_t count_row = 0;
  while (windows.Next()) {
    if (windows.has_samples()) {
      const std::int64_t last_ms = columns.counter.timestamps_ms()[windows.last()];
      auto level = ValueAt(rows, last_ms, row);
      if (is_average) {
        const auto count = ValueAt(columns.counts, last_ms, count_row);
        level = level && count ? std::optional(*level / *count) : std::nullopt;
      }
      if (level) {
        const std::int64_t begin_ms = WindowBeginMs(windows.end_ms(), resolution_ms) + 1;
        std::int64_t at = windows.follows() ? begin_ms : windows.first_time();
        for (; at < last_ms; at += std::min(step_ms, last_ms - at)) out.Put(at, *level);
        out.Put(last_ms, *level);
      }
    }
    if (windows.is_stale()) out.Put(windows.stale_time(), windows.stale_value());
  }
}

}  // namespace

bool IsCounterName(std::string_view metric_name) {
  constexpr std::array<std::string_view, 4> kSuffixes = {"_total", "_sum", "_count", "_bucket"};
  return std::ranges::any_of(kSuffixes,
                             [metric_name](std::string_view suffix) { return metric_name.ends_with(suffix); });
}

model::TimeRange RangeToRead(DownsampledView view, model::TimeRange range, std::int64_t resolution_ms) {
  if (!IsLevel(view) || range.empty()) return range;
  // The window before tells whether the series was there at the begin of the first one, and the last one's level
  // stands at its last sample, which may lie behind the range.
  const std::int64_t margin_ms = 2 * resolution_ms;
  model::TimeRange wide = range;
  if (__builtin_sub_overflow(range.min_ms, margin_ms, &wide.min_ms)) wide.min_ms = model::kMinTimestampMs;
  if (__builtin_add_overflow(range.max_ms, margin_ms, &wide.max_ms)) wide.max_ms = model::kMaxTimestampMs;
  return wide;
}

void MakeView(DownsampledView view, const ViewColumns& columns, bool of_counter, std::int64_t resolution_ms,
              std::int64_t level_step_ms, model::TimeRange range, SampleColumns& out) {
  Output output(range, out);
  switch (view) {
    case DownsampledView::kLevel:
    case DownsampledView::kLevelMin:
    case DownsampledView::kLevelMax: {
      const bool is_last = view == DownsampledView::kLevel && of_counter;
      const bool is_average = view == DownsampledView::kLevel && !of_counter;
      const SampleColumns& rows = is_last ? columns.counter : columns.rows;
      return MakeLevel(columns, rows, is_average, resolution_ms, level_step_ms, output);
    }
    case DownsampledView::kLast:
      return MakeLast(columns.counter, resolution_ms, output);
    case DownsampledView::kCounter:
    case DownsampledView::kSum:
    case DownsampledView::kCount:
    case DownsampledView::kMin:
    case DownsampledView::kMax: {
      const SampleColumns& from = view == DownsampledView::kCounter ? columns.counter : columns.rows;
      for (std::size_t i = 0; i < from.values().size(); ++i) output.Put(from.timestamps_ms()[i], from.values()[i]);
      return;
    }
  }
}

}  // namespace baro::tsdb
