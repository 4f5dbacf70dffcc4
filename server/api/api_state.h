// What the handlers of the API look at. The wiring fills it; storage and all that stands on it comes when the log has
// been replayed.
#pragma once

#include <atomic>
#include <chrono>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/metrics.h"
#include "base/mutex.h"
#include "model/matcher.h"
#include "query/engine.h"
#include "remote/write_receiver.h"
#include "scraper/scrape_manager.h"
#include "server/api/global_url.h"
#include "server/journal/active_queries.h"
#include "tsdb/storage.h"

namespace baro::server {

/// The configuration as it runs.
struct ActiveConfig {
  std::string config_yaml;
  std::map<std::string, std::string> external_labels;
  bool last_reload_ok = true;
  base::WallTime last_success{};
};

/// Threads  Parts that stand in before the server listens are immutable; `storage`, `engine` and `scraping` are set
/// before
///          `is_ready` and stay; the configuration is guarded.
class ApiState {
 public:
  /// `origins`: which pages may read answers; matches the Origin header.
  ApiState(const base::Clock& clock, std::map<std::string, std::string> flags, model::Matcher origins)
      : clock_(clock), flags_(std::move(flags)), origins_(std::move(origins)), start_time_(clock.Now()) {}

  const base::Clock& clock() const { return clock_; }
  const std::map<std::string, std::string>& flags() const { return flags_; }
  bool AllowsOrigin(std::string_view origin) const { return origins_.Matches(origin); }
  bool allows_any_origin() const { return origins_.value() == ".*"; }
  base::WallTime start_time() const { return start_time_; }

  /// Called once. Release: whoever sees the flag sees the pointers.
  void SetReady(tsdb::Storage& storage, query::Engine& engine, scraper::ScrapeManager& scraping,
                remote::WriteReceiver& write_receiver) {
    storage_ = &storage;
    engine_ = &engine;
    scraping_ = &scraping;
    write_receiver_ = &write_receiver;
    is_ready_.store(true, std::memory_order_release);
  }
  void SetStopping() {
    is_stopping_.store(true, std::memory_order_relaxed);
    is_ready_.store(false, std::memory_order_release);
  }
  bool is_ready() const { return is_ready_.load(std::memory_order_acquire); }
  bool is_stopping() const { return is_stopping_.load(std::memory_order_relaxed); }

  // Shape  is_ready() was true.
  tsdb::Storage& storage() const { return *storage_; }
  query::Engine& engine() const { return *engine_; }
  scraper::ScrapeManager& scraping() const { return *scraping_; }
  remote::WriteReceiver& write_receiver() const { return *write_receiver_; }

  tsdb::ReplayProgress& replay() const { return *replay_; }
  const std::shared_ptr<tsdb::ReplayProgress>& shared_replay() const { return replay_; }

  ActiveConfig config() const {
    const base::MutexLock lock(mutex_);
    return config_;
  }
  void SetConfig(ActiveConfig config) {
    const base::MutexLock lock(mutex_);
    config_ = std::move(config);
  }
  /// Shape  is_ready() was true. Set before.
  const OwnAddress& own_address() const { return own_address_; }
  void set_own_address(OwnAddress own) { own_address_ = std::move(own); }
  /// Shape  is_ready() was true. Set before.
  const ActiveQueries& active_queries() const { return *active_queries_; }
  void set_active_queries(const ActiveQueries& queries) { active_queries_ = &queries; }

 private:
  const base::Clock& clock_;
  const std::map<std::string, std::string> flags_;
  const model::Matcher origins_;
  const base::WallTime start_time_;
  OwnAddress own_address_;
  const ActiveQueries* active_queries_ = nullptr;
  std::shared_ptr<tsdb::ReplayProgress> replay_ = std::make_shared<tsdb::ReplayProgress>();
  tsdb::Storage* storage_ = nullptr;
  query::Engine* engine_ = nullptr;
  scraper::ScrapeManager* scraping_ = nullptr;
  remote::WriteReceiver* write_receiver_ = nullptr;
  std::atomic<bool> is_ready_{false};
  std::atomic<bool> is_stopping_{false};
  mutable base::Mutex mutex_;  // a leaf
  ActiveConfig config_ BARO_GUARDED_BY(mutex_);
};

}  // namespace baro::server
