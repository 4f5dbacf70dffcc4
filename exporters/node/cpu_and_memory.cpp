#include <fmt/format.h>
#include <unistd.h>

#include "exporters/node/collectors.h"

namespace baro::exporters {
namespace {

/// The kernel counts CPU time in ticks of user space, 100 a second (proc(5), USER_HZ).
double TicksPerSecond() {
  static const double ticks = static_cast<double>(sysconf(_SC_CLK_TCK));
  return ticks;
}

void AddCpu(const std::vector<std::string_view>& words, FamilySet& out) {
  const std::string cpu(words[0].substr(3));
  // The order of /proc/stat's columns.
  constexpr std::string_view kModes[] = {"user", "nice", "system", "idle", "iowait", "irq", "softirq", "steal"};
  for (std::size_t i = 0; i < std::size(kModes) && i + 1 < words.size(); ++i) {
    out.Counter("node_cpu_seconds_total", "Seconds the CPUs spent in each mode.",
                {{"cpu", cpu}, {"mode", std::string(kModes[i])}}, ToNumber(words[i + 1]) / TicksPerSecond());
  }
  constexpr std::string_view kGuestModes[] = {"user", "nice"};
  for (std::size_t i = 0; i < std::size(kGuestModes) && i + 9 < words.size(); ++i) {
    out.Counter("node_cpu_guest_seconds_total", "Seconds the CPUs spent in guests (virtual machines), by mode.",
                {{"cpu", cpu}, {"mode", std::string(kGuestModes[i])}}, ToNumber(words[i + 9]) / TicksPerSecond());
  }
}

struct StatLine {
  std::string_view key;
  std::string_view name;
  base::MetricKind kind;
  std::string_view help;
};
constexpr StatLine kStatLines[] = {
    {"intr", "node_intr_total", base::MetricKind::kCounter, "Interrupts serviced."},
    {"ctxt", "node_context_switches_total", base::MetricKind::kCounter, "Context switches."},
    {"btime", "node_boot_time_seconds", base::MetricKind::kGauge, "When the machine was booted, in Unix time."},
    {"processes", "node_forks_total", base::MetricKind::kCounter, "Processes and threads begun."},
    {"procs_running", "node_procs_running", base::MetricKind::kGauge, "Processes that run or could."},
    {"procs_blocked", "node_procs_blocked", base::MetricKind::kGauge, "Processes that wait for a disk."},
};

}  // namespace

base::Result<> CollectStat(const NodeContext& context, FamilySet& out) {
  const std::string text = BARO_TRY(context.Proc("stat"));
  ForEachLine(text, [&](std::string_view line) {
    const auto words = Words(line);
    if (words.size() < 2) return;
    if (words[0].starts_with("cpu") && words[0].size() > 3) {
      AddCpu(words, out);
      return;
    }
    for (const StatLine& stat : kStatLines) {
      if (words[0] == stat.key) out.Add(stat.name, stat.kind, stat.help, {}, ToNumber(words[1]));
    }
  });
  return {};
}

base::Result<> CollectLoad(const NodeContext& context, FamilySet& out) {
  const std::string text = BARO_TRY(context.Proc("loadavg"));
  const auto words = Words(text);
  constexpr std::string_view kMinutes[] = {"1", "5", "15"};
  for (std::size_t i = 0; i < std::size(kMinutes) && i < words.size(); ++i) {
    out.Gauge(fmt::format("node_load{}", kMinutes[i]), fmt::format("{}m load average.", kMinutes[i]), {},
              ToNumber(words[i]));
  }
  return {};
}

base::Result<> CollectMemory(const NodeContext& context, FamilySet& out) {
  const std::string text = BARO_TRY(context.Proc("meminfo"));
  ForEachLine(text, [&](std::string_view line) {
    const auto words = Words(line);
    if (words.size() < 2 || !words[0].ends_with(':')) return;
    std::string field;
    for (const char c : words[0].substr(0, words[0].size() - 1)) {
      if (c != ')') field += c == '(' ? '_' : c;  // Active(anon) is Active_anon
    }
    const bool is_size = words.size() > 2 && words[2] == "kB";
    out.Gauge(fmt::format("node_memory_{}{}", field, is_size ? "_bytes" : ""),
              fmt::format("Memory information field {}{}.", field, is_size ? "_bytes" : ""), {},
              ToNumber(words[1]) * (is_size ? 1024 : 1));
  });
  return {};
}

base::Result<> CollectVmstat(const NodeContext& context, FamilySet& out) {
  const std::string text = BARO_TRY(context.Proc("vmstat"));
  ForEachLine(text, [&](std::string_view line) {
    const auto words = Words(line);
    if (words.size() != 2) return;
    const std::string_view field = words[0];
    // node_exporter's default: ^(oom_kill|pgpg|pswp|pg.*fault).*
    const bool is_fault = field.starts_with("pg") && field.find("fault") != std::string_view::npos;
    if (!is_fault && !field.starts_with("oom_kill") && !field.starts_with("pgpg") && !field.starts_with("pswp")) return;
    out.Add(fmt::format("node_vmstat_{}", field), base::MetricKind::kUntyped,
            fmt::format("/proc/vmstat information field {}.", field), {}, ToNumber(words[1]));
  });
  return {};
}

base::Result<> CollectPressure(const NodeContext& context, FamilySet& out) {
  for (const std::string_view resource : {"cpu", "io", "memory"}) {
    const std::string text = BARO_TRY(context.Proc(fmt::format("pressure/{}", resource)));
    ForEachLine(text, [&](std::string_view line) {
      const auto words = Words(line);
      if (words.size() < 2 || !words.back().starts_with("total=")) return;
      const bool is_some = words[0] == "some";
      if (!is_some && resource == "cpu") return;  // without meaning at the level of the machine
      out.Counter(fmt::format("node_pressure_{}_{}_seconds_total", resource, is_some ? "waiting" : "stalled"),
                  fmt::format("Time in which {} {} for {}.", is_some ? "some tasks" : "all tasks", "waited", resource),
                  {}, ToNumber(words.back().substr(6)) / 1e6);
    });
  }
  return {};
}

base::Result<> CollectFileDescriptors(const NodeContext& context, FamilySet& out) {
  const std::string text = BARO_TRY(context.Proc("sys/fs/file-nr"));
  const auto words = Words(Trim(text));
  if (words.size() < 3) return {};
  out.Gauge("node_filefd_allocated", "File descriptors in use, over all processes.", {}, ToNumber(words[0]));
  out.Gauge("node_filefd_maximum", "Most file descriptors that may be in use.", {}, ToNumber(words[2]));
  return {};
}

}  // namespace baro::exporters
