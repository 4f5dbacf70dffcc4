#include <algorithm>
#include <bit>

#include "tsdb/wal/histogram_difference.h"
#include "tsdb/wal/histogram_record.h"
#include "tsdb/wal/record.h"
#include "tsdb/wal/row_format.h"

namespace baro::tsdb {
namespace {

base::Error Damaged(const char* what) { return {base::Code::kCorruption, fmt::format("log record: {}", what)}; }

LogSeriesId SeriesId(std::uint64_t id) { return static_cast<LogSeriesId>(id); }

// Fills `words` with a bitmap; bits behind its end are 0.
void ReadBitmap(base::ByteReader& reader, std::size_t bits, std::vector<std::uint64_t>& words) {
  const base::ByteSpan bytes = reader.Bytes((bits + 7) / 8);
  words.assign((bits + 63) / 64, 0);
  if (!bytes.empty()) std::memcpy(words.data(), bytes.data(), bytes.size());
  if (bits % 64 != 0) words.back() &= (1ULL << (bits % 64)) - 1;
}

// Calls `visit(bit)` for each bit that is set.
template <typename Visit>
void ForEachBit(std::span<const std::uint64_t> words, const Visit& visit) {
  for (std::size_t i = 0; i < words.size(); ++i) {
    for (std::uint64_t word = words[i]; word != 0; word &= word - 1) {
      visit(i * 64 + static_cast<std::size_t>(std::countr_zero(word)));
    }
  }
}

// The bytes behind a bitmap of what changed: for each bit a difference as PutDifference() wrote it.
class DifferenceReader {
 public:
  explicit DifferenceReader(base::ByteSpan bytes) : at_(bytes.data()), end_(bytes.data() + bytes.size()) {}

  std::uint64_t Next() {
    if (at_ == end_) return Fail();
    const auto head = static_cast<unsigned>(*at_++);
    const unsigned low = head >> 4;
    const unsigned count = head & 15;
    const auto left = static_cast<std::size_t>(end_ - at_);
    if (count == 0 || low + count > 8 || left < count) return Fail();
    std::uint64_t value = 0;
    if (left >= 8) [[likely]] {
      value = base::LoadLe<std::uint64_t>(at_) & (~std::uint64_t{0} >> (64 - 8 * count));
    } else {
      std::memcpy(&value, at_, count);
    }
    at_ += count;
    return value << (8 * low);
  }
  bool is_good() const { return is_good_; }

 private:
  std::uint64_t Fail() {
    is_good_ = false;
    at_ = end_;
    return 0;
  }

