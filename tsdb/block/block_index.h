// The index of an open block.
//
// Format   docs/formats/block.md, sections 4 to 7.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "base/cancel.h"
#include "base/result.h"
#include "model/labels.h"
#include "tsdb/block/column_format.h"
#include "tsdb/block/index_format.h"
#include "tsdb/block/page_cache.h"
#include "tsdb/block/value_page.h"

namespace baro::tsdb {

/// All frames are checked when it is opened. Nothing writes the mapped file after that, so what was good stays good.
///
/// Threads  Immutable but for what it keeps of pages, which is guarded; safe to share.
/// Owns     nothing of the file: borrows its bytes.
class BlockIndex {
 public:
  /// Damage that leaves something to serve is added to `damage`.
  /// Errors   kCorruption: neither copy of the root is good.
  static base::Result<std::unique_ptr<BlockIndex>> Open(base::ByteSpan file, const Ulid& ulid,
                                                        std::vector<std::string>& damage);

  const IndexRoot& root() const { return root_; }

  /// Whether pages of values, postings or series are damaged: then postings tell less than the truth, and whoever looks
  /// for series must look at all of them.
  bool is_damaged() const { return is_damaged_; }

  /// Compares the checksums of all frames again.
  void Verify(std::vector<std::string>& damage) const;

  /// Number of the label name in root().names.
  std::optional<std::uint32_t> FindName(std::string_view text) const;

  // Errors of all that follows: kCorruption.

  base::Result<ValuePage> ReadValues(const ValuePageEntry& page) const;
  base::Result<PostingsPage> ReadPostings(const ValuePageEntry& page) const;
  base::Result<> ReadSeries(std::size_t page, SeriesPage& series) const;
  /// The same pages, which are kept for others.
  base::Result<std::shared_ptr<const ValuePage>> KeptValues(const ValuePageEntry& page) const;
  base::Result<std::shared_ptr<KeptSeriesPage>> KeptSeries(std::size_t page) const;
  /// Shape  column < root().column_count.
  base::Result<ColumnEntry> ReadColumnEntry(ColumnId column) const;

 private:
  BlockIndex(base::ByteSpan file, const Ulid& ulid) : file_(file), ulid_(ulid) {}
  base::Result<IndexRoot> FindRoot(std::vector<std::string>& damage) const;
  template <typename Visit>
  void ForEachFrame(const Visit& visit) const;
  base::Result<FrameView> Check(std::uint64_t offset, FrameKind kind) const;
  base::Result<FrameView> Look(std::uint64_t offset, FrameKind kind) const;

  const base::ByteSpan file_;
  const Ulid ulid_;
  IndexRoot root_;
  std::vector<std::uint32_t> value_counts_;  // by label name
  std::vector<std::uint64_t> bad_frames_;    // sorted offsets
  bool is_damaged_ = false;
  mutable PageCache kept_;
};

/// Texts of label values by their numbers, with the pages that were used.
///
/// Threads  Confined. Borrows the index.
class ValueTexts {
 public:
  explicit ValueTexts(const BlockIndex& index) : index_(index), names_(index.root().names.size()) {}

  /// Valid as long as this.
  /// Errors   kCorruption.
  base::Result<std::string_view> Text(std::uint32_t name, std::uint32_t value);

  /// The labels of a series of a page, sorted. Valid until the next call, and as long as this.
  base::Result<std::span<const model::LabelView>> ViewsOf(const SeriesPage& page, const SeriesPage::Series& series);
  base::Result<model::Labels> LabelsOf(const SeriesPage& page, const SeriesPage::Series& series) {
    return model::Labels::FromSorted(BARO_TRY(ViewsOf(page, series)));
  }

 private:
  const BlockIndex& index_;
  std::vector<std::vector<std::shared_ptr<const ValuePage>>> names_;  // by name, then page
  std::vector<model::LabelView> views_;
};

}  // namespace baro::tsdb
