// Instant vector selectors: at each step the newest sample of each series within the lookback.
#include <algorithm>

#include "base/saturating.h"
#include "query/exec/column_source.h"
#include "query/exec/evaluate.h"
#include "query/func/column_loops.h"
#include "query/func/extended_range.h"

namespace baro::query::exec {
namespace {

struct SelectorTimes {
  std::int64_t first_ms = 0;  // time looked at by the first step
  std::int64_t step_ms = 0;
  std::int64_t lookback_ms = 0;

  std::int64_t at(std::size_t step) const {
    return base::SaturatingAdd(first_ms, static_cast<std::int64_t>(step) * step_ms);
  }
};

double Seconds(std::int64_t time_ms) { return static_cast<double>(time_ms) / 1000; }

// Floats alone: one pass over both columns. `of(index)` is what is wanted of a sample.
template <typename Of>
void SelectFloats(const tsdb::SampleColumns& columns, const SelectorTimes& at, const RowView& out, const Of& of) {
  const auto times = columns.timestamps_ms();
  const auto values = columns.values();
  std::size_t next = 0;
  for (std::size_t step = 0; step < out.kinds.size(); ++step) {
    const std::int64_t time = at.at(step);
    while (next < times.size() && times[next] <= time) ++next;
    if (next == 0) continue;
    const std::int64_t sample_time = times[next - 1];
    if (sample_time <= base::SaturatingSub(time, at.lookback_ms) || model::IsStaleNaN(values[next - 1])) continue;
    out.SetFloat(step, of(next - 1));
  }
}

void SelectFloats(const tsdb::SampleColumns& columns, const SelectorTimes& at, SampleAspect aspect,
                  const RowView& out) {
  switch (aspect) {
    case SampleAspect::kValue:
      return SelectFloats(columns, at, out, [values = columns.values()](std::size_t i) { return values[i]; });
    case SampleAspect::kTimestamp:
      return SelectFloats(columns, at, out,
                          [times = columns.timestamps_ms()](std::size_t i) { return Seconds(times[i]); });
    case SampleAspect::kStartTimestamp:
      return SelectFloats(columns, at, out, [starts = columns.start_timestamps_ms()](std::size_t i) {
        return starts.empty() ? 0 : Seconds(starts[i]);
      });
  }
}

// What is wanted of a float that stands among histograms.
double AspectOfFloat(const tsdb::SampleColumns& columns, std::size_t index, SampleAspect aspect) {
  if (aspect == SampleAspect::kValue) return columns.values()[index];
  if (aspect == SampleAspect::kTimestamp) return Seconds(columns.timestamps_ms()[index]);
  return columns.start_timestamps_ms().empty() ? 0 : Seconds(columns.start_timestamps_ms()[index]);
}

void SetHistogramAspect(const tsdb::HistogramSample& sample, SampleAspect aspect, std::size_t step,
                        const RowView& out) {
  if (aspect == SampleAspect::kValue) return out.SetHistogram(step, sample.histogram);
  out.SetFloat(step, Seconds(aspect == SampleAspect::kTimestamp ? sample.timestamp_ms : sample.start_timestamp_ms));
}

// Floats and histograms: the newer of the two newest.
void SelectBoth(const tsdb::SampleColumns& columns, const SelectorTimes& at, SampleAspect aspect, const RowView& out) {
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
    if (is_float) {
      out.SetFloat(step, AspectOfFloat(columns, next_float - 1, aspect));
    } else {
      SetHistogramAspect(histograms[next_histogram - 1], aspect, step, out);
    }
  }
}

class SelectorSource final : public RowSource {
 public:
  SelectorSource(Context& context, const VectorSelector& selector, const SelectorTimes& times, model::TimeRange range,
                 SampleAspect aspect, std::unique_ptr<tsdb::SeriesSelection> selection)
      : context_(context),
        selector_(selector),
        times_(times),
        range_(range),
        aspect_(aspect),
        selection_(std::move(selection)) {}

  std::size_t rows() const override { return selection_->size(); }
  const model::Labels& labels(std::size_t index) const override { return selection_->labels(index); }
  const std::vector<RowName>& names() const override {
    if (names_.empty()) names_ = NamesOf(context_, *selection_);
    return names_;
  }

  base::Result<> Fill(std::size_t begin, Cells& cells) override {
    // Times are those of samples, even where values are made between them.
    const bool is_smoothed = selector_.extension == Extension::kSmoothed && aspect_ == SampleAspect::kValue;
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
          SelectFloats(columns, times_, aspect_, cells.row(i));
        } else {
          SelectBoth(columns, times_, aspect_, cells.row(i));
        }
      }
      return {};
    };
    BARO_TRY(context_.ForStretches(cells.rows(), RowsPerStretch(cells.rows()), fill));
    for (std::size_t i = 0; i < notes.size(); ++i) {
      Annotate(context_, notes[i], labels(begin + i), selector_.span);
    }
    context_.CountQueryable(func::CountFilled(cells.all_kinds()));
    return {};
  }

 private:
  Context& context_;
  const VectorSelector& selector_;
  SelectorTimes times_;
  model::TimeRange range_;
  SampleAspect aspect_;
  std::unique_ptr<tsdb::SeriesSelection> selection_;
  mutable std::vector<RowName> names_;  // empty until somebody asks
};

}  // namespace

base::Result<std::unique_ptr<RowSource>> OpenSelector(Context& context, const VectorSelector& selector,
                                                      const StepGrid& grid, SampleAspect aspect) {
  const NodePlan& plan = context.plan(selector);
  const SelectorTimes times{.first_ms = base::SaturatingSub(plan.at_ms.value_or(grid.start_ms), plan.offset_ms),
                            .step_ms = plan.at_ms ? 0 : grid.step_ms,
                            .lookback_ms = context.lookback_ms()};
  model::TimeRange range{.min_ms = base::SaturatingAdd(base::SaturatingSub(times.first_ms, times.lookback_ms), 1),
                         .max_ms = times.at(grid.count - 1)};
  if (selector.extension == Extension::kSmoothed) range.max_ms = base::SaturatingAdd(range.max_ms, times.lookback_ms);
  auto selection = BARO_TRY(Select(context, selector, {.times = range, .view = plan.view}));
  return std::make_unique<SelectorSource>(context, selector, times, range, aspect, std::move(selection));
}

}  // namespace baro::query::exec
