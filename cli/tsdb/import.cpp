// `tsdb import`.
#include <iostream>

#include <fmt/format.h>

#include "base/file_system.h"
#include "cli/tsdb/output_blocks.h"
#include "cli/tsdb_commands.h"
#include "tsdb/block_import.h"
#include "tsdb/prometheus_directory.h"

namespace baro::cli {
namespace {

using base::Result;

/// Blocks one by one. False: one of them could not be copied.
Result<bool> ImportBlocks(base::FileSystem& files, const tsdb::PrometheusDirectory& source,
                          const OutputDirectory& output, Terminal terminal) {
  const auto there = tsdb::SourcesOf(BARO_TRY(output.Metas()));
  bool is_whole = true;
  for (const auto& block : source.blocks()) {
    const std::string& name = block->info().ulid;
    if (there.contains(BARO_TRY(tsdb::Ulid::Parse(name)))) {
      terminal.out << name << ": is there already\n";
      continue;
    }
    const auto meta = tsdb::ImportPrometheusBlock(files, output.blocks_path(), *block, {});
    if (!meta && meta.error().code() != base::Code::kCorruption) return meta.error();
    if (!meta) {
      terminal.err << name << ": not imported: " << meta.error().message() << "\n";
      is_whole = false;
    } else if (!*meta) {
      terminal.out << name << ": all of it is deleted\n";
    } else {
      terminal.out << fmt::format("{}: {} series, {} samples, compared\n", name, (*meta)->counts.series,
                                  (*meta)->counts.samples())
                   << std::flush;
    }
  }
  return is_whole;
}

Result<bool> ImportLog(base::FileSystem& files, const std::string& from, const OutputDirectory& output,
                       Terminal terminal) {
  const auto log = BARO_TRY(tsdb::ImportPrometheusLog(
      files,
      {.from = from, .to = output.path(), .block_range_ms = kOutputBlockMs, .new_ulid = OutputDirectory::NewUlid}, {}));
  for (const std::string& damage : log.damage) terminal.err << "log: " << damage << "\n";
  if (!log.is_there) return true;
  if (log.was_known) terminal.out << "log: is there already\n";
  for (const tsdb::BlockMeta& meta : log.blocks) {
    terminal.out << fmt::format("log: {} series, {} samples, as block {}\n", meta.counts.series, meta.counts.samples(),
                                meta.ulid.ToString());
  }
  return log.damage.empty();
}

Result<bool> Import(const ImportRequest& request, Terminal terminal) {
  base::FileSystem& files = base::RealFileSystem();
  std::string from = request.source;
  while (from.size() > 1 && from.ends_with('/')) from.pop_back();
  if (!BARO_TRY(tsdb::IsPrometheusDirectory(files, from))) {
    return base::Fail(base::Code::kUnsupported, fmt::format("{}: no data directory of Prometheus", from));
  }
  const auto source = BARO_TRY(tsdb::PrometheusDirectory::Open(files, from, {.with_head = false}, {}));
  for (const std::string& warning : source->warnings()) terminal.err << warning << "\n";
  const OutputDirectory output = BARO_TRY(OutputDirectory::Open(files, request.output));
  bool is_whole = source->warnings().empty();
  is_whole &= BARO_TRY(ImportBlocks(files, *source, output, terminal));
  if (request.with_log) is_whole &= BARO_TRY(ImportLog(files, from, output, terminal));
  return is_whole;
}

}  // namespace

int ImportPrometheus(const ImportRequest& request, Terminal terminal) {
  const auto is_whole = Import(request, terminal);
  if (is_whole) return *is_whole ? kExitGood : kExitFailed;
  terminal.err << is_whole.error().message() << "\n";
  return kExitFailed;
}

}  // namespace baro::cli
