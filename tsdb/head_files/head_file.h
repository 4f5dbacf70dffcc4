// A file of chunks that the head has sealed: what it is made of, and what can be read of one.
//
// Format   docs/formats/head-chunks.md, version 1.
// Threads  Pure functions.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "base/file_system.h"
#include "base/result.h"
#include "tsdb/head/group_chunk.h"
#include "tsdb/wal/record.h"

namespace baro::tsdb {

inline constexpr std::size_t kHeadFileHeaderBytes = 32;

/// A chunk and whose samples it has.
struct HeadFileChunk {
  std::uint64_t group = 0;
  base::ByteSpan packed_layout;  ///< lives as long as the chunk; equal bytes are equal layouts
  GroupChunkPtr chunk;

  /// Whose samples the columns hold; kNone: nobody's.
  std::vector<LogSeriesId> Layout() const;
};

/// "00000012".
std::string HeadFileName(std::uint64_t number);
/// 0 if the name is none of a file of chunks.
std::uint64_t ParseHeadFileName(std::string_view name);

/// Builds a file in memory.
class HeadFileBuilder {
 public:
  explicit HeadFileBuilder(std::uint64_t number);

  /// Shape    layout.size() == chunk.columns().
  void Add(std::uint64_t group, std::span<const LogSeriesId> layout, const GroupChunk& chunk);
  std::uint32_t chunks() const { return chunks_; }
  std::int64_t max_ms() const { return max_ms_; }

  /// The file's bytes. Shape    once.
  base::ByteBuffer Take();

 private:
  const std::uint64_t number_;
  std::uint32_t chunks_ = 0;
  std::int64_t max_ms_ = model::kMinTimestampMs;
  base::ByteBuffer bytes_;
};

/// What could be read of a file.
struct ParsedHeadFile {
  std::vector<HeadFileChunk> chunks;
  std::string damage;                         ///< not empty: why it is not all that was written
  std::weak_ptr<const base::MappedFile> map;  ///< gone when nobody has any of the chunks
};

/// The intact chunks of a file, which share `file`.
ParsedHeadFile ParseHeadFile(const std::shared_ptr<const base::MappedFile>& file, std::uint64_t number);

}  // namespace baro::tsdb
