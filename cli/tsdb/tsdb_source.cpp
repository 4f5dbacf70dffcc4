#include "cli/tsdb/tsdb_source.h"

#include <algorithm>

#include <fmt/format.h>

#include "tsdb/prometheus_block.h"
#include "tsdb/prometheus_directory.h"

namespace baro::cli {
namespace {

void Widen(model::TimeRange& extent, const tsdb::StoredBlockInfo& info) {
  if (info.max_time_ms <= info.min_time_ms) return;
  const bool is_first = extent.empty();
  extent.min_ms = is_first ? info.min_time_ms : std::min(extent.min_ms, info.min_time_ms);
  extent.max_ms = is_first ? info.max_time_ms - 1 : std::max(extent.max_ms, info.max_time_ms - 1);
}

}  // namespace

base::Result<TsdbSource> OpenTsdb(base::FileSystem& files, const std::string& path, TsdbParts parts,
                                  const base::CancelToken& cancel) {
  TsdbSource source;
  if (BARO_TRY(files.Exists(path + "/meta.json"))) {
    auto block = BARO_TRY(tsdb::PrometheusBlock::Open(files, path));
    source.reader = block->OpenReader();
    Widen(source.extent, block->info());
    source.blocks.push_back(std::move(block));
    return source;
  }
  const bool is_prometheus = BARO_TRY(tsdb::IsPrometheusDirectory(files, path));
  if (!is_prometheus) {
    return base::Fail(base::Code::kUnsupported,
                      fmt::format("{}: neither a block nor a data directory of Prometheus", path));
  }
  const tsdb::PrometheusDirectoryOptions options{.with_head = parts == TsdbParts::kBlocksAndHead};
  const auto directory = BARO_TRY(tsdb::PrometheusDirectory::Open(files, path, options, cancel));
  source.reader = directory->OpenReader();
  source.blocks.assign(directory->blocks().begin(), directory->blocks().end());
  source.warnings = directory->warnings();
  for (const auto& block : source.blocks) Widen(source.extent, block->info());
  if (directory->head() != nullptr) Widen(source.extent, directory->head()->info());
  return source;
}

}  // namespace baro::cli
