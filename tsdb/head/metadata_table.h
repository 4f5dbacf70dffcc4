// What was said of metric families: each thing once, however many series and targets say it.
//
// Source   docs/decisions/0060-metadata-per-family.md says why it is by family, not by series.
// Threads  Safe to share; its mutex is a leaf.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/mutex.h"
#include "model/metadata.h"
#include "tsdb/reader.h"

namespace baro::tsdb {

/// A help text, unit or family name has no more bytes.
inline constexpr std::size_t kMetadataTextBytesMax = 64 << 10;

class MetadataTable {
 public:
  /// Different things that are known of one family; of more the ones that were said last stay.
  static constexpr std::size_t kVariantsMax = 8;
  /// All texts together: senders choose them.
  static constexpr std::size_t kBytesMax = std::size_t{64} << 20;

  enum class Outcome : std::uint8_t {
    kNew,      ///< it was not known and is: whoever keeps a log writes it down
    kKnown,    ///< its time was noted
    kRefused,  ///< too long, not UTF-8, or the table is full
  };
  Outcome Put(std::string_view family, const model::Metadata& metadata, std::int64_t seen_ms);

  /// Takes back what was new.
  void Remove(std::string_view family, const model::Metadata& metadata);

  /// By family, what was said last first. An empty `family` is all.
  std::vector<FamilyMetadata> Select(std::string_view family) const;

  /// Forgets what was not said since `cutoff_ms`: of families that are not in use all of it, of others what somebody
  /// has replaced since.
  void Forget(const std::function<bool(std::string_view family)>& is_used, std::int64_t cutoff_ms);

  std::size_t SizeBytes() const;
  bool empty() const;

 private:
  struct Variant {
    model::Metadata metadata;
    std::int64_t seen_ms = 0;
  };
  static std::size_t BytesOf(const model::Metadata& metadata);

  mutable base::Mutex mutex_;
  std::map<std::string, std::vector<Variant>, std::less<>> families_ BARO_GUARDED_BY(mutex_);
  std::size_t bytes_ BARO_GUARDED_BY(mutex_) = 0;
};

}  // namespace baro::tsdb
