// Binary operators over all steps.
#pragma once

#include <memory>
#include <vector>

#include "base/result.h"
#include "query/exec/evaluate.h"

namespace baro::query::exec {

/// A scalar or a vector, made piece by piece if possible.
struct Operands {
  std::vector<double> scalar;  ///< one value for each step, if `rows` is null
  std::unique_ptr<RowSource> rows;
};

/// The value of a binary expression. A chain of operators that grows to the left is walked in a loop.
base::Result<Operands> EvalBinaryChain(Context& context, const BinaryExpr& expr, const StepGrid& grid);

/// What a change of cells means for the rows' names.
struct RowChange {
  bool drops_name = false;
  /// Whether two rows that come to have the same name are an error even if they have points at different steps only.
  bool is_strict = false;
  std::size_t steps = 0;
};

/// `rows` with `change` applied. Joins rows whose names became equal.
/// Errors   kUnprocessable: rows of equal names have a point at the same step.
base::Result<std::unique_ptr<RowSource>> MapRows(Context& context, std::unique_ptr<RowSource> rows,
                                                 const RowChange& what, MappedSource::Change change);

/// Unary minus.
base::Result<> Negate(Cells& cells);

}  // namespace baro::query::exec
