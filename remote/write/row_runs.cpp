#include "remote/write/row_runs.h"

#include <algorithm>

namespace baro::remote {
namespace {

std::span<const model::Sample> SamplesOf(const WriteRequest& request, std::size_t series) {
  const WriteSeries& entry = request.series[series];
  return std::span(request.samples).subspan(entry.first_sample, entry.sample_count);
}

bool HasIncreasingTimes(std::span<const model::Sample> samples) {
  return std::ranges::adjacent_find(samples, [](const model::Sample& a, const model::Sample& b) {
           return a.timestamp_ms >= b.timestamp_ms;
         }) == samples.end();
}

bool IsUsable(const WriteRequest& request, std::span<const KnownSeries> known, std::size_t series) {
  return known[series].ref != tsdb::SeriesRef::kNone && request.series[series].sample_count > 0;
}

// How far the run goes that begins at `first`.
std::size_t RunLength(const WriteRequest& request, std::span<const KnownSeries> known, std::size_t first,
                      std::size_t end) {
  const std::span<const model::Sample> times = SamplesOf(request, first);
  if (!HasIncreasingTimes(times)) return 1;
  end = std::min(end, first + kGroupSizeMax);
  std::size_t next = first + 1;
  for (; next < end; ++next) {
    if (!IsUsable(request, known, next) || known[next].group != known[first].group) break;
    if (!std::ranges::equal(SamplesOf(request, next), times, {}, &model::Sample::timestamp_ms,
                            &model::Sample::timestamp_ms)) {
      break;
    }
  }
  return next - first;
}

}  // namespace

void FindRowRuns(const WriteRequest& request, std::span<const KnownSeries> known, std::size_t begin, std::size_t end,
                 std::vector<RowRun>& runs) {
  runs.clear();
  std::size_t rows = 0;
  for (std::size_t first = begin; first < end;) {
    if (!IsUsable(request, known, first)) {
      ++first;
      continue;
    }
    RowRun run{.first = first, .count = RunLength(request, known, first, end)};
    first += run.count;
    const KnownSeries& series = known[run.first];
    const std::size_t times = request.series[run.first].sample_count;
    const bool is_grouped = series.group != tsdb::GroupRef::kNone;
    // Of a group that was cut here, the other series are in another request.
    const bool is_at_border = run.first == begin || first == end;
    const bool is_small_part = is_grouped && run.count * 4 < series.group_size;
    run.leaves_group = is_grouped && !is_at_border && run.count * 2 < series.group_size;
    if (rows + times <= kRequestRowsMax && (is_grouped ? !is_small_part : run.count >= kGroupSizeMin)) {
      run.use = is_grouped ? RowRun::Use::kRows : RowRun::Use::kNewGroup;
      rows += times;
    }
    runs.push_back(run);
  }
}

}  // namespace baro::remote
