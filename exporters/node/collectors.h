// The collectors of the node exporter: each reads some of the kernel's files and appends families.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/file_system.h"
#include "base/metrics.h"
#include "base/result.h"
#include "exporters/node_exporter.h"

namespace baro::exporters {

using Labels = std::vector<std::pair<std::string, std::string>>;

/// Families by name, while collectors add to them in any order.
class FamilySet {
 public:
  void Add(std::string_view name, base::MetricKind kind, std::string_view help, Labels labels, double value);
  void Counter(std::string_view name, std::string_view help, Labels labels, double value) {
    Add(name, base::MetricKind::kCounter, help, std::move(labels), value);
  }
  void Gauge(std::string_view name, std::string_view help, Labels labels, double value) {
    Add(name, base::MetricKind::kGauge, help, std::move(labels), value);
  }
  std::vector<base::MetricFamily> Take();

 private:
  std::map<std::string, base::MetricFamily, std::less<>> families_;
};

/// What a collector works with.
struct NodeContext {
  const NodeExporterOptions& options;
  base::FileSystem& files;
  const base::Clock& clock;

  /// Content of a file below /proc or /sys, at most 4 MiB.
  base::Result<std::string> Proc(std::string_view path) const;
  base::Result<std::string> Sys(std::string_view path) const;
};

// Errors of all: kNotFound where this machine does not have the thing.

base::Result<> CollectStat(const NodeContext& context, FamilySet& out);  // CPU, boot time, forks, interrupts
base::Result<> CollectLoad(const NodeContext& context, FamilySet& out);
base::Result<> CollectMemory(const NodeContext& context, FamilySet& out);  // swap is in it
base::Result<> CollectVmstat(const NodeContext& context, FamilySet& out);
base::Result<> CollectDisks(const NodeContext& context, FamilySet& out);
base::Result<> CollectFileSystems(const NodeContext& context, FamilySet& out);
base::Result<> CollectNetworkTraffic(const NodeContext& context, FamilySet& out);
base::Result<> CollectNetworkDevices(const NodeContext& context, FamilySet& out);
base::Result<> CollectPressure(const NodeContext& context, FamilySet& out);
base::Result<> CollectFileDescriptors(const NodeContext& context, FamilySet& out);
base::Result<> CollectTime(const NodeContext& context, FamilySet& out);
base::Result<> CollectSystem(const NodeContext& context, FamilySet& out);  // uname, os-release

// Text of the kernel's files.

/// Calls `visit` with each line, without its end.
void ForEachLine(std::string_view text, const std::function<void(std::string_view)>& visit);
/// The words of a line, separated by blanks and tabs.
std::vector<std::string_view> Words(std::string_view line);
/// A whole or decimal number; 0 for what is none.
double ToNumber(std::string_view word);
std::string_view Trim(std::string_view text);

}  // namespace baro::exporters
