#include "tsdb/head/group_chunk.h"

#include <algorithm>
#include <bit>

#include "tsdb/codec/integer_stream.h"
#include "tsdb/codec/value_codec.h"

namespace baro::tsdb {
namespace {

constexpr std::byte kAllRows{0};
constexpr std::byte kSomeRows{1};

std::size_t CountBits(std::span<const std::uint64_t> words) {
  std::size_t count = 0;
  for (const std::uint64_t word : words) count += static_cast<std::size_t>(std::popcount(word));
  return count;
}

}  // namespace

// `values` are those of the rows in `presence` only.
void GroupChunk::AddColumn(std::span<const double> values, std::span<const std::uint64_t> presence) {
  offsets_.push_back(static_cast<std::uint32_t>(bytes_.size()));
  if (values.empty()) return;
  if (values.size() == rows_) {
    bytes_.push_back(kAllRows);
  } else {
    bytes_.push_back(kSomeRows);
    base::AppendBytes(bytes_, std::as_bytes(presence).first((rows_ + 7) / 8));
  }
  EncodeValues(values, bytes_);
}

void GroupChunk::Finish(std::span<const std::int64_t> timestamps_ms) {
  offsets_.push_back(static_cast<std::uint32_t>(bytes_.size()));
  const std::vector<std::uint64_t> stamps(timestamps_ms.begin(), timestamps_ms.end());
  EncodeIntegers(stamps, timestamps_);
  min_ms_ = *std::ranges::min_element(timestamps_ms);
  max_ms_ = *std::ranges::max_element(timestamps_ms);
  bytes_.shrink_to_fit();
  timestamps_.shrink_to_fit();
  offsets_.shrink_to_fit();
}

GroupChunkPtr GroupChunk::FromRows(std::span<const RowPtr> rows) {
  BARO_ASSERT(!rows.empty());
  auto chunk = std::make_shared<GroupChunk>();
  chunk->rows_ = rows.size();
  std::size_t columns = 0;
  bool has_partial = false;
  std::vector<std::int64_t> timestamps;
  for (const RowPtr& row : rows) {
    columns = std::max(columns, row->values.size());
    timestamps.push_back(row->timestamp_ms);
  }
  for (const RowPtr& row : rows) has_partial |= !row->presence.empty() || row->values.size() != columns;

  std::vector<double> values;
  std::vector<std::uint64_t> presence((rows.size() + 63) / 64);
  chunk->offsets_.reserve(columns + 1);
  for (std::size_t column = 0; column < columns; ++column) {
    values.clear();
    if (!has_partial) {
      for (const RowPtr& row : rows) values.push_back(row->values[column]);
    } else {
      std::ranges::fill(presence, 0);
      for (std::size_t i = 0; i < rows.size(); ++i) {
        if (!rows[i]->Has(column)) continue;
        presence[i / 64] |= 1ULL << (i % 64);
        values.push_back(rows[i]->values[column]);
      }
    }
    chunk->AddColumn(values, presence);
  }
  chunk->Finish(timestamps);
  return chunk;
}

base::Result<GroupChunkPtr> GroupChunk::Join(std::span<const GroupChunkPtr> chunks) {
  auto joined = std::make_shared<GroupChunk>();
  std::size_t columns = 0;
  std::vector<std::int64_t> timestamps;
  for (const GroupChunkPtr& chunk : chunks) {
    joined->rows_ += chunk->rows();
    columns = std::max(columns, chunk->columns());
    BARO_TRY(chunk->ReadTimestamps(timestamps));
  }
  std::vector<double> values;
  std::vector<double> piece;
  std::vector<std::uint64_t> piece_presence;
  std::vector<std::uint64_t> presence((joined->rows_ + 63) / 64);
  joined->offsets_.reserve(columns + 1);
  for (std::size_t column = 0; column < columns; ++column) {
    values.clear();
    std::ranges::fill(presence, 0);
    std::size_t row = 0;
    for (const GroupChunkPtr& chunk : chunks) {
      if (chunk->Has(column)) {
        BARO_TRY(chunk->ReadColumn(column, piece, piece_presence));
        values.insert(values.end(), piece.begin(), piece.end());
        for (std::size_t i = 0; i < chunk->rows(); ++i) {
          const bool is_there = piece_presence.empty() || ((piece_presence[i / 64] >> (i % 64)) & 1) != 0;
          if (is_there) presence[(row + i) / 64] |= 1ULL << ((row + i) % 64);
        }
      }
      row += chunk->rows();
    }
    joined->AddColumn(values, presence);
  }
  joined->Finish(timestamps);
  return GroupChunkPtr(std::move(joined));
}

base::Result<> GroupChunk::ReadTimestamps(std::vector<std::int64_t>& timestamps_ms) const {
  const std::size_t start = timestamps_ms.size();
  timestamps_ms.resize(start + rows_);
  // The same bytes, seen without sign.
  const std::span<std::uint64_t> stamps(reinterpret_cast<std::uint64_t*>(timestamps_ms.data() + start), rows_);
  BARO_TRY(DecodeIntegers(timestamps_, stamps));
  return {};
}

base::Result<> GroupChunk::ReadColumn(std::size_t column, std::vector<double>& values,
                                      std::vector<std::uint64_t>& presence) const {
  BARO_ASSERT(Has(column));
  base::ByteSpan bytes(bytes_);
  bytes = bytes.subspan(offsets_[column], offsets_[column + 1] - offsets_[column]);
  const bool is_partial = bytes[0] == kSomeRows;
  bytes = bytes.subspan(1);
  std::size_t count = rows_;
  presence.clear();
  if (is_partial) {
    const std::size_t size = (rows_ + 7) / 8;
    if (bytes.size() < size) return base::Fail(base::Code::kCorruption, "chunk in memory: presence cut short");
    presence.resize((rows_ + 63) / 64);
    std::memcpy(presence.data(), bytes.data(), size);
    bytes = bytes.subspan(size);
    count = CountBits(presence);
  }
  values.resize(count);
  BARO_TRY(DecodeValues(bytes, values));
  return {};
}

std::size_t GroupChunk::SizeBytes() const {
  return sizeof(GroupChunk) + timestamps_.capacity() + offsets_.capacity() * sizeof(std::uint32_t) + bytes_.capacity();
}

}  // namespace baro::tsdb
