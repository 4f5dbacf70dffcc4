#include "scraper/loop/scrape_loop.h"

#include <algorithm>

#include <fmt/format.h>

#include "base/duration_text.h"

namespace baro::scraper {
namespace {

using base::MutexLock;

/// What a body may weigh when the job sets no limit.
constexpr std::size_t kBodyBytesMax = 256 * 1024 * 1024;

}  // namespace

ScrapeLoop::ScrapeLoop(Target target, std::shared_ptr<const ScrapeJob> job, ScrapeContext& context,
                       LiveSeries inherited)
    : target_(std::move(target)),
      job_(std::move(job)),
      context_(context),
      writer_(target_, job_->options, job_->metric_relabeler, context.storage, context.metrics,
              context.settings.hash_seed, std::move(inherited)) {
  status_.target = target_;
}

void ScrapeLoop::Start() {
  const MutexLock lock(mutex_);
  BARO_ASSERT(!is_running_);
  is_running_ = true;
  const std::int64_t now_ms = base::ToMs(context_.clock.Now());
  next_tick_ms_ = now_ms + TimeToFirstScrape(target_, now_ms, context_.settings.phase_seed).count();
  ScheduleTick();
}

void ScrapeLoop::ScheduleTick() {
  const std::int64_t wait_ms = next_tick_ms_ - base::ToMs(context_.clock.Now());
  timer_ = context_.executor.PostAfter(std::chrono::milliseconds(std::max<std::int64_t>(wait_ms, 0)),
                                       [self = shared_from_this()] { self->Tick(); });
}

bool ScrapeLoop::TakeStep() {
  const MutexLock lock(mutex_);
  timer_.reset();
  if (!is_running_) return false;
  is_busy_ = true;
  return true;
}

void ScrapeLoop::Tick() {
  if (!TakeStep()) return;
  const base::MonotonicTime previous_start = scrape_start_;
  scrape_start_ = context_.clock.Monotonic();
  scrape_time_ms_ = ChooseTimestamp(base::ToMs(context_.clock.Now()));
  if (previous_start != base::MonotonicTime{}) {
    context_.metrics.interval_length_seconds.With({base::FormatDuration(target_.interval)})
        .Observe(std::chrono::duration<double>(scrape_start_ - previous_start).count());
  }
  std::optional<std::string> forced;
  {
    const MutexLock lock(mutex_);
    forced = forced_error_;
  }
  if (!forced) {
    Fetch();
    return;
  }
  Write({.timestamp_ms = scrape_time_ms_, .fetched = base::Fail(base::Code::kLimitExceeded, *std::move(forced))});
}

std::int64_t ScrapeLoop::ChooseTimestamp(std::int64_t now_ms) const {
  if (!context_.settings.adjust_timestamps) return now_ms;
  const std::int64_t tolerance_ms =
      std::min<std::int64_t>(target_.interval.count() / 100, context_.settings.timestamp_tolerance.count());
  return std::abs(now_ms - next_tick_ms_) <= tolerance_ms ? next_tick_ms_ : now_ms;
}

void ScrapeLoop::Fetch() {
  const ScrapeJobOptions& options = job_->options;
  net::FetchRequest request{.url = target_.url, .unix_socket = target_.unix_socket, .reuse = std::move(body_memory_)};
  request.headers.Add("Accept", job_->accept);
  request.headers.Add("X-Prometheus-Scrape-Timeout-Seconds",
                      fmt::format("{}", std::chrono::duration<double>(target_.timeout).count()));
  net::FetchOptions limits{.timeout = target_.timeout,
                           .connect_timeout = target_.timeout,
                           .body_bytes_max = kBodyBytesMax,
                           .accept_gzip = options.enable_compression};
  if (options.limits.body_size_bytes > 0) {
    limits.body_bytes_max = std::min<std::uint64_t>(kBodyBytesMax, options.limits.body_size_bytes);
  }
  const auto call = job_->fetcher->Fetch(
      std::move(request), limits,
      [self = shared_from_this()](base::Result<net::FetchResponse> answer) { self->OnAnswer(std::move(answer)); });
  const MutexLock lock(mutex_);
  if (is_busy_) call_ = call;
}

void ScrapeLoop::OnAnswer(base::Result<net::FetchResponse> answer) {
  ScrapeInput input{.timestamp_ms = scrape_time_ms_, .duration = context_.clock.Monotonic() - scrape_start_};
  if (!answer) {
    input.fetched = std::unexpected(answer.error());
    input.is_body_too_large = answer.error().code() == base::Code::kLimitExceeded;
  } else if (answer->status != 200) {
    input.fetched = base::Fail(base::Code::kIo, fmt::format("server returned HTTP status {} {}", answer->status,
                                                            net::StatusPhrase(answer->status)));
  } else {
    input.body = answer->body;
    input.content_type = answer->headers.Get("Content-Type");
  }
  Write(input);
  if (answer) body_memory_ = std::move(answer->body);
}

void ScrapeLoop::Write(const ScrapeInput& input) {
  {
    const MutexLock lock(mutex_);
    if (!is_running_ && stop_mode_ != StopMode::kTargetGone) {
      is_busy_ = false;  // the successor writes from now on, or nobody
      return;
    }
    is_writing_ = true;
  }
  Finish(input, writer_.Write(input));
}

void ScrapeLoop::Finish(const ScrapeInput& input, const ScrapeOutcome& outcome) {
  if (!outcome.result) {
    context_.failure_log.Write(
        job_->options.scrape_failure_log_file,
        {.job_name = job_->options.job_name, .target = target_.url, .error = outcome.result.error().message()});
    context_.log.Debug(
        "scrape failed",
        {{"scrape_pool", job_->options.job_name}, {"target", target_.url}, {"err", outcome.result.error().message()}});
  }
  if (const RefusedSamples& refused = outcome.refused; !refused.empty()) {
    // Once for all of a scrape, as in Prometheus.
    context_.log.Warn("samples of a scrape were refused", {{"scrape_pool", job_->options.job_name},
                                                           {"target", target_.url},
                                                           {"out_of_order", refused.out_of_order},
                                                           {"duplicate", refused.duplicate},
                                                           {"out_of_bounds", refused.out_of_bounds},
                                                           {"exemplars_out_of_order", refused.exemplars_out_of_order}});
  }
  CopyMetadata();
  const MutexLock lock(mutex_);
  is_busy_ = false;
  is_writing_ = false;
  call_.reset();
  status_.health = outcome.result ? TargetHealth::kUp : TargetHealth::kDown;
  status_.last_error = outcome.result ? "" : outcome.result.error().message();
  status_.last_scrape = base::FromMs(scrape_time_ms_);
  status_.last_duration = input.duration;
  status_.last_samples = outcome.samples_scraped;
  status_.last_body_bytes = input.body.size();
  if (!is_running_) {
    ScheduleEndMarkers();
    return;
  }
  next_tick_ms_ = TickAfter(base::ToMs(context_.clock.Now()));
  ScheduleTick();
}

std::int64_t ScrapeLoop::TickAfter(std::int64_t now_ms) const {
  const std::int64_t interval_ms = target_.interval.count();
  const std::int64_t next_ms = next_tick_ms_ + interval_ms;
  if (next_ms > now_ms + interval_ms) {  // the clock was set back
    return now_ms + TimeToFirstScrape(target_, now_ms, context_.settings.phase_seed).count();
  }
  // A scrape that used up its interval, as one that times out may: the tick that it just missed comes late, so that a
  // hanging target has its `up` in each interval. What is missed by more, also when the clock jumped, is left out.
  const std::int64_t late_ms = now_ms - next_ms;
  if (late_ms < interval_ms / 2) return next_ms;
  return next_ms + (late_ms / interval_ms + 1) * interval_ms;
}

void ScrapeLoop::CopyMetadata() {
  if (writer_.cache().metadata_revision() == metadata_revision_) return;
  metadata_revision_ = writer_.cache().metadata_revision();
  std::vector<TargetMetadata> copy;
  for (const FamilyMetadata& family : writer_.cache().metadata()) {
    copy.push_back({.target = target_.labels, .metric = family.family, .metadata = family.metadata});
  }
  const MutexLock lock(mutex_);
  metadata_ = std::move(copy);
}

void ScrapeLoop::Stop(StopMode mode) {
  std::optional<net::HttpFetcher::CallId> call;
  {
    const MutexLock lock(mutex_);
    if (!is_running_) return;
    is_running_ = false;
    stop_mode_ = mode;
    if (timer_ && context_.executor.Cancel(*timer_)) timer_.reset();
    if (!is_busy_) ScheduleEndMarkers();
    if (mode != StopMode::kTargetGone) call = call_;
  }
  if (call) job_->fetcher->Cancel(*call);
}

void ScrapeLoop::ScheduleEndMarkers() {
  if (stop_mode_ != StopMode::kTargetGone) return;
  const bool was_scraped = status_.health != TargetHealth::kUnknown;
  // A loop that was stopped before its first scrape still has to end what it inherited.
  if (!was_scraped && writer_.AllPresentSeries().empty()) return;
  // Two intervals and a tenth: when the target comes back meanwhile, in another job or with the next discovery, its
  // samples are newer than these markers and win. Source: Prometheus, scrape/scrape.go, endOfRunStaleness.
  if (was_scraped) next_tick_ms_ = base::ToMs(status_.last_scrape) + target_.interval.count();
  context_.executor.PostAfter(target_.interval * 21 / 10, [self = shared_from_this()] {
    if (const auto written = self->writer_.WriteEndMarkers(self->next_tick_ms_); !written) {
      self->context_.log.Warn("could not end the series of a target that is gone",
                              {{"target", self->target_.url}, {"err", written.error().message()}});
    }
  });
}

void ScrapeLoop::SetForcedError(std::optional<std::string> error) {
  const MutexLock lock(mutex_);
  forced_error_ = std::move(error);
}

LiveSeries ScrapeLoop::TakePresentSeries() {
  const MutexLock lock(mutex_);
  // A step that writes at this moment cannot be looked into: its series end by the lookback instead. One that waits for
  // its answer will see that the loop has stopped.
  if (is_running_ || is_writing_) return {};
  return writer_.AllPresentSeries();
}

void ScrapeLoop::SetDiscoveredLabels(model::Labels labels) {
  const MutexLock lock(mutex_);
  status_.target.discovered_labels = std::move(labels);
}

TargetStatus ScrapeLoop::status() const {
  const MutexLock lock(mutex_);
  return status_;
}

std::vector<TargetMetadata> ScrapeLoop::metadata() const {
  const MutexLock lock(mutex_);
  return metadata_;
}

}  // namespace baro::scraper
