#include "tsdb/promblock/tombstones.h"

#include <algorithm>

#include <fmt/format.h>

#include "base/crc32c.h"
#include "tsdb/promblock/big_endian.h"
#include "tsdb/promblock/chunk.h"

namespace baro::tsdb {
namespace {

constexpr std::uint32_t kMagic = 0x0130BA30;
constexpr std::uint8_t kVersion = 1;
constexpr std::size_t kHeaderBytes = 5;
constexpr std::size_t kCrcBytes = 4;

}  // namespace

base::Result<Tombstones> Tombstones::Parse(base::ByteSpan file) {
  using base::Code;
  using base::Fail;
  if (file.size() < kHeaderBytes + kCrcBytes) {
    return Fail(Code::kCorruption,
                fmt::format("cut short: want at least {} bytes, got {}", kHeaderBytes + kCrcBytes, file.size()));
  }
  base::ByteReader reader(file.first(file.size() - kCrcBytes));
  if (const auto magic = TakeBe<std::uint32_t>(reader); magic != kMagic) {
    return Fail(Code::kCorruption, fmt::format("magic number {:#010x}: want {:#010x}", magic, kMagic));
  }
  if (const auto version = reader.Le<std::uint8_t>(); version != kVersion) {
    return Fail(Code::kUnsupported, fmt::format("version {}: want {}", version, kVersion));
  }
  const base::ByteSpan stones = reader.Bytes(reader.remaining());
  if (base::Crc32c(stones) != LoadBe<std::uint32_t>(file.data() + file.size() - kCrcBytes)) {
    return Fail(Code::kCorruption, "the checksum does not match");
  }
  Tombstones tombstones;
  reader = base::ByteReader(stones);
  while (!reader.AtEnd()) {
    const std::uint64_t series = reader.Varint();
    model::TimeRange range;
    range.min_ms = reader.SignedVarint();
    range.max_ms = reader.SignedVarint();
    if (!reader.ok()) return Fail(Code::kCorruption, "the last tombstone is cut short");
    tombstones.Add(series, range);
  }
  tombstones.Normalize();
  return tombstones;
}

void Tombstones::Normalize() {
  for (auto& [series, ranges] : intervals_) tsdb::Normalize(ranges);
}

std::span<const model::TimeRange> Tombstones::Of(std::uint64_t series) const {
  const auto found = intervals_.find(series);
  if (found == intervals_.end()) return {};
  return found->second;
}

base::ByteBuffer Tombstones::Format() const {
  base::ByteBuffer out;
  AppendBe(out, kMagic);
  AppendBe(out, kVersion);
  std::vector<std::uint64_t> order;
  for (const auto& [series, ranges] : intervals_) order.push_back(series);
  std::ranges::sort(order);
  for (const std::uint64_t series : order) {
    for (const model::TimeRange& range : intervals_.at(series)) {
      base::AppendVarint(out, series);
      base::AppendSignedVarint(out, range.min_ms);
      base::AppendSignedVarint(out, range.max_ms);
    }
  }
  AppendBe(out, base::Crc32c(base::ByteSpan(out).subspan(kHeaderBytes)));
  return out;
}

}  // namespace baro::tsdb
