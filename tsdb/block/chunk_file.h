// The chunks of a block: pages of floats, each perhaps followed by its summaries, and pages of native histograms.
//
// Format   docs/formats/block.md, sections 8 to 10.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"
#include "tsdb/block/block_files.h"
#include "tsdb/block/block_meta.h"
#include "tsdb/block/chunk_summary.h"
#include "tsdb/codec/chunk_codec.h"
#include "tsdb/reader.h"

namespace baro::tsdb {

/// A page in the directory.
struct ChunkPageEntry {
  std::uint64_t offset = 0;
  std::uint64_t first_chunk = 0;  ///< number of its first chunk
  std::uint32_t size_bytes = 0;
  std::uint32_t chunk_count = 0;
  bool has_summaries = false;  ///< a frame behind it

  friend bool operator==(const ChunkPageEntry&, const ChunkPageEntry&) = default;
};

/// Which pages there are, by chunk number.
struct ChunkDirectory {
  std::vector<ChunkPageEntry> pages;

  std::uint64_t chunk_count() const { return pages.empty() ? 0 : pages.back().first_chunk + pages.back().chunk_count; }
};

void EncodeChunkDirectory(const ChunkDirectory& directory, base::ByteBuffer& out);
/// Errors   kCorruption: cut short, or pages outside of a file of `file_bytes`.
base::Result<ChunkDirectory> DecodeChunkDirectory(base::ByteReader& reader, std::uint64_t file_bytes);

/// Threads  Confined. Borrows the file.
class ChunkFileWriter {
 public:
  ChunkFileWriter(BlockForm form, BlockFileWriter& file);
  ~ChunkFileWriter();

  /// Adds the next chunk of its kind. `hint` goes from chunk to chunk of a series.
  /// Shape    1 to kWindowRowsMax values.
  base::Result<> AddFloats(std::span<const double> values, ChunkHint& hint);
  base::Result<> AddHistograms(std::span<const HistogramSample> samples);

  /// Writes the pages that are not full.
  base::Result<> Finish();

  const ChunkDirectory& floats() const { return floats_; }
  const ChunkDirectory& histograms() const { return histograms_; }

 private:
  struct Pages;  // being filled
  base::Result<> FlushFloats();
  base::Result<> FlushHistograms();

  const BlockForm form_;
  BlockFileWriter& file_;
  std::unique_ptr<Pages> open_;
  std::vector<std::optional<ValueSummary>> summaries_;  // of the open page's chunks
  ChunkDirectory floats_;
  ChunkDirectory histograms_;
};

/// Reads chunks by number. The checksum of a page is compared when it is first used: the mapping is private to readers
/// and nothing writes the file, so that what was good once stays good as long as the kernel keeps the page; when it
/// reads it anew from a disk that went bad meanwhile, decoders still refuse what makes no sense, and Verify() finds it.
///
/// Threads  Safe to share.
/// Owns     nothing: borrows the bytes.
class ChunkFileReader {
 public:
  /// Shape    directories of this file, which may be cut short.
  ChunkFileReader(const Ulid& ulid, base::ByteSpan file, ChunkDirectory floats, ChunkDirectory histograms);
  ~ChunkFileReader();

  const ChunkDirectory& floats() const { return floats_; }
  const ChunkDirectory& histograms() const { return histograms_; }

  /// Fills `values` with the first values of chunk `chunk`, which has `rows`: what lies behind them is not decoded.
  /// Shape    0 < values.size() <= rows <= kChunkRowsMax.
  /// Errors   kCorruption: the page is damaged, or the chunk has another length.
  base::Result<> ReadFloats(std::uint64_t chunk, std::size_t rows, std::span<double> values) const;

  /// Appends histograms at these timestamps.
  base::Result<> ReadHistograms(std::uint64_t chunk, std::span<const std::int64_t> timestamps_ms,
                                std::vector<HistogramSample>& samples) const;

  /// Nothing if the chunk has none.
  base::Result<std::optional<ValueSummary>> ReadSummary(std::uint64_t chunk) const;

  /// Compare checksums whether they were compared before or not.
  base::Result<> VerifyFloatPage(std::size_t page) const;
  base::Result<> VerifySummaries(std::size_t page) const;  // of a page of floats
  base::Result<> VerifyHistogramPage(std::size_t page) const;

 private:
  enum class State : std::uint8_t { kUnknown, kGood, kDamaged };

  static base::Error PageError(const base::Error& error, const ChunkPageEntry& page);
  template <typename Verify>
  static base::Result<> CheckOnce(std::atomic<State>& state, const ChunkPageEntry& page, const Verify& verify);
  base::Result<FrameView> CheckSummaries(const ChunkPageEntry& page) const;
  // Less than the page if the file was cut.
  base::ByteSpan PageBytes(const ChunkPageEntry& page) const;
  std::uint32_t SeedOf(std::uint64_t offset) const { return PlaceSeed(ulid_, BlockFile::kChunks, offset); }
  static std::size_t FindPage(const ChunkDirectory& directory, std::uint64_t chunk);

  const Ulid ulid_;
  const base::ByteSpan file_;
  const ChunkDirectory floats_;
  const ChunkDirectory histograms_;
  const std::uint64_t id_;  // unlike that of any other reader of this process
  // Relaxed in all uses: whoever does not see it compares once more.
  std::unique_ptr<std::atomic<State>[]> float_states_;
  std::unique_ptr<std::atomic<State>[]> histogram_states_;
};

}  // namespace baro::tsdb
