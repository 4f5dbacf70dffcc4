// Scrapes one target: at its phase of the interval, one fetch at a time, each answer one row in storage.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/mutex.h"
#include "base/result.h"
#include "model/relabel.h"
#include "net/http_fetcher.h"
#include "scraper/loop/scrape_context.h"
#include "scraper/loop/target_writer.h"
#include "scraper/options.h"
#include "scraper/scrape_status.h"

namespace baro::scraper {

/// What the loops of a job share; immutable.
struct ScrapeJob {
  ScrapeJobOptions options;
  model::Relabeler relabeler;         ///< of targets
  model::Relabeler metric_relabeler;  ///< of series
  std::shared_ptr<net::HttpFetcher> fetcher;
  std::string accept;  ///< value of the Accept header
};

/// What happens to a target's series when its loop stops.
enum class StopMode {
  kTargetGone,  ///< after two intervals they get stale markers, unless somebody else writes them again
  kReplaced,    ///< another loop goes on with the same target; it takes TakePresentSeries()
  kShutdown,    ///< nothing: the server comes back
};

/// Threads  Start() and Stop() by the pool; status() from any thread. Steps (tick, answer, next tick) follow each other
///          on the executor and never run at the same time; between them nothing else touches the writer.
class ScrapeLoop : public std::enable_shared_from_this<ScrapeLoop> {
 public:
  /// `inherited`: series that the loop before this one wrote last; those that do not come again get stale markers.
  ScrapeLoop(Target target, std::shared_ptr<const ScrapeJob> job, ScrapeContext& context, LiveSeries inherited = {});

  void Start();
  void Stop(StopMode mode);

  /// While set, scrapes fail with this text without asking the target (target_limit).
  void SetForcedError(std::optional<std::string> error);

  /// Series that had a sample in the last good scrape, and those of the report, for the loop that goes on. After
  /// Stop(kReplaced); a scrape whose answer was not there then is forgotten.
  LiveSeries TakePresentSeries();

  TargetStatus status() const;
  std::vector<TargetMetadata> metadata() const;
  const Target& target() const { return target_; }

  /// What discovery says of the same target now: labels that only people see may differ.
  void SetDiscoveredLabels(model::Labels labels);

 private:
  /// Waits for `next_tick_ms_`.
  void ScheduleTick() BARO_REQUIRES(mutex_);
  void Tick();
  void Fetch();
  bool TakeStep();
  void OnAnswer(base::Result<net::FetchResponse> answer);
  void Write(const ScrapeInput& input);
  void Finish(const ScrapeInput& input, const ScrapeOutcome& outcome);
  void ScheduleEndMarkers() BARO_REQUIRES(mutex_);
  void CopyMetadata();
  void WriteEndMarkers();
  /// The tick that follows `next_tick_ms_`.
  std::int64_t TickAfter(std::int64_t now_ms) const;
  /// The timestamp of a scrape that started now: the ideal time when it is close.
  std::int64_t ChooseTimestamp(std::int64_t now_ms) const;

  const Target target_;
  const std::shared_ptr<const ScrapeJob> job_;
  ScrapeContext& context_;
  TargetWriter writer_;  // touched by the running step only

  std::int64_t next_tick_ms_ = 0;  // touched by the running step only
  std::int64_t scrape_time_ms_ = 0;
  base::MonotonicTime scrape_start_{};
  std::string body_memory_;  // the last body's, for the next

  mutable base::Mutex mutex_;  // a leaf
  bool is_running_ BARO_GUARDED_BY(mutex_) = false;
  bool is_busy_ BARO_GUARDED_BY(mutex_) = false;     // a step works, or waits for an answer
  bool is_writing_ BARO_GUARDED_BY(mutex_) = false;  // a step is inside of `writer_`
  std::optional<net::HttpFetcher::CallId> call_ BARO_GUARDED_BY(mutex_);
  StopMode stop_mode_ BARO_GUARDED_BY(mutex_) = StopMode::kShutdown;
  std::optional<base::TimerId> timer_ BARO_GUARDED_BY(mutex_);
  std::optional<std::string> forced_error_ BARO_GUARDED_BY(mutex_);
  TargetStatus status_ BARO_GUARDED_BY(mutex_);
  std::vector<TargetMetadata> metadata_ BARO_GUARDED_BY(mutex_);
  std::uint64_t metadata_revision_ = 0;  // touched by the running step only
};

}  // namespace baro::scraper
