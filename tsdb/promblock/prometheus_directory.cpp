#include "tsdb/prometheus_directory.h"

#include <algorithm>
#include <map>

#include "tsdb/promblock/merged_reader.h"

namespace baro::tsdb {
namespace {

constexpr std::string_view kFromOutOfOrder = "from-out-of-order";

/// Up to where the blocks go that were cut from the head in order: the head's log repeats nothing of value before it.
std::int64_t EndOfBlocks(std::span<const std::shared_ptr<const PrometheusBlock>> blocks) {
  std::int64_t end_ms = model::kMinTimestampMs;
  for (const auto& block : blocks) {
    if (std::ranges::count(block->meta().hints, kFromOutOfOrder) > 0) continue;
    end_ms = std::max(end_ms, block->meta().max_time_ms);
  }
  return end_ms;
}

}  // namespace

base::Result<std::shared_ptr<const PrometheusDirectory>> PrometheusDirectory::Open(
    base::FileSystem& files, const std::string& path, const PrometheusDirectoryOptions& options,
    const base::CancelToken& cancel) {
  // NOLINTNEXTLINE(modernize-make-shared): the constructor is private.
  const std::shared_ptr<PrometheusDirectory> directory(new PrometheusDirectory());
  std::map<std::string, base::Error> broken;  // by ULID
  for (const std::string& name : BARO_TRY(files.ListDirectory(path))) {
    if (!IsPrometheusBlockName(name)) continue;
    if (cancel.Cancelled()) return base::Fail(base::Code::kCancelled, "opening a Prometheus directory: cancelled");
    auto block = PrometheusBlock::Open(files, path + "/" + name, options.block_limits);
    if (block) {
      directory->blocks_.push_back(*std::move(block));
    } else {
      broken.emplace(name, block.error());
    }
  }
  std::ranges::stable_sort(directory->blocks_, {}, [](const auto& block) { return block->meta().min_time_ms; });
  for (const auto& block : directory->blocks_) {
    for (const PrometheusBlockParent& parent : block->meta().parents) broken.erase(parent.ulid);
  }
  for (const auto& [ulid, error] : broken) directory->warnings_.push_back(error.message());
  if (options.with_head && BARO_TRY(files.Exists(path + "/wal"))) {
    directory->head_ = BARO_TRY(PrometheusHead::Load(
        files, path, {.min_time_ms = EndOfBlocks(directory->blocks_), .bytes_max = options.head_bytes_max}, cancel));
    const auto& more = directory->head_->warnings();
    directory->warnings_.insert(directory->warnings_.end(), more.begin(), more.end());
  }
  return std::shared_ptr<const PrometheusDirectory>(directory);
}

std::unique_ptr<Reader> PrometheusDirectory::OpenReader() const {
  std::vector<std::unique_ptr<Reader>> readers;
  for (const auto& block : blocks_) readers.push_back(block->OpenReader());
  if (head_ != nullptr) readers.push_back(head_->OpenReader());
  return MergeReaders(std::move(readers), warnings_);
}

base::Result<bool> IsPrometheusDirectory(base::FileSystem& files, const std::string& path) {
  for (const std::string& name : BARO_TRY(files.ListDirectory(path))) {
    if (name == "chunks_head") return true;
    if (IsPrometheusBlockName(name) && BARO_TRY(files.Exists(path + "/" + name + "/index"))) return true;
  }
  return false;
}

}  // namespace baro::tsdb
