// Stores a request that was taken apart: finds its series, appends, commits, and says what became of it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "remote/write/row_runs.h"
#include "remote/write/series_cache.h"
#include "remote/write/series_labels.h"
#include "remote/write/write_request.h"
#include "tsdb/appender.h"

namespace baro::remote {

/// What became of a request that was stored as far as it could be.
struct WriteOutcome {
  tsdb::CommitStats commit;            ///< samples and histograms
  std::size_t histograms = 0;          ///< received
  std::size_t exemplars = 0;           ///< received
  std::size_t invalid_histograms = 0;  ///< refused: they contradict themselves
  std::size_t invalid_labels = 0;      ///< samples left out silently, as Prometheus does
  std::size_t over_limit = 0;          ///< samples refused by a limit of ours
  std::size_t known_series = 0;
  std::size_t new_series = 0;  ///< whose labels had to be read
  /// Why the answer is 400; empty if all was taken that Prometheus would take.
  std::string problem;

  std::size_t refused() const {
    return commit.out_of_order + commit.duplicate + commit.out_of_bounds + commit.too_old + commit.unknown +
           invalid_histograms + over_limit;
  }
};

/// Threads  Confined. Kept from request to request for its memory.
class RequestWriter {
 public:
  /// Borrows both, which outlive it.
  RequestWriter(tsdb::AppenderSource& storage, SeriesCache& cache) : storage_(storage), cache_(cache) {}

  /// Returns when what could be taken is on disk.
  /// Errors   kInvalidArgument: malformed; nothing was stored. Others as Appender::Commit().
  base::Result<WriteOutcome> Write(const WriteRequest& request);

  /// How much memory it keeps, about.
  std::size_t capacity() const { return known_.capacity() + samples_.capacity(); }

 private:
  base::Result<> FindSeries();
  base::Result<> Resolve(std::size_t series);
  void FindParts();
  base::Result<> AppendPart(std::size_t begin, std::size_t end);
  base::Result<> AppendSamples(std::size_t begin, std::size_t end);
  void AppendRows(const RowRun& run);
  void AppendSingles(std::span<const std::size_t> series);
  base::Result<> AppendAgain();
  void Learn(std::size_t series);
  base::Result<> AppendExtras(std::size_t begin, std::size_t end);
  void AddUp(const tsdb::CommitStats& stats);
  base::Result<> AppendHistogram(std::size_t series, std::string_view message);
  void LeaveOut(std::size_t series);
  void Note(std::string_view problem);
  void NoteRefusal();
  std::string DescribeSeries(tsdb::SeriesRef ref);

  tsdb::AppenderSource& storage_;
  SeriesCache& cache_;

  // Of the request in hand.
  const WriteRequest* request_ = nullptr;
  tsdb::Appender* appender_ = nullptr;
  WriteOutcome outcome_;
  std::vector<SeriesCache::Key> keys_;
  std::vector<KnownSeries> known_;  // by series; kNone: left out
  std::vector<bool> is_old_;
  std::vector<SeriesCache::Key> learned_keys_;
  std::vector<KnownSeries> learned_;
  // Where parts of the request end: a series stands in each of them once at most.
  std::vector<std::size_t> part_ends_;
  std::vector<std::uint32_t> places_;  // hash table of FindParts(): a series' last place, plus one; 0: free
  std::vector<std::uint32_t> before_;  // by series: its place in an earlier part, plus one; 0: none
  std::vector<RowRun> runs_;
  std::vector<std::size_t> singles_;  // series whose samples go singly
  std::vector<std::size_t> gone_;     // series that left the head since they became known
  std::vector<tsdb::SeriesRef> row_refs_;
  std::vector<double> row_values_;
  std::vector<tsdb::SeriesSample> samples_;
  std::vector<tsdb::SampleStatus> statuses_;
  std::optional<tsdb::RefusedSample> first_refused_;  // in a row
  LabelsParser labels_;
};

}  // namespace baro::remote
