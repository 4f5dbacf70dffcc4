#include "query/func/column_windows.h"

#include "base/saturating.h"

namespace baro::query::func {
namespace {

// A gap of less than 1.1 average intervals at an edge is taken as covered.
double Covered(double gap, double average) { return gap >= average * 1.1 ? average / 2 : gap; }

RateTimes TimesOf(const Stretch& window, std::span<const std::int64_t> timestamps_ms, std::int64_t start_ms,
                  std::int64_t end_ms, RateDivisor divisor) {
  const std::int64_t first_ms = timestamps_ms[window.begin];
  const std::int64_t last_ms = timestamps_ms[window.end - 1];
  RateTimes times;
  times.sampled = static_cast<double>(last_ms - first_ms) / 1000;
  const double average = times.sampled / static_cast<double>(window.size() - 1);
  times.to_start = Covered(static_cast<double>(base::SaturatingSub(first_ms, start_ms)) / 1000, average);
  times.to_end = Covered(static_cast<double>(base::SaturatingSub(end_ms, last_ms)) / 1000, average);
  times.factor = (times.sampled + times.to_start + times.to_end) / times.sampled / divisor;
  return times;
}

}  // namespace

void FindWindows(std::span<const std::int64_t> timestamps_ms, const WindowGrid& windows, RateDivisor divisor,
                 ColumnWindows& found) {
  found.stretches.resize(windows.count);
  found.rates.resize(divisor != 0 ? windows.count : 0);
  found.samples = 0;
  Stretch window;
  for (std::size_t step = 0; step < windows.count; ++step) {
    const std::int64_t start_ms = windows.start_ms(step);
    const std::int64_t end_ms = windows.end_ms(step);
    while (window.end < timestamps_ms.size() && timestamps_ms[window.end] <= end_ms) ++window.end;
    while (window.begin < window.end && timestamps_ms[window.begin] <= start_ms) ++window.begin;
    found.stretches[step] = window;
    found.samples += window.size();
    if (divisor != 0 && window.size() >= 2)
      found.rates[step] = TimesOf(window, timestamps_ms, start_ms, end_ms, divisor);
  }
}

}  // namespace baro::query::func
