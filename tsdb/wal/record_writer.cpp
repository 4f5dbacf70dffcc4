#include <array>
#include <bit>
#include <cstring>

#include "tsdb/codec/value_codec.h"
#include "tsdb/wal/histogram_difference.h"
#include "tsdb/wal/histogram_record.h"
#include "tsdb/wal/record.h"
#include "tsdb/wal/row_format.h"

namespace baro::tsdb {
namespace {

std::uint64_t Bits(double value) { return std::bit_cast<std::uint64_t>(value); }

bool IsPresent(const LoggedRow& row, std::size_t column) {
  return row.presence.empty() || ((row.presence[column / 64] >> (column % 64)) & 1) != 0;
}

std::size_t VarintBytes(std::uint64_t value) { return (static_cast<std::size_t>(std::bit_width(value | 1)) + 6) / 7; }

// Shorter rows cost less as differences.
constexpr std::size_t kUniformColumnsMin = 16;

// Whether all that is there is one value: a target that failed says "stale" for every series.
bool IsUniform(const LoggedRow& row, std::uint64_t& bits) {
  if (row.values.size() < kUniformColumnsMin) return false;
  bool is_first = true;
  for (std::size_t i = 0; i < row.values.size(); ++i) {
    if (!IsPresent(row, i)) continue;
    if (is_first) bits = Bits(row.values[i]);
    if (Bits(row.values[i]) != bits) return false;
    is_first = false;
  }
  return !is_first;
}

// The bytes of a difference between its zero ones, behind a byte that says how many there are on either side.
std::byte* PutDifference(std::uint64_t difference, std::byte* at) {
  const unsigned low = static_cast<unsigned>(std::countr_zero(difference)) / 8;
  const unsigned high = static_cast<unsigned>(std::countl_zero(difference)) / 8;
  const unsigned count = 8 - low - high;
  *at++ = static_cast<std::byte>(low << 4 | count);
  base::StoreLe(at, difference >> (8 * low));  // up to seven bytes too many, which the next value overwrites
  return at + count;
}

// The bitmap of what differs from `before`, and the differences.
void PutDifferences(const LoggedRow& row, const LoggedRow* before, base::ByteBuffer& out) {
  const std::size_t columns = row.values.size();
  const std::size_t bitmap_bytes = (columns + 7) / 8;
  const std::size_t start = out.size();
  out.resize(start + bitmap_bytes + columns * 9 + 8);
  std::byte* bitmap = out.data() + start;
  std::byte* at = bitmap + bitmap_bytes;
  const std::size_t common = before == nullptr ? 0 : std::min(columns, before->values.size());
  for (std::size_t first = 0; first < columns; first += 8) {
    unsigned changed = 0;
    const std::size_t end = std::min(columns, first + 8);
    for (std::size_t i = first; i < end; ++i) {
      const std::uint64_t difference = Bits(row.values[i]) ^ (i < common ? Bits(before->values[i]) : 0);
      if (difference == 0) continue;
      changed |= 1U << (i - first);
      at = PutDifference(difference, at);
    }
    bitmap[first / 8] = static_cast<std::byte>(changed);
  }
  out.resize(static_cast<std::size_t>(at - out.data()));
}

}  // namespace

void RecordWriter::Append(RecordType type, base::ByteSpan body) {
  out_.push_back(static_cast<std::byte>(type));
  base::AppendVarint(out_, body.size());
  base::AppendBytes(out_, body);
}

void RecordWriter::Series(LogSeriesId series, const model::Labels& labels) {
  const auto id = static_cast<std::uint64_t>(series);
  const std::string_view packed = labels.packed();
  const std::size_t body_bytes = VarintBytes(id) + packed.size();
  out_.push_back(static_cast<std::byte>(RecordType::kSeries));
  base::AppendVarint(out_, body_bytes);
  base::AppendVarint(out_, id);
  const std::size_t begin = out_.size();
  out_.resize(begin + packed.size());
  std::memcpy(out_.data() + begin, packed.data(), packed.size());
}

void RecordWriter::Layout(std::uint64_t group, std::span<const LogSeriesId> columns) {
  body_.clear();
  base::AppendVarint(body_, group);
  base::AppendVarint(body_, columns.size());
  std::uint64_t last = 0;
  for (const LogSeriesId column : columns) {
    const auto id = static_cast<std::uint64_t>(column);
    base::AppendSignedVarint(body_, static_cast<std::int64_t>(id - last));
    last = id;
  }
  Append(RecordType::kLayout, body_);
}

void RecordWriter::Row(const LoggedRow& row, const LoggedRow* before) {
  body_.clear();
  std::uint64_t uniform_bits = 0;
  const bool is_uniform = IsUniform(row, uniform_bits);
  base::AppendVarint(body_, row.group);
  body_.push_back(static_cast<std::byte>((before == nullptr ? kRowIsWhole : 0) |
                                         (row.presence.empty() ? 0 : kRowIsPartial) | (is_uniform ? kRowIsUniform : 0) |
                                         (row.is_late ? kRowIsLate : 0)));
  const auto before_ms = static_cast<std::uint64_t>(before == nullptr ? 0 : before->timestamp_ms);
  base::AppendSignedVarint(body_, static_cast<std::int64_t>(static_cast<std::uint64_t>(row.timestamp_ms) - before_ms));
  if (before == nullptr) base::AppendVarint(body_, row.number);
  base::AppendVarint(body_, row.values.size());
  if (!row.presence.empty()) {
    base::AppendBytes(body_, std::as_bytes(row.presence).first((row.values.size() + 7) / 8));
  }
  if (is_uniform) {
    base::AppendLe(body_, uniform_bits);
  } else {
    PutDifferences(row, before, body_);
  }
  Append(RecordType::kRow, body_);
}

void RecordWriter::Sample(LogSeriesId series, model::Sample sample) {
  AppendSample(RecordType::kSamples, series, sample);
}

void RecordWriter::LateSample(LogSeriesId series, model::Sample sample) {
  AppendSample(RecordType::kLateSample, series, sample);
}

void RecordWriter::AppendSample(RecordType type, LogSeriesId series, model::Sample sample) {
  body_.clear();
  base::AppendVarint(body_, static_cast<std::uint64_t>(series));
  base::AppendSignedVarint(body_, sample.timestamp_ms);
  base::AppendLe(body_, Bits(sample.value));
  Append(type, body_);
}

void RecordWriter::Histogram(LogSeriesId series, std::int64_t timestamp_ms, const model::FloatHistogram& histogram) {
  AppendHistogram(RecordType::kHistograms, series, timestamp_ms, histogram);
}

void RecordWriter::LateHistogram(LogSeriesId series, std::int64_t timestamp_ms,
                                 const model::FloatHistogram& histogram) {
  AppendHistogram(RecordType::kLateHistogram, series, timestamp_ms, histogram);
}

void RecordWriter::AppendHistogram(RecordType type, LogSeriesId series, std::int64_t timestamp_ms,
                                   const model::FloatHistogram& histogram) {
  body_.clear();
  base::AppendVarint(body_, static_cast<std::uint64_t>(series));
  base::AppendSignedVarint(body_, timestamp_ms);
  EncodeHistogram(histogram, body_);
  Append(type, body_);
}

bool RecordWriter::HistogramDifference(LogSeriesId series, const LoggedHistogram& histogram,
                                       const LoggedHistogram& before) {
  body_.clear();
  base::AppendVarint(body_, static_cast<std::uint64_t>(series));
  const auto at_ms = static_cast<std::uint64_t>(histogram.timestamp_ms);
  base::AppendSignedVarint(body_, static_cast<std::int64_t>(at_ms - static_cast<std::uint64_t>(before.timestamp_ms)));
  if (!EncodeHistogramDifference(*histogram.histogram, *before.histogram, body_)) return false;
  Append(RecordType::kHistogramDifference, body_);
  return true;
}

void RecordWriter::Exemplar(LogSeriesId series, std::int64_t timestamp_ms, const model::Exemplar& exemplar) {
  body_.clear();
  base::AppendVarint(body_, static_cast<std::uint64_t>(series));
  base::AppendSignedVarint(body_, timestamp_ms);
  base::AppendLe(body_, Bits(exemplar.value));
  base::AppendBytes(body_, base::AsBytes(exemplar.labels.packed()));
  Append(RecordType::kExemplars, body_);
}

void RecordWriter::Metadata(std::int64_t seen_ms, std::string_view family, const model::Metadata& metadata) {
  body_.clear();
  base::AppendSignedVarint(body_, seen_ms);
  body_.push_back(static_cast<std::byte>(metadata.type));
  for (const std::string_view text : {family, std::string_view(metadata.unit), std::string_view(metadata.help)}) {
    base::AppendVarint(body_, text.size());
    base::AppendBytes(body_, base::AsBytes(text));
  }
  Append(RecordType::kMetadata, body_);
}

void RecordWriter::Start(LogSeriesId series, std::int64_t from_ms, std::int64_t start_ms) {
  body_.clear();
  base::AppendVarint(body_, static_cast<std::uint64_t>(series));
  base::AppendSignedVarint(body_, from_ms);
  base::AppendSignedVarint(body_, start_ms);
  Append(RecordType::kStart, body_);
}

void RecordWriter::NextSeries(LogSeriesId next) {
  body_.clear();
  base::AppendVarint(body_, static_cast<std::uint64_t>(next));
  Append(RecordType::kNextSeries, body_);
}

void RecordWriter::Tombstones(model::TimeRange range, std::span<const LoggedTombstone> tombstones) {
  body_.clear();
  base::AppendSignedVarint(body_, range.min_ms);
  base::AppendSignedVarint(body_, range.max_ms);
  base::AppendVarint(body_, tombstones.size());
  std::uint64_t last = 0;
  for (const LoggedTombstone& tombstone : tombstones) {
    const auto id = static_cast<std::uint64_t>(tombstone.series);
    base::AppendVarint(body_, id - last);
    last = id;
    // Mostly the delete goes as far as the series, or all of it.
    base::AppendVarint(
        body_, static_cast<std::uint64_t>(range.max_ms) - static_cast<std::uint64_t>(tombstone.in_order_max_ms));
  }
  Append(RecordType::kTombstones, body_);
}

}  // namespace baro::tsdb
