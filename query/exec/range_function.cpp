// Functions of ranges: rate(x[5m]), avg_over_time(x[1h:1m]) and their kin.
#include <algorithm>
#include <array>
#include <cmath>

#include <fmt/format.h>

#include "model/quote.h"
#include "query/exec/column_source.h"
#include "query/exec/evaluate.h"
#include "query/exec/window_cache.h"
#include "query/func/downsampled.h"
#include "query/func/extended_range.h"
#include "query/func/over_time.h"
#include "query/func/rate.h"

namespace baro::query::exec {
namespace {

bool KeepsName(Function function) {
  return function == Function::kLastOverTime || function == Function::kFirstOverTime;
}

// Functions whose result is nonsense for what is not a counter.
bool ExpectsCounter(Function function) { return function == Function::kRate || function == Function::kIncrease; }

// Functions that cost as much as all windows have samples together; the others, as the series and the steps.
bool LooksAtEachSample(Function function) {
  switch (function) {
    case Function::kDeriv:
    case Function::kDoubleExponentialSmoothing:
    case Function::kMadOverTime:
    case Function::kPredictLinear:
    case Function::kQuantileOverTime:
    case Function::kStddevOverTime:
    case Function::kStdvarOverTime:
      return true;
    default:
      return false;
  }
}

bool IsNamedAsCounter(std::string_view name) {
  constexpr std::array<std::string_view, 4> kSuffixes = {"_total", "_sum", "_count", "_bucket"};
  return std::ranges::any_of(kSuffixes, [name](std::string_view suffix) { return name.ends_with(suffix); });
}

// From so many rows on it is cheaper to ask storage for the names of all labels than each row for its own.
constexpr std::size_t kManyRows = 1000;

// The name that all series of a selector must have.
std::optional<std::string> OnlyMetricName(const VectorSelector& selector) {
  for (const LabelMatcher& matcher : selector.matchers) {
    if (matcher.name == model::kMetricName && matcher.op == MatchOp::kEqual) return std::string(matcher.value);
  }
  return std::nullopt;
}

// 0: the function does not extrapolate.
func::RateDivisor DivisorOf(Function function, const func::WindowGrid& windows) {
  switch (function) {
    case Function::kRate:
      return func::DivisorOf(func::RateKind::kRate, windows);
    case Function::kIncrease:
      return func::DivisorOf(func::RateKind::kIncrease, windows);
    case Function::kDelta:
      return func::DivisorOf(func::RateKind::kDelta, windows);
    default:
      return 0;
  }
}

class RangeFunctionSource final : public RowSource {
 public:
  RangeFunctionSource(Context& context, const CallExpr& call, const Expr& range, std::unique_ptr<ColumnSource> columns,
                      func::RangeArguments arguments, std::vector<std::vector<double>> scalars)
      : context_(context),
        function_(call.function->id),
        range_span_(range.span),
        columns_(std::move(columns)),
        windows_(columns_->windows(), DivisorOf(function_, columns_->windows()), &context.budget()),
        scalars_(std::move(scalars)),
        arguments_(std::move(arguments)) {
    const auto* matrix = As<MatrixSelector>(&StripParens(range));
    if (matrix == nullptr) return;
    extension_ = matrix->selector->extension;
    metric_name_ = OnlyMetricName(*matrix->selector);
  }

  std::size_t rows() const override { return columns_->size(); }
  const model::Labels& labels(std::size_t index) const override { return columns_->labels(index); }
  const std::vector<RowName>& names() const override {
    if (KeepsName(function_)) return columns_->names();
    if (names_.empty()) names_ = DropMetricNames(context_, columns_->names());
    return names_;
  }

  RowName name(std::size_t index) const override {
    if (KeepsName(function_) || !names_.empty()) return names()[index];
    return DropMetricName(context_, labels(index));
  }

  /// Whether rows that differ in what is dropped only have become equal.
  base::Result<bool> FindEqualNames() const {
    if (context_.drops_names_late() || KeepsName(function_) || rows() < 2) return false;
    if (metric_name_ && rows() >= kManyRows && !BARO_TRY(HasMetadataLabels())) return false;
    return HasEqualNames(names());
  }

