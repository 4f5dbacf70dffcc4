// What tests of discoveries stand on: simulated time, files and HTTP servers, and what was logged.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/sim_executor.h"
#include "base/sim_file_system.h"
#include "scraper/discovery/discovery.h"
#include "scraper/discovery/discovery_context.h"
#include "scraper/loop/fake_storage.h"

namespace baro::scraper {

class DiscoveryTest : public testing::Test {
 protected:
  ~DiscoveryTest() override {
    if (discovery_) discovery_->Stop();
    servers_->DropCalls();
    executor_.RunReady();  // what waits may own what waits for it
  }

  DiscoveryContext Context() {
    return {.clock = clock_,
            .executor = executor_,
            .files = files_,
            .metrics = metrics_,
            .make_fetcher = [this](const net::HttpClientOptions&) -> base::Result<std::shared_ptr<net::HttpFetcher>> {
              return servers_;
            },
            .environment = [this](const std::string& name) { return environment_[name]; },
            .log = base::Logger(base::MakeFunctionSink(base::LogLevel::kInfo, base::LogFormat::kLogfmt,
                                                       [this](std::string_view line) { log_.emplace_back(line); })),
            .job_name = "j"};
  }

  void Start(std::shared_ptr<Discovery> discovery) {
    discovery_ = std::move(discovery);
    discovery_->Start([this](std::vector<TargetGroup> groups) {
      ++updates_;
      groups_ = std::move(groups);
    });
  }

  /// Addresses of what was told last, each followed by a blank.
  std::string Addresses() const {
    std::string text;
    for (const auto& group : groups_) {
      for (const auto& target : group.targets) text += target.at("__address__") + " ";
    }
    return text;
  }

  /// All labels of what was told last, one target a line, sorted by name: `a="1" b="2"`.
  std::string Targets() const {
    std::string text;
    for (const auto& group : groups_) {
      for (const auto& target : group.targets) {
        auto labels = target;
        labels.insert(group.labels.begin(), group.labels.end());
        std::string line;
        for (const auto& [name, value] : labels) line += fmt::format("{}{}={:?}", line.empty() ? "" : " ", name, value);
        text += line + "\n";
      }
    }
    return text;
  }

  double Failures(const std::string& kind) { return metrics_.sd_refresh_failures_total.With({kind, "j"}).value(); }

  base::SimFileSystem files_;
  std::map<std::string, std::string> environment_;
  base::Registry registry_;
  ScrapeMetrics metrics_{registry_};
  base::SimClock clock_;
  base::SimExecutor executor_{clock_, 1};
  std::shared_ptr<FakeTargets> servers_ = std::make_shared<FakeTargets>(executor_);
  std::shared_ptr<Discovery> discovery_;
  std::vector<TargetGroup> groups_;
  int updates_ = 0;
  std::vector<std::string> log_;
};

}  // namespace baro::scraper
