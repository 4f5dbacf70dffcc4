// Selections of one block.
#include <algorithm>
#include <set>

#include <fmt/format.h>

#include "tsdb/index/matchers.h"
#include "tsdb/promblock/block_impl.h"

namespace baro::tsdb {
namespace {

using base::Code;
using base::Fail;

// Damaged series are counted; so many of them are described.
constexpr std::size_t kWarningsMax = 10;

struct ChosenSeries {
  BlockSeriesRef ref = 0;
  BlockSeries entry;
};

class BlockSelection : public SeriesSelection {
 public:
  BlockSelection(std::shared_ptr<const PrometheusBlock::Impl> block, std::vector<ChosenSeries> series,
                 std::vector<std::string> warnings)
      : block_(std::move(block)), series_(std::move(series)), warnings_(std::move(warnings)) {}

  std::size_t size() const override { return series_.size(); }
  const model::Labels& labels(std::size_t index) const override { return series_[index].entry.labels; }

  base::Result<> Read(std::size_t index, model::TimeRange range, SampleColumns& columns) const override {
    const ChosenSeries& series = series_[index];
    return block_->ReadChunks(series.ref, series.entry.chunks, range, columns);
  }

  std::span<const std::string> warnings() const override { return warnings_; }

 private:
  std::shared_ptr<const PrometheusBlock::Impl> block_;
  std::vector<ChosenSeries> series_;  // in label order
  std::vector<std::string> warnings_;
};

/// Notes damage, of which the first few are described.
class DamageNotes {
 public:
  void Add(const base::Error& error) {
    if (++count_ <= kWarningsMax) notes_.push_back("series left out: " + error.message());
  }
  std::vector<std::string> Take() {
    if (count_ > kWarningsMax) notes_.push_back(fmt::format("{} more series left out", count_ - kWarningsMax));
    return std::move(notes_);
  }

 private:
  std::size_t count_ = 0;
  std::vector<std::string> notes_;
};

bool IsDeleted(const ChunkMeta& chunk, std::span<const model::TimeRange> deleted) {
  return std::ranges::any_of(deleted, [&chunk](const model::TimeRange& range) {
    return range.min_ms <= chunk.min_time_ms && chunk.max_time_ms <= range.max_ms;
  });
}

class BlockReader : public Reader {
 public:
  explicit BlockReader(std::shared_ptr<const PrometheusBlock::Impl> block) : block_(std::move(block)) {}

  base::Result<std::unique_ptr<SeriesSelection>> Select(const SelectRequest& request,
                                                        const base::CancelToken& cancel) const override {
    BARO_TRY(CheckSelective(request.matchers));
    std::vector<ChosenSeries> chosen;
    DamageNotes notes;
    std::size_t size_bytes = 0;
    const auto take = [&](BlockSeriesRef ref, BlockSeries& entry) -> base::Result<bool> {
      const auto deleted = block_->DeletedOf(ref);
      std::erase_if(entry.chunks, [&](const ChunkMeta& chunk) {
        return !request.range.Overlaps(chunk.range()) || IsDeleted(chunk, deleted);
      });
      if (entry.chunks.empty()) return true;
      entry.chunks.shrink_to_fit();
      size_bytes += sizeof(ChosenSeries) + entry.labels.packed().size() + entry.chunks.size() * sizeof(ChunkMeta);
      if (size_bytes > block_->limits().selection_bytes_max) {
        return Fail(Code::kLimitExceeded,
                    fmt::format("{}: the selection needs more than {} bytes: ask for fewer series", block_->directory(),
                                block_->limits().selection_bytes_max));
      }
      chosen.push_back({.ref = ref, .entry = std::move(entry)});
      return request.limit == 0 || chosen.size() < request.limit;
    };
    BARO_TRY(ForEachSeries(request.matchers, notes, cancel, take));
    // The file is in label order; a foreign writer's mistake must not become a promise of ours.
    const auto labels_of = [](const ChosenSeries& series) -> const model::Labels& { return series.entry.labels; };
    if (!std::ranges::is_sorted(chosen, {}, labels_of)) std::ranges::stable_sort(chosen, {}, labels_of);
    return std::make_unique<BlockSelection>(block_, std::move(chosen), notes.Take());
  }

