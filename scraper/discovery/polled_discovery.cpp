#include "scraper/discovery/polled_discovery.h"

#include <algorithm>

#include <fmt/format.h>

#include "scraper/target.h"

namespace baro::scraper {
namespace {

using base::MutexLock;
using std::chrono::nanoseconds;

constexpr nanoseconds kFirstBackoff = std::chrono::seconds(5);
constexpr nanoseconds kIntervalMin = std::chrono::milliseconds(10);  // 0 would ask without a pause

/// A refresh that takes longer is broken: a source may need some thousand calls, but not for ever.
constexpr nanoseconds kRefreshMax = std::chrono::minutes(10);

nanoseconds PhaseOf(const std::string& kind, nanoseconds interval, const DiscoveryContext& context) {
  const std::uint64_t hash =
      Fnv1a(fmt::format("{}\n{}\n{}", kind, context.job_name, context.index)) ^ context.phase_seed;
  return nanoseconds(static_cast<std::int64_t>((hash >> 1) % static_cast<std::uint64_t>(interval.count() / 2)));
}

void HashLabels(const std::map<std::string, std::string>& labels, std::uint64_t& hash) {
  constexpr std::string_view kEnd("\0", 1);
  for (const auto& [name, value] : labels) {
    for (const std::string_view part : {std::string_view(name), kEnd, std::string_view(value), kEnd}) {
      hash = Fnv1a(part, hash);
    }
  }
  hash = Fnv1a("\n", hash);
}

std::uint64_t HashOf(const std::vector<TargetGroup>& groups) {
  std::uint64_t hash = Fnv1a("");
  for (const TargetGroup& group : groups) {
    hash = Fnv1a(group.source, hash);
    HashLabels(group.labels, hash);
    for (const auto& target : group.targets) HashLabels(target, hash);
  }
  return hash;
}

}  // namespace

nanoseconds RefreshDelay(nanoseconds interval, std::uint64_t failures) {
  if (failures == 0) return interval;
  const std::uint64_t doublings = std::min<std::uint64_t>(failures - 1, 30);
  return std::min(interval, kFirstBackoff * (std::int64_t{1} << doublings));
}

PolledDiscovery::PolledDiscovery(std::string kind, std::chrono::milliseconds interval,
                                 std::shared_ptr<TargetSource> source, const DiscoveryContext& context)
    : interval_(std::clamp<nanoseconds>(interval, kIntervalMin, base::kDelayMax)),
      phase_(PhaseOf(kind, interval_, context)),
      source_(std::move(source)),
      clock_(context.clock),
      executor_(context.executor),
      report_(std::move(kind), context) {}

void PolledDiscovery::Start(DiscoveryUpdate update) {
  update_ = std::move(update);
  const MutexLock lock(mutex_);
  is_running_ = true;
  timer_ = executor_.PostAfter(nanoseconds(0), [self = shared_from_this()] { self->Refresh(); });
}

void PolledDiscovery::Stop() {
  {
    const MutexLock lock(mutex_);
    is_running_ = false;
    executor_.Cancel(timer_);
    executor_.Cancel(deadline_);
  }
  report_.Close();
  source_->Cancel();
}

void PolledDiscovery::Refresh() {
  {
    const MutexLock lock(mutex_);
    if (!is_running_) return;
    refresh_start_ = clock_.Monotonic();
    deadline_ = executor_.PostAfter(kRefreshMax, [source = source_] { source->Cancel(); });
  }
  source_->Refresh(
      [self = shared_from_this()](base::Result<std::vector<TargetGroup>> groups) { self->Finish(std::move(groups)); });
  {
    const MutexLock lock(mutex_);
    if (is_running_) return;
  }
  source_->Cancel();  // Stop() came before there was something to end
}

void PolledDiscovery::Finish(base::Result<std::vector<TargetGroup>> groups) {
  {
    const MutexLock lock(mutex_);
    executor_.Cancel(deadline_);
    if (!is_running_) return;
  }
  const nanoseconds took = clock_.Monotonic() - refresh_start_;
  const bool is_good = groups.has_value();
  if (is_good) {
    std::size_t targets = 0;
    for (const TargetGroup& group : *groups) targets += group.targets.size();
    report_.Succeeded(targets, took);
    if (IsNews(*groups)) update_(*std::move(groups));
  } else {
    report_.Failed(groups.error(), took);
  }
  const nanoseconds delay = std::max(NextDelay(is_good) - took, kIntervalMin);
  const MutexLock lock(mutex_);
  if (!is_running_) return;
  timer_ = executor_.PostAfter(delay, [self = shared_from_this()] { self->Refresh(); });
}

bool PolledDiscovery::IsNews(const std::vector<TargetGroup>& groups) {
  const std::uint64_t hash = HashOf(groups);
  if (has_told_ && hash == told_hash_) return false;
  told_hash_ = hash;
  return true;
}

nanoseconds PolledDiscovery::NextDelay(bool is_good) {
  if (!is_good) return RefreshDelay(interval_, ++failures_);
  failures_ = 0;
  const bool is_first = !std::exchange(has_told_, true);
  return is_first ? interval_ / 2 + phase_ : interval_;
}

}  // namespace baro::scraper
