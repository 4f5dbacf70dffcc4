// Operators as those who explain a query see them: whose work is under way, what it costs and where it failed.
#pragma once

#include <memory>

#include "query/exec/context.h"
#include "query/exec/row_source.h"
#include "query/exec/step_grid.h"

namespace baro::query::exec {

/// Rows of one operator. What is done to make them is done for it, also when it is asked for them later.
///
/// Threads  As RowSource; Fill() and Materialise() on the query's thread.
class OperatorSource final : public RowSource {
 public:
  /// Borrows both, which outlive it.
  OperatorSource(Context& context, const Expr& expr, std::unique_ptr<RowSource> inner)
      : context_(context), expr_(expr), inner_(std::move(inner)) {}

  std::size_t rows() const override { return inner_->rows(); }
  const std::vector<RowName>& names() const override { return inner_->names(); }
  const model::Labels& labels(std::size_t index) const override { return inner_->labels(index); }
  RowName name(std::size_t index) const override { return inner_->name(index); }
  base::Result<> Fill(std::size_t begin, Cells& cells) override;
  base::Result<Vector> Materialise(Context& context, std::size_t steps) override;
  base::Result<Cells> TakeCells(Context& context, std::size_t steps) override;

 private:
  void Count(const Cells& cells) const;

  Context& context_;
  const Expr& expr_;
  std::unique_ptr<RowSource> inner_;
};

/// The rows that `open()` makes for `expr`; null stays null (a scalar's).
template <typename Open>
base::Result<std::unique_ptr<RowSource>> OpenOperator(Context& context, const Expr& expr, const StepGrid& grid,
                                                      const Open& open) {
  auto rows = context.At(expr, [&]() -> base::Result<std::unique_ptr<RowSource>> { return open(); });
  if (!rows || *rows == nullptr) return rows;
  if (context.trace() != nullptr) {
    context.trace()->of(expr.id).CountRun({.series = (*rows)->rows(), .steps = grid.count});
  }
  return std::make_unique<OperatorSource>(context, expr, *std::move(rows));
}

}  // namespace baro::query::exec