  base::Result<> Fill(std::size_t begin, Cells& cells) override {
    std::vector<func::Notes> notes(cells.rows());
    const auto fill = [&](std::size_t from, std::size_t to) -> base::Result<> {
      ColumnScratch scratch;
      ColumnScratch counts_scratch;
      WindowsInUse windows;
      Charge held(&context_.budget());
      for (std::size_t i = from; i < to; ++i) {
        scratch.columns.Clear();
        auto column = BARO_TRY(columns_->Read(begin + i, scratch));
        column.known = &windows_.Find(column, scratch.columns, windows);
        const std::uint64_t seen = column.known->samples + func::CountHistogramsInWindows(column, columns_->windows());
        context_.CountQueryable(seen);
        BARO_TRY(held.SetSamples(column.values.size() + column.histograms.size()));
        if (counts_ != nullptr) {
          const auto counts = BARO_TRY(ReadCounts(begin + i, counts_scratch));
          func::AverageFromSums(column, counts, columns_->windows(), cells.row(i), notes[i]);
          continue;
        }
        BARO_TRY(ComputeInPieces(column, seen, cells.row(i), notes[i]));
      }
      return {};
    };
    BARO_TRY(context_.ForStretches(cells.rows(), RowsPerStretch(cells.rows()), fill));
    for (std::size_t i = 0; i < cells.rows(); ++i) {
      if (!notes[i].empty()) Annotate(context_, notes[i], labels(begin + i), range_span_);
    }
    if (ExpectsCounter(function_) && !IsSurelyCounter()) {
      for (std::size_t i = 0; i < cells.rows(); ++i) NoteNoCounter(labels(begin + i), cells.kinds(i));
    }
    return {};
  }

  /// The same series as counts: averages are computed of sums and counts then. Both in label order.
  void UseCounts(std::unique_ptr<ColumnSource> counts) {
    counts_ = std::move(counts);
    std::size_t at = 0;
    for (const RowName& name : columns_->names()) {
      while (at < counts_->names().size() && counts_->names()[at].labels < name.labels) ++at;
      const bool is_there = at < counts_->names().size() && counts_->names()[at].labels == name.labels;
      counts_at_.push_back(is_there ? std::optional(at) : std::nullopt);
    }
  }

 private:
  base::Result<func::RangeColumn> ReadCounts(std::size_t index, ColumnScratch& scratch) const {
    scratch.columns.Clear();
    if (!counts_at_[index]) return func::RangeColumn{};
    return counts_->Read(*counts_at_[index], scratch);
  }

  // A row whose windows see very many samples (`seen`) takes long with functions that look at each of them: it is
  // computed some steps at a time, so that time-outs and cancellation come through.
  base::Result<> ComputeInPieces(const func::RangeColumn& column, std::uint64_t seen, const RowView& out,
                                 func::Notes& notes) const {
    constexpr std::uint64_t kSeenPerPiece = 1 << 20;  // tens of milliseconds for the dearest, quantile_over_time
    if (seen > kSeenPerPiece / 16) BARO_TRY(context_.Check());
    const std::size_t steps = columns_->windows().count;
    const std::size_t pieces = std::min<std::size_t>(steps, seen / kSeenPerPiece + 1);
    if (pieces == 1 || !LooksAtEachSample(function_) || !column.histograms.empty()) {
      Compute(column, columns_->windows(), arguments_, out, notes);
      return {};
    }
    func::RangeColumn unknown = column;
    unknown.known = nullptr;  // the windows of a piece are others
    for (std::size_t piece = 0; piece < pieces; ++piece) {
      BARO_TRY(context_.Check());
      const std::size_t begin = steps * piece / pieces;
      const std::size_t count = steps * (piece + 1) / pieces - begin;
      func::WindowGrid windows = columns_->windows();
      windows.first_end_ms = windows.end_ms(begin);
      windows.count = count;
      func::RangeArguments arguments = arguments_;
      arguments.steps = {.start_ms = arguments_.steps.at(begin), .step_ms = arguments_.steps.step_ms, .count = count};
      for (auto& scalar : arguments.scalars) scalar = scalar.subspan(begin, count);
      Compute(unknown, windows, arguments,
              {.values = out.values.subspan(begin, count),
               .kinds = out.kinds.subspan(begin, count),
               .histograms = out.histograms},
              notes);
    }
    return {};
  }

