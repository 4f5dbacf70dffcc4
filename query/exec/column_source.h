// Series with their samples, as range functions take them: from storage or from a subquery.
#pragma once

#include <algorithm>
#include <cstddef>
#include <memory>
#include <optional>
#include <vector>

#include "base/result.h"
#include "query/exec/context.h"
#include "query/exec/row_source.h"
#include "query/func/range_column.h"

namespace baro::query::exec {

/// Memory for reading one series after the other.
///
/// Threads  Confined; each thread has its own.
struct ColumnScratch {
  tsdb::SampleColumns columns;
  std::vector<std::int64_t> timestamps_ms;
  std::vector<double> values;
  std::vector<tsdb::HistogramSample> histograms;
  std::vector<std::int64_t> starts_ms;
};

/// Threads  Read() may be called by many threads at once.
class ColumnSource {
 public:
  explicit ColumnSource(const func::WindowGrid& windows) : windows_(windows) {}
  virtual ~ColumnSource() = default;

  virtual std::size_t size() const = 0;
  /// May be made at the first call: it costs something for each series.
  virtual const std::vector<RowName>& names() const = 0;
  virtual const model::Labels& labels(std::size_t index) const = 0;
  /// The samples of one series that its windows may need, without stale markers; valid until the next Read() with the
  /// same scratch.
  virtual base::Result<func::RangeColumn> Read(std::size_t index, ColumnScratch& scratch) const = 0;

  /// Whether some of the samples are aggregates of windows, as the view wanted them.
  virtual bool is_downsampled() const { return false; }

  const func::WindowGrid& windows() const { return windows_; }

 private:
  func::WindowGrid windows_;
};

/// The samples of a matrix selector or subquery at the steps of `grid`.
/// `view`: another than the plan says.
/// Shape    `expr` is one of the two, in any number of parentheses.
base::Result<std::unique_ptr<ColumnSource>> OpenColumns(Context& context, const Expr& expr, const StepGrid& grid,
                                                        std::optional<tsdb::DownsampledView> view = std::nullopt);

/// How many of so many rows a thread reads before it takes the next stretch, and looks at the clock and at the cancel
/// flag again: little enough for all threads to end at about the same time.
inline std::size_t RowsPerStretch(std::size_t rows) { return std::clamp<std::size_t>(rows / 16, 16, 256); }

/// What a selection is for.
struct SelectFor {
  model::TimeRange times;
  tsdb::DownsampledView view = tsdb::DownsampledView::kLevel;
  std::int64_t range_ms = 0;  ///< of the windows of a range function; 0: there is none
};

/// Selects series for `selector`, with what storage has to say about it, and whether it was downsampled.
base::Result<std::unique_ptr<tsdb::SeriesSelection>> Select(Context& context, const VectorSelector& selector,
                                                            const SelectFor& use);

/// Says of histograms without a hint whether a reset came before them, as the one before tells. The first one stays.
void FindResets(std::vector<tsdb::HistogramSample>& histograms);

/// The names of a selection's series, as they are.
std::vector<RowName> NamesOf(Context& context, const tsdb::SeriesSelection& selection);

/// Writes the annotations for what a range function noticed about one series.
void Annotate(Context& context, const func::Notes& notes, const model::Labels& labels, TextSpan span);

}  // namespace baro::query::exec
