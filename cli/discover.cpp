#include "cli/discover.h"

#include <cstdlib>
#include <iostream>
#include <set>

#include <fmt/format.h>

#include "base/metrics.h"
#include "net/dns_client.h"
#include "net/http_client.h"
#include "net/io_threads.h"
#include "net/tcp_network.h"
#include "scraper/target.h"

namespace baro::cli {
namespace {

std::string Variable(const std::string& name) {
  const char* const value = std::getenv(name.c_str());  // NOLINT(concurrency-mt-unsafe): never set by us
  return value == nullptr ? "" : value;
}

}  // namespace

base::Result<scraper::DiscoveredGroups> Discover(const scraper::ScrapeJobOptions& job,
                                                 std::chrono::milliseconds timeout) {
  base::Registry registry;
  base::ThreadExecutor executor(1);  // before the threads: they hand callbacks to it until they end
  net::IoThreads threads(1);
  net::TcpNetwork network(threads);
  const auto dns = net::MakeDnsClient({.executor = &executor});
  auto discovered = scraper::DiscoverOnce(job,
                                          {.clock = base::RealClock(),
                                           .executor = executor,
                                           .files = base::RealFileSystem(),
                                           .registry = registry,
                                           .make_fetcher = net::MakeHttpClientFactory(
                                               {.threads = &threads, .executor = &executor, .user_agent = "barotool"}),
                                           .environment = Variable,
                                           .dns = dns.get(),
                                           .network = &network,
                                           .log = {}},
                                          timeout);
  executor.Stop();  // before what its tasks use
  if (discovered) discovered->kept.reset();
  return discovered;
}

std::vector<model::Labels> LabelSetsOf(const scraper::ScrapeJobOptions& job,
                                       const scraper::DiscoveredGroups& discovered) {
  std::vector<model::Labels> sets;
  std::set<std::string, std::less<>> seen;
  for (const scraper::TargetGroup& group : discovered.groups) {
    for (const auto& target : group.targets) {
      model::Labels set = scraper::DiscoveredLabels(job, group, target);
      if (seen.emplace(set.packed()).second) sets.push_back(std::move(set));
    }
  }
  return sets;
}

std::vector<std::string> SilenceOf(const std::vector<scraper::DiscoveryStatus>& providers) {
  std::vector<std::string> lines;
  for (const scraper::DiscoveryStatus& provider : providers) {
    if (!provider.last_error.empty()) {
      lines.push_back(fmt::format("{} discovery: {}", provider.kind, provider.last_error));
    } else if (!provider.last_success) {
      lines.push_back(fmt::format("{} discovery told nothing in time", provider.kind));
    }
  }
  return lines;
}

void WarnOfSilence(const scraper::DiscoveredGroups& discovered, Terminal terminal) {
  for (const std::string& line : SilenceOf(discovered.providers)) terminal.err << "  WARNING: " << line << "\n";
}

}  // namespace baro::cli
