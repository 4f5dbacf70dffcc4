#include "query/exec/binary.h"

#include <functional>

#include "query/exec/binary_ops.h"
#include "query/exec/operator_source.h"

namespace baro::query::exec {
namespace {

// Sources inside of sources; a longer chain is materialised in between, so that Fill() does not recurse deeply.
constexpr std::size_t kNestedSourcesMax = 64;

template <typename Op>
void ArithmeticLoop(Cells& cells, std::span<const double> scalar, bool scalar_is_left, Op op) {
  // Empty cells are computed too: that costs less than to look.
  for (std::size_t row = 0; row < cells.rows(); ++row) {
    const auto values = cells.row(row).values;
    if (scalar_is_left) {
      for (std::size_t step = 0; step < values.size(); ++step) values[step] = op(scalar[step], values[step]);
    } else {
      for (std::size_t step = 0; step < values.size(); ++step) values[step] = op(values[step], scalar[step]);
    }
  }
}

void Arithmetic(Cells& cells, BinaryOp op, std::span<const double> scalar, bool scalar_is_left) {
  switch (op) {
    case BinaryOp::kAdd:
      return ArithmeticLoop(cells, scalar, scalar_is_left, std::plus<>());
    case BinaryOp::kSub:
      return ArithmeticLoop(cells, scalar, scalar_is_left, std::minus<>());
    case BinaryOp::kMul:
      return ArithmeticLoop(cells, scalar, scalar_is_left, std::multiplies<>());
    case BinaryOp::kDiv:
      return ArithmeticLoop(cells, scalar, scalar_is_left, std::divides<>());
    default:
      return ArithmeticLoop(cells, scalar, scalar_is_left, FindArithmetic(op));
  }
}

void Comparison(Cells& cells, const BinaryExpr& expr, std::span<const double> scalar, bool scalar_is_left) {
  for (std::size_t row = 0; row < cells.rows(); ++row) {
    const RowView view = cells.row(row);
    for (std::size_t step = 0; step < view.kinds.size(); ++step) {
      if (view.kinds[step] != Kind::kFloat) continue;
      const bool holds = scalar_is_left ? Compare(expr.op, scalar[step], view.values[step])
                                        : Compare(expr.op, view.values[step], scalar[step]);
      if (expr.return_bool) {
        view.values[step] = holds ? 1 : 0;
      } else if (!holds) {
        view.kinds[step] = Kind::kNone;
      }
    }
  }
}

// Cell by cell, for rows with histograms and for trims.
void General(Context& context, Cells& cells, const BinaryExpr& expr, std::span<const double> scalar,
             bool scalar_is_left) {
  for (std::size_t row = 0; row < cells.rows(); ++row) {
    const RowView view = cells.row(row);
    for (std::size_t step = 0; step < view.kinds.size(); ++step) {
      if (view.kinds[step] == Kind::kNone) continue;
      const Operand element = view.kinds[step] == Kind::kFloat
                                  ? Operand{.value = view.values[step]}
                                  : Operand{.value = 0, .histogram = &view.histogram(step)};
      const Operand number{.value = scalar[step]};
      auto outcome = scalar_is_left ? Apply(context, expr, number, element) : Apply(context, expr, element, number);
      view.kinds[step] = Kind::kNone;
      if (!outcome) continue;
      if (IsComparison(expr.op) && expr.return_bool) {
        view.SetFloat(step, outcome->holds ? 1 : 0);
      } else if (IsComparison(expr.op)) {
        // A filter keeps the element, on whichever side it stands.
        if (outcome->holds) view.kinds[step] = element.histogram != nullptr ? Kind::kHistogram : Kind::kFloat;
      } else if (outcome->histogram != nullptr) {
        view.SetHistogram(step, std::move(outcome->histogram));
      } else {
        view.SetFloat(step, outcome->value);
      }
    }
  }
}

base::Result<std::unique_ptr<RowSource>> VectorScalar(Context& context, const BinaryExpr& expr,
                                                      std::unique_ptr<RowSource> rows, std::vector<double> scalar,
                                                      bool scalar_is_left) {
  const bool drops_name = DropsName(expr.op) || expr.return_bool;
  const std::size_t steps = scalar.size();
  const auto change = [&context, &expr, scalar = std::move(scalar), scalar_is_left](Cells& cells) -> base::Result<> {
    if (cells.has_histograms() || (!IsComparison(expr.op) && !FindArithmetic(expr.op))) {
      General(context, cells, expr, scalar, scalar_is_left);
    } else if (IsComparison(expr.op)) {
      Comparison(cells, expr, scalar, scalar_is_left);
    } else {
      Arithmetic(cells, expr.op, scalar, scalar_is_left);
    }
    return context.Check();
  };
  return MapRows(context, std::move(rows), {.drops_name = drops_name, .is_strict = false, .steps = steps}, change);
}

void ScalarScalar(const BinaryExpr& expr, std::vector<double>& lhs, std::span<const double> rhs) {
  const FloatOperator op = FindArithmetic(expr.op);
  for (std::size_t step = 0; step < lhs.size(); ++step) {
    if (op != nullptr) {
      lhs[step] = op(lhs[step], rhs[step]);
    } else {
      lhs[step] = Compare(expr.op, lhs[step], rhs[step]) ? 1 : 0;
    }
  }
}

base::Result<Operands> EvalSide(Context& context, const Expr& expr, const StepGrid& grid) {
  Operands result;
  if (expr.type == ValueType::kScalar) {
    result.scalar = BARO_TRY(EvalScalar(context, expr, grid));
  } else {
    result.rows = BARO_TRY(OpenRows(context, expr, grid));
  }
  return result;
}

base::Result<Operands> Combine(Context& context, const BinaryExpr& expr, Operands lhs, const StepGrid& grid) {
  Operands rhs = BARO_TRY(EvalSide(context, *expr.rhs, grid));
  if (lhs.rows == nullptr && rhs.rows == nullptr) {
    ScalarScalar(expr, lhs.scalar, rhs.scalar);
    return lhs;
  }
  Operands result;
  if (lhs.rows != nullptr && rhs.rows != nullptr) {
    Vector left = BARO_TRY(lhs.rows->Materialise(context, grid.count));
    Vector right = BARO_TRY(rhs.rows->Materialise(context, grid.count));
    Vector joined = BARO_TRY(VectorVector(context, expr, std::move(left), std::move(right)));
    BARO_TRY(joined.cells.Settle());
    result.rows = std::make_unique<VectorSource>(std::move(joined));
  } else if (lhs.rows != nullptr) {
    result.rows = BARO_TRY(VectorScalar(context, expr, std::move(lhs.rows), std::move(rhs.scalar), false));
  } else {
    result.rows = BARO_TRY(VectorScalar(context, expr, std::move(rhs.rows), std::move(lhs.scalar), true));
  }
  return result;
}

// Each operator of a chain counts by itself; the last one is what EvalBinaryChain() was called for.
base::Result<Operands> CombineTold(Context& context, const BinaryExpr& expr, Operands lhs, const StepGrid& grid) {
  Operands result;
  auto rows = OpenOperator(context, expr, grid, [&]() -> base::Result<std::unique_ptr<RowSource>> {
    result = BARO_TRY(Combine(context, expr, std::move(lhs), grid));
    return std::move(result.rows);
  });
  result.rows = BARO_TRY(std::move(rows));
  if (result.rows == nullptr && context.trace() != nullptr) {
    context.trace()->of(expr.id).CountRun({.series = 0, .steps = grid.count});
  }
  return result;
}

}  // namespace

base::Result<Operands> EvalBinaryChain(Context& context, const BinaryExpr& expr, const StepGrid& grid) {
  std::vector<const BinaryExpr*> chain = {&expr};
  for (;;) {
    // A part that is the same at all steps, below one that is not, is computed once: that is its own evaluation.
    const auto* next = As<BinaryExpr>(chain.back()->lhs);
    if (next == nullptr || (grid.count > 1 && context.plan(*next).is_step_invariant)) break;
    chain.push_back(next);
  }
  Operands value = BARO_TRY(EvalSide(context, *chain.back()->lhs, grid));
  std::size_t nested = 0;
  for (auto at = chain.rbegin(); at != chain.rend(); ++at) {
    BARO_TRY(context.Check());
    value = BARO_TRY(*at == &expr ? Combine(context, **at, std::move(value), grid)
                                  : CombineTold(context, **at, std::move(value), grid));
    if (value.rows != nullptr && ++nested % kNestedSourcesMax == 0) {
      Vector vector = BARO_TRY(value.rows->Materialise(context, grid.count));
      value.rows = std::make_unique<VectorSource>(std::move(vector));
    }
  }
  return value;
}

base::Result<std::unique_ptr<RowSource>> MapRows(Context& context, std::unique_ptr<RowSource> rows,
                                                 const RowChange& what, MappedSource::Change change) {
  std::vector<RowName> names = what.drops_name ? DropMetricNames(context, rows->names()) : rows->names();
  const bool may_clash = what.drops_name && !context.drops_names_late() && HasEqualNames(names);
  std::unique_ptr<RowSource> mapped =
      std::make_unique<MappedSource>(std::move(rows), std::move(names), std::move(change));
  if (!may_clash) return mapped;
  Vector vector = BARO_TRY(mapped->Materialise(context, what.steps));
  BARO_TRY(JoinEqualRows(vector, !what.is_strict));
  return std::make_unique<VectorSource>(std::move(vector));
}

base::Result<> Negate(Cells& cells) {
  for (double& value : cells.all_values()) value = -value;
  for (std::size_t row = 0; row < cells.rows(); ++row) {
    const RowView view = cells.row(row);
    if (!view.has_histograms()) continue;
    for (std::size_t step = 0; step < view.kinds.size(); ++step) {
      if (view.kinds[step] != Kind::kHistogram) continue;
      auto negated = std::make_shared<model::FloatHistogram>(*view.histogram(step));
      negated->Mul(-1);
      view.SetHistogram(step, std::move(negated));
    }
  }
  return {};
}

}  // namespace baro::query::exec
