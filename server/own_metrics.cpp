#include "server/own_metrics.h"

#include <unistd.h>

#include <charconv>

#include "server/version.h"

namespace baro::server {
namespace {

constexpr std::size_t kProcFileBytesMax = 64 * 1024;

base::MetricFamily Single(std::string name, std::string help, base::MetricKind kind, double value) {
  return {.name = std::move(name),
          .help = std::move(help),
          .kind = kind,
          .points = {{.suffix = "", .labels = {}, .value = value}}};
}

/// Field `index` (from 1, as proc(5) counts) of /proc/self/stat.
double StatField(const std::string& stat, std::size_t index) {
  // The second field is the program's name in parentheses and may hold blanks.
  std::string_view rest = std::string_view(stat).substr(std::min(stat.rfind(')') + 2, stat.size()));
  for (std::size_t i = 3; i < index; ++i) rest.remove_prefix(std::min(rest.find(' ') + 1, rest.size()));
  double value = 0;
  std::from_chars(rest.data(), rest.data() + rest.size(), value);
  return value;
}

/// The limit of open files in /proc/self/limits.
double OpenFilesMax(const std::string& limits) {
  constexpr std::string_view kLine = "Max open files";
  const std::size_t at = limits.find(kLine);
  if (at == std::string::npos) return 0;
  const std::size_t start = limits.find_first_not_of(' ', at + kLine.size());
  double value = 0;
  if (start != std::string::npos) std::from_chars(limits.data() + start, limits.data() + limits.size(), value);
  return value;
}

void CollectProcess(base::FileSystem& files, double start_time_seconds, std::vector<base::MetricFamily>& out) {
  using enum base::MetricKind;
  const auto ticks = static_cast<double>(sysconf(_SC_CLK_TCK));
  const auto page = static_cast<double>(sysconf(_SC_PAGESIZE));
  out.push_back(
      Single("process_start_time_seconds", "When the process began, in Unix time.", kGauge, start_time_seconds));
  if (const auto stat = base::ReadFile(files, "/proc/self/stat", kProcFileBytesMax)) {
    out.push_back(Single("process_cpu_seconds_total", "CPU time of the process, user and system.", kCounter,
                         (StatField(*stat, 14) + StatField(*stat, 15)) / ticks));
    out.push_back(Single("process_virtual_memory_bytes", "Virtual memory.", kGauge, StatField(*stat, 23)));
    out.push_back(Single("process_resident_memory_bytes", "Resident memory.", kGauge, StatField(*stat, 24) * page));
    out.push_back(Single("process_threads", "Threads of the process.", kGauge, StatField(*stat, 20)));
  }
  if (const auto open = files.ListDirectory("/proc/self/fd")) {
    out.push_back(Single("process_open_fds", "Open file descriptors.", kGauge, static_cast<double>(open->size())));
  }
  if (const auto limits = base::ReadFile(files, "/proc/self/limits", kProcFileBytesMax)) {
    out.push_back(Single("process_max_fds", "Most file descriptors that may be open.", kGauge, OpenFilesMax(*limits)));
  }
}

void CollectQueries(const query::Engine& engine, std::vector<base::MetricFamily>& out) {
  using enum base::MetricKind;
  const auto gauge = [&out](std::string name, std::string help, std::uint64_t value) {
    out.push_back(Single(std::move(name), std::move(help), kGauge, static_cast<double>(value)));
  };
  const query::EngineOptions& options = engine.options();
  gauge("prometheus_engine_queries", "Queries running or waiting.", engine.active_queries());
  gauge("prometheus_engine_queries_concurrent_max", "Most queries at the same time.", options.concurrency_max);
  gauge("barograph_query_memory_bytes", "Columns that all queries hold.", engine.memory_bytes());
  gauge("barograph_query_memory_limit_bytes", "Most that they may hold; 0 is no limit.",
        options.memory_bytes_total_max);
}

}  // namespace

void AddOwnMetrics(base::Registry& registry, base::FileSystem& files, const ApiState& state) {
  registry
      .MakeGaugeFamily("prometheus_build_info", "The version that we equal, and our own; always 1.",
                       {"version", "revision", "branch", "barograph_version"})
      .With({std::string(kPrometheusVersion), std::string(Revision()), std::string(Branch()), std::string(kVersion)})
      .Set(1);
  registry.AddCollector([&files, &state](std::vector<base::MetricFamily>& out) {
    using enum base::MetricKind;
    CollectProcess(files, static_cast<double>(base::ToMs(state.start_time())) / 1000, out);
    const ActiveConfig config = state.config();
    out.push_back(Single("prometheus_ready", "Whether queries and writes work.", kGauge, state.is_ready() ? 1 : 0));
    out.push_back(Single("prometheus_config_last_reload_successful", "Whether the last reload was good.", kGauge,
                         config.last_reload_ok ? 1 : 0));
    out.push_back(Single("prometheus_config_last_reload_success_timestamp_seconds", "When the last good reload was.",
                         kGauge, static_cast<double>(base::ToMs(config.last_success)) / 1000));
    if (state.is_ready()) CollectQueries(state.engine(), out);
  });
}

QueryMetrics::QueryMetrics(base::Registry& registry)
    : duration_seconds_(registry.MakeSummaryFamily("prometheus_engine_query_duration_seconds",
                                                   "Time of queries, by part.", {"slice"}, {0.5, 0.9, 0.99})),
      samples_total_(registry.MakeCounter("prometheus_engine_query_samples_total", "Samples read by queries.")),
      errors_total_(registry.MakeCounterFamily(
          "barograph_query_errors_total", "Queries without an answer, by the API's type of the error.", {"type"})) {}

void QueryMetrics::CountError(std::string_view type) { errors_total_.With({std::string(type)}).Add(1); }

void QueryMetrics::Observe(const query::QueryStats& stats) {
  const auto observe = [&](const char* slice, std::chrono::nanoseconds time) {
    duration_seconds_.With({slice}).Observe(std::chrono::duration<double>(time).count());
  };
  observe("queue_time", stats.queue_time);
  observe("prepare_time", stats.preparation_time);
  observe("inner_eval", stats.evaluation_time);
  observe("result_sort", stats.sort_time);
  samples_total_.Add(static_cast<double>(stats.samples_read));
}

}  // namespace baro::server
