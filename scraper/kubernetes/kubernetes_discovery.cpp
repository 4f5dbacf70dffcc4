#include "scraper/kubernetes/kubernetes_discovery.h"

#include <algorithm>

#include <fmt/format.h>

#include "scraper/discovery/polled_discovery.h"

namespace baro::scraper {
namespace {

using base::MutexLock;
using std::chrono::nanoseconds;

constexpr nanoseconds kRetryMax = std::chrono::seconds(60);
constexpr nanoseconds kShortPause = std::chrono::seconds(1);  // when nothing is wrong but that it ended at once
constexpr nanoseconds kGather = std::chrono::milliseconds(200);
constexpr nanoseconds kTellEvery = std::chrono::seconds(2);
constexpr int kTellShare = 10;                // telling takes no more than a tenth of the time
constexpr nanoseconds kLogRound = kRetryMax;  // in which each watch that fails was asked again
constexpr std::size_t kLoggedMax = 5;         // errors of watches in a round

net::FetchOptions OptionsFor(bool is_watch) {
  net::FetchOptions options{.body_bytes_max = 1024 * 1024};   // of answers that say why there is none
  if (!is_watch) options.timeout = std::chrono::seconds(60);  // a large list in one piece is long in coming
  options.idle_timeout = is_watch ? std::chrono::milliseconds(kWatchIdleMax) : std::chrono::seconds(60);
  return options;
}

}  // namespace

base::Result<std::shared_ptr<Discovery>> KubernetesDiscovery::Make(const DiscoveryOptions& options,
                                                                   const DiscoveryContext& context) {
  const ClusterAccess access = BARO_TRY(FindCluster(options, context));
  auto namespaces = options.record.Get<std::vector<std::string>>("namespaces.names");
  if (options.record.Get<bool>("namespaces.own_namespace")) namespaces.push_back(BARO_TRY(OwnNamespace(context.files)));
  auto fetcher = BARO_TRY(context.make_fetcher(access.http));
  return std::shared_ptr<Discovery>(
      new KubernetesDiscovery(options, access, std::move(namespaces), std::move(fetcher), context));
}

KubernetesDiscovery::KubernetesDiscovery(const DiscoveryOptions& options, const ClusterAccess& access,
                                         std::vector<std::string> namespaces, std::shared_ptr<net::HttpFetcher> fetcher,
                                         const DiscoveryContext& context)
    : fetcher_(std::move(fetcher)),
      clock_(context.clock),
      executor_(context.executor),
      metrics_(context.metrics),
      report_("kubernetes", context),
      store_(options.record, access.url, std::move(namespaces)) {
  const MutexLock lock(mutex_);
  for (const ClusterStore::Source& source : store_.sources()) watches_.push_back(std::make_shared<Watch>(source));
}

void KubernetesDiscovery::Start(DiscoveryUpdate update) {
  update_ = std::move(update);
  const MutexLock lock(mutex_);
  is_running_ = true;
  for (const WatchPtr& watch : watches_) AskAfter(watch, nanoseconds(0));
}

void KubernetesDiscovery::Stop() {
  const MutexLock lock(mutex_);
  is_running_ = false;
  report_.Close();
  executor_.Cancel(tell_timer_);
  executor_.Cancel(log_timer_);
  for (const WatchPtr& watch : watches_) {
    executor_.Cancel(watch->timer);
    if (watch->call != net::HttpFetcher::CallId{}) fetcher_->Cancel(watch->call);
  }
}

void KubernetesDiscovery::AskAfter(const WatchPtr& watch, nanoseconds delay) {
  watch->timer = executor_.PostAfter(delay, [self = shared_from_this(), watch] { self->Ask(watch); });
}

void KubernetesDiscovery::Ask(const WatchPtr& watch) {
  const MutexLock lock(mutex_);
  if (!is_running_) return;
  ResourceSync::Question question = watch->sync.Next();
  watch->start = clock_.Monotonic();
  if (!question.is_watch && !watch->is_listing) watch->list_start = watch->start;
  watch->is_listing = !question.is_watch;
  watch->unread.reset();
  net::FetchRequest request{.url = std::move(question.url)};
  request.headers.Add("Accept", question.accept);
  watch->call = fetcher_->Stream(
      std::move(request), OptionsFor(question.is_watch),
      // The client may free these on its own thread, where it must not be freed itself: no last reference may be in
      // them.
      [weak = weak_from_this(), watch](std::string_view piece) {
        const auto self = weak.lock();
        return self && self->TakePiece(*watch, piece);
      },
      [weak = weak_from_this(), watch](const base::Result<net::FetchResponse>& answer) {
        if (const auto self = weak.lock()) self->TakeEnd(watch, answer);
      });
}

bool KubernetesDiscovery::TakePiece(Watch& watch, std::string_view piece) {
  const MutexLock lock(mutex_);
  if (!is_running_) return false;
  const auto fed = watch.sync.Feed(piece);
  TakeNews(watch);
  if (!fed) {
    watch.unread = fed.error();
  } else if (!watch.is_listing) {
    SetGood(watch, /*has_listed=*/false);
  }
  return fed.has_value();
}

void KubernetesDiscovery::TakeEnd(const WatchPtr& watch, const base::Result<net::FetchResponse>& answer) {
  const MutexLock lock(mutex_);
  watch->call = {};
  if (!is_running_) return;
  const nanoseconds lasted = clock_.Monotonic() - watch->start;
  const auto outcome = watch->sync.Finish(watch->unread ? std::unexpected(*watch->unread) : answer, lasted);
  watch->was_asked |= outcome.has_listed || outcome.error;
  TakeNews(*watch);
  has_news_ |= outcome.has_listed && !has_told_;
  if (outcome.error) {
    SetFailed(*watch, *outcome.error);
  } else if (outcome.has_listed || !watch->is_listing) {
    SetGood(*watch, outcome.has_listed);
  }
  if (outcome.has_listed || outcome.error) watch->is_listing = false;
  if (has_news_ && IsComplete()) TellSoon();
  AskAfter(watch, DelayAfter(*watch, outcome));
}

nanoseconds KubernetesDiscovery::DelayAfter(Watch& watch, const ResourceSync::Outcome& outcome) {
  if (outcome.error) return std::max<nanoseconds>(RefreshDelay(kRetryMax, watch.failures), outcome.not_before);
  return outcome.is_at_once ? nanoseconds(0) : kShortPause;
}

/// The resource is as the table says. All is well if that is so for each.
void KubernetesDiscovery::SetGood(Watch& watch, bool has_listed) {
  if (!has_listed) watch.failures = 0;  // a list is of no use without a watch that works
  watch.error.clear();
  if (HasFailing() || !IsComplete()) return;
  std::optional<nanoseconds> took;
  if (has_listed) took = clock_.Monotonic() - watch.list_start;
  report_.Succeeded(told_targets_, took);
}

/// A server that is down should not fill the log with all that was asked of it.
void KubernetesDiscovery::SetFailed(Watch& watch, const base::Error& error) {
  ++watch.failures;
  metrics_.sd_kubernetes_failures_total.Add();
  const bool is_new = watch.error != error.message();
  watch.error = error.message();
  report_.Failed(error.WithContext(watch.source.name), clock_.Monotonic() - watch.start,
                 is_new && new_errors_ < kLoggedMax);
  if (!is_new || new_errors_++ > 0) return;
  log_timer_ = executor_.PostAfter(kLogRound, [self = shared_from_this()] { self->EndLogRound(); });
}

void KubernetesDiscovery::EndLogRound() {
  const MutexLock lock(mutex_);
  const std::size_t errors = std::exchange(new_errors_, 0);
  if (is_running_ && errors > kLoggedMax) report_.FailedToo(errors - kLoggedMax, "resources");
}

void KubernetesDiscovery::TakeNews(Watch& watch) {
  const auto counts = watch.sync.TakeCounts();
  const auto count = [&](const char* event, std::size_t number) {
    if (number == 0 || watch.source.role.empty()) return;
    metrics_.sd_kubernetes_events_total.With({std::string(watch.source.role), event}).Add(static_cast<double>(number));
  };
  count("add", counts.added);
  count("update", counts.modified);
  count("delete", counts.deleted);
  if (!watch.sync.TakeNews()) return;
  has_news_ = true;
  // A list is told when it is whole.
  if (!watch.is_listing && IsComplete()) TellSoon();
}

bool KubernetesDiscovery::HasFailing() const {
  return !tell_error_.empty() ||
         std::ranges::any_of(watches_, [](const WatchPtr& watch) { return !watch->error.empty(); });
}

/// Whether what there is can be told: each resource was asked, and some namespace is known in all that it takes.
bool KubernetesDiscovery::IsComplete() const {
  return std::ranges::all_of(watches_, [](const WatchPtr& watch) { return watch->was_asked; }) &&
         store_.has_known_scope();
}

void KubernetesDiscovery::TellSoon() {
  if (is_telling_) return;
  is_telling_ = true;
  const nanoseconds gather = has_told_ ? kGather : nanoseconds(0);
  const nanoseconds delay = std::max(gather, tell_not_before_ - clock_.Monotonic());
  tell_timer_ = executor_.PostAfter(delay, [self = shared_from_this()] { self->Tell(); });
}

void KubernetesDiscovery::Tell() {
  const base::MonotonicTime start = clock_.Monotonic();
  std::vector<TargetGroup> groups;
  bool has_groups = false;
  {
    const MutexLock lock(mutex_);
    if (!is_running_) return;
    has_news_ = false;
    auto made = MakeGroups();
    has_groups = made.has_value();
    if (has_groups) groups = *std::move(made);
  }
  if (has_groups) update_(std::move(groups));
  const MutexLock lock(mutex_);
  is_telling_ = false;
  has_told_ |= has_groups;
  const base::MonotonicTime end = clock_.Monotonic();
  tell_not_before_ = end + std::max<nanoseconds>(kTellEvery, (end - start) * kTellShare);
  if (is_running_ && has_news_) TellSoon();
}

/// Also says in the report whether it went well.
base::Result<std::vector<TargetGroup>> KubernetesDiscovery::MakeGroups() {
  const base::MonotonicTime start = clock_.Monotonic();
  auto groups = store_.MakeGroups();
  if (!groups) {
    tell_error_ = groups.error().message();
    report_.Failed(groups.error(), clock_.Monotonic() - start);
    return groups;
  }
  tell_error_.clear();
  told_targets_ = 0;
  for (const TargetGroup& group : *groups) told_targets_ += group.targets.size();
  if (!HasFailing()) report_.Succeeded(told_targets_, std::nullopt);
  return groups;
}

}  // namespace baro::scraper
