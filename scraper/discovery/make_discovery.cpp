#include "scraper/discovery/make_discovery.h"

#include <algorithm>

#include <fmt/format.h>

#include "scraper/discovery/api_source.h"
#include "scraper/discovery/consul_discovery.h"
#include "scraper/discovery/dns_source.h"
#include "scraper/discovery/file_discovery.h"
#include "scraper/discovery/http_source.h"
#include "scraper/discovery/polled_discovery.h"
#include "scraper/kubernetes/kubernetes_discovery.h"
#include "scraper/served_discoveries.h"
#include "scraper/zookeeper/zookeeper_discovery.h"

namespace baro::scraper {
namespace {

using MakeSource = base::Result<std::shared_ptr<TargetSource>> (*)(const DiscoveryOptions&, const DiscoveryContext&);

std::chrono::milliseconds IntervalOf(const DiscoveryOptions& options) {
  return options.record.Get<std::chrono::milliseconds>("refresh_interval");
}

base::Result<std::shared_ptr<TargetSource>> MakeHttpSource(const DiscoveryOptions& options,
                                                           const DiscoveryContext& context) {
  auto fetcher = BARO_TRY(context.make_fetcher(options.http));
  return std::make_shared<HttpSource>(options.record.Text("url"), IntervalOf(options), std::move(fetcher));
}

/// The kinds that are no tables.
struct Kind {
  std::string_view name;
  MakeSource make;
};
constexpr Kind kKinds[] = {{"dns", DnsSource::Make}, {"http", MakeHttpSource}};

/// The kinds that are not asked: they tell.
struct WatchingKind {
  std::string_view name;
  base::Result<std::shared_ptr<Discovery>> (*make)(const DiscoveryOptions&, const DiscoveryContext&);
};
constexpr WatchingKind kWatchingKinds[] = {{"consul", ConsulDiscovery::Make},
                                           {"kubernetes", KubernetesDiscovery::Make},
                                           {"nerve", ZookeeperDiscovery::Make},
                                           {"serverset", ZookeeperDiscovery::Make}};

const WatchingKind* FindWatchingKind(std::string_view name) {
  const auto* const found = std::ranges::find(kWatchingKinds, name, &WatchingKind::name);
  return found == std::end(kWatchingKinds) ? nullptr : found;
}

const Kind* FindKind(std::string_view name) {
  const auto* const found = std::ranges::find(kKinds, name, &Kind::name);
  return found == std::end(kKinds) ? nullptr : found;
}

std::span<const ApiProvider* const> Tables() {
  static const std::vector<const ApiProvider*> kAll = AllApiProviders();
  return kAll;
}

/// The table of a kind for the role that the options name.
const ApiProvider* FindTable(const DiscoveryOptions& options) {
  for (const ApiProvider* const provider : Tables()) {
    if (provider->kind != options.kind) continue;
    if (provider->role.empty() || options.record.Text("role") == provider->role) return provider;
  }
  return nullptr;
}

base::Result<std::shared_ptr<TargetSource>> MakeSourceOf(const DiscoveryOptions& options,
                                                         const DiscoveryContext& context) {
  if (const Kind* const kind = FindKind(options.kind)) return kind->make(options, context);
  if (const ApiProvider* const table = FindTable(options)) return ApiSource::Make(*table, options, context);
  return base::Fail(base::Code::kUnsupported, fmt::format("discovery \"{}\" is not supported yet", options.kind));
}

}  // namespace

bool IsServedDiscovery(std::string_view kind) {
  return FindWatchingKind(kind) != nullptr || FindKind(kind) != nullptr ||
         std::ranges::any_of(Tables(), [&](const auto* p) { return p->kind == kind; });
}

base::Result<std::shared_ptr<Discovery>> MakeDiscovery(const DiscoveryOptions& options,
                                                       const DiscoveryContext& context) {
  if (const WatchingKind* const kind = FindWatchingKind(options.kind)) return kind->make(options, context);
  auto source = BARO_TRY(MakeSourceOf(options, context));
  return std::make_shared<PolledDiscovery>(options.kind, IntervalOf(options), std::move(source), context);
}

base::Result<std::vector<std::shared_ptr<Discovery>>> MakeDiscoveries(const ScrapeJobOptions& job,
                                                                      DiscoveryContext context) {
  context.job_name = job.job_name;
  std::vector<std::shared_ptr<Discovery>> discoveries;
  const auto budget = std::make_shared<TargetBudget>();
  for (const FileDiscoveryOptions& options : job.file_discoveries) {
    discoveries.push_back(std::make_shared<FileDiscovery>(options, context, budget));
  }
  for (const DiscoveryOptions& options : job.other_discoveries) {
    context.index = discoveries.size();
    auto discovery = MakeDiscovery(options, context);
    if (!discovery) {
      return std::unexpected(
          discovery.error().WithContext(fmt::format("job \"{}\": {}_sd_configs", job.job_name, options.kind)));
    }
    discoveries.push_back(*std::move(discovery));
  }
  return discoveries;
}

}  // namespace baro::scraper
