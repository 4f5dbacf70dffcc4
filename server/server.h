// The server: everything wired together, from the command line to the last commit.
#pragma once

#include <memory>
#include <string>

#include "base/file_system.h"
#include "base/log.h"
#include "base/result.h"
#include "server/flags/flags.h"

namespace baro::server {

/// One running Barograph.
///
/// Threads  Start(), Reload() and Stop() by one thread each at a time; Reload() may come from a request handler.
class Server {
 public:
  /// Reads the configuration, listens, replays the log and begins to scrape. Health is answered from the moment of
  /// listening, all else once the log is in.
  /// Errors   kInvalidArgument: configuration or flags. kUnavailable, kIo: the data directory or an address is taken.
  static base::Result<std::unique_ptr<Server>> Start(Flags flags, base::Logger log);

  /// Stops in order: no new requests, no scrapes, the log synced and closed.
  ~Server();
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  /// Reads the configuration again and takes it over as a whole, or not at all.
  base::Result<> Reload();

  /// The addresses that are served, with real ports.
  const std::vector<std::string>& addresses() const;

 private:
  class Impl;
  explicit Server(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace baro::server
