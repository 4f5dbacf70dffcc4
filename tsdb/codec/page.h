// A page of float chunks: neighbours' values side by side, checked as a whole, sought without decoding the others.
//
//     PageBuilder builder;
//     const std::uint32_t chunk = builder.Add(values);                 // its number in the page
//     if (builder.SizeBytes() >= 48 << 10) builder.Finish(seed, PageForm::kHot, out);
//     ...
//     const auto page = BARO_TRY(PageView::Open(bytes, seed));
//     BARO_TRY(page.Decode(chunk, rows, values));                      // all values that went in, or the first
//
// A chunk is one series' values over one window of a timestamp column, so it has no times of its own. How many rows it
// has stands in the page too, but the caller is expected to know it from the column.
//
// Format   docs/formats/chunk.md.
// Source   The layout follows the prototypes behind this project's codec; the pages are in the spirit of PAX: Ailamaki
//          et al., "Weaving Relations for Cache Performance", VLDB 2001.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <unordered_map>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"
#include "tsdb/codec/chunk_codec.h"

namespace baro::tsdb {

/// How a page stands on the disk.
enum class PageForm : std::uint8_t {
  kHot = 0,   ///< read in place
  kCold = 1,  ///< headers and payloads each one zstd frame: some 10 % fewer bytes, decompressed as a whole when opened
};

/// A page has no more bytes than this, decompressed. Most pages have 16 to 64 KiB.
inline constexpr std::size_t kPageBytesMax = std::size_t{1} << 20;
/// And no more chunks.
inline constexpr std::uint32_t kPageChunksMax = 65'536;

/// Collects chunks and writes a page.
///
/// Threads  Confined.
/// Owns     what was added; reusable after Finish().
class PageBuilder {
 public:
  PageBuilder();

  /// Adds a chunk; returns its number in the page. `hint`, if given, is what the series' chunk before taught and is
  /// brought up to date: it makes the search for an encoding short.
  /// Shape    1 to kChunkRowsMax values, any bits; not full().
  std::uint32_t Add(std::span<const double> values, ChunkHint* hint = nullptr);

  /// Bytes of the page if it were finished as a hot one.
  std::size_t SizeBytes() const;

  std::uint32_t chunks() const { return chunks_; }

  /// Whether no further chunk may be added. Callers finish much earlier.
  bool full() const;

  /// Appends the page to `out` and begins the next one. `crc_seed` is any number that says where the page belongs, such
  /// as the checksum of file and offset: a page read from another place is then damage.
  /// Shape    chunks() > 0.
  void Finish(std::uint32_t crc_seed, PageForm form, base::ByteBuffer& out);

 private:
  void Clear();
  std::optional<std::uint32_t> FindPayload(base::ByteSpan payload, std::uint32_t offset);
  std::size_t OffsetBytes() const;

  std::uint32_t chunks_ = 0;
  std::uint32_t rows_ = 0;        // of the chunk before
  std::uint32_t usual_rows_ = 0;  // of the first chunk
  base::ByteBuffer headers_;
  base::ByteBuffer payloads_;
  base::ByteBuffer header_;                                       // of one chunk, while it is added
  std::vector<std::uint32_t> directory_;                          // header offset and payload offset of each 16th chunk
  std::unordered_multimap<std::uint64_t, std::uint64_t> places_;  // hash of a payload -> offset << 32 | size
};

/// What a chunk's header tells without decoding it.
struct ChunkFacts {
  bool is_constant = false;     ///< all values have the same bits, which `first` then has
  std::optional<double> first;  ///< the first value; absent where it would have to be decoded
};

/// An opened page.
///
/// Threads  Immutable: safe to share.
/// Owns     the decompressed bytes of a cold page; a hot page is borrowed and must outlive the view.
class PageView {
 public:
  /// Compares the checksum of the page that fills `bytes`.
  /// Errors   kCorruption.
  static base::Result<> Check(base::ByteSpan bytes, std::uint32_t crc_seed);

  /// Check(), then OpenChecked().
  static base::Result<PageView> Open(base::ByteSpan bytes, std::uint32_t crc_seed);

  /// Opens a page whose checksum the caller has compared before. Trusts nothing all the same.
  /// Errors   kCorruption.
  static base::Result<PageView> OpenChecked(base::ByteSpan bytes);

  std::uint32_t chunks() const { return chunks_; }

  /// Fills `values` with the first of the `rows` values of a chunk: all, or fewer, which costs less.
  /// Shape    0 < values.size() <= rows <= kChunkRowsMax.
  /// Errors   kCorruption: there is no such chunk, it has another number of rows, or its bytes contradict themselves;
  ///          `values` is then unspecified.
  /// Cost     reads up to 16 headers to find it; see PageCursor for many chunks in a row.
  base::Result<> Decode(std::uint32_t chunk, std::size_t rows, std::span<double> values) const;

  /// Errors   kCorruption.
  base::Result<ChunkFacts> Facts(std::uint32_t chunk) const;

 private:
  friend class PageCursor;

  // Where the headers of a chunk and of those behind it begin.
  struct Place {
    std::uint32_t chunk = 0;
    std::uint32_t header = 0;   // offset in headers_
    std::uint32_t payload = 0;  // offset in payloads_
    std::uint32_t rows = 0;     // of the chunk before
  };
  // A chunk found: what Step() took off the front.
  struct Found {
    ChunkHeader header;
    base::ByteSpan payload;  // and everything behind it
  };
  Place PlaceBefore(std::uint32_t chunk) const;
  base::Result<> Step(Place& place, Found& found) const;
  bool StepOverShort(Place& place, double& constant) const;
  base::Result<> Find(std::uint32_t chunk, Place& place, Found& found) const;
  static ChunkFacts FactsOf(const Found& found);

  std::uint32_t chunks_ = 0;
  std::uint32_t usual_rows_ = 0;
  std::uint32_t offset_bytes_ = 0;  // of an offset in the directory: 2 or 4
  base::ByteSpan directory_;
  base::ByteSpan headers_;
  base::ByteSpan payloads_;
  std::shared_ptr<const base::ByteBuffer> buffer_;  // of a cold page
};

/// Decodes chunks of a page in rising order without reading their headers twice.
///
/// Threads  Confined. Borrows the view, which outlives it and must not move.
class PageCursor {
 public:
  explicit PageCursor(const PageView& page) : page_(&page) {}

  /// As PageView's. Any order is right, rising is fast.
  base::Result<> Decode(std::uint32_t chunk, std::size_t rows, std::span<double> values);
  base::Result<ChunkFacts> Facts(std::uint32_t chunk);

 private:
  const PageView* page_;
  PageView::Place place_;
  PageView::Found found_;
};

}  // namespace baro::tsdb
