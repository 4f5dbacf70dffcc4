#include "tsdb/merge/merge_columns.h"

#include <algorithm>

namespace baro::tsdb {
namespace {

// The samples lie in the object's own buffers afterwards.
void TakeOver(SampleColumns& columns) {
  std::vector<std::int64_t>& timestamps = columns.timestamp_buffer();
  std::vector<double>& values = columns.value_buffer();
  if (timestamps.data() != columns.timestamps_ms().data() || timestamps.size() != columns.timestamps_ms().size()) {
    timestamps.assign(columns.timestamps_ms().begin(), columns.timestamps_ms().end());
  }
  if (values.data() != columns.values().data() || values.size() != columns.values().size()) {
    const std::vector<double> copy(columns.values().begin(), columns.values().end());
    values = copy;
  }
  const bool has_starts = !columns.start_timestamps_ms().empty();
  columns.UseBuffers();
  if (has_starts) columns.UseStarts();
}

// Since when the values count, of both sides, by time.
class MergedStarts {
 public:
  MergedStarts(const SampleColumns& older, const SampleColumns& newer)
      : has_any_(!older.start_timestamps_ms().empty() || !newer.start_timestamps_ms().empty()), newer_(newer) {
    if (!has_any_) return;
    times_.assign(older.timestamps_ms().begin(), older.timestamps_ms().end());
    starts_.assign(older.start_timestamps_ms().begin(), older.start_timestamps_ms().end());
    starts_.resize(times_.size());
  }

  // Shape    each time of `merged` is one of either side.
  void Put(SampleColumns& merged) const {
    if (!has_any_) return;
    std::vector<std::int64_t>& out = merged.start_buffer();
    out.clear();
    const auto new_times = newer_.timestamps_ms();
    const auto new_starts = newer_.start_timestamps_ms();
    std::size_t old_at = 0;
    std::size_t new_at = 0;
    for (const std::int64_t time : merged.timestamps_ms()) {
      while (new_at < new_times.size() && new_times[new_at] < time) ++new_at;
      while (old_at < times_.size() && times_[old_at] < time) ++old_at;
      if (new_at < new_times.size() && new_times[new_at] == time) {
        out.push_back(new_starts.empty() ? 0 : new_starts[new_at]);
      } else {
        out.push_back(starts_[old_at]);
      }
    }
    merged.UseStarts();
  }

 private:
  const bool has_any_;
  const SampleColumns& newer_;
  std::vector<std::int64_t> times_;
  std::vector<std::int64_t> starts_;
};

void MergeFloats(SampleColumns& columns, const SampleColumns& newer) {
  if (newer.values().empty()) return;
  std::vector<std::int64_t>& timestamps = columns.timestamp_buffer();
  std::vector<double>& values = columns.value_buffer();
  const auto new_times = newer.timestamps_ms();
  const auto new_values = newer.values();
  if (timestamps.empty() || timestamps.back() < new_times.front()) {
    timestamps.insert(timestamps.end(), new_times.begin(), new_times.end());
    values.insert(values.end(), new_values.begin(), new_values.end());
    return;
  }
  std::vector<std::int64_t> merged_times;
  std::vector<double> merged_values;
  merged_times.reserve(timestamps.size() + new_times.size());
  merged_values.reserve(timestamps.size() + new_times.size());
  std::size_t old_at = 0;
  for (std::size_t new_at = 0; new_at < new_times.size(); ++new_at) {
    for (; old_at < timestamps.size() && timestamps[old_at] < new_times[new_at]; ++old_at) {
      merged_times.push_back(timestamps[old_at]);
      merged_values.push_back(values[old_at]);
    }
    if (old_at < timestamps.size() && timestamps[old_at] == new_times[new_at]) ++old_at;
    merged_times.push_back(new_times[new_at]);
    merged_values.push_back(new_values[new_at]);
  }
  for (; old_at < timestamps.size(); ++old_at) {
    merged_times.push_back(timestamps[old_at]);
    merged_values.push_back(values[old_at]);
  }
  timestamps.swap(merged_times);
  values.swap(merged_values);
}

void MergeHistograms(SampleColumns& columns, const SampleColumns& newer) {
  if (newer.histograms().empty()) return;
  std::vector<HistogramSample>& old = columns.histogram_buffer();
  std::vector<HistogramSample> merged;
  merged.reserve(old.size() + newer.histograms().size());
  auto from = old.begin();
  for (const HistogramSample& sample : newer.histograms()) {
    for (; from != old.end() && from->timestamp_ms < sample.timestamp_ms; ++from) merged.push_back(std::move(*from));
    if (from != old.end() && from->timestamp_ms == sample.timestamp_ms) ++from;
    merged.push_back(sample);
  }
  std::move(from, old.end(), std::back_inserter(merged));
  old.swap(merged);
}

// Takes samples of the one kind out where `newer` has the other kind: a source was asked twice about one scrape, and
// the later answer counts.
void DropReplacedByOtherKind(SampleColumns& columns, const SampleColumns& newer) {
  if (!newer.histograms().empty() && !columns.values().empty()) {
    std::vector<std::int64_t>& timestamps = columns.timestamp_buffer();
    std::vector<double>& values = columns.value_buffer();
    std::size_t kept = 0;
    for (std::size_t i = 0; i < timestamps.size(); ++i) {
      const auto found =
          std::ranges::lower_bound(newer.histograms(), timestamps[i], {}, &HistogramSample::timestamp_ms);
      if (found != newer.histograms().end() && found->timestamp_ms == timestamps[i]) continue;
      timestamps[kept] = timestamps[i];
      values[kept++] = values[i];
    }
    timestamps.resize(kept);
    values.resize(kept);
  }
  if (!newer.values().empty()) {
    std::erase_if(columns.histogram_buffer(), [&newer](const HistogramSample& sample) {
      return std::ranges::binary_search(newer.timestamps_ms(), sample.timestamp_ms);
    });
  }
}

}  // namespace

void CountAsOnes(SampleColumns& columns) {
  TakeOver(columns);
  for (double& value : columns.value_buffer()) {
    if (!model::IsStaleNaN(value)) value = 1;
  }
  columns.UseBuffers();
}

void MergeInto(SampleColumns& columns, const SampleColumns& newer) {
  if (newer.empty()) return;
  const MergedStarts starts(columns, newer);
  TakeOver(columns);
  DropReplacedByOtherKind(columns, newer);
  MergeFloats(columns, newer);
  MergeHistograms(columns, newer);
  columns.UseBuffers();
  starts.Put(columns);
}

}  // namespace baro::tsdb
