#include "query/exec/column_source.h"

#include <algorithm>

#include <fmt/format.h>

#include "base/duration_text.h"
#include "base/saturating.h"
#include "model/matcher.h"
#include "model/quote.h"
#include "query/exec/evaluate.h"
#include "query/func/column_loops.h"

namespace baro::query::exec {
namespace {

using func::RangeColumn;
using func::WindowGrid;

model::MatchType TypeOf(MatchOp op) {
  switch (op) {
    case MatchOp::kEqual:
      return model::MatchType::kEqual;
    case MatchOp::kNotEqual:
      return model::MatchType::kNotEqual;
    case MatchOp::kRegex:
      return model::MatchType::kRegex;
    case MatchOp::kNotRegex:
      return model::MatchType::kNotRegex;
  }
  return model::MatchType::kEqual;
}

WindowGrid MakeWindows(const NodePlan& plan, const StepGrid& grid) {
  const std::int64_t first = plan.at_ms.value_or(grid.start_ms);
  return {.first_end_ms = base::SaturatingSub(first, plan.offset_ms),
          .step_ms = plan.at_ms ? 0 : grid.step_ms,
          .range_ms = plan.range_ms,
          .count = grid.count};
}

bool HasStaleMarker(std::span<const double> values) {
  if (!func::HasNaN(values)) return false;
  return std::ranges::any_of(values, [](double value) { return model::IsStaleNaN(value); });
}

// Series of a matrix selector.
class SelectedColumns final : public ColumnSource {
 public:
  SelectedColumns(Context& context, const MatrixSelector& matrix, const WindowGrid& windows, model::TimeRange range,
                  std::unique_ptr<tsdb::SeriesSelection> selection)
      : ColumnSource(windows),
        context_(context),
        matrix_(matrix),
        range_(range),
        finds_resets_(context.plan(matrix).finds_resets),
        selection_(std::move(selection)) {}

  std::size_t size() const override { return selection_->size(); }
  const model::Labels& labels(std::size_t index) const override { return selection_->labels(index); }
  const std::vector<RowName>& names() const override {
    if (names_.empty()) names_ = NamesOf(context_, *selection_);
    return names_;
  }
  bool is_downsampled() const override { return selection_->resolution_ms() > 0; }

  base::Result<RangeColumn> Read(std::size_t index, ColumnScratch& scratch) const override {
    BARO_TRY(context_.Read(matrix_, *selection_, index, range_, scratch.columns));
    if (finds_resets_) FindResets(scratch.columns.histogram_buffer());
    const tsdb::SampleColumns& columns = scratch.columns;
    RangeColumn column{
        .timestamps_ms = columns.timestamps_ms(), .values = columns.values(), .histograms = columns.histograms()};
    if (context_.features().use_start_timestamps) {
      column.starts_ms = columns.start_timestamps_ms();
      column.has_histogram_starts = std::ranges::any_of(
          column.histograms, [](const tsdb::HistogramSample& sample) { return sample.start_timestamp_ms != 0; });
    }
    if (HasStaleMarker(column.values)) DropStaleFloats(column, scratch);
    const auto is_stale = [](const tsdb::HistogramSample& sample) { return model::IsStaleNaN(sample.histogram->sum); };
    if (std::ranges::any_of(column.histograms, is_stale)) {
      scratch.histograms.clear();
      std::ranges::remove_copy_if(column.histograms, std::back_inserter(scratch.histograms), is_stale);
      column.histograms = scratch.histograms;
    }
    return column;
  }

 private:
  static void DropStaleFloats(RangeColumn& column, ColumnScratch& scratch) {
    scratch.timestamps_ms.clear();
    scratch.values.clear();
    scratch.starts_ms.clear();
    for (std::size_t i = 0; i < column.values.size(); ++i) {
      if (model::IsStaleNaN(column.values[i])) continue;
      scratch.timestamps_ms.push_back(column.timestamps_ms[i]);
      scratch.values.push_back(column.values[i]);
      if (!column.starts_ms.empty()) scratch.starts_ms.push_back(column.starts_ms[i]);
    }
    column.starts_ms = scratch.starts_ms;
    column.timestamps_ms = scratch.timestamps_ms;
    column.values = scratch.values;
  }

