// Members of services that register in ZooKeeper: serverset_sd_configs and nerve_sd_configs.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/mutex.h"
#include "base/stream.h"
#include "scraper/discovery/discovery.h"
#include "scraper/discovery/discovery_context.h"
#include "scraper/discovery/discovery_report.h"
#include "scraper/zookeeper/session.h"
#include "scraper/zookeeper/tree.h"

namespace baro::scraper {

/// Reads the trees below some paths and follows what changes in them. When a connection is lost, the next server is
/// asked for everything again; until it has told, the targets stay as they are.
///
/// Threads  As Discovery; the stream is touched where the network calls back.
/// Source   Prometheus 3.14, serverset_sd_configs and nerve_sd_configs.
class ZookeeperDiscovery : public Discovery, public std::enable_shared_from_this<ZookeeperDiscovery> {
 public:
  /// For the kinds "serverset" and "nerve".
  /// Errors   kInvalidArgument: a server is no host and port. kUnsupported: there is no network.
  static base::Result<std::shared_ptr<Discovery>> Make(const DiscoveryOptions& options,
                                                       const DiscoveryContext& context);

  void Start(DiscoveryUpdate update) override;
  void Stop() override;
  DiscoveryStatus status() const override { return report_.status(); }

 private:
  /// A connection and what is under way on it, which keeps it.
  struct Link {
    std::unique_ptr<base::Stream> stream;
    ZookeeperSession session;
    std::vector<std::byte> input;
    base::ByteBuffer output;    ///< that is being written; empty: nothing is
    bool was_complete = false;  ///< everything was read at least once
  };
  using LinkPtr = std::shared_ptr<Link>;

  ZookeeperDiscovery(const DiscoveryOptions& options, std::vector<base::Endpoint> servers,
                     const DiscoveryContext& context);

  void Connect();
  void Greet(base::Result<std::unique_ptr<base::Stream>> stream);
  void Read(const LinkPtr& link) BARO_REQUIRES(mutex_);
  void Take(const LinkPtr& link, const base::Result<std::size_t>& count);
  void Write(const LinkPtr& link) BARO_REQUIRES(mutex_);
  void Tick();
  void HangUp();
  /// Ends the connection, if there is one, and goes on to the next server.
  void Lose(const base::Error& error) BARO_REQUIRES(mutex_);
  std::chrono::nanoseconds NextDelay(bool was_good) BARO_REQUIRES(mutex_);
  void LookAtTree(Link& link) BARO_REQUIRES(mutex_);
  /// Says how it goes when all is read that is to be read.
  void Report(Link& link) BARO_REQUIRES(mutex_);
  /// `work` runs where the network calls back, and after some time.
  void After(std::chrono::nanoseconds delay, void (ZookeeperDiscovery::*work)()) BARO_REQUIRES(mutex_);
  void TellSoon() BARO_REQUIRES(mutex_);
  void Tell();

  const std::vector<base::Endpoint> servers_;
  const std::chrono::milliseconds timeout_;
  const std::size_t first_server_;  ///< another one for each of those with the same configuration
  const base::Clock& clock_;
  base::Executor& executor_;
  base::Network& network_;
  DiscoveryReport report_;
  DiscoveryUpdate update_;

  mutable base::Mutex mutex_;  // outer to the report's; nothing below is touched once is_running_ is false, but link_
  bool is_running_ BARO_GUARDED_BY(mutex_) = false;
  ZookeeperTree tree_ BARO_GUARDED_BY(mutex_);
  LinkPtr link_ BARO_GUARDED_BY(mutex_);
  std::size_t tries_ BARO_GUARDED_BY(mutex_) = 0;     // of servers
  std::size_t failures_ BARO_GUARDED_BY(mutex_) = 0;  // since everything was read
  base::MonotonicTime try_start_ BARO_GUARDED_BY(mutex_);
  std::int64_t last_zxid_ BARO_GUARDED_BY(mutex_) = 0;
  base::MonotonicTime last_report_ BARO_GUARDED_BY(mutex_);
  base::TimerId timer_ BARO_GUARDED_BY(mutex_) = base::TimerId::kNone;  // to connect, or of the session
  bool has_told_ BARO_GUARDED_BY(mutex_) = false;
  bool has_news_ BARO_GUARDED_BY(mutex_) = false;
  bool is_whole_ BARO_GUARDED_BY(mutex_) = false;    // the tree was read to its end since the last connection
  bool is_telling_ BARO_GUARDED_BY(mutex_) = false;  // the timer runs, or Tell()
  base::TimerId tell_timer_ BARO_GUARDED_BY(mutex_) = base::TimerId::kNone;
};

}  // namespace baro::scraper
