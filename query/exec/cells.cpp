#include "query/exec/cells.h"

#include <algorithm>
#include <array>
#include <string>
#include <unordered_map>

#include "query/func/column_loops.h"

namespace baro::query::exec {

base::Result<Cells> Cells::Make(Budget& budget, std::size_t rows, std::size_t steps) {
  Cells cells;
  cells.charge_ = Charge(&budget);
  cells.steps_ = steps;
  BARO_TRY(cells.AddRows(rows));
  return cells;
}

base::Result<> Cells::AddRows(std::size_t count) {
  std::size_t bytes = 0;
  if (__builtin_mul_overflow(BytesPerRow(steps_), count, &bytes)) {
    return base::Fail(base::Code::kLimitExceeded, "query needs more cells than memory can address");
  }
  BARO_TRY(charge_.AddBytes(bytes));
  rows_ += count;
  values_.resize(rows_ * steps_);
  kinds_.resize(rows_ * steps_);
  histograms_.resize(rows_);
  return {};
}

bool Cells::has_histograms() const {
  return std::ranges::any_of(histograms_, [](const auto& row) { return !row.empty(); });
}

bool Cells::is_row_empty(std::size_t index) const {
  return std::ranges::all_of(kinds(index), [](Kind kind) { return kind == Kind::kNone; });
}

void Cells::DropHistograms() {
  for (std::size_t i = 0; i < rows_; ++i) {
    if (histograms_[i].empty()) continue;
    for (Kind& kind : row(i).kinds) {
      if (kind == Kind::kHistogram) kind = Kind::kNone;
    }
    histograms_[i].clear();
  }
}

void Cells::MoveRow(std::size_t from, std::size_t to) {
  if (from == to) return;
  std::copy_n(values_.begin() + static_cast<std::ptrdiff_t>(from * steps_), steps_,
              values_.begin() + static_cast<std::ptrdiff_t>(to * steps_));
  std::copy_n(kinds_.begin() + static_cast<std::ptrdiff_t>(from * steps_), steps_,
              kinds_.begin() + static_cast<std::ptrdiff_t>(to * steps_));
  histograms_[to] = std::move(histograms_[from]);
}

void Cells::CopyRow(const Cells& other, std::size_t from, std::size_t to) {
  const RowView target = row(to);
  std::ranges::copy(other.values(from), target.values.begin());
  std::ranges::copy(other.kinds(from), target.kinds.begin());
  histograms_[to] = other.histograms_[from];
}

void Cells::Truncate(std::size_t rows) {
  rows_ = rows;
  values_.resize(rows * steps_);
  kinds_.resize(rows * steps_);
  histograms_.resize(rows);
}

void Cells::Clear() {
  std::ranges::fill(kinds_, Kind::kNone);
  for (auto& row : histograms_) row.clear();
}

base::Result<> Cells::Settle() {
  std::size_t samples = func::CountFilled(kinds_);
  for (const auto& row : histograms_) {
    for (const HistogramPtr& histogram : row) {
      // A float sample weighs 16 bytes; the first of them was counted as a cell.
      if (histogram != nullptr) samples += histogram->SizeBytes() / 16;
    }
  }
  return charge_.SetSamples(samples);
}

base::Result<std::size_t> Vector::AddRow(RowName name) {
  BARO_TRY(cells.AddRows(1));
  names.push_back(std::move(name));
  return names.size() - 1;
}

void Vector::DropEmptyRows() {
  std::size_t kept = 0;
  for (std::size_t i = 0; i < names.size(); ++i) {
    if (cells.is_row_empty(i)) continue;
    if (kept != i) {
      names[kept] = std::move(names[i]);
      cells.MoveRow(i, kept);
    }
    ++kept;
  }
  names.resize(kept);
  cells.Truncate(kept);
}

model::Labels WithoutMetadata(const model::Labels& labels) {
  static const std::array<std::string, 2> kMetadata = {std::string(model::kTypeLabel), std::string(model::kUnitLabel)};
  if (labels.Has(model::kTypeLabel) || labels.Has(model::kUnitLabel)) return labels.WithoutLabels(kMetadata);
  return labels.DropName();
}

namespace {

// Moves the points of row `from` into row `to`; false if a step has both.
bool MergeRow(Cells& cells, std::size_t from, std::size_t to) {
  const RowView source = cells.row(from);
  const RowView target = cells.row(to);
  for (std::size_t step = 0; step < source.kinds.size(); ++step) {
    if (source.kinds[step] == Kind::kNone) continue;
    if (target.kinds[step] != Kind::kNone) return false;
    if (source.kinds[step] == Kind::kFloat) {
      target.SetFloat(step, source.values[step]);
    } else {
      target.SetHistogram(step, source.histogram(step));
    }
    source.kinds[step] = Kind::kNone;
  }
  return true;
}

}  // namespace

base::Result<> JoinEqualRows(Vector& vector, bool overlap_is_error_only) {
  if (vector.rows() < 2) return {};
  std::unordered_map<std::string_view, std::size_t> first_rows;
  first_rows.reserve(vector.rows());
  bool is_joined = false;
  for (std::size_t i = 0; i < vector.rows(); ++i) {
    const auto [at, is_new] = first_rows.try_emplace(vector.names[i].labels.packed(), i);
    if (is_new || vector.cells.is_row_empty(i)) continue;
    const bool may_join = overlap_is_error_only || vector.cells.is_row_empty(at->second);
    if (!may_join || !MergeRow(vector.cells, i, at->second)) {
      return base::Fail(base::Code::kUnprocessable, "vector cannot contain metrics with the same labelset");
    }
    vector.names[at->second].drop_name |= vector.names[i].drop_name;
    is_joined = true;
  }
  if (is_joined) vector.DropEmptyRows();
  return {};
}

}  // namespace baro::query::exec
