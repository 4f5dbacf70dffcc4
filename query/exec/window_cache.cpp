#include "query/exec/window_cache.h"

namespace baro::query::exec {

const func::ColumnWindows& WindowCache::Find(const func::RangeColumn& column, const tsdb::SampleColumns& columns,
                                             WindowsInUse& use) const {
  const Key key(column.timestamps_ms.data(), column.timestamps_ms.size());
  const bool is_shared = columns.pin() != nullptr && key.first == columns.timestamps_ms().data();
  if (!is_shared) {
    func::FindWindows(column.timestamps_ms, grid_, divisor_, use.own);
    return use.own;
  }
  const bool is_same = use.known != nullptr && use.times.timestamps_ms.data() == key.first &&
                       use.times.timestamps_ms.size() == key.second;
  if (is_same) return *use.known;
  const base::MutexLock lock(mutex_);
  const auto [at, is_new] = entries_.try_emplace(key);
  Entry& entry = at->second;
  if (is_new) {
    auto found = std::make_shared<func::ColumnWindows>();
    func::FindWindows(column.timestamps_ms, grid_, divisor_, *found);
    // A column that was joined keeps what it was joined of.
    bytes_ += sizeof(Entry) + found->SizeBytes() + 2 * column.timestamps_ms.size_bytes();
    entry = {.pin = columns.pin(), .windows = std::move(found)};
  }
  use.times = {.timestamps_ms = column.timestamps_ms, .pin = entry.pin};
  use.known = entry.windows;
  if (is_new && (bytes_ > kBytesMax || !charge_.Set(bytes_))) {
    entries_.clear();
    bytes_ = 0;
    charge_.Reset();
  }
  return *use.known;
}

}  // namespace baro::query::exec
