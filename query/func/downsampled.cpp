#include "query/func/downsampled.h"

#include "query/func/over_time_parts.h"

namespace baro::query::func {

void CountFromCounts(const RangeColumn& counts, const WindowGrid& windows, const RowView& out) {
  auto float_edges = FloatEdges(counts);
  auto histogram_edges = HistogramEdges(counts);
  for (std::size_t step = 0; step < windows.count; ++step) {
    const Stretch floats = float_edges.MoveTo(windows.start_ms(step), windows.end_ms(step));
    const Stretch histograms = histogram_edges.MoveTo(windows.start_ms(step), windows.end_ms(step));
    if (floats.empty() && histograms.empty()) continue;
    double count = static_cast<double>(histograms.size());
    for (std::size_t i = floats.begin; i < floats.end; ++i) count += counts.values[i];
    out.SetFloat(step, count);
  }
}

void AverageFromSums(const RangeColumn& sums, const RangeColumn& counts, const WindowGrid& windows, const RowView& out,
                     Notes& notes) {
  if (sums.values.empty()) return HistogramsOverTime(Function::kAvgOverTime, sums, windows, out, notes);
  auto sum_edges = FloatEdges(sums);
  auto count_edges = FloatEdges(counts);
  auto histogram_edges = HistogramEdges(sums);
  for (std::size_t step = 0; step < windows.count; ++step) {
    const std::int64_t start = windows.start_ms(step);
    const std::int64_t end = windows.end_ms(step);
    const Stretch in_sums = sum_edges.MoveTo(start, end);
    const Stretch in_counts = count_edges.MoveTo(start, end);
    if (in_sums.empty() || in_counts.empty()) continue;
    double count = 0;
    for (std::size_t i = in_counts.begin; i < in_counts.end; ++i) count += counts.values[i];
    out.SetFloat(step, SumOf(sums.values.subspan(in_sums.begin, in_sums.size())).value() / count);
    if (!histogram_edges.MoveTo(start, end).empty()) notes.Add(Note::kHistogramsIgnored);
  }
}

}  // namespace baro::query::func
