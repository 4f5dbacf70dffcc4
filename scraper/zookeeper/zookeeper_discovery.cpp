#include "scraper/zookeeper/zookeeper_discovery.h"

#include <algorithm>
#include <charconv>
#include <optional>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "base/random.h"
#include "scraper/discovery/polled_discovery.h"

namespace baro::scraper {
namespace {

using base::Code;
using base::Endpoint;
using base::Fail;
using base::MutexLock;
using std::chrono::milliseconds;
using std::chrono::nanoseconds;

constexpr std::uint16_t kDefaultPort = 2181;
constexpr std::size_t kInputBytes = 64 * 1024;
constexpr nanoseconds kConnectMin = std::chrono::seconds(1);
constexpr nanoseconds kNextServerAfter = milliseconds(100);
constexpr nanoseconds kReturnAfter = std::chrono::seconds(1);  // behind a good connection
constexpr nanoseconds kRetryMax = std::chrono::seconds(60);
constexpr nanoseconds kTellAfter = milliseconds(200);
constexpr nanoseconds kReportEach = std::chrono::seconds(60);  // while nothing changes

/// "host", "host:port", "[address]:port".
base::Result<Endpoint> ParseServer(std::string_view text) {
  const auto wrong = [&] {
    return Fail(Code::kInvalidArgument, fmt::format("server {:?} is not a host and a port", text));
  };
  Endpoint server{.host = std::string(text), .port = kDefaultPort};
  if (const std::size_t colon = text.rfind(':'); colon != std::string_view::npos && !text.ends_with(']')) {
    const std::string_view port = text.substr(colon + 1);
    const auto parsed = std::from_chars(port.data(), port.data() + port.size(), server.port);
    if (parsed.ec != std::errc() || parsed.ptr != port.data() + port.size() || server.port == 0) return wrong();
    server.host.resize(colon);
  }
  if (server.host.starts_with('[') && server.host.ends_with(']')) {
    server.host = server.host.substr(1, server.host.size() - 2);
  } else if (server.host.find(':') != std::string::npos) {
    return wrong();
  }
  if (server.host.empty()) return wrong();
  return server;
}

}  // namespace

base::Result<std::shared_ptr<Discovery>> ZookeeperDiscovery::Make(const DiscoveryOptions& options,
                                                                  const DiscoveryContext& context) {
  if (context.network == nullptr) return Fail(Code::kUnsupported, "there is no network for ZooKeeper here");
  std::vector<Endpoint> servers;
  for (const std::string& server : options.record.Get<std::vector<std::string>>("servers")) {
    servers.push_back(BARO_TRY(ParseServer(server)));
  }
  if (servers.empty()) return Fail(Code::kInvalidArgument, "no servers");
  return std::shared_ptr<Discovery>(new ZookeeperDiscovery(options, std::move(servers), context));
}

ZookeeperDiscovery::ZookeeperDiscovery(const DiscoveryOptions& options, std::vector<Endpoint> servers,
                                       const DiscoveryContext& context)
    : servers_(std::move(servers)),
      timeout_(options.record.Get<milliseconds>("timeout")),
      first_server_(base::SeededRandom(context.phase_seed + context.index).Below(servers_.size())),
      clock_(context.clock),
      executor_(context.executor),
      network_(*context.network),
      report_(options.kind, context),
      tree_(options.record.Get<std::vector<std::string>>("paths"),
            options.kind == "nerve" ? ReadNerveMember : ReadServersetMember) {}

void ZookeeperDiscovery::Start(DiscoveryUpdate update) {
  update_ = std::move(update);
  const MutexLock lock(mutex_);
  is_running_ = true;
  tries_ = first_server_;
  After(nanoseconds(0), &ZookeeperDiscovery::Connect);
}

void ZookeeperDiscovery::Stop() {
  const MutexLock lock(mutex_);
  if (!std::exchange(is_running_, false)) return;
  report_.Close();
  executor_.Cancel(timer_);
  executor_.Cancel(tell_timer_);
  network_.Post([self = shared_from_this()] { self->HangUp(); });
}

void ZookeeperDiscovery::After(nanoseconds delay, void (ZookeeperDiscovery::*work)()) {
  timer_ = executor_.PostAfter(delay, [self = shared_from_this(), work] {
    const MutexLock lock(self->mutex_);
    if (self->is_running_) self->network_.Post([self, work] { (self.get()->*work)(); });
  });
}

void ZookeeperDiscovery::Connect() {
  const MutexLock lock(mutex_);
  if (!is_running_) return;
  try_start_ = clock_.Monotonic();
  const nanoseconds share = nanoseconds(timeout_) / static_cast<std::int64_t>(servers_.size());
  network_.Connect(servers_[tries_ % servers_.size()], std::max(kConnectMin, share),
                   [self = shared_from_this()](base::Result<std::unique_ptr<base::Stream>> stream) {
                     self->Greet(std::move(stream));
                   });
}

void ZookeeperDiscovery::Greet(base::Result<std::unique_ptr<base::Stream>> stream) {
  const MutexLock lock(mutex_);
  if (!is_running_) return;
  if (!stream) return Lose(stream.error());
  const base::MonotonicTime now = clock_.Monotonic();
  is_whole_ = false;  // the session begins to read the tree anew
  link_ = std::make_shared<Link>(Link{.stream = *std::move(stream),
                                      .session = ZookeeperSession(tree_, last_zxid_, timeout_, now),
                                      .input = std::vector<std::byte>(kInputBytes),
                                      .output = {}});
  Write(link_);
  Read(link_);
  After(link_->session.due() - now, &ZookeeperDiscovery::Tick);
}

void ZookeeperDiscovery::Read(const LinkPtr& link) {
  link->stream->AsyncRead(link->input, [self = shared_from_this(), link](const base::Result<std::size_t>& count) {
    self->Take(link, count);
  });
}

void ZookeeperDiscovery::Take(const LinkPtr& link, const base::Result<std::size_t>& count) {
  const MutexLock lock(mutex_);
  if (!is_running_ || link != link_) return;
  if (!count) return Lose(count.error());
  if (*count == 0) return Lose({Code::kIo, "the server ended the connection"});
  const auto taken = link->session.Take(base::ByteSpan(link->input).first(*count), clock_.Monotonic());
  last_zxid_ = link->session.last_zxid();
  if (!taken) return Lose(taken.error());
  Write(link);
  LookAtTree(*link);
  Read(link);
}

void ZookeeperDiscovery::Write(const LinkPtr& link) {
  if (!link->output.empty()) return;
  link->output = link->session.TakeOutput();
  if (link->output.empty()) return;
  link->stream->AsyncWrite(link->output, [self = shared_from_this(), link](const base::Result<>& written) {
    const MutexLock lock(self->mutex_);
    link->output.clear();
    if (!self->is_running_ || link != self->link_) return;
    written ? self->Write(link) : self->Lose(written.error());
  });
}

void ZookeeperDiscovery::Tick() {
  const MutexLock lock(mutex_);
  if (!is_running_ || !link_) return;
  const base::MonotonicTime now = clock_.Monotonic();
  if (const auto ticked = link_->session.Tick(now); !ticked) return Lose(ticked.error());
  Write(link_);
  After(std::max(nanoseconds(0), link_->session.due() - now), &ZookeeperDiscovery::Tick);
}

void ZookeeperDiscovery::HangUp() {
  const MutexLock lock(mutex_);
  const LinkPtr link = std::exchange(link_, nullptr);
  if (!link) return;
  if (!link->output.empty()) return link->stream->Close();
  link->output = ZookeeperSession::Farewell();  // else the server keeps the session until its time is over
  link->stream->AsyncWrite(link->output, [link](const base::Result<>& /*written*/) { link->stream->Close(); });
}

void ZookeeperDiscovery::Lose(const base::Error& error) {
  const Endpoint& server = servers_[tries_++ % servers_.size()];
  const bool was_good = link_ && link_->was_complete;
  std::optional<nanoseconds> took;
  if (!was_good) took = clock_.Monotonic() - try_start_;
  report_.Failed(error.WithContext(fmt::format("{}:{}", server.host, server.port)), took);
  if (link_) link_->stream->Close();
  link_.reset();
  executor_.Cancel(timer_);
  After(NextDelay(was_good), &ZookeeperDiscovery::Connect);
}

nanoseconds ZookeeperDiscovery::NextDelay(bool was_good) {
  if (was_good) {
    failures_ = 0;
    return kReturnAfter;
  }
  if (++failures_ % servers_.size() != 0) return kNextServerAfter;
  // No server takes us. It may be that they have begun anew and know less than we have seen of others.
  last_zxid_ = 0;
  return RefreshDelay(kRetryMax, failures_ / servers_.size());
}

void ZookeeperDiscovery::LookAtTree(Link& link) {
  const bool is_complete = tree_.IsComplete();
  if (!is_complete && !link.was_complete) return;
  is_whole_ = true;
  has_news_ |= tree_.TakeNews();
  if (is_complete) Report(link);
  if (has_news_) TellSoon();
}

void ZookeeperDiscovery::Report(Link& link) {
  const base::MonotonicTime now = clock_.Monotonic();
  const bool is_first = !std::exchange(link.was_complete, true);
  if (!is_first && !has_news_ && now - last_report_ < kReportEach) return;
  last_report_ = now;
  std::optional<nanoseconds> took;
  if (is_first) took = now - try_start_;
  const auto missing = tree_.Missing();
  if (missing.empty()) return report_.Succeeded(tree_.targets(), took);
  report_.Failed({Code::kNotFound, fmt::format("no such path: {}", fmt::join(missing, ", "))}, took);
}

void ZookeeperDiscovery::TellSoon() {
  if (is_telling_) return;
  is_telling_ = true;
  tell_timer_ = executor_.PostAfter(kTellAfter, [self = shared_from_this()] { self->Tell(); });
}

void ZookeeperDiscovery::Tell() {
  std::vector<TargetGroup> groups;
  {
    const MutexLock lock(mutex_);
    if (!is_running_) return;
    if (!is_whole_) {  // a connection was lost since the news came: what was told stays until all is read anew
      is_telling_ = false;
      return;
    }
    has_news_ = false;
    groups = tree_.Groups();
    // Of paths that are not there nothing is known: what another discovery told before this one may stay.
    has_told_ = has_told_ || tree_.Missing().size() < groups.size();
    if (!has_told_) {
      is_telling_ = false;
      return;
    }
  }
  update_(std::move(groups));
  const MutexLock lock(mutex_);
  is_telling_ = false;
  if (is_running_ && has_news_) TellSoon();
}

}  // namespace baro::scraper
