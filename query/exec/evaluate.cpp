#include "query/exec/evaluate.h"

#include <algorithm>
#include <numbers>

#include <fmt/format.h>

#include "base/number_text.h"
#include "query/exec/binary.h"
#include "query/exec/operator_source.h"
#include "query/func/over_time.h"

namespace baro::query::exec {
namespace {

bool IsRangeFunction(Function function) {
  switch (function) {
    case Function::kRate:
    case Function::kIncrease:
    case Function::kDelta:
    case Function::kIrate:
    case Function::kIdelta:
      return true;
    default:
      return func::IsOverTime(function);
  }
}

base::Result<Vector> Repeat(Context& context, Vector once, std::size_t steps) {
  Vector result;
  result.cells = BARO_TRY(Cells::Make(context.budget(), once.rows(), steps));
  for (std::size_t i = 0; i < once.rows(); ++i) {
    const RowView out = result.cells.row(i);
    std::ranges::fill(out.values, once.cells.values(i)[0]);
    std::ranges::fill(out.kinds, once.cells.kinds(i)[0]);
    if (!once.cells.histograms(i).empty()) out.histograms->assign(steps, once.cells.histograms(i)[0]);
  }
  result.names = std::move(once.names);
  BARO_TRY(result.cells.Settle());
  return result;
}

base::Result<std::vector<double>> ScalarOf(Context& context, const Expr& vector_expr, const StepGrid& grid) {
  const Vector vector = BARO_TRY(EvalVector(context, vector_expr, grid));
  std::vector<double> result(grid.count, std::numeric_limits<double>::quiet_NaN());
  std::vector<std::uint32_t> floats(grid.count);
  for (std::size_t row = 0; row < vector.rows(); ++row) {
    const auto kinds = vector.cells.kinds(row);
    for (std::size_t step = 0; step < grid.count; ++step) {
      if (kinds[step] == Kind::kFloat && ++floats[step] == 1) result[step] = vector.cells.values(row)[step];
    }
  }
  for (std::size_t step = 0; step < grid.count; ++step) {
    if (floats[step] > 1) result[step] = std::numeric_limits<double>::quiet_NaN();
  }
  return result;
}

base::Result<std::vector<double>> ScalarCall(Context& context, const CallExpr& call, const StepGrid& grid) {
  const auto constant = [&](double value) { return std::vector<double>(grid.count, value); };
  const PlanTimes& times = context.times();
  const auto seconds = [](std::int64_t ms) { return static_cast<double>(ms) / 1000; };
  switch (call.function->id) {
    case Function::kPi:
      return constant(std::numbers::pi);
    case Function::kStart:
      return constant(seconds(times.start_ms));
    case Function::kEnd:
      return constant(seconds(times.end_ms));
    case Function::kStep:
      return constant(times.start_ms == times.end_ms ? 0 : seconds(times.step_ms));  // one step has none
    case Function::kRange:
      return constant(seconds(times.end_ms - times.start_ms));
    case Function::kScalar:
      return ScalarOf(context, *call.args[0], grid);
    case Function::kTime: {
      std::vector<double> result(grid.count);
      for (std::size_t step = 0; step < grid.count; ++step) result[step] = seconds(grid.at(step));
      return result;
    }
    case Function::kMaxOf:
    case Function::kMinOf: {
      auto a = BARO_TRY(EvalScalar(context, *call.args[0], grid));
      const auto b = BARO_TRY(EvalScalar(context, *call.args[1], grid));
      const bool is_max = call.function->id == Function::kMaxOf;
      for (std::size_t step = 0; step < grid.count; ++step) {
        // NaN wins, as in Go's math.Max and math.Min.
        if (std::isnan(a[step]) || std::isnan(b[step])) {
          a[step] = std::numeric_limits<double>::quiet_NaN();
        } else {
          a[step] = is_max ? std::max(a[step], b[step]) : std::min(a[step], b[step]);
        }
      }
      return a;
    }
    default:
      return base::Fail(base::Code::kUnsupported,
                        fmt::format("function {}() is not supported yet", call.function->name));
  }
}

base::Result<std::vector<double>> EvalScalarOnce(Context& context, const Expr& expr, const StepGrid& grid) {
  switch (expr.kind) {
    case NodeKind::kNumber:
      return std::vector<double>(grid.count, static_cast<const NumberLiteral&>(expr).value);
    case NodeKind::kCall:
      return ScalarCall(context, static_cast<const CallExpr&>(expr), grid);
    case NodeKind::kUnary: {
      const auto& unary = static_cast<const UnaryExpr&>(expr);
      auto values = BARO_TRY(EvalScalar(context, *unary.expr, grid));
      if (unary.negate) {
        for (double& value : values) value = -value;
      }
      return values;
    }
    case NodeKind::kBinary: {
      Operands chain = BARO_TRY(EvalBinaryChain(context, static_cast<const BinaryExpr&>(expr), grid));
      return std::move(chain.scalar);
    }
    default:
      BARO_ASSERT(false);
  }
}

// Of equal aggregations the first is computed. One that said something is computed each time: what it says has a place.
base::Result<Vector> EvalSharedAggregation(Context& context, const AggregateExpr& expr, const StepGrid& grid) {
  const auto& same_as = context.plan(expr).same_as;
  if (!same_as) return EvalAggregation(context, expr, grid);
  const SharedResults::Key key(*same_as, grid);
  if (auto known = BARO_TRY(context.shared().Find(key))) {
    context.CountQueryable(known->samples_queryable);
    return std::move(known->vector);
  }
  const std::uint64_t said = context.annotations().said();
  const std::uint64_t samples = context.samples_queryable();
  Vector vector = BARO_TRY(EvalAggregation(context, expr, grid));
  if (context.annotations().said() == said) context.shared().Keep(key, vector, context.samples_queryable() - samples);
  return vector;
}

base::Result<std::unique_ptr<RowSource>> OpenRowsOnce(Context& context, const Expr& expr, const StepGrid& grid) {
  switch (expr.kind) {
    case NodeKind::kVectorSelector:
      return OpenSelector(context, static_cast<const VectorSelector&>(expr), grid, SampleAspect::kValue);
    case NodeKind::kCall: {
      const auto& call = static_cast<const CallExpr&>(expr);
      if (IsRangeFunction(call.function->id)) return OpenRangeFunction(context, call, grid);
      auto rows = BARO_TRY(OpenElementwise(context, call, grid));
      if (rows != nullptr) return rows;
      return std::make_unique<VectorSource>(BARO_TRY(EvalCall(context, call, grid)));
    }
    case NodeKind::kAggregation:
      return std::make_unique<VectorSource>(
          BARO_TRY(EvalSharedAggregation(context, static_cast<const AggregateExpr&>(expr), grid)));
    case NodeKind::kUnary: {
      const auto& unary = static_cast<const UnaryExpr&>(expr);
      auto rows = BARO_TRY(OpenRows(context, *unary.expr, grid));
      if (!unary.negate) return rows;
      return MapRows(context, std::move(rows), {.drops_name = true, .is_strict = true, .steps = grid.count}, Negate);
    }
    case NodeKind::kBinary: {
      Operands chain = BARO_TRY(EvalBinaryChain(context, static_cast<const BinaryExpr&>(expr), grid));
      return std::move(chain.rows);
    }
    default:
      BARO_ASSERT(false);
  }
}

}  // namespace

base::Result<std::vector<double>> EvalScalar(Context& context, const Expr& expr, const StepGrid& grid) {
  const Expr& inner = StripParens(expr);
  BARO_TRY(context.Check());
  return context.At(inner, [&]() -> base::Result<std::vector<double>> {
    if (context.trace() != nullptr) context.trace()->of(inner.id).CountRun({.series = 0, .steps = grid.count});
    if (grid.count > 1 && context.plan(inner).is_step_invariant) {
      const auto once = BARO_TRY(EvalScalarOnce(context, inner, grid.first()));
      return std::vector<double>(grid.count, once[0]);
    }
    return EvalScalarOnce(context, inner, grid);
  });
}

base::Result<std::unique_ptr<RowSource>> OpenRows(Context& context, const Expr& expr, const StepGrid& grid) {
  const Expr& inner = StripParens(expr);
  BARO_TRY(context.Check());
  return OpenOperator(context, inner, grid, [&]() -> base::Result<std::unique_ptr<RowSource>> {
    if (grid.count > 1 && context.plan(inner).is_step_invariant) {
      auto rows = BARO_TRY(OpenRowsOnce(context, inner, grid.first()));
      Vector once = BARO_TRY(rows->Materialise(context, 1));
      return std::make_unique<VectorSource>(BARO_TRY(Repeat(context, std::move(once), grid.count)));
    }
    return OpenRowsOnce(context, inner, grid);
  });
}

base::Result<Vector> EvalVector(Context& context, const Expr& expr, const StepGrid& grid) {
  auto rows = BARO_TRY(OpenRows(context, expr, grid));
  return rows->Materialise(context, grid.count);
}

std::string_view EvalString(const Expr& expr) {
  const auto* literal = As<StringLiteral>(&StripParens(expr));
  BARO_ASSERT(literal != nullptr);
  return literal->value;
}

std::string FormatGo(double value) {
  std::string text;
  base::AppendFloatG(text, value);
  return text;
}

}  // namespace baro::query::exec
