#include "exporters/node_exporter.h"

#include "exporters/node/collectors.h"

namespace baro::exporters {
namespace {

struct Collector {
  std::string_view name;  ///< as node_exporter names it
  base::Result<> (*collect)(const NodeContext&, FamilySet&);
};
constexpr Collector kCollectors[] = {
    {"diskstats", CollectDisks},
    {"filefd", CollectFileDescriptors},
    {"filesystem", CollectFileSystems},
    {"loadavg", CollectLoad},
    {"meminfo", CollectMemory},
    {"netclass", CollectNetworkDevices},
    {"netdev", CollectNetworkTraffic},
    {"pressure", CollectPressure},
    {"stat", CollectStat},
    {"time", CollectTime},
    {"uname", CollectSystem},
    {"vmstat", CollectVmstat},
};

}  // namespace

std::vector<base::MetricFamily> NodeExporter::Collect() const {
  const NodeContext context{.options = options_, .files = files_, .clock = clock_};
  FamilySet families;
  for (const Collector& collector : kCollectors) {
    const base::MonotonicTime start = clock_.Monotonic();
    const bool is_good = collector.collect(context, families).has_value();
    const Labels labels = {{"collector", std::string(collector.name)}};
    families.Gauge("node_scrape_collector_success", "Whether a collector found what it looks for.", labels, is_good);
    families.Gauge("node_scrape_collector_duration_seconds", "How long a collector took.", labels,
                   std::chrono::duration<double>(clock_.Monotonic() - start).count());
  }
  return families.Take();
}

}  // namespace baro::exporters
