#include "tsdb/codec/patches.h"

#include <algorithm>
#include <array>
#include <bit>

#include "model/sample.h"
#include "tsdb/codec/decimal.h"

namespace baro::tsdb {
namespace {

enum Code : unsigned { kStale = 0, kNaN = 1, kInfinity = 2, kVerbatim = 3 };
constexpr unsigned kCodeMask = 3;
constexpr unsigned kCodeBits = 2;
// A length that does not fit beside the code says so and is followed by the rest of it.
constexpr std::uint32_t kShortLengthMax = 63;

constexpr std::array<std::uint64_t, 3> kKnownBits = {model::kStaleNaNBits, model::kCanonicalNaNBits,
                                                     0x7ff0000000000000};

base::Error Damaged(const char* what) { return {base::Code::kCorruption, fmt::format("patches: {}", what)}; }

unsigned CodeOf(std::uint64_t bits) {
  return static_cast<unsigned>(std::ranges::find(kKnownBits, bits) - kKnownBits.begin());
}

std::size_t VarintBytes(std::uint64_t value) { return (static_cast<std::size_t>(std::bit_width(value | 1)) + 6) / 7; }

}  // namespace

void Patches::Add(std::size_t position, std::uint64_t bits) {
  ++count_;
  if (!runs_.empty() && runs_.back().bits == bits && runs_.back().position + runs_.back().length == position) {
    ++runs_.back().length;
  } else {
    runs_.push_back({.position = static_cast<std::uint32_t>(position), .length = 1, .bits = bits});
  }
}

std::size_t Patches::SizeBytes() const {
  std::size_t size = 0;
  std::uint32_t behind = 0;
  for (const PatchRun& run : runs_) {
    size += 1 + VarintBytes(run.position - behind);
    if (run.length >= kShortLengthMax) size += VarintBytes(run.length - kShortLengthMax);
    if (CodeOf(run.bits) == kVerbatim) size += sizeof(std::uint64_t);
    behind = run.position + run.length;
  }
  return size;
}

void Patches::Write(base::ByteBuffer& out) const {
  std::uint32_t behind = 0;
  for (const PatchRun& run : runs_) {
    const unsigned code = CodeOf(run.bits);
    out.push_back(static_cast<std::byte>(code | std::min(run.length, kShortLengthMax) << kCodeBits));
    if (run.length >= kShortLengthMax) base::AppendVarint(out, run.length - kShortLengthMax);
    base::AppendVarint(out, run.position - behind);
    if (code == kVerbatim) base::AppendLe(out, run.bits);
    behind = run.position + run.length;
  }
}

void TakeSpecials(std::span<const double> values, std::vector<double>& filled, Patches& patches) {
  filled.assign(values.begin(), values.end());
  patches.Clear();
  const auto first = std::ranges::find_if_not(values, IsSpecial);
  double last = first == values.end() ? 0 : *first;
  for (std::size_t i = 0; i < values.size(); ++i) {
    if (IsSpecial(values[i])) {
      patches.Add(i, std::bit_cast<std::uint64_t>(values[i]));
      filled[i] = last;
    } else {
      last = values[i];
    }
  }
}

base::Result<> ApplyPatches(base::ByteSpan bytes, std::size_t rows, std::span<double> values) {
  base::ByteReader reader(bytes);
  std::size_t behind = 0;
  while (!reader.AtEnd()) {
    const auto head = static_cast<std::uint32_t>(reader.Le<std::uint8_t>());
    const unsigned code = head & kCodeMask;
    std::uint64_t length = head >> kCodeBits;
    if (length == kShortLengthMax) {
      const std::uint64_t more = reader.Varint();
      if (more > rows) return Damaged("a run is too long");
      length += more;
    }
    const std::uint64_t gap = reader.Varint();
    const std::uint64_t bits = code == kVerbatim ? reader.Le<std::uint64_t>() : kKnownBits[code];
    if (!reader.ok()) return Damaged("cut short");
    if (gap > rows - behind || length > rows - behind - gap) return Damaged("outside of the column");
    const std::size_t begin = std::min<std::size_t>(behind + gap, values.size());
    behind += gap + length;
    const std::size_t end = std::min(behind, values.size());
    std::ranges::fill(values.subspan(begin, end - begin), std::bit_cast<double>(bits));
  }
  return {};
}

}  // namespace baro::tsdb
