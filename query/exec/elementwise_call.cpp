// Functions that work cell by cell: mathematics, clamps, rounding, parts of dates and of native histograms.
#include <cmath>
#include <functional>
#include <limits>

#include "query/exec/binary.h"
#include "query/exec/evaluate.h"
#include "query/exec/operator_source.h"
#include "query/func/elementwise.h"
#include "query/func/native_histogram.h"

namespace baro::query::exec {
namespace {

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();

using Rows = std::unique_ptr<RowSource>;

base::Result<Rows> MapFloats(Context& context, const Expr& vector_expr, const StepGrid& grid,
                             std::function<void(Cells&)> change) {
  auto rows = BARO_TRY(OpenRows(context, vector_expr, grid));
  return MapRows(context, std::move(rows), {.drops_name = true, .is_strict = false, .steps = grid.count},
                 [&context, change = std::move(change)](Cells& cells) -> base::Result<> {
                   cells.DropHistograms();
                   change(cells);
                   return context.Check();
                 });
}

base::Result<Rows> Unary(Context& context, const Expr& vector_expr, const StepGrid& grid,
                         func::UnaryFunction function) {
  return MapFloats(context, vector_expr, grid, [function](Cells& cells) {
    for (double& value : cells.all_values()) value = function(value);
  });
}

base::Result<Rows> DateOfNow(Context& context, const StepGrid& grid, func::UnaryFunction function) {
  Vector vector;
  vector.cells = BARO_TRY(Cells::Make(context.budget(), 0, grid.count));
  BARO_TRY(vector.AddRow({}));
  for (std::size_t step = 0; step < grid.count; ++step) {
    vector.cells.row(0).SetFloat(step, function(static_cast<double>(grid.at(step)) / 1000));
  }
  return std::make_unique<VectorSource>(std::move(vector));
}

constexpr double kInfinity = std::numeric_limits<double>::infinity();

// As Go's math.Max and math.Min have it: NaN if either is, but nothing is beyond the infinity that they look for.
double Larger(double a, double b) {
  if (a == kInfinity || b == kInfinity) return kInfinity;
  return std::isnan(a) || std::isnan(b) ? kNaN : std::max(a, b);
}

double Smaller(double a, double b) {
  if (a == -kInfinity || b == -kInfinity) return -kInfinity;
  return std::isnan(a) || std::isnan(b) ? kNaN : std::min(a, b);
}

base::Result<Rows> Clamp(Context& context, const CallExpr& call, const StepGrid& grid) {
  const Function function = call.function->id;
  std::vector<double> low;
  std::vector<double> high;
  if (function != Function::kClampMax) low = BARO_TRY(EvalScalar(context, *call.args[1], grid));
  if (function != Function::kClampMin) high = BARO_TRY(EvalScalar(context, *call.args.back(), grid));
  return MapFloats(context, *call.args[0], grid, [low = std::move(low), high = std::move(high)](Cells& cells) {
    for (std::size_t row = 0; row < cells.rows(); ++row) {
      const RowView view = cells.row(row);
      for (std::size_t step = 0; step < view.values.size(); ++step) {
        double& value = view.values[step];
        if (!low.empty() && !high.empty() && high[step] < low[step]) view.kinds[step] = Kind::kNone;
        if (!high.empty()) value = Smaller(high[step], value);
        if (!low.empty()) value = Larger(low[step], value);
      }
    }
  });
}

base::Result<Rows> Round(Context& context, const CallExpr& call, const StepGrid& grid) {
  std::vector<double> to(grid.count, 1.0);
  if (call.args.size() > 1) to = BARO_TRY(EvalScalar(context, *call.args[1], grid));
  return MapFloats(context, *call.args[0], grid, [to = std::move(to)](Cells& cells) {
    for (std::size_t row = 0; row < cells.rows(); ++row) {
      const auto values = cells.row(row).values;
      for (std::size_t step = 0; step < values.size(); ++step) values[step] = func::RoundTo(values[step], to[step]);
    }
  });
}

using HistogramPart = double (*)(const model::FloatHistogram&);

HistogramPart FindHistogramPart(Function function) {
  using model::FloatHistogram;
  switch (function) {
    case Function::kHistogramCount:
      return [](const FloatHistogram& h) { return h.count; };
    case Function::kHistogramSum:
      return [](const FloatHistogram& h) { return h.sum; };
    case Function::kHistogramAvg:
      return [](const FloatHistogram& h) { return h.sum / h.count; };
    case Function::kHistogramStdvar:
      return func::NativeVariance;
    case Function::kHistogramStddev:
      return [](const FloatHistogram& h) { return std::sqrt(func::NativeVariance(h)); };
    default:
      return nullptr;
  }
}

base::Result<Rows> HistogramParts(Context& context, const Expr& vector_expr, const StepGrid& grid, HistogramPart part) {
  auto rows = BARO_TRY(OpenRows(context, vector_expr, grid));
  const auto change = [&context, part](Cells& cells) -> base::Result<> {
    for (std::size_t row = 0; row < cells.rows(); ++row) {
      const RowView view = cells.row(row);
      for (std::size_t step = 0; step < view.kinds.size(); ++step) {
        if (view.kinds[step] == Kind::kHistogram) {
          view.SetFloat(step, part(*view.histogram(step)));
        } else {
          view.kinds[step] = Kind::kNone;
        }
      }
      view.histograms->clear();
    }
    return context.Check();
  };
  return MapRows(context, std::move(rows), {.drops_name = true, .is_strict = false, .steps = grid.count}, change);
}

base::Result<Rows> Timestamp(Context& context, const CallExpr& call, const StepGrid& grid) {
  auto change = MappedSource::Change([](Cells&) -> base::Result<> { return {}; });
  Rows rows;
  if (const auto* selector = As<VectorSelector>(&StripParens(*call.args[0]))) {
    rows = BARO_TRY(OpenOperator(context, *selector, grid,
                                 [&] { return OpenSelector(context, *selector, grid, SampleAspect::kTimestamp); }));
  } else {
    rows = BARO_TRY(OpenRows(context, *call.args[0], grid));
    change = [grid](Cells& cells) -> base::Result<> {
      for (std::size_t row = 0; row < cells.rows(); ++row) {
        const RowView view = cells.row(row);
        for (std::size_t step = 0; step < view.kinds.size(); ++step) {
          if (view.kinds[step] != Kind::kNone) view.SetFloat(step, static_cast<double>(grid.at(step)) / 1000);
        }
        view.histograms->clear();
      }
      return {};
    };
  }
  return MapRows(context, std::move(rows), {.drops_name = true, .is_strict = false, .steps = grid.count},
                 std::move(change));
}

// Only samples have a start: what an expression has computed has none, and nothing has one unless the engine asks.
base::Result<Rows> StartTimestamp(Context& context, const CallExpr& call, const StepGrid& grid) {
  const RowChange options{.drops_name = true, .is_strict = false, .steps = grid.count};
  const auto* selector = As<VectorSelector>(&StripParens(*call.args[0]));
  if (selector != nullptr && context.features().use_start_timestamps) {
    auto rows = BARO_TRY(OpenOperator(context, *selector, grid, [&] {
      return OpenSelector(context, *selector, grid, SampleAspect::kStartTimestamp);
    }));
    return MapRows(context, std::move(rows), options, [](Cells&) -> base::Result<> { return {}; });
  }
  auto rows = BARO_TRY(OpenRows(context, *call.args[0], grid));
  return MapRows(context, std::move(rows), options, [](Cells& cells) -> base::Result<> {
    for (std::size_t row = 0; row < cells.rows(); ++row) {
      const RowView view = cells.row(row);
      std::ranges::fill(view.kinds, Kind::kNone);
      view.histograms->clear();
    }
    return {};
  });
}

}  // namespace

base::Result<std::unique_ptr<RowSource>> OpenElementwise(Context& context, const CallExpr& call, const StepGrid& grid) {
  const Function function = call.function->id;
  if (const func::UnaryFunction unary = func::FindUnary(function)) {
    if (call.args.empty()) return DateOfNow(context, grid, unary);
    return Unary(context, *call.args[0], grid, unary);
  }
  if (const HistogramPart part = FindHistogramPart(function)) {
    return HistogramParts(context, *call.args[0], grid, part);
  }
  switch (function) {
    case Function::kClamp:
    case Function::kClampMax:
    case Function::kClampMin:
      return Clamp(context, call, grid);
    case Function::kRound:
      return Round(context, call, grid);
    case Function::kTimestamp:
      return Timestamp(context, call, grid);
    case Function::kStartTimestamp:
      return StartTimestamp(context, call, grid);
    default:
      return Rows();
  }
}

}  // namespace baro::query::exec
