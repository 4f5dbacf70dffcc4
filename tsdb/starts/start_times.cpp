#include "tsdb/starts/start_times.h"

#include <algorithm>
#include <limits>

namespace baro::tsdb {

std::int64_t StartAt(std::span<const StartRun> runs, std::int64_t timestamp_ms) {
  const auto behind = std::ranges::upper_bound(runs, timestamp_ms, {}, &StartRun::from_ms);
  return behind == runs.begin() ? 0 : std::prev(behind)->start_ms;
}

void FillStarts(std::span<const StartRun> runs, std::span<const std::int64_t> timestamps_ms,
                std::span<std::int64_t> starts_ms) {
  std::size_t at = 0;
  std::int64_t start_ms = 0;
  for (std::size_t i = 0; i < timestamps_ms.size(); ++i) {
    for (; at < runs.size() && runs[at].from_ms <= timestamps_ms[i]; ++at) start_ms = runs[at].start_ms;
    starts_ms[i] = start_ms;
  }
}

void AddStarts(std::span<const StartRun> runs, SampleColumns& columns) {
  if (runs.empty()) return;
  const auto timestamps_ms = columns.timestamps_ms();
  if (!timestamps_ms.empty() && timestamps_ms.back() >= runs.front().from_ms) {
    columns.start_buffer().resize(timestamps_ms.size());
    FillStarts(runs, timestamps_ms, columns.start_buffer());
    columns.UseStarts();
  }
  for (HistogramSample& sample : columns.histogram_buffer()) {
    sample.start_timestamp_ms = StartAt(runs, sample.timestamp_ms);
  }
}

std::vector<StartRun> RunsOf(const SampleColumns& columns) {
  std::vector<StartRun> runs;
  const auto starts_ms = columns.start_timestamps_ms();
  const auto histograms = columns.histograms();
  const bool any_histogram =
      std::ranges::any_of(histograms, [](const HistogramSample& sample) { return sample.start_timestamp_ms != 0; });
  if (starts_ms.empty() && !any_histogram) return runs;
  std::int64_t last_ms = 0;
  const auto put = [&runs, &last_ms](std::int64_t timestamp_ms, std::int64_t start_ms) {
    if (start_ms == last_ms) return;
    runs.push_back({.from_ms = timestamp_ms, .start_ms = start_ms});
    last_ms = start_ms;
  };
  auto histogram = histograms.begin();
  for (std::size_t i = 0; i < columns.values().size(); ++i) {
    const std::int64_t timestamp_ms = columns.timestamps_ms()[i];
    for (; histogram != histograms.end() && histogram->timestamp_ms < timestamp_ms; ++histogram) {
      put(histogram->timestamp_ms, histogram->start_timestamp_ms);
    }
    put(timestamp_ms, starts_ms.empty() ? 0 : starts_ms[i]);
  }
  for (; histogram != histograms.end(); ++histogram) put(histogram->timestamp_ms, histogram->start_timestamp_ms);
  return runs;
}

void StartTimes::Put(std::int64_t from_ms, std::int64_t start_ms) {
  const auto place = std::ranges::lower_bound(runs_, from_ms, {}, &StartRun::from_ms);
  if (place != runs_.end() && place->from_ms == from_ms) {
    place->start_ms = start_ms;
  } else {
    runs_.insert(place, {.from_ms = from_ms, .start_ms = start_ms});
  }
}

void StartTimes::PutOnce(std::int64_t timestamp_ms, std::int64_t start_ms) {
  // First what follows, or the change behind it would be the end of this one.
  if (timestamp_ms != std::numeric_limits<std::int64_t>::max()) Put(timestamp_ms + 1, StartAt(runs_, timestamp_ms + 1));
  Put(timestamp_ms, start_ms);
}

void StartTimes::DropBefore(std::int64_t cutoff_ms) {
  const auto behind = std::ranges::upper_bound(runs_, cutoff_ms, {}, &StartRun::from_ms);
  if (behind == runs_.begin()) return;
  auto first = std::prev(behind);
  if (first->start_ms == 0) first = behind;
  runs_.erase(runs_.begin(), first);
  if (runs_.empty()) runs_.shrink_to_fit();
}

}  // namespace baro::tsdb
