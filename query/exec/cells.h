// Batches of series × steps: what operators take and give.
//
// A batch has a row for each series and a column for each step. A cell is empty, a float or a native histogram. Floats
// stand in one array, row after row, so that an operator on them is one loop; histograms are rare, and a row that has
// none pays one empty vector for them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "base/result.h"
#include "model/histogram.h"
#include "model/labels.h"
#include "query/exec/budget.h"

namespace baro::query::exec {

using HistogramPtr = std::shared_ptr<const model::FloatHistogram>;

/// What stands in a cell. Bytes, so that loops over them vectorise.
enum class Kind : std::uint8_t { kNone = 0, kFloat = 1, kHistogram = 2 };

/// One row of a batch, to be read and written. A loan.
struct RowView {
  std::span<double> values;
  std::span<Kind> kinds;
  std::vector<HistogramPtr>* histograms = nullptr;  ///< empty or as long as `kinds`

  void SetFloat(std::size_t step, double value) const {
    values[step] = value;
    kinds[step] = Kind::kFloat;
  }
  void SetHistogram(std::size_t step, HistogramPtr histogram) const {
    if (histograms->empty()) histograms->resize(kinds.size());
    (*histograms)[step] = std::move(histogram);
    kinds[step] = Kind::kHistogram;
  }
  const HistogramPtr& histogram(std::size_t step) const { return (*histograms)[step]; }
  bool has_histograms() const { return !histograms->empty(); }
};

/// The cells of a batch, without the names of its rows.
///
/// Threads  Confined, but different rows may be written by different threads at the same time.
class Cells {
 public:
  Cells() = default;

  /// Empty cells, charged to the budget.
  /// Errors   kLimitExceeded.
  static base::Result<Cells> Make(Budget& budget, std::size_t rows, std::size_t steps);

  /// What a row without histograms takes.
  static std::size_t BytesPerRow(std::size_t steps) {
    return steps * (sizeof(double) + sizeof(Kind)) + sizeof(std::vector<HistogramPtr>);
  }

  std::size_t rows() const { return rows_; }
  std::size_t steps() const { return steps_; }

  RowView row(std::size_t index) {
    return {.values = std::span(values_).subspan(index * steps_, steps_),
            .kinds = std::span(kinds_).subspan(index * steps_, steps_),
            .histograms = &histograms_[index]};
  }
  std::span<const double> values(std::size_t index) const { return std::span(values_).subspan(index * steps_, steps_); }
  std::span<const Kind> kinds(std::size_t index) const { return std::span(kinds_).subspan(index * steps_, steps_); }
  /// Empty if the row has none.
  std::span<const HistogramPtr> histograms(std::size_t index) const { return histograms_[index]; }

  /// All floats and kinds, row after row.
  std::span<double> all_values() { return values_; }
  std::span<Kind> all_kinds() { return kinds_; }

  /// Whether any row has histograms.
  bool has_histograms() const;
  bool is_row_empty(std::size_t index) const;

  /// Appends empty rows.
  /// Errors   kLimitExceeded.
  base::Result<> AddRows(std::size_t count);

  /// Empties all histogram cells.
  void DropHistograms();

  /// Makes row `to` what row `from` is; `from` is unspecified afterwards.
  void MoveRow(std::size_t from, std::size_t to);
  void CopyRow(const Cells& other, std::size_t from, std::size_t to);
  void Truncate(std::size_t rows);

  /// Empties every cell, keeping the memory.
  void Clear();

  /// Charges the samples that stand here now; to be called when an operator is done.
  /// Errors   kLimitExceeded.
  base::Result<> Settle();

 private:
  std::size_t rows_ = 0;
  std::size_t steps_ = 0;
  std::vector<double> values_;
  std::vector<Kind> kinds_;
  std::vector<std::vector<HistogramPtr>> histograms_;
  Charge charge_;
};

/// Who a row is. Labels are shared blocks: a copy is a counter.
struct RowName {
  model::Labels labels;
  bool drop_name = false;  ///< delayed name removal: the name goes when the answer is made
};

/// A materialised instant vector over all steps.
struct Vector {
  std::vector<RowName> names;  ///< as many as cells.rows()
  Cells cells;

  std::size_t rows() const { return names.size(); }
  std::size_t steps() const { return cells.steps(); }

  /// Appends an empty row and returns its index. Errors: kLimitExceeded.
  base::Result<std::size_t> AddRow(RowName name);
  /// Removes rows without any point, keeping the order of the others.
  void DropEmptyRows();
};

/// The set without `__name__`, `__type__` and `__unit__`, as arithmetic and most functions leave it.
model::Labels WithoutMetadata(const model::Labels& labels);

/// Joins rows of equal labels. `overlap_is_error_only` false: any two rows with points are an error (functions over
/// ranges); true: they are joined if no step has both.
/// Errors   kUnprocessable: "vector cannot contain metrics with the same labelset".
base::Result<> JoinEqualRows(Vector& vector, bool overlap_is_error_only);

}  // namespace baro::query::exec
