#include "tsdb/compact/compactor.h"

#include <algorithm>

#include "tsdb/downsample/aggregate.h"
#include "tsdb/merge/merge_columns.h"
#include "tsdb/merge/merge_families.h"

namespace baro::tsdb {
namespace {

// The scans that are at a series, joined series by series.
class Join {
 public:
  Join(std::span<const std::shared_ptr<Block>> blocks, BlockWriter& writer, const OldestKept& oldest_kept)
      : writer_(writer), oldest_kept_(oldest_kept) {
    for (const auto& block : blocks) scans_.push_back(block->Scan());
  }

  base::Result<> Run(const std::function<void(std::uint64_t)>& pause, const base::CancelToken& cancel) {
    for (auto& scan : scans_) {
      if (!BARO_TRY(scan->Next(cancel))) scan.reset();
    }
    std::erase(scans_, nullptr);
    std::uint64_t paused_at = 0;
    while (!scans_.empty()) {
      BARO_TRY(WriteNext(cancel));
      if (pause && writer_.written_bytes() != paused_at) {
        pause(writer_.written_bytes() - paused_at);
        paused_at = writer_.written_bytes();
      }
    }
    return {};
  }

 private:
  base::Result<> WriteNext(const base::CancelToken& cancel) {
    const BlockScan* least = scans_.front().get();
    for (const auto& scan : scans_) {
      if (InBlockOrder(scan->labels(), least->labels())) least = scan.get();
    }
    const model::Labels labels = least->labels();
    const model::TimeRange kept{.min_ms = oldest_kept_ ? oldest_kept_(labels) : model::kMinTimestampMs};
    all_.Clear();
    exemplars_.clear();
    for (auto& scan : scans_) {
      if (scan->labels() != labels) continue;
      BARO_TRY(scan->Read(kept, piece_));
      if (all_.empty()) {
        std::swap(all_, piece_);
      } else {
        MergeInto(all_, piece_);
      }
      exemplar_piece_.clear();
      BARO_TRY(scan->ReadExemplars(kept, exemplar_piece_));
      if (!exemplar_piece_.empty()) MergeExemplars(exemplars_, std::move(exemplar_piece_));
      if (!BARO_TRY(scan->Next(cancel))) scan.reset();
    }
    std::erase(scans_, nullptr);
    if (all_.empty()) return {};  // all of it was deleted, or is too old
    BARO_TRY(writer_.BeginSeries(labels));
    BARO_TRY(writer_.Add(all_));
    return exemplars_.empty() ? base::Result<>() : writer_.AddExemplars(exemplars_);
  }

  BlockWriter& writer_;
  const OldestKept& oldest_kept_;
  std::vector<std::unique_ptr<BlockScan>> scans_;
  SampleColumns all_;
  SampleColumns piece_;
  std::vector<model::Exemplar> exemplars_;
  std::vector<model::Exemplar> exemplar_piece_;
};

}  // namespace

BlockWriterOptions OptionsOfJoined(std::span<const std::shared_ptr<Block>> blocks) {
  BlockWriterOptions options;
  options.compaction_level = 0;
  for (const auto& block : blocks) {
    const BlockMeta& meta = block->meta();
    options.min_time_ms = std::min(options.min_time_ms.value_or(meta.min_time_ms), meta.min_time_ms);
    options.max_time_ms = std::max(options.max_time_ms.value_or(meta.max_time_ms), meta.max_time_ms);
    options.compaction_level = std::max(options.compaction_level, meta.compaction_level);
    options.sources.insert(options.sources.end(), meta.sources.begin(), meta.sources.end());
    options.parents.push_back({.ulid = meta.ulid, .min_time_ms = meta.min_time_ms, .max_time_ms = meta.max_time_ms});
    if (block == blocks.front()) {
      options.hints = meta.hints;
    } else {
      std::erase_if(options.hints,
                    [&meta](const std::string& hint) { return std::ranges::count(meta.hints, hint) == 0; });
    }
  }
  std::erase(options.hints, kFromHead);
  const bool is_from_head = std::ranges::any_of(blocks, [&options](const std::shared_ptr<Block>& block) {
    return block->meta().max_time_ms == options.max_time_ms && std::ranges::count(block->meta().hints, kFromHead) > 0;
  });
  if (is_from_head) options.hints.emplace_back(kFromHead);
  for (const auto& block : blocks) {  // what has aggregates must say so
    for (const std::string& hint : block->meta().hints) {
      if (IsDownsampledHint(hint) && std::ranges::count(options.hints, hint) == 0) options.hints.push_back(hint);
    }
  }
  for (const auto& block : blocks) {
    auto known = block->Metadata();
    if (!known) continue;  // its damage is told where blocks are searched for damage
    std::ranges::move(*known, std::back_inserter(options.metadata));
  }
  MergeFamilies(options.metadata);
  if (blocks.size() > 1) ++options.compaction_level;  // one alone is only written anew
  std::ranges::sort(options.sources);
  const auto repeated = std::ranges::unique(options.sources);
  options.sources.erase(repeated.begin(), repeated.end());
  return options;
}

base::Result<BlockMeta> JoinBlocks(base::FileSystem& files, const std::string& parent,
                                   std::span<const std::shared_ptr<Block>> blocks, BlockWriterOptions options,
                                   const std::function<void(std::uint64_t)>& pause, const base::CancelToken& cancel,
                                   const OldestKept& oldest_kept) {
  auto writer = BARO_TRY(BlockWriter::Create(files, parent, std::move(options)));
  BARO_TRY(Join(blocks, *writer, oldest_kept).Run(pause, cancel));
  return writer->Finish();
}

}  // namespace baro::tsdb
