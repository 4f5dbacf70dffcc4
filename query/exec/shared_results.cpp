#include "query/exec/shared_results.h"

#include <utility>

namespace baro::query::exec {

// Of all that is kept together. A dashboard's aggregation has some ten groups and a thousand steps: 100 KiB.
constexpr std::size_t kBytesMax = std::size_t{4} << 20;

base::Result<std::optional<SharedResults::Result>> SharedResults::Find(const Key& key) const {
  const auto at = kept_.find(key);
  if (at == kept_.end()) return std::nullopt;
  return Result{.vector = BARO_TRY(Copy(at->second.vector)), .samples_queryable = at->second.samples_queryable};
}

void SharedResults::Keep(const Key& key, const Vector& vector, std::uint64_t samples_queryable) {
  // Histograms are shared by all copies, and are not counted.
  const std::size_t bytes = vector.rows() * (Cells::BytesPerRow(vector.steps()) + sizeof(RowName));
  if (bytes > kBytesMax - bytes_) return;
  auto copy = Copy(vector);
  if (!copy) return;
  bytes_ += bytes;
  kept_.try_emplace(key, Result{.vector = *std::move(copy), .samples_queryable = samples_queryable});
}

base::Result<Vector> SharedResults::Copy(const Vector& vector) const {
  Vector copy;
  copy.cells = BARO_TRY(Cells::Make(budget_, vector.rows(), vector.steps()));
  for (std::size_t row = 0; row < vector.rows(); ++row) copy.cells.CopyRow(vector.cells, row, row);
  copy.names = vector.names;
  return copy;
}

}  // namespace baro::query::exec
