// The records of a write-ahead log: pages of fragments, joined, checked and decompressed.
//
// Format   docs/formats/prometheus-blocks.md, "wal/".
// Source   Prometheus, tsdb/docs/format/wal.md; pages as in LevelDB's log.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/cancel.h"
#include "base/file_system.h"
#include "base/result.h"

namespace baro::tsdb {

/// A record may have so many bytes when decompressed.
inline constexpr std::size_t kWalRecordBytesMax = std::size_t{128} << 20;

/// Where a log was damaged.
struct WalDamage {
  std::string path;
  std::uint64_t offset = 0;
  std::string what;
};

/// Reads segments one after the other.
///
/// Damage does not end the reading: it goes on at the next page, for each record has its own checksum. A record that is
/// cut short at the end of the last segment is no damage: somebody was writing it when the power went.
///
/// Threads  Confined.
class WalReader {
 public:
  /// Called with each record: its type and content. Borrowed for the call.
  /// Errors   end the reading and are returned; kCorruption: the record makes no sense, which is noted as damage.
  using Visit = std::function<base::Result<>(base::ByteSpan record)>;

  WalReader();
  ~WalReader();
  WalReader(const WalReader&) = delete;
  WalReader& operator=(const WalReader&) = delete;

  /// Reads one segment. `is_last`: nothing follows it.
  /// Errors   kCancelled, kIo, and those of `visit` but kCorruption.
  base::Result<> Read(base::FileSystem& files, const std::string& path, bool is_last, const Visit& visit,
                      const base::CancelToken& cancel);

  /// So far; beyond a thousand places only the number grows.
  const std::vector<WalDamage>& damage() const { return damage_; }
  std::uint64_t damage_count() const { return damage_count_; }

 private:
  class Segment;
  struct Decompressor;

  void Note(const std::string& path, std::uint64_t offset, std::string what);

  std::unique_ptr<Decompressor> decompressor_;
  std::vector<WalDamage> damage_;
  std::uint64_t damage_count_ = 0;
};

/// The segments of a log, by number: paths.
/// Errors   file errors; kNotFound: no such directory.
base::Result<std::vector<std::string>> ListWalSegments(base::FileSystem& files, const std::string& directory,
                                                       std::uint64_t from_number = 0);

}  // namespace baro::tsdb