  Context& context_;
  const MatrixSelector& matrix_;
  model::TimeRange range_;
  const bool finds_resets_;
  std::unique_ptr<tsdb::SeriesSelection> selection_;
  mutable std::vector<RowName> names_;  // empty until somebody asks
};

// Rows of an inner vector, whose steps are the samples.
class SubqueryColumns final : public ColumnSource {
 public:
  SubqueryColumns(const WindowGrid& windows, const StepGrid& inner_grid, Vector inner)
      : ColumnSource(windows), grid_(inner_grid), inner_(std::move(inner)) {
    auto times = std::make_shared<std::vector<std::int64_t>>(inner_.steps());
    for (std::size_t step = 0; step < times->size(); ++step) (*times)[step] = grid_.at(step);
    times_ = std::move(times);
  }

  std::size_t size() const override { return inner_.rows(); }
  const model::Labels& labels(std::size_t index) const override { return inner_.names[index].labels; }
  const std::vector<RowName>& names() const override { return inner_.names; }

  base::Result<RangeColumn> Read(std::size_t index, ColumnScratch& scratch) const override {
    scratch.timestamps_ms.clear();
    scratch.values.clear();
    scratch.histograms.clear();
    const auto kinds = inner_.cells.kinds(index);
    if (func::AreAllFloats(kinds)) {  // as it stands, at times that such rows share
      scratch.columns.UseSharedTimestamps({.timestamps_ms = *times_, .pin = times_});
      return RangeColumn{.timestamps_ms = *times_, .values = inner_.cells.values(index), .histograms = {}};
    }
    for (std::size_t step = 0; step < kinds.size(); ++step) {
      if (kinds[step] == Kind::kFloat) {
        scratch.timestamps_ms.push_back(grid_.at(step));
        scratch.values.push_back(inner_.cells.values(index)[step]);
      } else if (kinds[step] == Kind::kHistogram) {
        scratch.histograms.push_back({grid_.at(step), WithoutHint(inner_.cells.histograms(index)[step])});
      }
    }
    return RangeColumn{
        .timestamps_ms = scratch.timestamps_ms, .values = scratch.values, .histograms = scratch.histograms};
  }

 private:
  // Between two steps of a subquery much may have happened: what was known of resets is not known any more.
  static HistogramPtr WithoutHint(const HistogramPtr& histogram) {
    if (histogram->counter_reset_hint == model::CounterResetHint::kUnknown ||
        histogram->counter_reset_hint == model::CounterResetHint::kGauge) {
      return histogram;
    }
    auto copy = std::make_shared<model::FloatHistogram>(*histogram);
    copy->counter_reset_hint = model::CounterResetHint::kUnknown;
    return copy;
  }

