// `tsdb create-blocks-from openmetrics`.
#include <iostream>
#include <map>

#include <fmt/format.h>

#include "base/bytes.h"
#include "base/file_system.h"
#include "cli/tsdb/output_blocks.h"
#include "cli/tsdb_commands.h"
#include "model/names.h"
#include "scraper/exposition_reader.h"

namespace baro::cli {
namespace {

using base::Result;
using scraper::ExpositionEvent;

// Samples that are in memory at a time: the file is read once more for each so many.
constexpr std::uint64_t kSamplesAtOnce = 8'000'000;

std::int64_t TimeOf(const ExpositionEvent& event) { return *event.timestamp_ms; }

model::Labels LabelsOf(const scraper::SampleLine& line) {
  model::LabelsBuilder labels;
  labels.Set(model::kMetricName, line.name);
  for (const scraper::ExpositionLabel& label : line.labels) labels.Set(label.name, label.value);
  return labels.Build();
}

/// Calls `visit` with each sample of the file.
template <typename Visit>
Result<> ForEachSample(std::string_view text, const Visit& visit) {
  scraper::ExpositionReader reader(text, scraper::ExpositionFormat::kOpenMetrics);
  for (;;) {
    const ExpositionEvent* const event = BARO_TRY(reader.Next());
    if (event->kind == ExpositionEvent::Kind::kEnd) return {};
    if (event->kind != ExpositionEvent::Kind::kSample) continue;
    if (!event->timestamp_ms) {
      return base::Fail(base::Code::kInvalidArgument,
                        fmt::format("line {}: {} has no timestamp: a block needs one for each sample", event->line,
                                    LabelsOf(event->sample).ToString()));
    }
    visit(*event);
  }
}

/// Neighbouring windows that are read together.
struct Pass {
  std::int64_t begin_ms = 0;
  std::int64_t end_ms = 0;  ///< exclusive
};

std::vector<Pass> PlanPasses(const std::map<std::int64_t, std::uint64_t>& samples_by_window) {
  std::vector<Pass> passes;
  std::uint64_t samples = 0;
  for (const auto& [begin_ms, count] : samples_by_window) {
    if (passes.empty() || samples + count > kSamplesAtOnce) {
      passes.push_back({.begin_ms = begin_ms});
      samples = 0;
    }
    passes.back().end_ms = begin_ms + kOutputBlockMs;
    samples += count;
  }
  return passes;
}

Result<> Create(const CreateFromOpenMetricsRequest& request, Terminal terminal) {
  base::FileSystem& files = base::RealFileSystem();
  const auto map = BARO_TRY(files.Map(request.input));
  const std::string_view text = base::AsText(map->bytes());
  std::map<std::int64_t, std::uint64_t> samples_by_window;
  BARO_TRY(
      ForEachSample(text, [&](const ExpositionEvent& event) { ++samples_by_window[OutputBlockBegin(TimeOf(event))]; }));
  const OutputDirectory output = BARO_TRY(OutputDirectory::Open(files, request.output));
  bool has_head = false;
  for (const Pass& pass : PlanPasses(samples_by_window)) {
    SampleHeap heap;
    BARO_TRY(ForEachSample(text, [&](const ExpositionEvent& event) {
      if (TimeOf(event) < pass.begin_ms || TimeOf(event) >= pass.end_ms) return;
      heap.Add(LabelsOf(event.sample), {.timestamp_ms = TimeOf(event), .value = event.value});
    }));
    auto series = BARO_TRY(heap.Take());
    BARO_TRY(WriteAndPrint(files, output, std::move(series), {.min_ms = pass.begin_ms, .max_ms = pass.end_ms - 1},
                           {.is_quiet = request.is_quiet, .is_human_readable = request.is_human_readable}, has_head,
                           terminal));
  }
  return {};
}

}  // namespace

int CreateFromOpenMetrics(const CreateFromOpenMetricsRequest& request, Terminal terminal) {
  const auto done = Create(request, terminal);
  if (done) return kExitGood;
  terminal.err << request.input << ": " << done.error().message() << "\n";
  return kExitFailed;
}

}  // namespace baro::cli
