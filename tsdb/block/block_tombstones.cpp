#include "tsdb/block/block_tombstones.h"

#include <algorithm>

namespace baro::tsdb {
namespace {

constexpr std::string_view kMagic = "BAROTOMB";
constexpr std::uint64_t kVersion = 1;

base::Error Damaged(const char* what) { return {base::Code::kCorruption, fmt::format("tombstones: {}", what)}; }

std::uint64_t Bits(std::int64_t value) { return static_cast<std::uint64_t>(value); }

// Whether nothing lies between the end of one range and the start of the other.
bool Touch(std::int64_t end_ms, std::int64_t start_ms) {
  return start_ms <= end_ms || Bits(start_ms) - Bits(end_ms) == 1;
}

}  // namespace

void BlockTombstones::Add(std::uint32_t series, model::TimeRange range) {
  BARO_ASSERT(!range.empty());
  std::vector<model::TimeRange>& ranges = by_series_[series];
  auto first = ranges.begin();
  while (first != ranges.end() && !Touch(first->max_ms, range.min_ms)) ++first;
  auto last = first;
  for (; last != ranges.end() && Touch(range.max_ms, last->min_ms); ++last) {
    range.min_ms = std::min(range.min_ms, last->min_ms);
    range.max_ms = std::max(range.max_ms, last->max_ms);
  }
  ranges.insert(ranges.erase(first, last), range);
}

std::span<const model::TimeRange> BlockTombstones::Of(std::uint32_t series) const {
  const auto found = by_series_.find(series);
  return found == by_series_.end() ? std::span<const model::TimeRange>() : found->second;
}

std::size_t BlockTombstones::interval_count() const {
  std::size_t count = 0;
  for (const auto& [series, ranges] : by_series_) count += ranges.size();
  return count;
}

base::ByteBuffer BlockTombstones::Encode(const Ulid& block) const {
  base::ByteBuffer out;
  base::AppendBytes(out, base::AsBytes(kMagic));
  base::AppendVarint(out, kVersion);
  base::AppendBytes(out, std::as_bytes(std::span(block.bytes)));
  base::AppendVarint(out, by_series_.size());
  std::uint32_t next = 0;
  for (const auto& [series, ranges] : by_series_) {
    base::AppendVarint(out, series - next);
    base::AppendVarint(out, ranges.size());
    std::uint64_t end = 0;
    for (const model::TimeRange& range : ranges) {
      base::AppendSignedVarint(out, static_cast<std::int64_t>(Bits(range.min_ms) - end));
      base::AppendVarint(out, Bits(range.max_ms) - Bits(range.min_ms));
      end = Bits(range.max_ms);
    }
    next = series + 1;
  }
  return out;
}

base::Result<BlockTombstones> BlockTombstones::Decode(base::ByteSpan bytes, const Ulid& block,
                                                      std::uint64_t series_count) {
  base::ByteReader reader(bytes);
  if (base::AsText(reader.Bytes(kMagic.size())) != kMagic) return Damaged("another file");
  if (const std::uint64_t version = reader.Varint(); version != kVersion) {
    return base::Fail(base::Code::kUnsupported, fmt::format("tombstones: version {} is not known", version));
  }
  const base::ByteSpan ulid = reader.Bytes(block.bytes.size());
  if (!reader.ok() || !std::ranges::equal(ulid, std::as_bytes(std::span(block.bytes)))) return Damaged("another block");
  BlockTombstones tombstones;
  const std::uint64_t count = reader.Varint();
  std::uint64_t next = 0;
  for (std::uint64_t i = 0; i < count; ++i) {
    const std::uint64_t series = next + reader.Varint();
    const std::uint64_t ranges = reader.Varint();
    if (!reader.ok() || series >= series_count || ranges == 0 || ranges > reader.remaining()) {
      return Damaged("cut short, or a series that does not exist");
    }
    std::vector<model::TimeRange>& list = tombstones.by_series_[static_cast<std::uint32_t>(series)];
    std::uint64_t end = 0;
    for (std::uint64_t k = 0; k < ranges; ++k) {
      const std::uint64_t min = end + Bits(reader.SignedVarint());
      end = min + reader.Varint();
      const model::TimeRange range{.min_ms = static_cast<std::int64_t>(min), .max_ms = static_cast<std::int64_t>(end)};
      if (!reader.ok() || range.empty() || (k > 0 && range.min_ms <= list.back().max_ms)) {
        return Damaged("ranges out of order");
      }
      list.push_back(range);
    }
    next = series + 1;
  }
  return reader.AtEnd() ? base::Result<BlockTombstones>(std::move(tombstones)) : Damaged("bytes behind its end");
}

}  // namespace baro::tsdb
