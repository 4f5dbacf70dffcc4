// Which rows of which columns of timestamps a series has.
//
// A column is a window of timestamps of at most kWindowRowsMax rows, shared by the series of a scrape group. A track is
// the list of a series' windows in order of time; the window number k of a track is the series' chunk number k.
//
// Format   docs/formats/block.md, section 6.
// Threads  Values; pure functions.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"

namespace baro::tsdb {

inline constexpr std::size_t kWindowRowsMax = 1024;  // as many as a chunk may have

using ColumnId = std::uint32_t;

/// `length` neighbouring rows of a window.
struct RowRun {
  std::uint16_t first = 0;
  std::uint16_t length = 0;

  friend bool operator==(const RowRun&, const RowRun&) = default;
};

/// Windows with neighbouring column numbers.
struct ColumnRun {
  ColumnId first_column = 0;
  std::uint32_t count = 0;
  std::uint32_t first_presence = 0;  ///< in Tracks::presences, one for each window, if is_partial
  bool is_partial = false;           ///< otherwise the series has all rows of all windows

  friend bool operator==(const ColumnRun&, const ColumnRun&) = default;
};

/// The rows of one window that a series has. No runs: all of them.
struct WindowPresence {
  std::uint32_t first_run = 0;  ///< in Tracks::rows
  std::uint32_t run_count = 0;

  friend bool operator==(const WindowPresence&, const WindowPresence&) = default;
};

/// A part of Tracks::columns.
struct TrackRef {
  std::uint32_t first = 0;
  std::uint32_t count = 0;
};

/// Tracks of many series in few vectors.
struct Tracks {
  std::vector<ColumnRun> columns;
  std::vector<WindowPresence> presences;
  std::vector<RowRun> rows;

  void Clear();
  std::span<const ColumnRun> Of(TrackRef ref) const { return std::span(columns).subspan(ref.first, ref.count); }
  std::span<const RowRun> Of(WindowPresence presence) const {
    return std::span(rows).subspan(presence.first_run, presence.run_count);
  }
};

/// Windows, hence chunks, of a track.
std::uint64_t WindowCount(std::span<const ColumnRun> track);

/// Samples in these rows.
std::size_t RowCount(std::span<const RowRun> rows);

/// Collects the windows of one track.
///
/// Threads  Confined.
class TrackBuilder {
 public:
  void Clear();
  bool empty() const { return tracks_.columns.empty(); }

  /// Adds a window. `runs`: the rows that the series has; empty: all.
  /// Shape    the runs ascend, do not touch and lie within `window_rows`.
  void Add(ColumnId column, std::size_t window_rows, std::span<const RowRun> runs);

  /// If the track is one run of neighbouring columns with all rows.
  bool IsSimple() const { return tracks_.columns.size() == 1 && !tracks_.columns[0].is_partial; }
  const ColumnRun& simple() const { return tracks_.columns[0]; }

  std::uint64_t window_count() const { return WindowCount(tracks_.columns); }
  void Encode(base::ByteBuffer& out) const;

 private:
  Tracks tracks_;
  std::vector<std::uint16_t> window_rows_;  // of the windows in tracks_.presences
};

/// Reads what TrackBuilder::Encode() wrote and adds it to `tracks`.
/// Errors   kCorruption: cut short, columns from `column_count` on, or rows past kWindowRowsMax.
base::Result<TrackRef> DecodeTrack(base::ByteReader& reader, std::uint64_t column_count, Tracks& tracks);

}  // namespace baro::tsdb
