#include "tsdb/block/track.h"

#include <algorithm>

namespace baro::tsdb {
namespace {

// How the rows of a window are written.
enum class PresenceForm : std::uint8_t { kWhole = 0, kRuns = 1, kBitmap = 2 };

base::Error Damaged(const char* what) { return {base::Code::kCorruption, fmt::format("track: {}", what)}; }

std::size_t VarintBytes(std::uint64_t value) {
  std::size_t bytes = 1;
  for (; value >= 0x80; value >>= 7) ++bytes;
  return bytes;
}

std::size_t RunsBytes(std::span<const RowRun> runs) {
  std::size_t bytes = VarintBytes(runs.size());
  std::size_t next = 0;
  for (const RowRun& run : runs) {
    bytes += VarintBytes(run.first - next) + VarintBytes(run.length);
    next = run.first + std::size_t{run.length};
  }
  return bytes;
}

void EncodePresence(std::span<const RowRun> runs, std::size_t window_rows, base::ByteBuffer& out) {
  if (runs.empty()) {
    out.push_back(static_cast<std::byte>(PresenceForm::kWhole));
    return;
  }
  const std::size_t bitmap_bytes = (window_rows + 7) / 8;
  if (RunsBytes(runs) <= VarintBytes(bitmap_bytes) + bitmap_bytes) {
    out.push_back(static_cast<std::byte>(PresenceForm::kRuns));
    base::AppendVarint(out, runs.size());
    std::size_t next = 0;
    for (const RowRun& run : runs) {
      base::AppendVarint(out, run.first - next);
      base::AppendVarint(out, run.length);
      next = run.first + std::size_t{run.length};
    }
    return;
  }
  out.push_back(static_cast<std::byte>(PresenceForm::kBitmap));
  base::AppendVarint(out, bitmap_bytes);
  const std::size_t start = out.size();
  out.resize(start + bitmap_bytes);
  for (const RowRun& run : runs) {
    for (std::size_t row = run.first; row < std::size_t{run.first} + run.length; ++row) {
      out[start + row / 8] |= static_cast<std::byte>(1U << (row % 8));
    }
  }
}

base::Result<> DecodeRuns(base::ByteReader& reader, std::vector<RowRun>& rows) {
  const std::uint64_t count = reader.Varint();
  if (count == 0 || count > kWindowRowsMax) return Damaged("too few or too many runs of rows");
  std::size_t next = 0;
  for (std::uint64_t i = 0; i < count; ++i) {
    const std::uint64_t gap = reader.Varint();
    const std::uint64_t length = reader.Varint();
    if (gap > kWindowRowsMax || length == 0 || length > kWindowRowsMax || (i > 0 && gap == 0)) {
      return Damaged("runs of rows that touch or are empty");
    }
    const std::size_t first = next + gap;
    next = first + length;
    if (next > kWindowRowsMax) return Damaged("rows outside of the window");
    rows.push_back({.first = static_cast<std::uint16_t>(first), .length = static_cast<std::uint16_t>(length)});
  }
  return {};
}

base::Result<> DecodeBitmap(base::ByteReader& reader, std::vector<RowRun>& rows) {
  const base::ByteSpan bitmap = reader.Bytes(reader.Varint());
  if (bitmap.size() > kWindowRowsMax / 8) return Damaged("rows outside of the window");
  const std::size_t before = rows.size();
  bool is_inside = false;
  for (std::size_t row = 0; row < bitmap.size() * 8; ++row) {
    const bool is_present = (static_cast<unsigned>(bitmap[row / 8]) >> (row % 8) & 1) != 0;
    if (is_present && is_inside) {
      ++rows.back().length;
    } else if (is_present) {
      rows.push_back({.first = static_cast<std::uint16_t>(row), .length = 1});
    }
    is_inside = is_present;
  }
  if (rows.size() == before) return Damaged("a window without rows");
  return {};
}

base::Result<WindowPresence> DecodePresence(base::ByteReader& reader, std::vector<RowRun>& rows) {
  const auto form = static_cast<PresenceForm>(reader.Le<std::uint8_t>());
  const std::size_t before = rows.size();
  if (form == PresenceForm::kRuns) {
    BARO_TRY(DecodeRuns(reader, rows));
  } else if (form == PresenceForm::kBitmap) {
    BARO_TRY(DecodeBitmap(reader, rows));
  } else if (form != PresenceForm::kWhole) {
    return Damaged("unknown form of presence");
  }
  if (!reader.ok()) return Damaged("cut short");
  return WindowPresence{.first_run = static_cast<std::uint32_t>(before),
                        .run_count = static_cast<std::uint32_t>(rows.size() - before)};
}

}  // namespace

void Tracks::Clear() {
  columns.clear();
  presences.clear();
  rows.clear();
}

std::uint64_t WindowCount(std::span<const ColumnRun> track) {
  std::uint64_t count = 0;
  for (const ColumnRun& run : track) count += run.count;
  return count;
}

std::size_t RowCount(std::span<const RowRun> rows) {
  std::size_t count = 0;
  for (const RowRun& run : rows) count += run.length;
  return count;
}

void TrackBuilder::Clear() {
  tracks_.Clear();
  window_rows_.clear();
}

void TrackBuilder::Add(ColumnId column, std::size_t window_rows, std::span<const RowRun> runs) {
  const bool is_whole = runs.empty() || (runs.size() == 1 && runs[0].length == window_rows);
  if (is_whole) runs = {};
  const bool is_next = !tracks_.columns.empty() &&
                       std::uint64_t{tracks_.columns.back().first_column} + tracks_.columns.back().count == column;
  // A whole window joins partial ones rather than opening a run of its own: that costs it one byte, not three.
  if (!is_next || (!is_whole && !tracks_.columns.back().is_partial)) {
    tracks_.columns.push_back({.first_column = column,
                               .count = 0,
                               .first_presence = static_cast<std::uint32_t>(tracks_.presences.size()),
                               .is_partial = !is_whole});
  }
  ColumnRun& run = tracks_.columns.back();
  ++run.count;
  if (!run.is_partial) return;
  tracks_.presences.push_back({.first_run = static_cast<std::uint32_t>(tracks_.rows.size()),
                               .run_count = static_cast<std::uint32_t>(runs.size())});
  tracks_.rows.insert(tracks_.rows.end(), runs.begin(), runs.end());
  window_rows_.push_back(static_cast<std::uint16_t>(window_rows));
}

void TrackBuilder::Encode(base::ByteBuffer& out) const {
  base::AppendVarint(out, tracks_.columns.size());
  ColumnId expected = 0;
  for (const ColumnRun& run : tracks_.columns) {
    base::AppendSignedVarint(out, std::int64_t{run.first_column} - std::int64_t{expected});
    base::AppendVarint(out, std::uint64_t{run.count} << 1 | (run.is_partial ? 1 : 0));
    for (std::size_t i = 0; run.is_partial && i < run.count; ++i) {
      EncodePresence(tracks_.Of(tracks_.presences[run.first_presence + i]), window_rows_[run.first_presence + i], out);
    }
    expected = run.first_column + run.count;
  }
}

base::Result<TrackRef> DecodeTrack(base::ByteReader& reader, std::uint64_t column_count, Tracks& tracks) {
  const std::uint64_t runs = reader.Varint();
  if (!reader.ok() || runs > reader.remaining()) return Damaged("cut short");
  const TrackRef ref{.first = static_cast<std::uint32_t>(tracks.columns.size()),
                     .count = static_cast<std::uint32_t>(runs)};
  std::uint64_t expected = 0;
  std::uint64_t windows = 0;
  for (std::uint64_t i = 0; i < runs; ++i) {
    const std::uint64_t first = expected + static_cast<std::uint64_t>(reader.SignedVarint());
    const std::uint64_t head = reader.Varint();
    const std::uint64_t count = head >> 1;
    if (!reader.ok() || count == 0 || first >= column_count || count > column_count - first) {
      return Damaged("columns that do not exist");
    }
    windows += count;
    if (windows > column_count) return Damaged("columns twice");  // each stands for a time of its own
    const bool is_partial = (head & 1) != 0;
    if (is_partial && count > reader.remaining()) return Damaged("cut short");
    tracks.columns.push_back({.first_column = static_cast<ColumnId>(first),
                              .count = static_cast<std::uint32_t>(count),
                              .first_presence = static_cast<std::uint32_t>(tracks.presences.size()),
                              .is_partial = is_partial});
    for (std::uint64_t k = 0; is_partial && k < count; ++k) {
      tracks.presences.push_back(BARO_TRY(DecodePresence(reader, tracks.rows)));
    }
    expected = first + count;
  }
  return ref;
}

}  // namespace baro::tsdb
