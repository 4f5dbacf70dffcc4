#include "scraper/discovery/consul_discovery.h"

#include <algorithm>
#include <charconv>

#include <fmt/format.h>

#include "base/fixed_budget.h"
#include "scraper/discovery/json_answer.h"
#include "scraper/discovery/polled_discovery.h"
#include "scraper/discovery/target_list.h"
#include "scraper/target_file.h"

namespace baro::scraper {
namespace {

using base::Code;
using base::Fail;
using base::MutexLock;
using std::chrono::nanoseconds;

constexpr std::chrono::minutes kWait{2};         // what the server is asked to wait
constexpr std::chrono::seconds kWaitMargin{15};  // it adds up to a sixteenth of that
constexpr nanoseconds kRetryMax = std::chrono::seconds(60);
constexpr nanoseconds kTellAfter = std::chrono::milliseconds(200);
constexpr nanoseconds kLogRound = kRetryMax;  // in which each watch that fails was asked again
constexpr std::size_t kLoggedMax = 5;         // errors of watches in a round

/// From `server`: host:port, unix:///path, or a URL, whose scheme then counts.
base::Result<ApiOrigin> OriginOf(const DiscoveryRecord& record) {
  const std::string& server = record.Text("server");
  constexpr std::string_view kUnix = "unix://";
  ApiOrigin origin;
  if (server.starts_with(kUnix)) {
    origin = {.url = "http://consul", .unix_socket = server.substr(kUnix.size())};
  } else if (server.starts_with("http://") || server.starts_with("https://")) {
    origin.url = server;
  } else {
    const std::string& scheme = record.Text("scheme");
    origin.url = fmt::format("{}://{}", scheme.empty() ? "http" : scheme, server);
  }
  while (origin.url.ends_with('/')) origin.url.pop_back();
  std::string prefix = record.Text("path_prefix");
  while (prefix.ends_with('/')) prefix.pop_back();
  if (!prefix.empty()) origin.url += prefix.starts_with('/') ? prefix : "/" + prefix;
  if (const auto url = net::ParseUrl(origin.url); !url) return std::unexpected(url.error());
  return origin;
}

std::string SharedQuery(const DiscoveryRecord& record) {
  std::string query;
  const auto add = [&query](std::string_view name, const std::string& value) {
    if (!value.empty()) query += fmt::format("&{}={}", name, net::UrlEncode(value));
  };
  add("dc", record.Text("datacenter"));
  add("ns", record.Text("namespace"));
  add("partition", record.Text("partition"));
  if (record.Get<bool>("allow_stale")) query += "&stale=";
  for (const auto& [name, value] : record.Get<std::map<std::string, std::string>>("node_meta")) {
    add("node-meta", fmt::format("{}:{}", name, value));
  }
  return query;
}

/// The client's options with what the record says of credentials.
net::HttpClientOptions ClientOptions(const DiscoveryOptions& options) {
  net::HttpClientOptions http = options.http;
  if (const std::string& user = options.record.Text("username"); !user.empty()) {
    http.basic_auth =
        net::BasicAuthOptions{.username = user, .password = options.record.Get<net::SecretSource>("password")};
  }
  if (const auto& token = options.record.Get<net::SecretSource>("token"); token.is_set()) {
    http.headers["X-Consul-Token"].secrets = {token.value};
  }
  return http;
}

/// X-Consul-Index; 0 if there is none.
std::uint64_t IndexOf(const net::FetchResponse& answer) {
  const std::string_view text = answer.headers.Get("X-Consul-Index");
  std::uint64_t index = 0;
  const auto parsed = std::from_chars(text.data(), text.data() + text.size(), index);
  return parsed.ec == std::errc() && parsed.ptr == text.data() + text.size() ? index : 0;
}

}  // namespace

base::Result<std::shared_ptr<Discovery>> ConsulDiscovery::Make(const DiscoveryOptions& options,
                                                               const DiscoveryContext& context) {
  ApiOrigin origin = BARO_TRY(OriginOf(options.record));
  auto fetcher = BARO_TRY(context.make_fetcher(ClientOptions(options)));
  return std::shared_ptr<Discovery>(new ConsulDiscovery(options, std::move(origin), std::move(fetcher), context));
}

ConsulDiscovery::ConsulDiscovery(const DiscoveryOptions& options, ApiOrigin origin,
                                 std::shared_ptr<net::HttpFetcher> fetcher, const DiscoveryContext& context)
    : record_(options.record),
      origin_(std::move(origin)),
      query_(SharedQuery(options.record)),
      filter_{.services = options.record.Get<std::vector<std::string>>("services"),
              .tags = options.record.Get<std::vector<std::string>>("tags")},
      interval_(options.record.Get<std::chrono::milliseconds>("refresh_interval")),
      fetcher_(std::move(fetcher)),
      budget_(std::make_shared<base::FixedBudget>("answers that are on their way", kConsulBytesMax)),
      clock_(context.clock),
      executor_(context.executor),
      report_("consul", context) {}

void ConsulDiscovery::Start(DiscoveryUpdate update) {
  update_ = std::move(update);
  const MutexLock lock(mutex_);
  is_running_ = true;
  datacenter_ = record_.Text("datacenter");
  if (!datacenter_.empty()) return WatchServices();
  root_ = std::make_shared<Watch>(Watch{.subject = Subject::kAgent});
  Begin(root_, nanoseconds(0));
}

void ConsulDiscovery::Stop() {
  const MutexLock lock(mutex_);
  is_running_ = false;
  report_.Close();
  executor_.Cancel(tell_timer_);
  executor_.Cancel(log_timer_);
  if (root_) End(*root_);
  for (const auto& [name, watch] : services_) End(*watch);
  services_.clear();
  unasked_.clear();
}

void ConsulDiscovery::Begin(WatchPtr watch, nanoseconds delay) {
  Watch& begun = *watch;
  begun.timer = executor_.PostAfter(delay, [self = shared_from_this(), watch = std::move(watch)] { self->Ask(watch); });
}

void ConsulDiscovery::End(Watch& watch) {
  watch.is_over = true;
  executor_.Cancel(watch.timer);
  if (watch.call != net::HttpFetcher::CallId{}) fetcher_->Cancel(watch.call);
  LeaveFirst(watch);
}

/// The catalog, if it has to tell which services there are; else those that are named.
void ConsulDiscovery::WatchServices() {
  const bool needs_catalog = filter_.services.empty() || !filter_.tags.empty() || !record_.Text("filter").empty();
  if (!needs_catalog) {
    root_.reset();
    for (const std::string& name : filter_.services) AddService(name);
    return;
  }
  root_ = std::make_shared<Watch>(Watch{.subject = Subject::kCatalog});
  Begin(root_, nanoseconds(0));
}

void ConsulDiscovery::AddService(const std::string& name) {
  auto& watch = services_[name];
  if (watch) return;
  watch = std::make_shared<Watch>(Watch{.subject = Subject::kService, .name = name});
  watch->group.source = name;
  unasked_.push_back(watch);
  AskFirst();
}

void ConsulDiscovery::AskFirst() {
  while (first_asks_ < first_max_ && !unasked_.empty()) {
    const WatchPtr watch = std::move(unasked_.front());
    unasked_.pop_front();
    if (watch->is_over) continue;
    watch->is_first = true;
    ++first_asks_;
    Begin(watch, nanoseconds(0));
  }
}

void ConsulDiscovery::LeaveFirst(Watch& watch) {
  if (std::exchange(watch.is_first, false)) --first_asks_;
}

bool ConsulDiscovery::AsksLater(const WatchPtr& watch, const base::Result<net::FetchResponse>& answer) {
  const bool is_too_much = !answer && answer.error().code() == Code::kLimitExceeded;
  if (!is_too_much || !watch->is_first || first_asks_ == 1) return false;  // it had all the room there is
  first_max_ = std::max<std::size_t>(1, first_asks_ / 2);
  LeaveFirst(*watch);
  unasked_.push_back(watch);
  AskFirst();
  return true;
}

std::string ConsulDiscovery::UrlOf(const Watch& watch) const {
  const auto with_filter = [](std::string url, const std::string& filter) {
    return filter.empty() ? url : url + "&filter=" + net::UrlEncode(filter);
  };
  const std::string wait =
      fmt::format("?wait={}ms&index={}{}", std::chrono::milliseconds(kWait).count(), watch.index, query_);
  switch (watch.subject) {
    case Subject::kAgent:
      return origin_.url + "/v1/agent/self";
    case Subject::kCatalog:
      return with_filter(origin_.url + "/v1/catalog/services" + wait, record_.Text("filter"));
    case Subject::kService:
      break;
  }
  std::string url = fmt::format("{}/v1/health/service/{}{}", origin_.url, net::UrlEncode(watch.name), wait);
  for (const std::string& tag : filter_.tags) url += "&tag=" + net::UrlEncode(tag);
  return with_filter(std::move(url), record_.Text("health_filter"));
}

void ConsulDiscovery::Ask(const WatchPtr& watch) {
  const net::FetchOptions options{
      .timeout = kWait + kWaitMargin, .body_bytes_max = kAnswerBytesMax + 1, .budget = budget_};
  const MutexLock lock(mutex_);
  if (watch->is_over) return;
  watch->start = clock_.Monotonic();
  net::FetchRequest request{.url = UrlOf(*watch), .unix_socket = origin_.unix_socket};
  request.headers.Add("Accept", "application/json");
  watch->call = fetcher_->Fetch(std::move(request), options,
                                [self = shared_from_this(), watch](const base::Result<net::FetchResponse>& answer) {
                                  self->Take(watch, answer);
                                });
}

void ConsulDiscovery::Take(const WatchPtr& watch, const base::Result<net::FetchResponse>& answer) {
  const MutexLock lock(mutex_);
  watch->call = {};
  if (watch->is_over || AsksLater(watch, answer)) return;
  watch->was_asked = true;
  LeaveFirst(*watch);
  const base::Result<> used = answer ? Use(*watch, *answer) : std::unexpected(answer.error());
  const nanoseconds took = clock_.Monotonic() - watch->start;
  if (used) {
    watch->failures = 0;
    watch->error.clear();
    const auto fails = [](const auto& entry) { return !entry.second->error.empty(); };
    const bool root_fails = root_ && !root_->error.empty();
    if (!root_fails && std::ranges::none_of(services_, fails)) report_.Succeeded(TargetCount(), took);
  } else {
    ++watch->failures;
    ReportFailure(*watch, watch->name.empty() ? used.error() : used.error().WithContext(watch->name), took);
  }
  AskFirst();
  if (IsComplete() && has_news_) TellSoon();
  if (!watch->is_over) Begin(watch, NextDelay(*watch));
}

/// A catalog of services that are all down should not fill the log.
void ConsulDiscovery::ReportFailure(Watch& watch, const base::Error& error, nanoseconds took) {
  const bool is_new = watch.error != error.message();
  watch.error = error.message();
  report_.Failed(error, took, is_new && new_errors_ < kLoggedMax);
  if (!is_new) return;
  if (new_errors_++ > 0) return;
  log_timer_ = executor_.PostAfter(kLogRound, [self = shared_from_this()] { self->EndLogRound(); });
}

void ConsulDiscovery::EndLogRound() {
  const MutexLock lock(mutex_);
  const std::size_t errors = std::exchange(new_errors_, 0);
  if (is_running_ && errors > kLoggedMax) report_.FailedToo(errors - kLoggedMax, "services");
}

/// Of a good answer the next question comes no sooner than an interval after this one.
nanoseconds ConsulDiscovery::NextDelay(const Watch& watch) const {
  if (watch.failures > 0) return RefreshDelay(std::max(interval_, kRetryMax), watch.failures);
  return std::max(nanoseconds(0), interval_ - (clock_.Monotonic() - watch.start));
}

base::Result<> ConsulDiscovery::Use(Watch& watch, const net::FetchResponse& answer) {
  if (answer.status != 200) return Fail(Code::kIo, fmt::format("the server answered HTTP status {}", answer.status));
  if (watch.subject == Subject::kAgent) {
    datacenter_ = BARO_TRY(ParseConsulDatacenter(answer.body));
    watch.is_over = true;
    WatchServices();
    return {};
  }
  const std::uint64_t index = IndexOf(answer);
  const bool is_same = index != 0 && index == watch.index;
  if (is_same) return {};  // the wait was over, nothing has changed
  if (watch.subject == Subject::kCatalog) {
    BARO_TRY(UseServices(answer.body));
  } else {
    TargetGroup group = BARO_TRY(ParseConsulInstances(
        answer.body, {.name = watch.name, .datacenter = datacenter_, .tag_separator = record_.Text("tag_separator")}));
    BARO_TRY(Keep(watch, std::move(group)));
  }
  // An index that goes back is that of a server which began anew: whatever it says is new.
  watch.index = index < watch.index ? 0 : index;
  has_news_ = true;
  return {};
}

base::Result<> ConsulDiscovery::Keep(Watch& watch, TargetGroup group) {
  const std::size_t own_bytes = BytesOf(group);
  std::size_t targets = group.targets.size();
  std::size_t bytes = own_bytes;
  for (const auto& [name, other] : services_) {
    if (other.get() == &watch) continue;
    targets += other->group.targets.size();
    bytes += other->bytes;
  }
  if (targets > kDiscoveredTargetsMax) {
    return Fail(Code::kLimitExceeded, fmt::format("with it there are more than {} targets", kDiscoveredTargetsMax));
  }
  if (bytes > kDiscoveredBytesMax) {
    return Fail(Code::kLimitExceeded,
                fmt::format("with it labels of targets have more than {} bytes", kDiscoveredBytesMax));
  }
  watch.group = std::move(group);
  watch.bytes = own_bytes;
  return {};
}

base::Result<> ConsulDiscovery::UseServices(const std::string& body) {
  const std::vector<std::string> names = BARO_TRY(ParseConsulServices(body, filter_));  // sorted: a map's keys
  if (names.size() > kConsulServicesMax) {
    return Fail(Code::kLimitExceeded, fmt::format("{} services, the limit is {}", names.size(), kConsulServicesMax));
  }
  std::erase_if(services_, [&](const auto& entry) BARO_REQUIRES(mutex_) {
    if (std::ranges::binary_search(names, entry.first)) return false;
    End(*entry.second);
    return true;
  });
  for (const std::string& name : names) AddService(name);
  return {};
}

bool ConsulDiscovery::IsComplete() const {
  if (root_ && root_->subject == Subject::kAgent) return false;
  return std::ranges::all_of(services_, [](const auto& entry) { return entry.second->was_asked; });
}

std::size_t ConsulDiscovery::TargetCount() const {
  std::size_t count = 0;
  for (const auto& [name, watch] : services_) count += watch->group.targets.size();
  return count;
}

void ConsulDiscovery::TellSoon() {
  if (is_telling_) return;
  is_telling_ = true;
  tell_timer_ = executor_.PostAfter(kTellAfter, [self = shared_from_this()] { self->Tell(); });
}

void ConsulDiscovery::Tell() {
  std::vector<TargetGroup> groups;
  {
    const MutexLock lock(mutex_);
    if (!is_running_) return;
    has_news_ = false;
    for (const auto& [name, watch] : services_) groups.push_back(watch->group);
  }
  update_(std::move(groups));
  const MutexLock lock(mutex_);
  is_telling_ = false;
  if (is_running_ && has_news_) TellSoon();
}

}  // namespace baro::scraper
