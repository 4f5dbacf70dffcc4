#include "cli/tsdb/tsdb_source.h"

#include <algorithm>

#include <fmt/format.h>

#include "tsdb/barograph_directory.h"
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

void Widen(model::TimeRange& extent, model::TimeRange more) {
  if (more.empty()) return;
  extent = extent.empty() ? more
                          : model::TimeRange{.min_ms = std::min(extent.min_ms, more.min_ms),
                                             .max_ms = std::max(extent.max_ms, more.max_ms)};
}

TsdbSource OneBlock(std::shared_ptr<const tsdb::StoredBlock> block) {
  TsdbSource source;
  source.reader = block->OpenReader();
  Widen(source.extent, block->info());
  source.blocks.push_back(std::move(block));
  return source;
}

base::Result<TsdbSource> OpenBarograph(base::FileSystem& files, const std::string& path, TsdbParts parts,
                                       const base::CancelToken& cancel) {
  TsdbSource source;
  const auto directory =
      BARO_TRY(tsdb::BarographDirectory::Open(files, path, {.with_head = parts == TsdbParts::kBlocksAndHead}, cancel));
  source.reader = directory->OpenReader();
  source.blocks.assign(directory->blocks().begin(), directory->blocks().end());
  for (const auto& block : directory->prometheus_blocks()) source.blocks.push_back(block);
  std::ranges::stable_sort(source.blocks, {}, [](const auto& block) { return block->info().min_time_ms; });
  for (const auto& block : source.blocks) Widen(source.extent, block->info());
  Widen(source.extent, directory->head_extent());
  source.warnings = directory->warnings();
  source.owner = directory;
  return source;
}

base::Result<TsdbSource> OpenPrometheus(base::FileSystem& files, const std::string& path, TsdbParts parts,
                                        const base::CancelToken& cancel) {
  TsdbSource source;
  const tsdb::PrometheusDirectoryOptions options{.with_head = parts == TsdbParts::kBlocksAndHead};
  const auto directory = BARO_TRY(tsdb::PrometheusDirectory::Open(files, path, options, cancel));
  source.reader = directory->OpenReader();
  source.blocks.assign(directory->blocks().begin(), directory->blocks().end());
  source.warnings = directory->warnings();
  for (const auto& block : source.blocks) Widen(source.extent, block->info());
  if (directory->head() != nullptr) Widen(source.extent, directory->head()->info());
  return source;
}

}  // namespace

base::Result<TsdbSource> OpenTsdb(base::FileSystem& files, const std::string& path, TsdbParts parts,
                                  const base::CancelToken& cancel) {
  if (BARO_TRY(tsdb::IsBarographBlock(files, path))) {
    return OneBlock(BARO_TRY(tsdb::BarographBlock::Open(files, path)));
  }
  if (BARO_TRY(files.Exists(path + "/meta.json"))) return OneBlock(BARO_TRY(tsdb::PrometheusBlock::Open(files, path)));
  if (BARO_TRY(tsdb::IsBarographDirectory(files, path))) return OpenBarograph(files, path, parts, cancel);
  if (BARO_TRY(tsdb::IsPrometheusDirectory(files, path))) return OpenPrometheus(files, path, parts, cancel);
  return base::Fail(base::Code::kUnsupported,
                    fmt::format("{}: neither a block nor a data directory, of Barograph or Prometheus", path));
}

}  // namespace baro::cli
