// Values that an encoding cannot hold, laid over the decoded column: staleness markers, NaN, infinities, -0, and the
// few that are no decimals.
//
// Format   docs/formats/chunk.md, section 5.
// Threads  Values; pure functions.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"

namespace baro::tsdb {

/// A run of patches has no more bytes.
inline constexpr std::size_t kPatchBytesMax = 16;

/// Equal values that follow each other.
struct PatchRun {
  std::uint32_t position = 0;
  std::uint32_t length = 0;
  std::uint64_t bits = 0;
};

/// Rising, without overlaps.
class Patches {
 public:
  void Clear() {
    runs_.clear();
    count_ = 0;
  }
  /// Shape    behind all positions so far.
  void Add(std::size_t position, std::uint64_t bits);

  bool empty() const { return runs_.empty(); }
  /// Values patched.
  std::size_t count() const { return count_; }
  std::span<const PatchRun> runs() const { return runs_; }

  std::size_t SizeBytes() const;
  void Write(base::ByteBuffer& out) const;

 private:
  std::vector<PatchRun> runs_;
  std::size_t count_ = 0;
};

/// Splits a column: `filled` has the ordinary values, each special one replaced by the ordinary one before it (behind
/// it at the beginning, 0 if there is none at all), and `patches` has the special ones.
void TakeSpecials(std::span<const double> values, std::vector<double>& filled, Patches& patches);

/// Lays what Write() wrote over the first values of a column of `rows`.
/// Shape    `bytes` has nothing else. values.size() <= rows.
/// Errors   kCorruption.
base::Result<> ApplyPatches(base::ByteSpan bytes, std::size_t rows, std::span<double> values);

}  // namespace baro::tsdb