  const std::byte* at_;
  const std::byte* end_;
  bool is_good_ = true;
};

}  // namespace

base::Result<> RecordReader::Read(base::ByteSpan payload, RecordVisitor& visitor, bool stays) {
  payload_stays_ = stays;
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
    case RecordType::kSamples:
    case RecordType::kLateSample: {
      const LogSeriesId series = SeriesId(body.Varint());
      const std::int64_t timestamp_ms = body.SignedVarint();
      const auto bits = body.Le<std::uint64_t>();
      if (!body.ok()) return Damaged("sample cut short");
      const model::Sample sample{.timestamp_ms = timestamp_ms, .value = std::bit_cast<double>(bits)};
      type == RecordType::kLateSample ? visitor.OnLateSample(series, sample) : visitor.OnSample(series, sample);
      return {};
    }
    case RecordType::kHistograms:
      return ReadHistogram(body, visitor);
    case RecordType::kHistogramDifference:
      return ReadHistogramDifference(body, visitor);
    case RecordType::kLateHistogram: {
      const LogSeriesId series = SeriesId(body.Varint());
      const std::int64_t timestamp_ms = body.SignedVarint();
      auto histogram = BARO_TRY(DecodeHistogram(body.Bytes(body.remaining())));
      visitor.OnLateHistogram(series, timestamp_ms,
                              std::make_shared<const model::FloatHistogram>(std::move(histogram)));
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
    case RecordType::kMetadata: {
      const std::int64_t seen_ms = body.SignedVarint();
      const auto number = body.Le<std::uint8_t>();
      const std::string_view family = body.Text();
      const std::string_view unit = body.Text();
      const std::string_view help = body.Text();
      if (!body.ok() || family.empty()) return Damaged("metadata cut short");
      // A type of a later version is none that this one knows.
      const auto known = number <= static_cast<std::uint8_t>(model::MetricType::kStateSet)
                             ? static_cast<model::MetricType>(number)
                             : model::MetricType::kUnknown;
      visitor.OnMetadata(seen_ms, family, {.type = known, .help = std::string(help), .unit = std::string(unit)});
      return {};
    }
    case RecordType::kStart: {
      const LogSeriesId series = SeriesId(body.Varint());
      const std::int64_t from_ms = body.SignedVarint();
      const std::int64_t start_ms = body.SignedVarint();
      if (!body.ok()) return Damaged("start time cut short");
      visitor.OnStart(series, from_ms, start_ms);
      return {};
    }
    case RecordType::kTombstones:
      return ReadTombstones(body, visitor);
      return {};
  }
  return {};  // a later version's
}

base::Result<> RecordReader::ReadTombstones(base::ByteReader& body, RecordVisitor& visitor) {
  const model::TimeRange range{.min_ms = body.SignedVarint(), .max_ms = body.SignedVarint()};
  const std::uint64_t count = body.Varint();
  if (!body.ok() || count > body.remaining() / 2) return Damaged("tombstones of impossible number");
  std::vector<LoggedTombstone> tombstones(count);
  std::uint64_t last = 0;
  for (LoggedTombstone& tombstone : tombstones) {
    last += body.Varint();
    tombstone.series = SeriesId(last);
    tombstone.in_order_max_ms = static_cast<std::int64_t>(static_cast<std::uint64_t>(range.max_ms) - body.Varint());
  }
  if (!body.ok()) return Damaged("tombstones cut short");
  visitor.OnTombstones(range, tombstones);
  return {};
}

base::Result<> RecordReader::ReadHistogram(base::ByteReader& body, RecordVisitor& visitor) {
  const LogSeriesId series = SeriesId(body.Varint());
  const std::int64_t timestamp_ms = body.SignedVarint();
  auto histogram =
      std::make_shared<const model::FloatHistogram>(BARO_TRY(DecodeHistogram(body.Bytes(body.remaining()))));
  histograms_[series] = {.timestamp_ms = timestamp_ms, .histogram = histogram};
  visitor.OnHistogram(series, timestamp_ms, std::move(histogram));
  return {};
}

base::Result<> RecordReader::ReadHistogramDifference(base::ByteReader& body, RecordVisitor& visitor) {
  const LogSeriesId series = SeriesId(body.Varint());
  const auto later_ms = static_cast<std::uint64_t>(body.SignedVarint());
  if (!body.ok()) return Damaged("histogram cut short");
  const auto before = histograms_.find(series);
  if (before == histograms_.end()) {
    ++histograms_left_out_;  // what it builds on was lost
    return {};
  }
  LastHistogram& last = before->second;
  auto histogram = std::make_shared<const model::FloatHistogram>(
      BARO_TRY(DecodeHistogramDifference(body.Bytes(body.remaining()), *last.histogram)));
  last.timestamp_ms = static_cast<std::int64_t>(static_cast<std::uint64_t>(last.timestamp_ms) + later_ms);
  last.histogram = histogram;
  visitor.OnHistogram(series, last.timestamp_ms, std::move(histogram));
  return {};
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
  state.skipped.clear();
  visitor.OnLayout(group, columns);
  return {};
}

base::Result<> RecordReader::ReadRow(base::ByteReader& body, RecordVisitor& visitor) {
  const std::uint64_t group = body.Varint();
  const auto flags = static_cast<unsigned>(body.Le<std::uint8_t>());
  const bool is_whole = (flags & kRowIsWhole) != 0;
  const std::int64_t time = body.SignedVarint();
  const std::uint64_t number = is_whole ? body.Varint() : 0;
  const std::uint64_t columns = body.Varint();
  if (!body.ok() || flags > kRowFlagsAll) return Damaged("row's head cut short or unknown");
  if (number > kRowNumberMax) return Damaged("row of an impossible number");
  const auto found = groups_.find(group);
  if (found == groups_.end() || (!is_whole && !found->second.has_row)) {
    ++rows_left_out_;  // what it builds on was lost
    return {};
  }
  Group& state = found->second;
  if (columns != state.columns) return Damaged("row of another length than its layout");

  if ((flags & kRowIsLate) != 0) {
    const std::int64_t base_ms = is_whole ? 0 : state.timestamp_ms;
    const auto timestamp_ms =
        static_cast<std::int64_t>(static_cast<std::uint64_t>(base_ms) + static_cast<std::uint64_t>(time));
    return ReadLateRow({.flags = flags, .bytes = body.Bytes(body.remaining())},
                       {.group = group, .timestamp_ms = timestamp_ms, .is_late = true}, state, visitor);
  }
  state.has_row = false;  // until all of it is read
  if (is_whole) state.skipped.clear();
  state.number = is_whole ? number : state.number + 1;
  const std::int64_t before_ms = is_whole ? 0 : state.timestamp_ms;
  state.timestamp_ms =  // wraps around: a hostile log may say anything
      static_cast<std::int64_t>(static_cast<std::uint64_t>(before_ms) + static_cast<std::uint64_t>(time));
  LoggedRow row{.group = group, .number = state.number, .timestamp_ms = state.timestamp_ms};
  const PackedRow packed{.flags = flags, .bytes = body.Bytes(body.remaining())};
  if (payload_stays_ && visitor.PassOver(row)) {
    state.skipped.push_back(packed);
    state.has_row = true;
    return {};
  }
  for (const PackedRow& earlier : state.skipped) BARO_TRY(Decode(earlier, state));
  state.skipped.clear();
  BARO_TRY(Decode(packed, state));
  state.has_row = true;
  row.values = state.values;
  row.presence = presence_;
  visitor.OnRow(row);
  return {};
}

// A late row may be told as the difference to the row before it, but none is told as the difference to it.
base::Result<> RecordReader::ReadLateRow(const PackedRow& packed, LoggedRow row, Group& state, RecordVisitor& visitor) {
  if (visitor.PassOver(row)) return {};
  Group late{.columns = state.columns};
  if ((packed.flags & kRowIsWhole) == 0) {
    state.has_row = false;  // until all before it is read
    for (const PackedRow& earlier : state.skipped) BARO_TRY(Decode(earlier, state));
    state.skipped.clear();
    state.has_row = true;
    late.values = state.values;
  }
  BARO_TRY(Decode(packed, late));
  row.values = late.values;
  row.presence = presence_;
  visitor.OnRow(row);
  return {};
}

// Makes the group's values those of the row, which follows them.
base::Result<> RecordReader::Decode(const PackedRow& row, Group& group) {
  const std::size_t columns = group.columns;
  base::ByteReader body(row.bytes);
  presence_.clear();
  if ((row.flags & kRowIsPartial) != 0) ReadBitmap(body, columns, presence_);
  if ((row.flags & kRowIsWhole) != 0) {
    group.values.assign(columns, 0.0);
  } else {
    group.values.resize(columns);
  }
  double* const values = group.values.data();
  if ((row.flags & kRowIsUniform) != 0) {
    const auto value = std::bit_cast<double>(body.Le<std::uint64_t>());
    if (!body.ok()) return Damaged("row cut short");
    if (presence_.empty()) {
      std::ranges::fill(group.values, value);
    } else {
      ForEachBit(presence_, [=](std::size_t column) { values[column] = value; });
    }
    return {};
  }
  ReadBitmap(body, columns, changed_);
  if (!body.ok()) return Damaged("row cut short");
  DifferenceReader differences(body.Bytes(body.remaining()));
  ForEachBit(changed_, [&](std::size_t column) {
    values[column] = std::bit_cast<double>(std::bit_cast<std::uint64_t>(values[column]) ^ differences.Next());
  });
  if (!differences.is_good()) return Damaged("row cut short, or with an impossible difference");
  return {};
}

}  // namespace baro::tsdb
