// A store in a directory that Prometheus has used: docs/decisions/0050-beside-prometheus.md.
#include <algorithm>

#include "base/open_files.h"
#include "tsdb/block_import.h"
#include "tsdb/storage/storage_impl.h"

namespace baro::tsdb {

// Prometheus' lock is the file that TakeLock() has locked, but there are packages (Debian's) in which it takes none:
// then its last segment tells, which it keeps open.
base::Result<> Storage::Impl::RefuseIfPrometheusRuns() {
  const std::string wal = options_.directory + "/wal";
  if (!BARO_TRY(deps_.files.Exists(wal))) return {};
  std::string last;
  for (std::string& name : BARO_TRY(deps_.files.ListDirectory(wal))) {
    if (!name.empty() && std::ranges::all_of(name, [](char c) { return c >= '0' && c <= '9'; })) last = std::move(name);
  }
  if (last.empty() || !base::IsOpenForWriting(deps_.files, wal + "/" + last)) return {};
  return base::Fail(base::Code::kUnavailable,
                    fmt::format("another process, Barograph or Prometheus, has the data directory {}: end it first, or "
                                "choose another directory (it writes to wal/{})",
                                options_.directory, last));
}

// The start goes on when it fails: what is missing then is said in warnings, and the next start tries again.
void Storage::Impl::ImportPrometheusLog() {
  base::Random& random = deps_.random != nullptr ? *deps_.random : base::RealRandom();
  const std::int64_t now_ms = std::max<std::int64_t>(0, base::ToMs(deps_.clock.Now()));
  const base::MonotonicTime begin = deps_.clock.Monotonic();
  const auto imported = tsdb::ImportPrometheusLog(
      deps_.files,
      {.from = options_.directory,
       .to = options_.directory,
       .block_range_ms = options_.block_range.count() > 0 ? options_.block_range.count() : 7'200'000,
       .new_ulid = [&random, now_ms] { return Ulid::Make(now_ms, random); }},
      closing_);
  if (!imported) {
    prometheus_log_damage_.push_back("the log of Prometheus was not imported: " + imported.error().message());
    deps_.log.Error("the log of Prometheus could not be imported; what only it has is missing from queries",
                    {{"err", imported.error().message()}});
    return;
  }
  for (const std::string& damage : imported->damage) {
    prometheus_log_damage_.push_back(damage);
    deps_.log.Warn("the log of Prometheus is damaged", {{"damage", damage}});
  }
  if (!imported->is_there || imported->was_known) return;
  std::uint64_t samples = 0;
  for (const BlockMeta& meta : imported->blocks) samples += meta.counts.samples();
  deps_.log.Info("the log of Prometheus was imported; its files stay as they are",
                 {{"blocks", imported->blocks.size()},
                  {"samples", samples},
                  {"seconds", std::chrono::duration<double>(deps_.clock.Monotonic() - begin).count()}});
}

// Blocks that came by themselves: ours by a tool, Prometheus' by whoever copied them.
void Storage::Impl::FindNewBlocks() {
  blocks_.Refresh();
  std::vector<BlockMeta> metas;
  for (const auto all_blocks = blocks_.blocks(); const BlockPtr& block : *all_blocks) metas.push_back(block->meta());
  prometheus_.Refresh(SourcesOf(metas));
}

std::vector<std::string> Storage::Impl::Damage() const {
  std::vector<std::string> all = blocks_.Damage();
  const std::vector<std::string> theirs = prometheus_.Damage();
  all.insert(all.end(), theirs.begin(), theirs.end());
  all.insert(all.end(), prometheus_log_damage_.begin(), prometheus_log_damage_.end());
  return all;
}

}  // namespace baro::tsdb