  base::Result<std::vector<std::string>> LabelNames(std::span<const model::Matcher> matchers, model::TimeRange range,
                                                    std::size_t limit, const base::CancelToken& cancel) const override {
    std::set<std::string, std::less<>> names;
    if (matchers.empty()) {
      if (!IsInside(range)) return std::vector<std::string>();
      for (const std::string_view name : block_->index().LabelNames()) names.emplace(name);
      return FirstOf(names, limit);
    }
    BARO_TRY(ForEachInRange(matchers, range, cancel, [&names](const model::Labels& labels) {
      for (const model::LabelView& label : labels) names.emplace(label.name);
    }));
    return FirstOf(names, limit);
  }

  base::Result<std::vector<std::string>> LabelValues(std::string_view name, std::span<const model::Matcher> matchers,
                                                     model::TimeRange range, std::size_t limit,
                                                     const base::CancelToken& cancel) const override {
    if (matchers.empty()) {
      if (!IsInside(range)) return std::vector<std::string>();
      const auto values = block_->index().LabelValues(name);
      const std::size_t count = limit == 0 ? values.size() : std::min(limit, values.size());
      return std::vector<std::string>(values.begin(), values.begin() + static_cast<std::ptrdiff_t>(count));
    }
    std::set<std::string, std::less<>> values;
    BARO_TRY(ForEachInRange(matchers, range, cancel, [&](const model::Labels& labels) {
      if (const std::string_view value = labels.Get(name); !value.empty()) values.emplace(value);
    }));
    return FirstOf(values, limit);
  }

 private:
  bool IsInside(model::TimeRange range) const {
    return range.Overlaps({.min_ms = block_->meta().min_time_ms, .max_ms = block_->meta().max_time_ms - 1});
  }

  /// Calls `visit(ref, entry)` for each chosen series until it says false or fails. It may move from the entry.
  template <typename Visit>
  base::Result<> ForEachSeries(std::span<const model::Matcher> matchers, DamageNotes& notes,
                               const base::CancelToken& cancel, const Visit& visit) const {
    const PostingsList refs = BARO_TRY(block_->index().Choose(matchers, cancel));
    model::LabelsBuilder builder;
    BlockSeries entry;
    for (const BlockSeriesRef ref : refs) {
      if (cancel.Cancelled()) return Fail(Code::kCancelled, "selecting series: cancelled");
      if (const auto read = block_->index().ReadSeries(ref, builder, entry); !read) {
        notes.Add(read.error());
        continue;
      }
      // What the postings say is compared with the labels: damage that has a right checksum must not be believed.
      if (!model::MatchesAll(matchers, entry.labels)) continue;
      if (!BARO_TRY(visit(ref, entry))) return {};
    }
    return {};
  }

  template <typename Visit>
  base::Result<> ForEachInRange(std::span<const model::Matcher> matchers, model::TimeRange range,
                                const base::CancelToken& cancel, const Visit& visit) const {
    DamageNotes notes;
    return ForEachSeries(matchers, notes, cancel, [&](BlockSeriesRef, const BlockSeries& entry) -> base::Result<bool> {
      const auto is_near = [range](const ChunkMeta& chunk) { return range.Overlaps(chunk.range()); };
      if (std::ranges::any_of(entry.chunks, is_near)) visit(entry.labels);
      return true;
    });
  }

  std::shared_ptr<const PrometheusBlock::Impl> block_;
};

}  // namespace

std::unique_ptr<Reader> MakeBlockReader(std::shared_ptr<const PrometheusBlock::Impl> block) {
  return std::make_unique<BlockReader>(std::move(block));
}

}  // namespace baro::tsdb