  void Compute(const func::RangeColumn& column, const func::WindowGrid& windows, const func::RangeArguments& arguments,
               const RowView& out, func::Notes& notes) const {
    if (extension_ != Extension::kNone) {
      return func::ExtendedRange(function_, extension_, column, windows, context_.lookback_ms(), out, notes);
    }
    switch (function_) {
      case Function::kRate:
        return func::Rate(func::RateKind::kRate, column, windows, out, notes);
      case Function::kIncrease:
        return func::Rate(func::RateKind::kIncrease, column, windows, out, notes);
      case Function::kDelta:
        return func::Rate(func::RateKind::kDelta, column, windows, out, notes);
      case Function::kIrate:
        return func::InstantRate(true, column, windows, out, notes);
      case Function::kIdelta:
        return func::InstantRate(false, column, windows, out, notes);
      case Function::kCountOverTime:
        if (columns_->is_downsampled()) return func::CountFromCounts(column, windows, out);
        [[fallthrough]];
      default:
        return func::OverTime(function_, column, windows, arguments, out, notes);
    }
  }

  // Asked of many rows, their labels would cost more than their samples.
  bool IsSurelyCounter() const {
    return metric_name_ && !context_.features().type_and_unit_labels && IsNamedAsCounter(*metric_name_);
  }

  // Whether any series has labels beside its name that are dropped.
  base::Result<bool> HasMetadataLabels() const {
    const auto names = BARO_TRY(context_.reader().LabelNames(
        {}, {.min_ms = model::kMinTimestampMs, .max_ms = model::kMaxTimestampMs}, 0, context_.cancel()));
    return std::ranges::any_of(
        names, [](const std::string& name) { return name == model::kTypeLabel || name == model::kUnitLabel; });
  }

  void NoteNoCounter(const model::Labels& labels, std::span<const Kind> kinds) {
    const std::string_view name = labels.metric_name();
    if (name.empty() || std::ranges::find(kinds, Kind::kFloat) == kinds.end()) return;
    if (context_.features().type_and_unit_labels) {
      const std::string_view type = labels.Get(model::kTypeLabel);
      if (type == "counter" || type == "histogram") return;
      context_.annotations().Inform(
          fmt::format("metric might not be a counter, __type__ label is not set to \"counter\" or \"histogram\", "
                      "got {}: {}",
                      model::Quoted(type), model::Quoted(name)),
          range_span_);
      return;
    }
    if (IsNamedAsCounter(name)) return;
    context_.annotations().Inform(
        fmt::format("metric might not be a counter, name does not end in _total/_sum/_count/_bucket: {}",
                    model::Quoted(name)),
        range_span_);
  }

