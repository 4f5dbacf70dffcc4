// `tsdb export`.
#include <algorithm>
#include <iostream>

#include <fmt/format.h>

#include "base/clock.h"
#include "base/file_system.h"
#include "base/random.h"
#include "cli/tsdb/selectors.h"
#include "cli/tsdb/tsdb_source.h"
#include "cli/tsdb_commands.h"
#include "tsdb/prometheus_block_writer.h"

namespace baro::cli {
namespace {

using base::Result;

/// The multiple of `step` that is not behind `time_ms`.
std::int64_t AlignDown(std::int64_t time_ms, std::int64_t step) {
  const std::int64_t rest = time_ms % step;
  return time_ms - (rest < 0 ? rest + step : rest);
}

/// Writes the samples in `window` as one block; nothing if there is none.
Result<> WriteWindow(const TsdbSource& source, const ExportRequest& request, model::TimeRange window,
                     Terminal terminal) {
  const auto selection = BARO_TRY(UnitedSelection::Select(*source.reader, request.matches, window, {}));
  for (const std::string& warning : selection.Warnings()) terminal.err << warning << "\n";
  std::unique_ptr<tsdb::PrometheusBlockWriter> writer;
  tsdb::SampleColumns columns;
  for (std::size_t i = 0; i < selection.size(); ++i) {
    if (auto read = selection.Read(i, window, columns); !read) {
      return read.error().WithContext(selection.labels(i).ToString());
    }
    if (columns.empty()) continue;
    if (writer == nullptr) {
      const std::int64_t now_ms = base::ToMs(base::RealClock().Now());
      writer = BARO_TRY(tsdb::PrometheusBlockWriter::Create(
          base::RealFileSystem(), request.output, {.ulid = tsdb::MakePrometheusBlockName(now_ms, base::RealRandom())}));
    }
    BARO_TRY(writer->BeginSeries(selection.labels(i)));
    BARO_TRY(writer->Add(columns));
  }
  if (writer == nullptr) return {};
  const tsdb::PrometheusBlockMeta meta = BARO_TRY(writer->Finish());
  terminal.out << fmt::format("{} {} to {}: {} series, {} samples\n", meta.ulid, meta.min_time_ms, meta.max_time_ms - 1,
                              meta.series, meta.samples);
  return {};
}

Result<> Export(const ExportRequest& request, Terminal terminal) {
  const TsdbSource source = BARO_TRY(OpenTsdb(base::RealFileSystem(), request.path, TsdbParts::kBlocksAndHead, {}));
  const std::int64_t first = std::max(request.min_time_ms, source.extent.min_ms);
  const std::int64_t last = std::min(request.max_time_ms, source.extent.max_ms);
  if (source.extent.empty() || last < first) {
    return base::Fail(base::Code::kNotFound, fmt::format("{}: no samples in that time", request.path));
  }
  BARO_TRY(base::RealFileSystem().CreateDirectories(request.output));
  const std::int64_t step = request.block_duration_ms;
  // Aligning and stepping must not leave what a timestamp can say; no clock comes near its ends.
  constexpr std::int64_t kFar = std::int64_t{1} << 60;
  if (first < -kFar || last > kFar || step > kFar || (last - first) / step > 100'000) {
    return base::Fail(base::Code::kLimitExceeded,
                      fmt::format("{} to {} are more than 100000 blocks of {} ms: choose a longer --block-duration",
                                  first, last, step));
  }
  for (std::int64_t begin = AlignDown(first, step); begin <= last; begin += step) {
    const model::TimeRange window{.min_ms = std::max(begin, first), .max_ms = std::min(begin + step - 1, last)};
    BARO_TRY(WriteWindow(source, request, window, terminal));
  }
  return {};
}

}  // namespace

int ExportBlocks(const ExportRequest& request, Terminal terminal) {
  const auto done = Export(request, terminal);
  if (done) return kExitGood;
  terminal.err << done.error().message() << "\n";
  return kExitFailed;
}

}  // namespace baro::cli
