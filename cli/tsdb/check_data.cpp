// `tsdb check`.
#include <iostream>

#include <fmt/format.h>

#include "base/file_system.h"
#include "cli/tsdb/go_text.h"
#include "cli/tsdb/output_blocks.h"
#include "cli/tsdb_commands.h"
#include "tsdb/data_check.h"

namespace baro::cli {
namespace {

void Print(const tsdb::DataFinding& finding, std::ostream& out) {
  out << fmt::format("{}: {}\n", finding.where, finding.what);
  const auto time_text = [](std::int64_t time_ms, const char* open_end) {
    return time_ms == model::kMinTimestampMs || time_ms == model::kMaxTimestampMs ? std::string(open_end)
                                                                                  : GoTime(time_ms);
  };
  const bool knows_time =
      finding.range.min_ms != model::kMinTimestampMs || finding.range.max_ms != model::kMaxTimestampMs;
  std::string more;
  if (knows_time) {
    more = fmt::format("between {} and {}", time_text(finding.range.min_ms, "the beginning"),
                       time_text(finding.range.max_ms, "the end"));
  }
  if (finding.series > 0) more += fmt::format("{}up to {} series", more.empty() ? "" : ", ", finding.series);
  if (!more.empty()) out << "    may be missing: " << more << "\n";
  if (!finding.repair.empty()) out << "    repaired: " << finding.repair << "\n";
}

void PrintSummary(const std::string& path, const tsdb::DataCheck& check, std::ostream& out) {
  out << fmt::format("{}: {} blocks", path, check.blocks);
  if (check.prometheus_blocks > 0) out << fmt::format(", {} blocks of Prometheus", check.prometheus_blocks);
  if (check.log_segments > 0) {
    out << fmt::format(", a log of {} segments with {} series and {} samples", check.log_segments, check.log_series,
                       check.log_samples);
  }
  if (check.has_prometheus_log) out << ", a log of Prometheus";
  out << fmt::format("; {} damaged places\n", check.findings.size());
}

}  // namespace

int CheckData(const CheckDataRequest& request, Terminal terminal) {
  const auto check =
      tsdb::CheckDataDirectory(base::RealFileSystem(), request.path,
                               {.is_repairing = request.is_repairing, .new_ulid = OutputDirectory::NewUlid}, {});
  if (!check) {
    terminal.err << check.error().message() << "\n";
    return kExitFailed;
  }
  bool is_repaired = true;
  for (const tsdb::DataFinding& finding : check->findings) {
    Print(finding, terminal.out);
    is_repaired &= !finding.repair.empty();
  }
  PrintSummary(request.path, *check, terminal.out);
  if (check->findings.empty()) return kExitGood;
  return is_repaired ? kExitRemarks : kExitFailed;
}

}  // namespace baro::cli
