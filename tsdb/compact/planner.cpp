#include "tsdb/compact/planner.h"

#include <algorithm>
#include <numeric>

namespace baro::tsdb {
namespace {

std::int64_t AlignDown(std::int64_t time_ms, std::int64_t range_ms) {
  const std::int64_t rest = time_ms % range_ms;
  return time_ms - (rest < 0 ? rest + range_ms : rest);
}

// The first run of blocks that overlap, directly or through each other.
std::vector<std::size_t> FindOverlap(std::span<const BlockMeta> metas, std::span<const std::size_t> by_time) {
  std::vector<std::size_t> run;
  std::int64_t end_ms = 0;
  for (const std::size_t i : by_time) {
    if (!run.empty() && metas[i].min_time_ms < end_ms) {
      run.push_back(i);
      end_ms = std::max(end_ms, metas[i].max_time_ms);
      continue;
    }
    if (run.size() > 1) return run;
    run.assign(1, i);
    end_ms = metas[i].max_time_ms;
  }
  return run.size() > 1 ? run : std::vector<std::size_t>();
}

std::vector<std::size_t> FindWindow(std::span<const BlockMeta> metas, std::span<const std::size_t> older,
                                    std::int64_t newest_begin_ms, std::int64_t range_ms) {
  for (std::size_t first = 0; first < older.size();) {
    const std::int64_t begin_ms = AlignDown(metas[older[first]].min_time_ms, range_ms);
    std::vector<std::size_t> inside;
    std::size_t next = first;
    for (; next < older.size() && metas[older[next]].min_time_ms < begin_ms + range_ms; ++next) {
      if (metas[older[next]].max_time_ms <= begin_ms + range_ms) inside.push_back(older[next]);
    }
    const bool is_full = !inside.empty() && metas[inside.front()].min_time_ms == begin_ms &&
                         metas[inside.back()].max_time_ms == begin_ms + range_ms;
    if (inside.size() > 1 && (is_full || begin_ms + range_ms <= newest_begin_ms)) return inside;
    first = next;
  }
  return {};
}

}  // namespace

std::vector<std::int64_t> CompactionRanges(std::chrono::milliseconds first, std::chrono::milliseconds longest) {
  std::vector<std::int64_t> ranges = {first.count()};
  while (ranges.back() <= longest.count() / 3) ranges.push_back(ranges.back() * 3);
  return ranges;
}

std::vector<std::size_t> PlanCompaction(std::span<const BlockMeta> metas, std::span<const std::int64_t> ranges) {
  std::vector<std::size_t> by_time(metas.size());
  std::iota(by_time.begin(), by_time.end(), std::size_t{0});
  std::ranges::sort(by_time, {}, [&metas](std::size_t i) {
    return std::tuple(metas[i].min_time_ms, metas[i].max_time_ms, metas[i].ulid);
  });
  if (std::vector<std::size_t> overlap = FindOverlap(metas, by_time); !overlap.empty()) return overlap;
  if (by_time.size() < 3) return {};
  const std::int64_t newest_begin_ms = metas[by_time.back()].min_time_ms;
  const std::span<const std::size_t> older(by_time.data(), by_time.size() - 1);
  for (const std::int64_t range_ms : ranges.subspan(std::min<std::size_t>(1, ranges.size()))) {
    std::vector<std::size_t> window = FindWindow(metas, older, newest_begin_ms, range_ms);
    if (!window.empty()) return window;
  }
  return {};
}

}  // namespace baro::tsdb
