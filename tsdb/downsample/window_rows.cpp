#include "tsdb/downsample/window_rows.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <optional>

#include "model/sample.h"
#include "tsdb/downsample/aggregate.h"

namespace baro::tsdb {
namespace {

// Source   Neumaier, "Rundungsfehleranalyse einiger Verfahren zur Summation endlicher Summen", ZAMM 54 (1974); the same
//          steps as the query engine's sum_over_time, so that both agree to the bit.
struct CompensatedSum {
  double sum = 0;
  double lost = 0;

  void Add(double value) {
    const double next = sum + value;
    if (std::isinf(next)) {
      lost = 0;
    } else if (std::fabs(sum) >= std::fabs(value)) {
      lost += (sum - next) + value;
    } else {
      lost += (value - next) + sum;
    }
    sum = next;
  }
  double value() const { return std::isinf(sum) ? sum : sum + lost; }
};

// One sample, or one row of shorter windows.
struct Piece {
  std::int64_t timestamp_ms;
  double count;
  double sum;
  double min;
  double max;
};

// The window that pieces are put into, in the order of time.
class Window {
 public:
  Window(std::int64_t resolution_ms, WindowRows& out) : resolution_ms_(resolution_ms), out_(out) {}

  void Add(const Piece& piece) {
    const std::int64_t end_ms = WindowEndMs(piece.timestamp_ms, resolution_ms_);
    if (is_open_ && end_ms != end_ms_) Close();
    if (!is_open_) {
      is_open_ = true;
      end_ms_ = end_ms;
      count_ = 0;
      sum_ = {};
      min_ = piece.min;
      max_ = piece.max;
    }
    last_ms_ = piece.timestamp_ms;
    count_ += piece.count;
    sum_.Add(piece.sum);
    // Of equal values (0 and -0) the later one counts; NaN only if there is nothing else. As in min_over_time.
    if (std::isnan(min_) || piece.min <= min_) min_ = std::isnan(piece.min) ? min_ : piece.min;
    if (std::isnan(max_) || piece.max >= max_) max_ = std::isnan(piece.max) ? max_ : piece.max;
  }

  void Close() {
    if (!is_open_) return;
    is_open_ = false;
    out_.timestamps_ms.push_back(last_ms_);
    out_.counts.push_back(count_);
    out_.sums.push_back(sum_.value());
    out_.mins.push_back(min_);
    out_.maxs.push_back(max_);
  }

 private:
  const std::int64_t resolution_ms_;
  WindowRows& out_;
  bool is_open_ = false;
  std::int64_t end_ms_ = 0;
  std::int64_t last_ms_ = 0;
  double count_ = 0;
  CompensatedSum sum_;
  double min_ = 0;
  double max_ = 0;
};

// All pieces in the order of time.
std::vector<Piece> PiecesOf(const RawColumns& raw, std::span<const WindowRows> finer) {
  std::vector<Piece> pieces;
  for (std::size_t i = 0; i < raw.values.size(); ++i) {
    const double value = raw.values[i];
    if (model::IsStaleNaN(value)) continue;
    pieces.push_back({.timestamp_ms = raw.timestamps_ms[i], .count = 1, .sum = value, .min = value, .max = value});
  }
  for (const WindowRows& rows : finer) {
    std::vector<Piece> shorter;
    for (std::size_t i = 0; i < rows.counts.size(); ++i) {
      shorter.push_back({.timestamp_ms = rows.timestamps_ms[i],
                         .count = rows.counts[i],
                         .sum = rows.sums[i],
                         .min = rows.mins[i],
                         .max = rows.maxs[i]});
    }
    std::vector<Piece> merged;
    merged.reserve(pieces.size() + shorter.size());
    std::ranges::merge(pieces, shorter, std::back_inserter(merged), {}, &Piece::timestamp_ms, &Piece::timestamp_ms);
    pieces.swap(merged);
  }
  return pieces;
}

// Looks at one window after the other and appends what stays of it.
class Thinner {
 public:
  Thinner(const RawColumns& raw, std::vector<std::int64_t>& timestamps_ms, std::vector<double>& values)
      : raw_(raw), timestamps_ms_(timestamps_ms), values_(values) {}

  void AddWindow(std::size_t begin, std::size_t end, bool follows) {
    const std::size_t out_begin = values_.size();
    FindSamples(begin, end);
    if (last_) {
      const bool is_first = !follows || is_absent_;
      if (resets_ <= kResetsKept) {
        AddFewResets(begin, is_first);
      } else {
        AddManyResets(is_first, out_begin);
      }
    }
    if (end > begin && model::IsStaleNaN(raw_.values[end - 1])) Put(end - 1);
    is_absent_ = model::IsStaleNaN(raw_.values[end - 1]);
  }

