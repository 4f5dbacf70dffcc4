// Targets from records of the Domain Name System: dns_sd_configs.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/log.h"
#include "base/mutex.h"
#include "net/dns_client.h"
#include "scraper/discovery/discovery_context.h"
#include "scraper/discovery/target_source.h"
#include "scraper/discovery_options.h"

namespace baro::scraper {

/// Asks for all names at once. A name that cannot be looked up keeps what it had; only if none can, the refresh failed.
///
/// Source   Prometheus 3.14, dns_sd_configs.
class DnsSource : public TargetSource, public std::enable_shared_from_this<DnsSource> {
 public:
  /// Errors   kUnsupported: there is no client.
  static base::Result<std::shared_ptr<TargetSource>> Make(const DiscoveryOptions& options,
                                                          const DiscoveryContext& context);

  void Refresh(Done done) override;
  void Cancel() override;

 private:
  struct Name {
    TargetGroup group;  ///< of the last good lookup
    std::string error;  ///< of the last one
  };

  DnsSource(const DiscoveryOptions& options, const DiscoveryContext& context);

  void Take(std::uint64_t refresh, const std::string& name, const base::Result<std::vector<net::DnsRecord>>& records);
  TargetGroup GroupOf(const std::string& name, const std::vector<net::DnsRecord>& records) const;
  base::Result<std::vector<TargetGroup>> Collect() BARO_REQUIRES(mutex_);

  const net::DnsType type_;
  const std::string port_;
  net::DnsClient& client_;
  base::Executor& executor_;
  ScrapeMetrics& metrics_;
  const base::Logger log_;

  base::Mutex mutex_;  // outer to those of the metrics, which are leaves
  std::map<std::string, Name> names_ BARO_GUARDED_BY(mutex_);
  std::uint64_t refresh_ BARO_GUARDED_BY(mutex_) = 0;  // number of the last one
  std::size_t waiting_ BARO_GUARDED_BY(mutex_) = 0;    // names that are being looked up for it
  Done done_ BARO_GUARDED_BY(mutex_);
};

}  // namespace baro::scraper
