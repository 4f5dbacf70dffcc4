// Which samples of a request are rows: series that stand side by side and have the same timestamps.
//
// Senders that scrape send a target's series together, so what was a scrape there becomes rows here: one timestamp for
// all, a few bytes a sample in the log, and one column of timestamps in memory and in blocks. Series keep the group
// that they were first seen in. Batches are cut anywhere, so that groups are small: a cut through one makes two rows.
//
// Threads  Pure functions.
#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "remote/write/series_cache.h"
#include "remote/write/write_request.h"

namespace baro::remote {

/// Series of a new group.
inline constexpr std::size_t kGroupSizeMin = 8;
inline constexpr std::size_t kGroupSizeMax = 128;
/// Rows of one request: commits look at each pair of them.
inline constexpr std::size_t kRequestRowsMax = 512;

/// `count` series of the request from `first` on, whose samples belong together.
struct RowRun {
  enum class Use : std::uint8_t {
    kSingly,    ///< one by one
    kRows,      ///< rows of the group that they all have
    kNewGroup,  ///< rows of a group that is to be made for them
  };

  std::size_t first = 0;
  std::size_t count = 0;
  Use use = Use::kSingly;
  /// The group has lost most of its other series: the next time these make a new one.
  bool leaves_group = false;
};

/// Cuts the series from `begin` to `end` into runs, which cover all that are known and have samples. `known[i]` is
/// series i of the request; none stands twice between `begin` and `end`.
void FindRowRuns(const WriteRequest& request, std::span<const KnownSeries> known, std::size_t begin, std::size_t end,
                 std::vector<RowRun>& runs);

}  // namespace baro::remote
