// This machine's metrics under node_exporter's names and labels: CPU, load, memory, swap, disks, file systems, network,
// pressure, uptime, file descriptors.
//
// Source   What Debian's prometheus-node-exporter 1.5 exposes by default; tests/e2e compares the two on the machine at
//          hand. The kernel's side: proc(5), Documentation/admin-guide/iostats.rst, Documentation/accounting/psi.rst.
#pragma once

#include <string>
#include <vector>

#include "base/clock.h"
#include "base/file_system.h"
#include "base/metrics.h"

namespace baro::exporters {

struct NodeExporterOptions {
  std::string proc = "/proc";
  std::string sys = "/sys";
  std::string root = "/";  ///< in front of mount points and /etc/os-release, for containers that see the host's there
};

/// Reads the kernel's files anew at each call. What a machine does not have is left out.
///
/// Threads  Safe to share.
class NodeExporter {
 public:
  /// Borrows both.
  NodeExporter(NodeExporterOptions options, base::FileSystem& files, const base::Clock& clock)
      : options_(std::move(options)), files_(files), clock_(clock) {}

  /// All families, sorted by name, with node_scrape_collector_success and _duration_seconds per collector.
  std::vector<base::MetricFamily> Collect() const;

 private:
  const NodeExporterOptions options_;
  base::FileSystem& files_;
  const base::Clock& clock_;
};

}  // namespace baro::exporters