  Context& context_;
  Function function_;
  TextSpan range_span_;
  Extension extension_ = Extension::kNone;
  std::unique_ptr<ColumnSource> columns_;
  WindowCache windows_;
  std::unique_ptr<ColumnSource> counts_;               // null: columns_ alone are looked at
  std::vector<std::optional<std::size_t>> counts_at_;  // where counts_ has each series
  std::vector<std::vector<double>> scalars_;
  func::RangeArguments arguments_;
  std::optional<std::string> metric_name_;  // of all rows; absent: they may have several
  mutable std::vector<RowName> names_;      // empty until somebody asks
};

void CheckQuantiles(Context& context, const CallExpr& call, std::span<const double> quantiles) {
  for (const double phi : quantiles) {
    if (!(phi >= 0 && phi <= 1)) WarnQuantile(context, phi, call.args[0]->span);
  }
}

bool IsSmoothingFactor(double factor) { return !(factor <= 0 || factor >= 1); }  // NaN smooths to NaN

// What is wrong with a pair of factors; nothing if they are good.
base::Result<> CheckFactors(double smoothing, double trend) {
  const bool is_smoothing = !IsSmoothingFactor(smoothing);
  if (!is_smoothing && IsSmoothingFactor(trend)) return {};
  return base::Fail(
      base::Code::kUnprocessable,
      fmt::format("invalid {} factor. Expected: 0 < {} < 1, got: {:f}", is_smoothing ? "smoothing" : "trend",
                  is_smoothing ? "sf" : "tf", is_smoothing ? smoothing : trend));
}

// Factors out of range are an error where a window has a sample to be smoothed, and nowhere else.
base::Result<> CheckSmoothing(Context& context, const ColumnSource& columns,
                              std::span<const std::vector<double>> scalars) {
  if (std::ranges::all_of(scalars[0], IsSmoothingFactor) && std::ranges::all_of(scalars[1], IsSmoothingFactor))
    return {};
  ColumnScratch scratch;
  for (std::size_t i = 0; i < columns.names().size(); ++i) {
    BARO_TRY(context.Check());
    scratch.columns.Clear();
    const auto column = BARO_TRY(columns.Read(i, scratch));
    auto floats = func::FloatEdges(column);
    auto histograms = func::HistogramEdges(column);
    for (std::size_t step = 0; step < columns.windows().count; ++step) {
      const std::int64_t start = columns.windows().start_ms(step);
      const std::int64_t end = columns.windows().end_ms(step);
      const bool has_floats = !floats.MoveTo(start, end).empty();
      if (!histograms.MoveTo(start, end).empty() || has_floats) {
        BARO_TRY(CheckFactors(scalars[0][step], scalars[1][step]));
      }
    }
  }
  return {};
}

}  // namespace

void WarnQuantile(Context& context, double phi, TextSpan span) {
  context.annotations().Warn(fmt::format("quantile value should be between 0 and 1, got {}", FormatGo(phi)), span);
}

base::Result<std::unique_ptr<RowSource>> OpenRangeFunction(Context& context, const CallExpr& call,
                                                           const StepGrid& grid) {
  const Expr* range = nullptr;
  std::vector<std::vector<double>> scalars;
  for (const Expr* arg : call.args) {
    if (arg->type == ValueType::kMatrix) {
      range = arg;
    } else {
      scalars.push_back(BARO_TRY(EvalScalar(context, *arg, grid)));
    }
  }
  BARO_ASSERT(range != nullptr);
  auto columns = BARO_TRY(OpenColumns(context, *range, grid));
  if (call.function->id == Function::kQuantileOverTime && columns->size() > 0) {
    CheckQuantiles(context, call, scalars[0]);
  }
  if (call.function->id == Function::kDoubleExponentialSmoothing) BARO_TRY(CheckSmoothing(context, *columns, scalars));
  func::RangeArguments arguments{.steps = grid, .scalars = {}};
  for (const auto& scalar : scalars) arguments.scalars.push_back(scalar);
  std::unique_ptr<ColumnSource> counts;
  if (call.function->id == Function::kAvgOverTime && columns->is_downsampled()) {
    counts = BARO_TRY(OpenColumns(context, *range, grid, tsdb::DownsampledView::kCount));
  }
  auto source = std::make_unique<RangeFunctionSource>(context, call, *range, std::move(columns), std::move(arguments),
                                                      std::move(scalars));
  if (counts != nullptr) source->UseCounts(std::move(counts));
  if (!BARO_TRY(source->FindEqualNames())) return source;
  // Names became equal: whether that is an error depends on which series have points.
  Vector vector = BARO_TRY(source->Materialise(context, grid.count));
  BARO_TRY(JoinEqualRows(vector, false));
  return std::make_unique<VectorSource>(std::move(vector));
}

base::Result<Vector> EvalAbsentOverTime(Context& context, const CallExpr& call, const StepGrid& grid) {
  auto columns = BARO_TRY(OpenColumns(context, *call.args[0], grid));
  std::vector<bool> is_present(grid.count);
  ColumnScratch scratch;
  for (std::size_t i = 0; i < columns->size(); ++i) {
    BARO_TRY(context.Check());
    scratch.columns.Clear();
    const auto column = BARO_TRY(columns->Read(i, scratch));
    auto floats = func::FloatEdges(column);
    auto histograms = func::HistogramEdges(column);
    for (std::size_t step = 0; step < grid.count; ++step) {
      const std::int64_t start = columns->windows().start_ms(step);
      const std::int64_t end = columns->windows().end_ms(step);
      const bool has_samples = !floats.MoveTo(start, end).empty();
      if (has_samples || !histograms.MoveTo(start, end).empty()) is_present[step] = true;
    }
  }
  return MakeAbsent(context, StripParens(*call.args[0]), is_present);
}

}  // namespace baro::query::exec
