#include <array>
#include <bit>

#include "tsdb/wal/histogram_record.h"
#include "tsdb/wal/record.h"
#include "tsdb/wal/row_format.h"

namespace baro::tsdb {
namespace {

base::Error Damaged(const char* what) { return {base::Code::kCorruption, fmt::format("log record: {}", what)}; }

LogSeriesId SeriesId(std::uint64_t id) { return static_cast<LogSeriesId>(id); }

std::vector<std::uint64_t> ReadBitmap(base::ByteReader& reader, std::size_t bits) {
  const base::ByteSpan bytes = reader.Bytes((bits + 7) / 8);
  std::vector<std::uint64_t> words((bits + 63) / 64);
  if (!bytes.empty()) std::memcpy(words.data(), bytes.data(), bytes.size());
  if (bits % 64 != 0) words.back() &= (1ULL << (bits % 64)) - 1;
  return words;
}

bool Bit(std::span<const std::uint64_t> words, std::size_t bit) { return ((words[bit / 64] >> (bit % 64)) & 1) != 0; }

// One difference as PutDifference() wrote it. `is_good` becomes false when it is none.
std::uint64_t TakeDifference(base::ByteReader& reader, bool& is_good) {
  const auto head = static_cast<unsigned>(reader.Le<std::uint8_t>());
  const unsigned low = head >> 4;
  const unsigned count = head & 15;
  const base::ByteSpan bytes = reader.Bytes(count);
  if (count == 0 || low + count > 8 || bytes.empty()) {
    is_good = false;
    return 0;
  }
  std::uint64_t value = 0;
  std::memcpy(&value, bytes.data(), bytes.size());
  return value << (8 * low);
}

}  // namespace

base::Result<> RecordReader::Read(base::ByteSpan payload, RecordVisitor& visitor) {
  base::ByteReader reader(payload);
  while (!reader.AtEnd()) {
    const auto type = static_cast<RecordType>(reader.Le<std::uint8_t>());
    base::ByteReader body(reader.Bytes(reader.Varint()));
    if (!reader.ok()) return Damaged("cut short");
    BARO_TRY(ReadBody(type, body, visitor));
  }
  return {};
}

base::Result<> RecordReader::ReadBody(RecordType type, base::ByteReader& body, RecordVisitor& visitor) {
  switch (type) {
    case RecordType::kLayout:
      return ReadLayout(body, visitor);
    case RecordType::kRow:
      return ReadRow(body, visitor);
    case RecordType::kNextSeries: {
      const std::uint64_t next = body.Varint();
      if (!body.ok()) return Damaged("series number cut short");
      visitor.OnNextSeries(SeriesId(next));
      return {};
    }
    case RecordType::kSeries: {
      const LogSeriesId series = SeriesId(body.Varint());
      model::Labels labels = BARO_TRY(model::Labels::FromPacked(base::AsText(body.Bytes(body.remaining()))));
      if (!body.ok() || labels.empty()) return Damaged("a series without labels");
      visitor.OnSeries(series, std::move(labels));
      return {};
    }
    case RecordType::kSamples: {
      const LogSeriesId series = SeriesId(body.Varint());
      const std::int64_t timestamp_ms = body.SignedVarint();
      const auto bits = body.Le<std::uint64_t>();
      if (!body.ok()) return Damaged("sample cut short");
      visitor.OnSample(series, {.timestamp_ms = timestamp_ms, .value = std::bit_cast<double>(bits)});
      return {};
    }
    case RecordType::kHistograms: {
      const LogSeriesId series = SeriesId(body.Varint());
      const std::int64_t timestamp_ms = body.SignedVarint();
      auto histogram = BARO_TRY(DecodeHistogram(body.Bytes(body.remaining())));
      visitor.OnHistogram(series, timestamp_ms, std::make_shared<const model::FloatHistogram>(std::move(histogram)));
      return {};
    }
    case RecordType::kExemplars: {
      const LogSeriesId series = SeriesId(body.Varint());
      const std::int64_t timestamp_ms = body.SignedVarint();
      const auto value = body.Le<double>();
      model::Labels labels = BARO_TRY(model::Labels::FromPacked(base::AsText(body.Bytes(body.remaining()))));
      if (!body.ok()) return Damaged("exemplar cut short");
      visitor.OnExemplar(series, timestamp_ms,
                         {.labels = std::move(labels), .value = value, .timestamp_ms = timestamp_ms});
      return {};
    }
    case RecordType::kTombstones:
    case RecordType::kMetadata:
      return {};
  }
  return {};  // a later version's
}

base::Result<> RecordReader::ReadLayout(base::ByteReader& body, RecordVisitor& visitor) {
  const std::uint64_t group = body.Varint();
  const std::uint64_t count = body.Varint();
  if (!body.ok() || count > body.remaining() || count > kRowColumnsMax) return Damaged("layout of impossible length");
  std::vector<LogSeriesId> columns(count);
  std::uint64_t last = 0;
  for (LogSeriesId& column : columns) {
    last += static_cast<std::uint64_t>(body.SignedVarint());
    column = SeriesId(last);
  }
  if (!body.ok()) return Damaged("layout cut short");
  Group& state = groups_[group];
  state.columns = count;
  state.has_row = false;
  visitor.OnLayout(group, columns);
  return {};
}

base::Result<> RecordReader::ReadRow(base::ByteReader& body, RecordVisitor& visitor) {
  const std::uint64_t group = body.Varint();
  const auto flags = static_cast<unsigned>(body.Le<std::uint8_t>());
  const std::int64_t time = body.SignedVarint();
  const std::uint64_t columns = body.Varint();
  if (!body.ok() || flags > kRowFlagsAll) return Damaged("row's head cut short or unknown");
  const auto found = groups_.find(group);
  const bool is_whole = (flags & kRowIsWhole) != 0;
  if (found == groups_.end() || (!is_whole && !found->second.has_row)) {
    ++rows_left_out_;  // what it builds on was lost
    return {};
  }
  Group& state = found->second;
  if (columns != state.columns) return Damaged("row of another length than its layout");

  std::vector<std::uint64_t> presence;
  if ((flags & kRowIsPartial) != 0) presence = ReadBitmap(body, columns);
  state.values.resize(columns);
  if (is_whole) std::ranges::fill(state.values, 0.0);
  state.has_row = false;  // until all of it is read
  if ((flags & kRowIsUniform) != 0) {
    const auto value = std::bit_cast<double>(body.Le<std::uint64_t>());
    for (std::size_t i = 0; i < columns; ++i) {
      if (presence.empty() || Bit(presence, i)) state.values[i] = value;
    }
  } else {
    const std::vector<std::uint64_t> changed = ReadBitmap(body, columns);
    if (!body.ok()) return Damaged("row cut short");
    bool is_good = true;
    for (std::size_t i = 0; i < columns && is_good; ++i) {
      if (!Bit(changed, i)) continue;
      const std::uint64_t difference = TakeDifference(body, is_good);
      state.values[i] = std::bit_cast<double>(std::bit_cast<std::uint64_t>(state.values[i]) ^ difference);
    }
    if (!is_good) return Damaged("row with an impossible difference");
  }
  if (!body.ok()) return Damaged("row cut short");
  const std::int64_t before_ms = is_whole ? 0 : state.timestamp_ms;
  state.timestamp_ms =  // wraps around: a hostile log may say anything
      static_cast<std::int64_t>(static_cast<std::uint64_t>(before_ms) + static_cast<std::uint64_t>(time));
  state.has_row = true;
  visitor.OnRow({.group = group, .timestamp_ms = state.timestamp_ms, .values = state.values, .presence = presence});
  return {};
}

}  // namespace baro::tsdb
