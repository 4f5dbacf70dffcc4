// Records of the Domain Name System, asked for by type: what getaddrinfo does not tell.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/result.h"

namespace baro::base {
class Executor;
}

namespace baro::net {

enum class DnsType : std::uint8_t { kA, kAaaa, kSrv, kMx, kNs };

struct DnsRecord {
  std::string value;       ///< an address, or a host's name without the dot at its end
  std::uint16_t port = 0;  ///< of SRV records

  friend bool operator==(const DnsRecord&, const DnsRecord&) = default;
};

/// Called once, on the executor. No records: the name does not exist, or has none of that type.
/// Errors   kInvalidArgument: not a domain name. kIo, kTimeout: no server gave an answer that settles it.
using DnsCallback = std::function<void(base::Result<std::vector<DnsRecord>>)>;

/// Threads  Safe to share.
class DnsClient {
 public:
  virtual ~DnsClient() = default;
  /// Ends within some seconds for each server and search domain.
  virtual void Lookup(std::string name, DnsType type, DnsCallback callback) = 0;
};

struct DnsClientSettings {
  base::Executor* executor = nullptr;  ///< borrowed, outlives the client
  std::string servers;  ///< "127.0.0.1:5353,…"; empty: those of /etc/resolv.conf, which is read for each lookup
  std::vector<std::string> search;           ///< domains, instead of those of resolv.conf, if `servers` is given
  std::chrono::milliseconds timeout{2'000};  ///< for the first try of a server; the second and last waits twice as long
};

/// Asks servers in their order, over UDP, and over TCP what does not fit. A name with fewer dots than `ndots` is tried
/// below the search domains first, one with a dot at its end as it is only.
/// The end of the client forgets lookups that run: their callbacks are not called.
std::unique_ptr<DnsClient> MakeDnsClient(DnsClientSettings settings);

}  // namespace baro::net