  StepGrid grid_;
  Vector inner_;
  std::shared_ptr<const std::vector<std::int64_t>> times_;  // of all steps
};

// The steps of a subquery: multiples of its step behind the first window's start, up to the last window's end.
base::Result<StepGrid> InnerGrid(const WindowGrid& windows, std::int64_t step_ms) {
  const std::int64_t after = windows.start_ms(0);
  const std::int64_t until = windows.end_ms(windows.count - 1);
  std::int64_t first = after / step_ms * step_ms;
  if (first <= after) first = base::SaturatingAdd(first, step_ms);
  if (first > until) return StepGrid{.start_ms = first, .step_ms = step_ms, .count = 0};
  const std::uint64_t steps =
      (static_cast<std::uint64_t>(until) - static_cast<std::uint64_t>(first)) / static_cast<std::uint64_t>(step_ms);
  // More steps than this cannot be held anyway; the budget says so before memory is touched.
  constexpr std::uint64_t kStepsMax = std::uint64_t{1} << 40;
  if (steps >= kStepsMax) {
    return base::Fail(base::Code::kLimitExceeded,
                      fmt::format("subquery has too many steps: limit {}, needed {}", kStepsMax, steps));
  }
  return StepGrid{.start_ms = first, .step_ms = step_ms, .count = static_cast<std::size_t>(steps) + 1};
}

base::Result<std::unique_ptr<ColumnSource>> OpenSubquery(Context& context, const SubqueryExpr& subquery,
                                                         const StepGrid& grid) {
  const NodePlan& plan = context.plan(subquery);
  const WindowGrid windows = MakeWindows(plan, grid);
  const StepGrid inner_grid = BARO_TRY(InnerGrid(windows, plan.step_ms));
  Vector inner;
  if (inner_grid.count > 0) {
    // Scalars and grids are as long as the steps: refuse before they are made.
    Charge probe(&context.budget());
    BARO_TRY(probe.AddBytes(inner_grid.count * sizeof(double)));
    inner = BARO_TRY(EvalVector(context, *subquery.expr, inner_grid));
  }
  return std::make_unique<SubqueryColumns>(windows, inner_grid, std::move(inner));
}

}  // namespace

void FindResets(std::vector<tsdb::HistogramSample>& histograms) {
  using model::CounterResetHint;
  HistogramPtr previous;
  for (tsdb::HistogramSample& sample : histograms) {
    if (model::IsStaleNaN(sample.histogram->sum)) continue;
    const HistogramPtr original = sample.histogram;
    if (previous != nullptr && original->counter_reset_hint == CounterResetHint::kUnknown) {
      auto copy = std::make_shared<model::FloatHistogram>(*original);
      copy->counter_reset_hint =
          original->DetectReset(*previous) ? CounterResetHint::kReset : CounterResetHint::kNotReset;
      sample.histogram = std::move(copy);
    }
    previous = original;
  }
}

namespace {

std::string_view MeaningOf(tsdb::DownsampledView view) {
  using tsdb::DownsampledView;
  switch (view) {
    case DownsampledView::kLevel:
      return "each value is the average of its window, or a counter's last value there";
    case DownsampledView::kLevelMin:
      return "each value is the least of its window";
    case DownsampledView::kLevelMax:
      return "each value is the greatest of its window";
    case DownsampledView::kSum:
    case DownsampledView::kCount:
    case DownsampledView::kMin:
    case DownsampledView::kMax:
      return "the result is exact where a range covers whole windows";
    case DownsampledView::kCounter:
      return "the increase is exact between borders of windows";
    case DownsampledView::kLast:
      return "the result is an estimate from the last value of each window";
  }
  return "";
}

// Nobody shall take an answer from aggregates for one from samples.
void NoteDownsampled(Context& context, const VectorSelector& selector, const SelectFor& use,
                     std::int64_t resolution_ms) {
  const auto duration = [](std::int64_t ms) { return base::FormatDuration(std::chrono::milliseconds(ms)); };
  std::string text = fmt::format("downsampled data was used, with a resolution of {}: {}", duration(resolution_ms),
                                 MeaningOf(use.view));
  if (use.range_ms > 0 && use.range_ms < 2 * resolution_ms && use.view != tsdb::DownsampledView::kLevel) {
    text += fmt::format("; a range of {} is shorter than two windows, so that values may be missing",
                        duration(use.range_ms));
  }
  context.annotations().Inform(text, selector.span);
}

}  // namespace

std::vector<RowName> NamesOf(Context& context, const tsdb::SeriesSelection& selection) {
  std::vector<RowName> names;
  context.Hold(selection.size() * sizeof(RowName));
  names.reserve(selection.size());
  for (std::size_t i = 0; i < selection.size(); ++i) names.push_back({.labels = selection.labels(i)});
  return names;
}

base::Result<std::unique_ptr<tsdb::SeriesSelection>> Select(Context& context, const VectorSelector& selector,
                                                            const SelectFor& use) {
  BARO_TRY(context.Check());
  std::vector<model::Matcher> matchers;
  matchers.reserve(selector.matchers.size());
  for (const LabelMatcher& matcher : selector.matchers) {
    matchers.push_back(BARO_TRY(model::Matcher::Make(TypeOf(matcher.op), matcher.name, matcher.value)));
  }
  auto selection = BARO_TRY(context.reader().Select({.matchers = matchers,
                                                     .range = use.times,
                                                     .limit = 0,
                                                     .memory = &context.budget(),
                                                     .view = use.view,
                                                     .level_step_ms = std::max<std::int64_t>(1, context.lookback_ms())},
                                                    context.cancel()));
  for (const std::string& warning : selection->warnings()) context.annotations().WarnFromStorage(warning);
  if (selection->resolution_ms() > 0) NoteDownsampled(context, selector, use, selection->resolution_ms());
  return selection;
}

namespace {

base::Result<std::unique_ptr<ColumnSource>> OpenColumnsOf(Context& context, const Expr& inner, const StepGrid& grid,
                                                          std::optional<tsdb::DownsampledView> view) {
  if (const auto* subquery = As<SubqueryExpr>(&inner)) return OpenSubquery(context, *subquery, grid);
  const auto* matrix = As<MatrixSelector>(&inner);
  BARO_ASSERT(matrix != nullptr);
  const WindowGrid windows = MakeWindows(context.plan(*matrix), grid);
  // Windows are open on the left. Extended windows look up to the lookback beyond their edges.
  model::TimeRange range{.min_ms = base::SaturatingAdd(windows.start_ms(0), 1),
                         .max_ms = windows.end_ms(grid.count - 1)};
  if (matrix->selector->extension != Extension::kNone) {
    range.min_ms = base::SaturatingSub(range.min_ms, context.lookback_ms());
  }
  if (matrix->selector->extension == Extension::kSmoothed) {
    range.max_ms = base::SaturatingAdd(range.max_ms, context.lookback_ms());
  }
  const NodePlan& plan = context.plan(*matrix);
  auto selection = BARO_TRY(Select(context, *matrix->selector,
                                   {.times = range, .view = view.value_or(plan.view), .range_ms = plan.range_ms}));
  return std::make_unique<SelectedColumns>(context, *matrix, windows, range, std::move(selection));
}

}  // namespace

base::Result<std::unique_ptr<ColumnSource>> OpenColumns(Context& context, const Expr& expr, const StepGrid& grid,
                                                        std::optional<tsdb::DownsampledView> view) {
  const Expr& inner = StripParens(expr);
  return context.At(inner, [&] {
    auto columns = OpenColumnsOf(context, inner, grid, view);
    if (columns && context.trace() != nullptr) {
      context.trace()->of(inner.id).CountRun({.series = (*columns)->names().size(), .steps = grid.count});
    }
    return columns;
  });
}

void Annotate(Context& context, const func::Notes& notes, const model::Labels& labels, TextSpan span) {
  using func::Note;
  if (notes.empty()) return;
  Annotations& annotations = context.annotations();
  const std::string_view name = labels.metric_name();
  const auto warn_about = [&](Note note, std::string_view text) {
    if (notes.Has(note)) annotations.Warn(text, span);
  };
  const auto inform_about = [&](Note note, std::string_view text) {
    if (notes.Has(note)) annotations.Inform(text, span);
  };
  const std::string plain = model::Quoted(name);  // also where there is none
  const std::string quoted = " for metric name " + plain;
  warn_about(Note::kMixedFloatsHistograms, "encountered a mix of histograms and floats" + quoted);
  warn_about(Note::kNotCounter, "this native histogram metric is not a counter: " + plain);
  warn_about(Note::kNotGauge, "this native histogram metric is not a gauge: " + plain);
  warn_about(Note::kMixedBucketSchemas,
             "vector contains a mix of histograms with exponential and custom buckets schemas" + quoted);
  warn_about(Note::kStartsOverlap,
             "sample has start time that overlaps with previous sample timestamp for metric " + plain);
  warn_about(Note::kResetCollisionAggregation, "conflicting counter resets during histogram aggregation");
  warn_about(Note::kResetCollisionSub, "conflicting counter resets during histogram subtraction");
  warn_about(Note::kResetCollisionAdd, "conflicting counter resets during histogram addition");
  inform_about(Note::kHistogramsIgnored,
               "ignored histograms in a range containing both floats and histograms" + quoted);
  inform_about(Note::kBoundsReconciledSub, "mismatched custom buckets were reconciled during subtraction");
  inform_about(Note::kBoundsReconciledAdd, "mismatched custom buckets were reconciled during addition");
  inform_about(Note::kBoundsReconciledAggregation, "mismatched custom buckets were reconciled during aggregation");
}

}  // namespace baro::query::exec
