#include "cli/tsdb/output_blocks.h"

#include <algorithm>
#include <bit>
#include <iostream>

#include <fmt/format.h>

#include "base/clock.h"
#include "base/random.h"
#include "cli/tsdb/block_list.h"
#include "tsdb/barograph_block.h"
#include "tsdb/block_import.h"

namespace baro::cli {

std::int64_t OutputBlockBegin(std::int64_t time_ms) {
  const std::int64_t rest = time_ms % kOutputBlockMs;
  return time_ms - (rest < 0 ? rest + kOutputBlockMs : rest);
}

base::Result<OutputDirectory> OutputDirectory::Open(base::FileSystem& files, const std::string& path) {
  OutputDirectory output(files, path);
  while (output.path_.size() > 1 && output.path_.ends_with('/')) output.path_.pop_back();
  BARO_TRY(files.CreateDirectories(output.blocks_path()));
  auto lock = files.Lock(output.path_ + "/lock");
  if (!lock && lock.error().code() != base::Code::kUnavailable) return lock.error();
  if (lock) {
    output.lock_ = *std::move(lock);
    for (const std::string& name : BARO_TRY(files.ListDirectory(output.blocks_path()))) {
      if (name.starts_with("tmp-")) BARO_TRY(files.RemoveAll(output.blocks_path() + "/" + name));
    }
  }
  return output;
}

tsdb::Ulid OutputDirectory::NewUlid() {
  return tsdb::Ulid::Make(std::max<std::int64_t>(0, base::ToMs(base::RealClock().Now())), base::RealRandom());
}

base::Result<std::vector<tsdb::BlockMeta>> OutputDirectory::Metas() const {
  std::vector<tsdb::BlockMeta> metas;
  for (const std::string& name : BARO_TRY(files_->ListDirectory(blocks_path()))) {
    if (!tsdb::Ulid::Parse(name)) continue;
    const auto block = tsdb::BarographBlock::Open(*files_, blocks_path() + "/" + name);
    if (block) metas.push_back((*block)->meta());
  }
  return metas;
}

base::Result<std::vector<tsdb::LiteralSeries>> SampleHeap::Take() {
  std::vector<tsdb::LiteralSeries> all;
  for (auto& [labels, samples] : series_) {
    std::ranges::stable_sort(samples, {}, &model::Sample::timestamp_ms);
    const auto repeated = std::ranges::unique(samples, [](const model::Sample& a, const model::Sample& b) {
      return a.timestamp_ms == b.timestamp_ms &&
             std::bit_cast<std::uint64_t>(a.value) == std::bit_cast<std::uint64_t>(b.value);
    });
    samples.erase(repeated.begin(), repeated.end());
    const auto conflict = std::ranges::adjacent_find(samples, {}, &model::Sample::timestamp_ms);
    if (conflict != samples.end()) {
      return base::Fail(base::Code::kInvalidArgument,
                        fmt::format("{} has two values at {} ms: {} and {}", labels.ToString(), conflict->timestamp_ms,
                                    conflict->value, std::next(conflict)->value));
    }
    all.push_back({.labels = labels, .samples = std::move(samples)});
  }
  series_.clear();
  samples_ = 0;
  return all;
}

base::Result<> WriteAndPrint(base::FileSystem& files, const OutputDirectory& output,
                             std::vector<tsdb::LiteralSeries> series, model::TimeRange range, PrintOptions print,
                             bool& has_head, Terminal terminal) {
  const tsdb::MemoryReader reader(std::move(series));
  std::vector<std::shared_ptr<const tsdb::StoredBlock>> written;
  base::Result<> opened;
  const auto note = [&](const tsdb::BlockMeta& meta) {
    auto block = tsdb::BarographBlock::Open(files, output.blocks_path() + "/" + meta.ulid.ToString());
    if (block) {
      written.push_back(*std::move(block));
    } else {
      opened = block.error();
    }
  };
  BARO_TRY(tsdb::WriteBlocksOf(files, output.blocks_path(), reader, range, kOutputBlockMs, {}, OutputDirectory::NewUlid,
                               note, {}));
  BARO_TRY(opened);
  if (print.is_quiet || written.empty()) return {};
  std::string table = BlockTable(written, print.is_human_readable);
  if (has_head) table.erase(0, table.find('\n') + 1);
  has_head = true;
  terminal.out << table << std::flush;
  return {};
}

}  // namespace baro::cli
