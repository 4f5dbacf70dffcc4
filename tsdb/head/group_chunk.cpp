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
  if (values.size() == rows()) {
    bytes_.push_back(kAllRows);
  } else {
    bytes_.push_back(kSomeRows);
    base::AppendBytes(bytes_, std::as_bytes(presence).first((rows() + 7) / 8));
  }
  EncodeValues(values, bytes_);
}

void GroupChunk::Finish(std::span<const std::int64_t> timestamps_ms) {
  offsets_.push_back(static_cast<std::uint32_t>(bytes_.size()));
  const std::vector<std::uint64_t> stamps(timestamps_ms.begin(), timestamps_ms.end());
  EncodeIntegers(stamps, timestamps_);
  bytes_.shrink_to_fit();
  timestamps_.shrink_to_fit();
  offsets_.shrink_to_fit();
  parts_.min_ms = *std::ranges::min_element(timestamps_ms);
  parts_.max_ms = *std::ranges::max_element(timestamps_ms);
  parts_.timestamps = timestamps_;
  parts_.offsets = offsets_;
  parts_.values = bytes_;
}

GroupChunkPtr GroupChunk::FromRows(std::span<const RowPtr> rows) {
  BARO_ASSERT(!rows.empty());
  auto chunk = std::make_shared<GroupChunk>();
  chunk->parts_.rows = rows.size();
  chunk->parts_.first_row = rows.front()->number;
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
  joined->parts_.first_row = chunks.front()->first_row();
  std::size_t columns = 0;
  std::vector<std::int64_t> timestamps;
  for (const GroupChunkPtr& chunk : chunks) {
    joined->parts_.rows += chunk->rows();
    columns = std::max(columns, chunk->columns());
    BARO_TRY(chunk->ReadTimestamps(timestamps));
  }
  std::vector<double> values;
  std::vector<double> piece;
  std::vector<std::uint64_t> piece_presence;
  std::vector<std::uint64_t> presence((joined->rows() + 63) / 64);
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
  timestamps_ms.resize(start + rows());
  // The same bytes, seen without sign.
  const std::span<std::uint64_t> stamps(reinterpret_cast<std::uint64_t*>(timestamps_ms.data() + start), rows());
  BARO_TRY(DecodeIntegers(parts_.timestamps, stamps));
  return {};
}

base::Result<> GroupChunk::ReadColumn(std::size_t column, std::vector<double>& values,
                                      std::vector<std::uint64_t>& presence) const {
  BARO_ASSERT(Has(column));
  const std::span<const std::uint32_t> offsets = parts_.offsets;
  base::ByteSpan bytes = parts_.values.subspan(offsets[column], offsets[column + 1] - offsets[column]);
  const bool is_partial = bytes[0] == kSomeRows;
  bytes = bytes.subspan(1);
  std::size_t count = rows();
  presence.clear();
  if (is_partial) {
    const std::size_t size = (rows() + 7) / 8;
    if (bytes.size() < size) return base::Fail(base::Code::kCorruption, "chunk of the head: presence cut short");
    presence.assign((rows() + 63) / 64, 0);
    std::memcpy(presence.data(), bytes.data(), size);
    bytes = bytes.subspan(size);
    if (rows() % 64 != 0) presence.back() &= (1ULL << (rows() % 64)) - 1;
    count = CountBits(presence);
    if (count == 0) return base::Fail(base::Code::kCorruption, "chunk of the head: a column without samples");
  }
  values.resize(count);
  BARO_TRY(DecodeValues(bytes, values));
  return {};
}

base::Result<model::Sample> GroupChunk::ReadLast(std::size_t column,
                                                 std::span<const std::int64_t> timestamps_ms) const {
  thread_local std::vector<double> values;
  thread_local std::vector<std::uint64_t> presence;
  BARO_TRY(ReadColumn(column, values, presence));
  std::size_t row = rows() - 1;
  if (!presence.empty()) {
    std::size_t word = presence.size() - 1;
    while (presence[word] == 0) --word;
    row = word * 64 + 63 - static_cast<std::size_t>(std::countl_zero(presence[word]));
  }
  return model::Sample{.timestamp_ms = timestamps_ms[row], .value = values.back()};
}

std::size_t GroupChunk::SizeBytes() const {
  return sizeof(GroupChunk) + timestamps_.capacity() + offsets_.capacity() * sizeof(std::uint32_t) + bytes_.capacity();
}

}  // namespace baro::tsdb