 private:
  // The first and the last sample, and the resets among them and the sample before.
  void FindSamples(std::size_t begin, std::size_t end) {
    first_.reset();
    last_.reset();
    resets_ = 0;
    lost_at_resets_ = 0;
    lost_at_first_ = 0;
    around_.clear();
    for (std::size_t i = begin; i < end; ++i) {
      const double value = raw_.values[i];
      if (model::IsStaleNaN(value)) continue;
      if (!first_) first_ = i;
      last_ = i;
      if (std::isnan(value)) continue;
      if (before_ && value < raw_.values[*before_]) {
        ++resets_;
        lost_at_resets_ += raw_.values[*before_];
        if (i == *first_) lost_at_first_ = raw_.values[*before_];
        after_reset_ = value;
        if (resets_ <= kResetsKept) around_.insert(around_.end(), {*before_, i});
      }
      before_ = i;
    }
  }

  void AddFewResets(std::size_t begin, bool is_first) {
    around_.push_back(*last_);
    if (is_first) around_.push_back(*first_);
    std::ranges::sort(around_);
    const auto repeated = std::ranges::unique(around_);
    around_.erase(repeated.begin(), repeated.end());
    for (const std::size_t i : around_) {
      if (i >= begin) Put(i);  // what lies before was the last of its window, and is there
    }
  }

  // One fall from the sum of all values that were lost gives the same increase.
  void AddManyResets(bool is_first, std::size_t out_begin) {
    const std::int64_t last_ms = raw_.timestamps_ms[*last_];
    if (is_first && raw_.timestamps_ms[*first_] < last_ms - 2) {
      Put(*first_);
      lost_at_resets_ -= lost_at_first_;  // that fall is there as it was
    }
    BARO_ASSERT(values_.size() == out_begin || timestamps_ms_.back() < last_ms - 2);
    timestamps_ms_.insert(timestamps_ms_.end(), {last_ms - 2, last_ms - 1});
    values_.insert(values_.end(), {lost_at_resets_, after_reset_});
    Put(*last_);
  }

  void Put(std::size_t i) {
    timestamps_ms_.push_back(raw_.timestamps_ms[i]);
    values_.push_back(raw_.values[i]);
  }

  const RawColumns raw_;
  std::vector<std::int64_t>& timestamps_ms_;
  std::vector<double>& values_;
  bool is_absent_ = true;              // nothing stands before, or a stale marker does
  std::optional<std::size_t> before_;  // the sample before, of whichever window; no NaN

  // Of the window.
  std::optional<std::size_t> first_;
  std::optional<std::size_t> last_;
  std::size_t resets_ = 0;
  double lost_at_resets_ = 0;
  double lost_at_first_ = 0;
  double after_reset_ = 0;
  std::vector<std::size_t> around_;
};

}  // namespace

void WindowRows::Clear() {
  timestamps_ms.clear();
  counts.clear();
  sums.clear();
  mins.clear();
  maxs.clear();
  counter_timestamps_ms.clear();
  counter_values.clear();
}

void ThinOut(const RawColumns& raw, std::int64_t resolution_ms, std::vector<std::int64_t>& timestamps_ms,
             std::vector<double>& values) {
  Thinner thinner(raw, timestamps_ms, values);
  std::int64_t window_before_ms = 0;
  for (std::size_t begin = 0; begin < raw.values.size();) {
    const std::int64_t end_ms = WindowEndMs(raw.timestamps_ms[begin], resolution_ms);
    const auto until = std::ranges::upper_bound(raw.timestamps_ms.subspan(begin), end_ms);
    const auto end = static_cast<std::size_t>(until - raw.timestamps_ms.begin());
    thinner.AddWindow(begin, end, begin > 0 && window_before_ms == WindowBeginMs(end_ms, resolution_ms));
    window_before_ms = end_ms;
    begin = end;
  }
}

void AggregateWindows(const RawColumns& raw, std::span<const WindowRows> finer, std::int64_t resolution_ms,
                      WindowRows& out) {
  Window window(resolution_ms, out);
  for (const Piece& piece : PiecesOf(raw, finer)) window.Add(piece);
  window.Close();

  if (finer.empty()) return ThinOut(raw, resolution_ms, out.counter_timestamps_ms, out.counter_values);
  std::map<std::int64_t, double> samples;
  const auto add = [&samples](std::span<const std::int64_t> timestamps_ms, std::span<const double> values) {
    for (std::size_t i = 0; i < values.size(); ++i) samples.try_emplace(timestamps_ms[i], values[i]);
  };
  for (const WindowRows& rows : finer) add(rows.counter_timestamps_ms, rows.counter_values);
  add(raw.timestamps_ms, raw.values);
  std::vector<std::int64_t> timestamps_ms;
  std::vector<double> values;
  for (const auto& [timestamp_ms, value] : samples) {
    timestamps_ms.push_back(timestamp_ms);
    values.push_back(value);
  }
  ThinOut({.timestamps_ms = timestamps_ms, .values = values}, resolution_ms, out.counter_timestamps_ms,
          out.counter_values);
}

}  // namespace baro::tsdb
