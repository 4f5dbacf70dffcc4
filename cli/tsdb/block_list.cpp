#include "cli/tsdb/block_list.h"

#include <fmt/format.h>

#include "cli/tsdb/go_text.h"

namespace baro::cli {

std::string BlockTable(const std::vector<std::shared_ptr<const tsdb::StoredBlock>>& blocks, bool is_human_readable) {
  std::vector<std::vector<std::string>> rows = {
      {"BLOCK ULID", "MIN TIME", "MAX TIME", "DURATION", "NUM SAMPLES", "NUM CHUNKS", "NUM SERIES", "SIZE"}};
  const auto time_text = [&](std::int64_t time_ms) {
    return is_human_readable ? GoTime(time_ms) : fmt::format("{}", time_ms);
  };
  for (const auto& block : blocks) {
    const tsdb::StoredBlockInfo& info = block->info();
    rows.push_back({info.ulid, time_text(info.min_time_ms), time_text(info.max_time_ms),
                    GoDuration(info.max_time_ms - info.min_time_ms), fmt::format("{}", info.samples),
                    fmt::format("{}", info.chunks), fmt::format("{}", info.series),
                    is_human_readable ? Base2Bytes(info.size_bytes) : fmt::format("{}", info.size_bytes)});
  }
  return AlignTable(rows);
}

}  // namespace baro::cli
