// Instant vector selectors: at each step the newest sample of each series within the lookback.
#include <algorithm>

#include "base/saturating.h"
#include "query/exec/column_source.h"
#include "query/exec/evaluate.h"
#include "query/func/extended_range.h"

namespace baro::query::exec {
namespace {

using func::Kind;

// Rows that a thread reads before it looks at the clock and at the cancel flag again.
constexpr std::size_t kRowsPerStretch = 16;

struct SelectorTimes {
  std::int64_t first_ms = 0;  // time looked at by the first step
  std::int64_t step_ms = 0;
  std::int64_t lookback_ms = 0;

  std::int64_t at(std::size_t step) const {
    return base::SaturatingAdd(first_ms, static_cast<std::int64_t>(step) * step_ms);
  }
};

// Floats alone: one pass over both columns.
void SelectFloats(std::span<const std::int64_t> times, std::span<const double> values, const SelectorTimes& at,
                  bool want_timestamps, const RowView& out) {
  std::size_t next = 0;
  for (std::size_t step = 0; step < out.kinds.size(); ++step) {
    const std::int64_t time = at.at(step);
    while (next < times.size() && times[next] <= time) ++next;
    if (next == 0) continue;
    const std::int64_t sample_time = times[next - 1];
    if (sample_time <= base::SaturatingSub(time, at.lookback_ms) || model::IsStaleNaN(values[next - 1])) continue;
    out.SetFloat(step, want_timestamps ? static_cast<double>(sample_time) / 1000 : values[next - 1]);
  }
}

// Floats and histograms: the newer of the two newest.
void SelectBoth(const tsdb::SampleColumns& columns, const SelectorTimes& at, bool want_timestamps, const RowView& out) {
  const auto times = columns.timestamps_ms();
  const auto histograms = columns.histograms();
  std::size_t next_float = 0;
  std::size_t next_histogram = 0;
  for (std::size_t step = 0; step < out.kinds.size(); ++step) {
    const std::int64_t time = at.at(step);
    while (next_float < times.size() && times[next_float] <= time) ++next_float;
    while (next_histogram < histograms.size() && histograms[next_histogram].timestamp_ms <= time) ++next_histogram;
    if (next_float == 0 && next_histogram == 0) continue;
    const bool is_float =
        next_histogram == 0 || (next_float > 0 && times[next_float - 1] > histograms[next_histogram - 1].timestamp_ms);
    const std::int64_t sample_time = is_float ? times[next_float - 1] : histograms[next_histogram - 1].timestamp_ms;
    if (sample_time <= base::SaturatingSub(time, at.lookback_ms)) continue;
    const double stale_if = is_float ? columns.values()[next_float - 1] : histograms[next_histogram - 1].histogram->sum;
    if (model::IsStaleNaN(stale_if)) continue;
    if (want_timestamps) {
      out.SetFloat(step, static_cast<double>(sample_time) / 1000);
    } else if (is_float) {
      out.SetFloat(step, columns.values()[next_float - 1]);
    } else {
      out.SetHistogram(step, histograms[next_histogram - 1].histogram);
    }
  }
}

class SelectorSource final : public RowSource {
 public:
  SelectorSource(Context& context, const VectorSelector& selector, const SelectorTimes& times, model::TimeRange range,
                 bool want_timestamps, std::unique_ptr<tsdb::SeriesSelection> selection)
      : context_(context),
        selector_(selector),
        times_(times),
        range_(range),
        want_timestamps_(want_timestamps),
        selection_(std::move(selection)),
        names_(NamesOf(*selection_)) {}

  const std::vector<RowName>& names() const override { return names_; }

  base::Result<> Fill(std::size_t begin, Cells& cells) override {
    const bool is_smoothed = selector_.extension == Extension::kSmoothed;
    std::vector<func::Notes> notes(is_smoothed ? cells.rows() : 0);
    const auto fill = [&](std::size_t from, std::size_t to) -> base::Result<> {
      tsdb::SampleColumns columns;
      for (std::size_t i = from; i < to; ++i) {
        columns.Clear();
        BARO_TRY(context_.Read(selector_, *selection_, begin + i, range_, columns));
        if (context_.plan(selector_).finds_resets) FindResets(columns.histogram_buffer());
        if (is_smoothed) {
          func::SmoothedInstant(columns, {.first_ms = times_.first_ms, .step_ms = times_.step_ms}, times_.lookback_ms,
                                cells.row(i), notes[i]);
        } else if (columns.histograms().empty()) {
          SelectFloats(columns.timestamps_ms(), columns.values(), times_, want_timestamps_, cells.row(i));
        } else {
          SelectBoth(columns, times_, want_timestamps_, cells.row(i));
        }
      }
      return {};
    };
    BARO_TRY(context_.ForStretches(cells.rows(), kRowsPerStretch, fill));
    for (std::size_t i = 0; i < notes.size(); ++i) {
      Annotate(context_, notes[i], names_[begin + i].labels, selector_.span);
    }
    const auto kinds = cells.all_kinds();
    context_.CountQueryable(kinds.size() - static_cast<std::size_t>(std::ranges::count(kinds, Kind::kNone)));
    return {};
  }

 private:
  Context& context_;
  const VectorSelector& selector_;
  SelectorTimes times_;
  model::TimeRange range_;
  bool want_timestamps_;
  std::unique_ptr<tsdb::SeriesSelection> selection_;
  std::vector<RowName> names_;
};

}  // namespace

base::Result<std::unique_ptr<RowSource>> OpenSelector(Context& context, const VectorSelector& selector,
                                                      const StepGrid& grid, bool want_timestamps) {
  if (selector.extension == Extension::kAnchored) {
    return base::Fail(base::Code::kInvalidArgument, "anchored modifier is not supported on instant vector selectors");
  }
  const NodePlan& plan = context.plan(selector);
  const SelectorTimes times{.first_ms = base::SaturatingSub(plan.at_ms.value_or(grid.start_ms), plan.offset_ms),
                            .step_ms = plan.at_ms ? 0 : grid.step_ms,
                            .lookback_ms = context.lookback_ms()};
  model::TimeRange range{.min_ms = base::SaturatingAdd(base::SaturatingSub(times.first_ms, times.lookback_ms), 1),
                         .max_ms = times.at(grid.count - 1)};
  if (selector.extension == Extension::kSmoothed) range.max_ms = base::SaturatingAdd(range.max_ms, times.lookback_ms);
  auto selection = BARO_TRY(Select(context, selector, {.times = range, .view = plan.view}));
  return std::make_unique<SelectorSource>(context, selector, times, range, want_timestamps, std::move(selection));
}

}  // namespace baro::query::exec
