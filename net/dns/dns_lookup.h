// One lookup: the names that it tries, one after the other, on a channel of its own.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <ares.h>
#include <poll.h>

#include "net/dns_client.h"

namespace baro::net::dns {

/// Where a name is looked for: as it is and below the search domains, in the order in which resolv.conf(5) wants it.
std::vector<std::string> NamesToTry(const std::string& name, const std::vector<std::string>& search, int ndots);

/// The records of that type in an answer as it was received.
/// Errors   kIo: the answer cannot be read.
base::Result<std::vector<DnsRecord>> ReadAnswer(DnsType type, const unsigned char* answer, int length);

/// Threads  Confined.
class DnsLookup {
 public:
  DnsLookup(const DnsClientSettings& settings, std::string name, DnsType type);
  ~DnsLookup();
  DnsLookup(const DnsLookup&) = delete;
  DnsLookup& operator=(const DnsLookup&) = delete;

  /// Asks for the first name.
  void Start();
  /// Appends the sockets to wait for, and shortens `timeout_ms` to what it wants to wait at most.
  void AddWaits(std::vector<pollfd>& waits, int& timeout_ms) const;
  /// Does what is to be done after the wait; `waits` has at least those that AddWaits() appended.
  void Process(const std::vector<pollfd>& waits);
  /// There once it is done.
  const std::optional<base::Result<std::vector<DnsRecord>>>& result() const { return result_; }

 private:
  static void OnAnswer(void* self, int status, int timeouts, unsigned char* answer, int length);
  void Take(int status, const unsigned char* answer, int length);
  void AskNext();
  base::Result<> Open();

  const DnsClientSettings& settings_;
  const std::string name_;
  const DnsType type_;
  ares_channel channel_ = nullptr;
  std::vector<std::string> names_;
  std::size_t next_ = 0;              // in names_
  bool is_waiting_ = false;           // for an answer
  std::optional<base::Error> error_;  // of a name that no server settled
  std::optional<base::Result<std::vector<DnsRecord>>> result_;
};

}  // namespace baro::net::dns
