// The files of a block that hold its chunks.
//
// Format   docs/formats/prometheus-blocks.md, "chunks/".
// Source   Prometheus, tsdb/docs/format/chunks.md.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/file_system.h"
#include "base/result.h"
#include "tsdb/promblock/chunk.h"

namespace baro::tsdb {

inline constexpr std::uint32_t kChunkSegmentMagic = 0x85BD40DD;
inline constexpr std::uint8_t kChunkSegmentVersion = 1;
inline constexpr std::size_t kChunkSegmentHeaderBytes = 8;
inline constexpr std::uint64_t kChunkSegmentBytesMax = std::uint64_t{512} << 20;

/// Threads  Immutable; safe to share.
/// Owns     the mappings; views of chunks are valid as long as this.
class ChunkSegments {
 public:
  /// Maps all segments and checks their headers.
  /// Errors   kCorruption, kUnsupported: another version; file errors as they come.
  static base::Result<ChunkSegments> Open(base::FileSystem& files, const std::string& directory);

  /// The chunk that an index refers to, its checksum compared.
  /// Errors   kCorruption.
  base::Result<ChunkView> Read(std::uint64_t ref) const;

  std::uint64_t size_bytes() const;

 private:
  struct Segment {
    std::string path;
    std::unique_ptr<base::MappedFile> file;
  };

  std::vector<Segment> segments_;
};

/// Whether `name` is a number, as segments of chunks and logs are called; and which.
std::optional<std::uint64_t> SegmentNumber(std::string_view name);

}  // namespace baro::tsdb
