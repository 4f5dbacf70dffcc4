// Vectors that are made piece by piece, so that an aggregation need not hold all of its input.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <vector>

#include "base/result.h"
#include "query/exec/cells.h"
#include "query/exec/context.h"

namespace baro::query::exec {

/// Rows that make their cells when asked to.
///
/// Threads  Confined; Fill() may use several threads inside.
class RowSource {
 public:
  virtual ~RowSource() = default;

  virtual std::size_t rows() const { return names().size(); }
  /// May be made at the first call: it costs something for each row.
  virtual const std::vector<RowName>& names() const = 0;
  /// The labels that a row's name was made of: they may have more of those that DropMetricNames() drops.
  virtual const model::Labels& labels(std::size_t index) const { return names()[index].labels; }
  /// One of names(), without making the others.
  virtual RowName name(std::size_t index) const { return names()[index]; }

  /// Writes rows [begin, begin + cells.rows()) into `cells`, which are empty.
  virtual base::Result<> Fill(std::size_t begin, Cells& cells) = 0;

  /// The whole vector at once. The source is used up.
  virtual base::Result<Vector> Materialise(Context& context, std::size_t steps);

  /// The cells of all rows, also of empty ones: for those who need the names of few. What rows are called can be asked
  /// as before; the cells are gone.
  virtual base::Result<Cells> TakeCells(Context& context, std::size_t steps);
};

/// A vector that stands already.
class VectorSource final : public RowSource {
 public:
  explicit VectorSource(Vector vector) : vector_(std::move(vector)) {}
  const std::vector<RowName>& names() const override { return vector_.names; }
  base::Result<> Fill(std::size_t begin, Cells& cells) override;
  base::Result<Vector> Materialise(Context& context, std::size_t steps) override;
  base::Result<Cells> TakeCells(Context& context, std::size_t steps) override;

 private:
  Vector vector_;
};

/// Rows of another source, changed cell by cell.
class MappedSource final : public RowSource {
 public:
  using Change = std::function<base::Result<>(Cells& cells)>;

  /// `names` are as many as the rows of `inner`.
  MappedSource(std::unique_ptr<RowSource> inner, std::vector<RowName> names, Change change)
      : inner_(std::move(inner)), names_(std::move(names)), change_(std::move(change)) {}
  const std::vector<RowName>& names() const override { return names_; }
  base::Result<> Fill(std::size_t begin, Cells& cells) override;

 private:
  std::unique_ptr<RowSource> inner_;
  std::vector<RowName> names_;
  Change change_;
};

/// What functions and arithmetic do to names: with delayed name removal they are marked, else they lose the metric
/// name.
RowName DropMetricName(const Context& context, const model::Labels& labels);
/// The same of all; what they hold is charged to the query.
std::vector<RowName> DropMetricNames(Context& context, const std::vector<RowName>& names);

/// Whether two names are equal, so that rows must be compared before they are used.
bool HasEqualNames(const std::vector<RowName>& names);

}  // namespace baro::query::exec
