// What tests of provider tables stand on: recorded answers by URL, options, and the targets that come out.
#pragma once

#include <map>
#include <string>

#include "scraper/discovery/discovery_fixture.h"
#include "scraper/discovery/make_discovery.h"

namespace baro::scraper {

class ProviderTest : public DiscoveryTest {
 protected:
  using Values = std::map<std::string, DiscoveryValue, std::less<>>;

  void Say(const std::string& url, std::string body, int status = 200) {
    servers_->At(url) = {.body = std::move(body), .content_type = "application/json", .status = status};
  }

  /// The targets after one refresh; values are completed with refresh_interval and port 80.
  std::string Discover(std::string kind, Values values) {
    using namespace std::chrono_literals;
    DiscoveryOptions options{.kind = std::move(kind)};
    options.record.values = std::move(values);
    options.record.values.try_emplace("refresh_interval", std::chrono::milliseconds(60s));
    options.record.values.try_emplace("port", std::int64_t{80});
    if (discovery_) discovery_->Stop();
    groups_.clear();
    auto discovery = MakeDiscovery(options, Context());
    if (!discovery) return discovery.error().message();
    Start(*std::move(discovery));
    executor_.RunFor(1s);
    return discovery_->status().last_error.empty() ? Targets() : discovery_->status().last_error;
  }

  static DiscoveryRecord Filter(std::string name, std::vector<std::string> values) {
    DiscoveryRecord record;
    record.values = {{"name", std::move(name)}, {"values", std::move(values)}};
    return record;
  }

  static net::SecretSource Secret(std::string text) { return {.value = base::Secret(std::move(text)), .file = ""}; }
};

}  // namespace baro::scraper
