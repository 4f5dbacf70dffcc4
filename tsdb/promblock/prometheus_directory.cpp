#include "tsdb/prometheus_directory.h"

#include <algorithm>
#include <map>

#include "tsdb/merge_reader.h"

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

/// A selection that says what the directory could not give.
class WarningSelection : public SeriesSelection {
 public:
  WarningSelection(std::unique_ptr<SeriesSelection> selection, const std::vector<std::string>& warnings)
      : selection_(std::move(selection)), warnings_(warnings) {
    warnings_.insert(warnings_.end(), selection_->warnings().begin(), selection_->warnings().end());
  }

  std::size_t size() const override { return selection_->size(); }
  const model::Labels& labels(std::size_t index) const override { return selection_->labels(index); }
  base::Result<> Read(std::size_t index, model::TimeRange range, SampleColumns& columns) const override {
    return selection_->Read(index, range, columns);
  }
  std::span<const std::string> warnings() const override { return warnings_; }

 private:
  std::unique_ptr<SeriesSelection> selection_;
  std::vector<std::string> warnings_;
};

class WarningReader : public Reader {
 public:
  WarningReader(std::vector<std::unique_ptr<Reader>> readers, std::vector<std::string> warnings)
      : merged_(std::move(readers)), warnings_(std::move(warnings)) {}

  base::Result<std::unique_ptr<SeriesSelection>> Select(const SelectRequest& request,
                                                        const base::CancelToken& cancel) const override {
    auto selection = BARO_TRY(merged_.Select(request, cancel));
    return std::make_unique<WarningSelection>(std::move(selection), warnings_);
  }
  base::Result<std::vector<std::string>> LabelNames(std::span<const model::Matcher> matchers, model::TimeRange range,
                                                    std::size_t limit, const base::CancelToken& cancel) const override {
    return merged_.LabelNames(matchers, range, limit, cancel);
  }
  base::Result<std::vector<std::string>> LabelValues(std::string_view name, std::span<const model::Matcher> matchers,
                                                     model::TimeRange range, std::size_t limit,
                                                     const base::CancelToken& cancel) const override {
    return merged_.LabelValues(name, matchers, range, limit, cancel);
  }

 private:
  MergeReader merged_;
  std::vector<std::string> warnings_;
};

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
  std::vector<std::unique_ptr<Reader>> readers;  // from new to old: merging is cheapest then
  if (head_ != nullptr) readers.push_back(head_->OpenReader());
  for (auto block = blocks_.rbegin(); block != blocks_.rend(); ++block) readers.push_back((*block)->OpenReader());
  return std::make_unique<WarningReader>(std::move(readers), warnings_);
}

base::Result<bool> IsPrometheusDirectory(base::FileSystem& files, const std::string& path) {
  for (const std::string& name : BARO_TRY(files.ListDirectory(path))) {
    if (name == "chunks_head") return true;
    if (IsPrometheusBlockName(name) && BARO_TRY(files.Exists(path + "/" + name + "/index"))) return true;
  }
  return false;
}

}  // namespace baro::tsdb
