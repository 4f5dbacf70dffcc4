#include "net/dns/dns_lookup.h"

#include <algorithm>
#include <array>

#include <arpa/inet.h>
#include <arpa/nameser.h>
#include <fmt/format.h>
#include <netdb.h>

namespace baro::net::dns {
namespace {

using base::Code;
using Records = std::vector<DnsRecord>;

constexpr int kAddressesMax = 10'000;  // more do not fit into a message of 64 KiB
constexpr int kTries = 2;              // of each server
constexpr int kEdnsBytes = 4096;

int WireType(DnsType type) {
  switch (type) {
    case DnsType::kA:
      return ns_t_a;
    case DnsType::kAaaa:
      return ns_t_aaaa;
    case DnsType::kSrv:
      return ns_t_srv;
    case DnsType::kMx:
      return ns_t_mx;
    case DnsType::kNs:
      return ns_t_ns;
  }
  return ns_t_invalid;
}

template <typename Address>
std::string AddressText(int family, const Address& address) {
  std::array<char, INET6_ADDRSTRLEN> text{};
  inet_ntop(family, &address, text.data(), text.size());
  return text.data();
}

int ReadA(const unsigned char* answer, int length, Records& records) {
  std::vector<ares_addrttl> found(kAddressesMax);
  int count = kAddressesMax;
  const int status = ares_parse_a_reply(answer, length, nullptr, found.data(), &count);
  for (int i = 0; status == ARES_SUCCESS && i < count; ++i) {
    records.push_back({.value = AddressText(AF_INET, found[static_cast<std::size_t>(i)].ipaddr)});
  }
  return status;
}

int ReadAaaa(const unsigned char* answer, int length, Records& records) {
  std::vector<ares_addr6ttl> found(kAddressesMax);
  int count = kAddressesMax;
  const int status = ares_parse_aaaa_reply(answer, length, nullptr, found.data(), &count);
  for (int i = 0; status == ARES_SUCCESS && i < count; ++i) {
    records.push_back({.value = AddressText(AF_INET6, found[static_cast<std::size_t>(i)].ip6addr)});
  }
  return status;
}

int ReadSrv(const unsigned char* answer, int length, Records& records) {
  ares_srv_reply* list = nullptr;
  const int status = ares_parse_srv_reply(answer, length, &list);
  for (const ares_srv_reply* at = list; at != nullptr; at = at->next) {
    records.push_back({.value = at->host, .port = at->port});
  }
  if (list != nullptr) ares_free_data(list);
  return status;
}

int ReadMx(const unsigned char* answer, int length, Records& records) {
  ares_mx_reply* list = nullptr;
  const int status = ares_parse_mx_reply(answer, length, &list);
  for (const ares_mx_reply* at = list; at != nullptr; at = at->next) records.push_back({.value = at->host});
  if (list != nullptr) ares_free_data(list);
  return status;
}

int ReadNs(const unsigned char* answer, int length, Records& records) {
  hostent* host = nullptr;
  const int status = ares_parse_ns_reply(answer, length, &host);
  if (host == nullptr) return status;
  for (char** at = host->h_aliases; *at != nullptr; ++at) records.push_back({.value = *at});
  ares_free_hostent(host);
  return status;
}

base::Error ErrorOf(int status, const std::string& name) {
  Code code = Code::kIo;
  if (status == ARES_ETIMEOUT) code = Code::kTimeout;
  if (status == ARES_EBADNAME) code = Code::kInvalidArgument;
  return {code, fmt::format("look up {:?}: {}", name, ares_strerror(status))};
}

/// c-ares wants to be told once that there is a process.
bool InitialiseLibrary() {
  static const bool kIsReady = ares_library_init(ARES_LIB_INIT_ALL) == ARES_SUCCESS;
  return kIsReady;
}

}  // namespace

std::vector<std::string> NamesToTry(const std::string& name, const std::vector<std::string>& search, int ndots) {
  if (name.ends_with('.')) return {name};
  std::vector<std::string> names;
  for (const std::string& domain : search) names.push_back(domain == "." ? name : fmt::format("{}.{}", name, domain));
  const bool is_first = std::ranges::count(name, '.') >= ndots;
  names.insert(is_first ? names.begin() : names.end(), name);
  return names;
}

base::Result<Records> ReadAnswer(DnsType type, const unsigned char* answer, int length) {
  Records records;
  int status = ARES_EBADRESP;
  switch (type) {
    case DnsType::kA:
      status = ReadA(answer, length, records);
      break;
    case DnsType::kAaaa:
      status = ReadAaaa(answer, length, records);
      break;
    case DnsType::kSrv:
      status = ReadSrv(answer, length, records);
      break;
    case DnsType::kMx:
      status = ReadMx(answer, length, records);
      break;
    case DnsType::kNs:
      status = ReadNs(answer, length, records);
      break;
  }
  if (status != ARES_SUCCESS && status != ARES_ENODATA) {
    return base::Fail(Code::kIo, fmt::format("the answer cannot be read: {}", ares_strerror(status)));
  }
  return records;
}

DnsLookup::DnsLookup(const DnsClientSettings& settings, std::string name, DnsType type)
    : settings_(settings), name_(std::move(name)), type_(type) {}

DnsLookup::~DnsLookup() {
  result_.emplace(Records());  // what the channel's end tells is nobody's
  if (channel_ != nullptr) ares_destroy(channel_);
}

base::Result<> DnsLookup::Open() {
  const auto failed = [this](int status) { return std::unexpected(ErrorOf(status, name_)); };
  if (!InitialiseLibrary()) return failed(ARES_ENOTINITIALIZED);
  ares_options options{};
  options.flags = ARES_FLAG_EDNS;
  options.ednspsz = kEdnsBytes;
  options.timeout = static_cast<int>(settings_.timeout.count());
  options.tries = kTries;
  const int mask = ARES_OPT_FLAGS | ARES_OPT_EDNSPSZ | ARES_OPT_TIMEOUTMS | ARES_OPT_TRIES;
  if (const int status = ares_init_options(&channel_, &options, mask); status != ARES_SUCCESS) return failed(status);
  if (!settings_.servers.empty()) {
    const int status = ares_set_servers_ports_csv(channel_, settings_.servers.c_str());
    if (status != ARES_SUCCESS) return failed(status);
    names_ = NamesToTry(name_, settings_.search, 1);
    return {};
  }
  ares_options known{};
  int known_mask = 0;
  if (const int status = ares_save_options(channel_, &known, &known_mask); status != ARES_SUCCESS)
    return failed(status);
  std::vector<std::string> search;
  for (int i = 0; i < known.ndomains; ++i) search.emplace_back(known.domains[i]);
  names_ = NamesToTry(name_, search, known.ndots);
  ares_destroy_options(&known);
  return {};
}

void DnsLookup::Start() {
  if (const auto opened = Open(); !opened) {
    result_.emplace(std::unexpected(opened.error()));
    return;
  }
  AskNext();
}

void DnsLookup::AskNext() {
  while (!result_ && !is_waiting_) {
    if (next_ == names_.size()) {
      // That none of the names exists is an answer only if every name was settled.
      if (error_) {
        result_.emplace(std::unexpected(*error_));
      } else {
        result_.emplace(Records());
      }
      return;
    }
    is_waiting_ = true;
    ares_query(channel_, names_[next_++].c_str(), ns_c_in, WireType(type_), OnAnswer, this);  // may answer at once
  }
}

void DnsLookup::OnAnswer(void* self, int status, int /*timeouts*/, unsigned char* answer, int length) {
  static_cast<DnsLookup*>(self)->Take(status, answer, length);
}

// Source   Prometheus 3.14, discovery by DNS: the first name that exists settles it, with records or without.
void DnsLookup::Take(int status, const unsigned char* answer, int length) {
  is_waiting_ = false;
  if (result_) return;
  if (status == ARES_SUCCESS) {
    result_.emplace(ReadAnswer(type_, answer, length));
  } else if (status == ARES_ENODATA) {
    result_.emplace(Records());
  } else if (status != ARES_ENOTFOUND) {
    error_ = ErrorOf(status, names_[next_ - 1]);
  }
}

void DnsLookup::AddWaits(std::vector<pollfd>& waits, int& timeout_ms) const {
  std::array<ares_socket_t, ARES_GETSOCK_MAXNUM> sockets{};
  const auto bits = static_cast<unsigned>(ares_getsock(channel_, sockets.data(), ARES_GETSOCK_MAXNUM));
  for (unsigned i = 0; i < ARES_GETSOCK_MAXNUM; ++i) {
    const unsigned read = bits & (1U << i);
    const unsigned write = bits & (1U << (i + ARES_GETSOCK_MAXNUM));
    const int events = (read != 0 ? POLLIN : 0) | (write != 0 ? POLLOUT : 0);
    if (events != 0) waits.push_back({.fd = sockets[i], .events = static_cast<short>(events), .revents = 0});
  }
  timeval limit{.tv_sec = timeout_ms / 1000, .tv_usec = (timeout_ms % 1000) * 1000};
  timeval storage{};
  const timeval* const wait = ares_timeout(channel_, &limit, &storage);
  timeout_ms = static_cast<int>(wait->tv_sec * 1000 + (wait->tv_usec + 999) / 1000);
}

void DnsLookup::Process(const std::vector<pollfd>& waits) {
  std::array<ares_socket_t, ARES_GETSOCK_MAXNUM> sockets{};
  const auto bits = static_cast<unsigned>(ares_getsock(channel_, sockets.data(), ARES_GETSOCK_MAXNUM));
  for (unsigned i = 0; i < ARES_GETSOCK_MAXNUM; ++i) {
    if ((bits & ((1U << i) | (1U << (i + ARES_GETSOCK_MAXNUM)))) == 0) continue;
    const auto wait = std::ranges::find(waits, sockets[i], &pollfd::fd);
    if (wait == waits.end() || wait->revents == 0) continue;
    const bool can_read = (wait->revents & (POLLIN | POLLERR | POLLHUP)) != 0;
    const bool can_write = (wait->revents & POLLOUT) != 0;
    ares_process_fd(channel_, can_read ? wait->fd : ARES_SOCKET_BAD, can_write ? wait->fd : ARES_SOCKET_BAD);
  }
  ares_process_fd(channel_, ARES_SOCKET_BAD, ARES_SOCKET_BAD);  // time-outs
  AskNext();
}

}  // namespace baro::net::dns
