#include "tsdb/head/group_chunk.h"

#include <algorithm>
#include <bit>

#include "tsdb/codec/integer_stream.h"
#include "tsdb/codec/value_codec.h"
#include "tsdb/head/quick_column.h"

namespace baro::tsdb {
namespace {

// The first byte of a column.
constexpr unsigned kSomeRows = 1;  // a bitmap says which
constexpr unsigned kQuick = 2;     // written by EncodeQuickly()

// So many columns of a row lie in one line of the cache: they are taken out of it together.
constexpr std::size_t kColumnsTogether = 8;

std::size_t CountBits(std::span<const std::uint64_t> words) {
  std::size_t count = 0;
  for (const std::uint64_t word : words) count += static_cast<std::size_t>(std::popcount(word));
  return count;
}

// Of eight columns from `first` on those that the row has.
unsigned PresentOf(const Row& row, std::size_t first) {
  static_assert(kColumnsTogether == 8);
  if (first >= row.values.size()) return 0;
  const std::size_t there = row.values.size() - first;
  const unsigned mask = there >= 8 ? 0xffU : (1U << there) - 1;
  if (row.presence.empty()) return mask;
  return static_cast<unsigned>(row.presence[first / 64] >> (first % 64)) & mask;
}

}  // namespace

// `values` are those of the rows in `presence` only.
void GroupChunk::AddColumn(std::span<const double> values, std::span<const std::uint64_t> presence, bool quickly) {
  offsets_.push_back(static_cast<std::uint32_t>(bytes_.size()));
  if (values.empty()) return;
  const bool is_partial = values.size() != rows();
  bytes_.push_back(static_cast<std::byte>((is_partial ? kSomeRows : 0) | (quickly ? kQuick : 0)));
  if (is_partial) base::AppendBytes(bytes_, std::as_bytes(presence).first((rows() + 7) / 8));
  if (quickly) {
    EncodeQuickly(values, bytes_);
  } else {
    EncodeValues(values, bytes_);
  }
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
  std::vector<std::int64_t> timestamps;
  for (const RowPtr& row : rows) {
    columns = std::max(columns, row->values.size());
    timestamps.push_back(row->timestamp_ms);
  }

  const bool quickly = rows.size() <= kQuickLengthMax;
  std::vector<double> values;
  std::vector<double> together(kColumnsTogether * rows.size());
  std::vector<std::uint64_t> presence((rows.size() + 63) / 64);
  chunk->offsets_.reserve(columns + 1);
  for (std::size_t first = 0; first < columns; first += kColumnsTogether) {
    const std::size_t count = std::min(kColumnsTogether, columns - first);
    unsigned in_all_rows = 0xff;
    for (std::size_t i = 0; i < rows.size(); ++i) {
      in_all_rows &= PresentOf(*rows[i], first);
      const std::vector<double>& row = rows[i]->values;
      for (std::size_t k = 0; k < count && first + k < row.size(); ++k) together[k * rows.size() + i] = row[first + k];
    }
    for (std::size_t k = 0; k < count; ++k) {
      const std::span<const double> column(together.data() + k * rows.size(), rows.size());
      if (((in_all_rows >> k) & 1) != 0) {
        chunk->AddColumn(column, presence, quickly);
        continue;
      }
      values.clear();
      std::ranges::fill(presence, 0);
      for (std::size_t i = 0; i < rows.size(); ++i) {
        if (!rows[i]->Has(first + k)) continue;
        presence[i / 64] |= 1ULL << (i % 64);
        values.push_back(column[i]);
      }
      chunk->AddColumn(values, presence, quickly);
    }
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
    joined->AddColumn(values, presence, /*quickly=*/false);
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
  const auto flags = static_cast<unsigned>(bytes[0]);
  if (flags > (kSomeRows | kQuick)) return base::Fail(base::Code::kCorruption, "chunk of the head: unknown column");
  const bool is_partial = (flags & kSomeRows) != 0;
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
  if ((flags & kQuick) != 0) return DecodeQuickly(bytes, values);
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
