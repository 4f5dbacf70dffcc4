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

// An edge that moves forward over times. Scrapes are regular: it mostly moves as far as it did the last time.
struct Edge {
  std::size_t at = 0;
  std::size_t stride = 0;

  // Behind the last time that is not after `until_ms`, and at most to the end of `timestamps_ms`.
  void MoveTo(std::span<const std::int64_t> timestamps_ms, std::int64_t until_ms) {
    const std::size_t before = at;
    const std::size_t guess = at + stride;
    if (guess > at && guess <= timestamps_ms.size() && timestamps_ms[guess - 1] <= until_ms) at = guess;
    while (at < timestamps_ms.size() && timestamps_ms[at] <= until_ms) ++at;
    stride = at - before;
  }
};

}  // namespace

void FindWindows(std::span<const std::int64_t> timestamps_ms, const WindowGrid& windows, RateDivisor divisor,
                 ColumnWindows& found) {
  found.stretches.resize(windows.count);
  found.rates.resize(divisor != 0 ? windows.count : 0);
  found.samples = 0;
  Edge begin;
  Edge end;
  for (std::size_t step = 0; step < windows.count; ++step) {
    const std::int64_t start_ms = windows.start_ms(step);
    const std::int64_t end_ms = windows.end_ms(step);
    end.MoveTo(timestamps_ms, end_ms);
    begin.MoveTo(timestamps_ms.first(end.at), start_ms);
    const Stretch window{.begin = begin.at, .end = end.at};
    found.stretches[step] = window;
    found.samples += window.size();
    if (divisor != 0 && window.size() >= 2)
      found.rates[step] = TimesOf(window, timestamps_ms, start_ms, end_ms, divisor);
  }
}

}  // namespace baro::query::func
