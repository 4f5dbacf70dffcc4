// The files of a block: names, headers, and frames, the pieces that an index is made of.
//
// Format   docs/formats/block.md, sections 1, 3 and 4.
// Threads  BlockFileWriter is confined; the functions are pure.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "base/bytes.h"
#include "base/file_system.h"
#include "base/result.h"
#include "tsdb/block/ulid.h"

namespace baro::tsdb {

inline constexpr std::string_view kMetaFileName = "meta.json";
inline constexpr std::string_view kTombstonesFileName = "tombstones";

/// The files with a header. The numbers are part of every checksum in them.
enum class BlockFile : std::uint32_t {
  kIndex = 1,
  kColumns = 2,
  kChunks = 3,
  // Side files: not every block has them.
  kMetadata = 4,
  kExemplars = 5,
  kStarts = 6,
};
inline constexpr BlockFile kSideFiles[] = {BlockFile::kMetadata, BlockFile::kExemplars, BlockFile::kStarts};
std::string_view BlockFileName(BlockFile file);

inline constexpr std::size_t kBlockFileHeaderBytes = 40;

/// What checksums of a piece begin with, so that a piece in the wrong place, file or block is damage.
std::uint32_t PlaceSeed(const Ulid& ulid, BlockFile file, std::uint64_t offset);

/// Whether `bytes` begin with the header of that file of that block.
/// Errors   kCorruption, kUnsupported.
base::Result<> CheckBlockFileHeader(base::ByteSpan bytes, const Ulid& ulid, BlockFile file);

/// What a frame holds.
enum class FrameKind : std::uint8_t {
  kRoot = 1,
  kValues = 2,
  kPostings = 3,
  kSeries = 4,
  kColumnDirectory = 5,
  kSummaries = 6,
  kHistograms = 7,
  kSidePage = 8,
  kSideDirectory = 9,
};

inline constexpr std::size_t kFrameHeaderBytes = 16;
/// A frame may hold no more, compressed or not.
inline constexpr std::size_t kFrameBytesMax = std::size_t{1} << 30;

/// What a frame says about itself, its checksum not looked at.
struct FrameView {
  FrameKind kind{};
  bool is_compressed = false;
  std::size_t raw_bytes = 0;
  base::ByteSpan stored;

  std::size_t size_bytes() const { return kFrameHeaderBytes + stored.size(); }
};

/// The frame at `offset` of a file.
/// Errors   kCorruption: it does not fit the file, or has another kind.
base::Result<FrameView> LookAtFrame(base::ByteSpan file, std::uint64_t offset, FrameKind kind);

/// LookAtFrame(), and its checksum compared.
base::Result<FrameView> CheckFrame(base::ByteSpan file, std::uint64_t offset, FrameKind kind, std::uint32_t seed);

/// The frame's content: in the file itself, or taken out into `buffer`.
/// Errors   kCorruption, kLimitExceeded.
base::Result<base::ByteSpan> FrameContent(const FrameView& frame, base::ByteBuffer& buffer);

enum class FrameForm : std::uint8_t { kPlain, kSmallest };

/// Appends a frame that will stand where `seed` says; kSmallest compresses it if that makes it smaller.
void AppendFrame(FrameKind kind, base::ByteSpan content, FrameForm form, std::uint32_t seed, base::ByteBuffer& out);

/// Writes one file of a block, in large pieces.
class BlockFileWriter {
 public:
  /// Makes the file, with its header.
  static base::Result<std::unique_ptr<BlockFileWriter>> Create(base::FileSystem& files, const std::string& directory,
                                                               const Ulid& ulid, BlockFile file);

  /// Where the next byte will stand.
  std::uint64_t offset() const { return flushed_bytes_ + buffer_.size(); }
  /// The seed for what will stand there.
  std::uint32_t seed() const { return PlaceSeed(ulid_, file_kind_, offset()); }

  base::Result<> Append(base::ByteSpan bytes);
  /// Returns the offset at which the frame stands.
  base::Result<std::uint64_t> AppendFrame(FrameKind kind, base::ByteSpan content, FrameForm form);

  /// Writes the rest, syncs, closes.
  base::Result<> Finish();

 private:
  BlockFileWriter(std::unique_ptr<base::WritableFile> file, const Ulid& ulid, BlockFile kind)
      : file_(std::move(file)), ulid_(ulid), file_kind_(kind) {}
  base::Result<> Flush();

  std::unique_ptr<base::WritableFile> file_;
  Ulid ulid_;
  BlockFile file_kind_;
  std::uint64_t flushed_bytes_ = 0;
  base::ByteBuffer buffer_;
  base::ByteBuffer frame_;  // kept for its memory
};

}  // namespace baro::tsdb
