// What the store tells about itself.
#include <algorithm>

#include "tsdb/storage/storage_impl.h"

namespace baro::tsdb {
namespace {

// Keeps the biggest of what it is shown.
class Biggest {
 public:
  explicit Biggest(std::size_t limit) : limit_(limit) {}

  void Add(std::string name, std::uint64_t count) {
    counts_.push_back({.name = std::move(name), .count = count});
    if (counts_.size() > 4 * limit_ + 64) Cut();
  }
  std::vector<NamedCount> Take() {
    Cut();
    return std::move(counts_);
  }

 private:
  void Cut() {
    const auto is_bigger = [](const NamedCount& a, const NamedCount& b) {
      return a.count != b.count ? a.count > b.count : a.name < b.name;
    };
    const std::size_t kept = std::min(limit_, counts_.size());
    std::partial_sort(counts_.begin(), counts_.begin() + static_cast<std::ptrdiff_t>(kept), counts_.end(), is_bigger);
    counts_.resize(kept);
  }

  const std::size_t limit_;
  std::vector<NamedCount> counts_;
};

// What the allocator takes for so many bytes: a head of 8 bytes, and units of 16.
constexpr std::size_t Allocated(std::size_t bytes) { return std::max<std::size_t>(32, (bytes + 8 + 15) / 16 * 16); }

struct HeadSizes {
  std::uint64_t labels = 0;
  std::uint64_t groups = 0;
  std::uint64_t series = 0;
  std::uint64_t staged = 0;
  std::uint64_t chunks = 0;
  std::uint64_t singles = 0;
  std::uint64_t histograms = 0;
  std::uint64_t late = 0;
  std::uint64_t chunk_count = 0;
};

HeadSizes MeasureHead(const Head& head) {
  constexpr std::size_t kLabelsHeadBytes = 12;  // of the block that a label set is
  HeadSizes sizes;
  sizes.series = head.TableBytes();
  for (const GroupPtr& group : head.AllGroups()) {
    const base::MutexLock lock(group->mutex);
    const Group::Sizes of_group = group->SizeBytes();
    sizes.groups += of_group.table_bytes;
    sizes.staged += of_group.staged_bytes;
    sizes.chunks += of_group.chunk_bytes;
    sizes.late += of_group.late_bytes;
    sizes.chunk_count += of_group.chunks * group->members().size();
  }
  for (const SeriesPtr& series : head.AllSeries()) {
    const base::MutexLock lock(head.StripeMutex(*series));
    sizes.labels += Allocated(series->labels.packed().size() + kLabelsHeadBytes);
    sizes.series += Allocated(series->SizeBytes());
    if (series->late() != nullptr) sizes.late += series->late()->SizeBytes();
    const Singles* singles = series->singles();
    if (singles == nullptr) continue;
    sizes.singles += singles->SizeBytes();
    sizes.histograms += singles->HistogramBytes();
    sizes.chunk_count += singles->chunks.size() + singles->sealed_histograms.chunks().size() +
                         (singles->tail.empty() ? 0 : 1) + (singles->histograms.empty() ? 0 : 1);
  }
  return sizes;
}

// Below this part of the disk what is due may not fit any more.
constexpr std::uint64_t kLowDiskDivisor = 20;

base::MetricFamily OneValue(std::string name, std::string help, base::MetricKind kind, double value) {
  base::MetricFamily family{.name = std::move(name), .help = std::move(help), .kind = kind};
  family.points.push_back({.value = value});
  return family;
}

void CollectExemplarMetrics(const ExemplarStats& stats, std::vector<base::MetricFamily>& families) {
  using base::MetricKind;
  const auto add = [&families](std::string name, std::string help, MetricKind kind, double value) {
    families.push_back(OneValue("prometheus_tsdb_exemplar_" + std::move(name), std::move(help), kind, value));
  };
  add("exemplars_appended_total", "Exemplars that were taken into memory.", MetricKind::kCounter,
      static_cast<double>(stats.added));
  add("exemplars_in_storage", "Exemplars in memory.", MetricKind::kGauge, static_cast<double>(stats.count));
  add("series_with_exemplars_in_storage", "Series that have exemplars in memory.", MetricKind::kGauge,
      static_cast<double>(stats.series));
  add("last_exemplars_timestamp_seconds", "Time of the exemplar that came last.", MetricKind::kGauge,
      static_cast<double>(stats.newest_ms) / 1000);
  add("max_exemplars", "How many exemplars memory keeps.", MetricKind::kGauge, static_cast<double>(stats.count_max));
  add("out_of_order_exemplars_total", "Exemplars that were refused because their series has newer ones.",
      MetricKind::kCounter, static_cast<double>(stats.out_of_order));
}

}  // namespace

HeadStatus Storage::Impl::Status(std::size_t limit) const {
  HeadStatus status;
  status.series_count = head_->series_count();
  if (head_->has_samples()) {
    status.min_time_ms = head_->min_time_ms();
    status.max_time_ms = head_->max_time_ms();
  }
  const LabelIndexStats index = head_->index().Stats();
  status.label_pair_count = index.pairs;
  Biggest value_counts(limit);
  Biggest value_bytes(limit);
  for (const LabelIndexStats::Name& name : index.names) {
    value_counts.Add(name.name, name.values);
    value_bytes.Add(name.name, name.value_bytes);
  }
  status.label_value_count_by_label_name = value_counts.Take();
  status.memory_bytes_by_label_name = value_bytes.Take();
  Biggest metrics(limit);
  Biggest pairs(limit);
  head_->index().ForEachPair([&](const LabelIndexStats::Pair& pair) {
    if (pair.name == model::kMetricName) metrics.Add(std::string(pair.value), pair.series);
    pairs.Add(fmt::format("{}={}", pair.name, pair.value), pair.series);
  });
  status.series_count_by_metric_name = metrics.Take();
  status.series_count_by_label_pair = pairs.Take();

  const HeadSizes sizes = MeasureHead(*head_);
  status.chunk_count = sizes.chunk_count;
  status.memory_bytes_by_part = {
      {.name = "labels", .count = sizes.labels},      {.name = "index", .count = index.size_bytes},
      {.name = "series", .count = sizes.series},      {.name = "groups", .count = sizes.groups},
      {.name = "staged rows", .count = sizes.staged}, {.name = "chunks", .count = sizes.chunks},
      {.name = "singles", .count = sizes.singles},    {.name = "histograms", .count = sizes.histograms},
      {.name = "late", .count = sizes.late},          {.name = "metadata", .count = head_->metadata().SizeBytes()}};
  return status;
}

LogStatus Storage::Impl::log_status() const {
  LogStatus status;
  if (const auto failure = log_->failure()) {
    status.is_writable = false;
    status.reason = failure->message();
  }
  for (const SegmentInfo& segment : log_->segments()) {
    status.current_segment = segment.segment;
    status.size_bytes += segment.size_bytes;
  }
  status.corruptions = corruptions_.load(std::memory_order_relaxed);
  return status;
}

StorageSummary Storage::Impl::Summary() const {
  StorageSummary summary{.log = log_status(), .head_series = head_->series_count(), .damage = Damage()};
  for (const NamedCount& part : Status(/*limit=*/0).memory_bytes_by_part) summary.head_memory_bytes += part.count;
  const auto widen = [&summary](std::int64_t min_ms, std::int64_t max_ms) {
    if (!summary.extent) summary.extent = {.min_ms = min_ms, .max_ms = max_ms};
    summary.extent->min_ms = std::min(summary.extent->min_ms, min_ms);
    summary.extent->max_ms = std::max(summary.extent->max_ms, max_ms);
  };
  if (head_->has_samples()) widen(head_->min_time_ms(), head_->max_time_ms());
  for (const BlockStatus& block : Blocks()) {
    ++summary.blocks;
    summary.block_bytes += block.size_bytes;
    summary.block_samples += block.meta.counts.samples();
    widen(block.meta.min_time_ms, block.meta.max_time_ms - 1);
  }
  if (const auto space = deps_.files.FreeSpace(options_.directory)) {
    summary.disk_total_bytes = space->total_bytes;
    summary.disk_available_bytes = space->available_bytes;
    if (space->available_bytes < space->total_bytes / kLowDiskDivisor) summary.state = StorageSummary::State::kDiskLow;
  }
  if (!summary.log.is_writable) summary.state = StorageSummary::State::kReadOnly;
  return summary;
}

void Storage::Impl::CollectMetrics(std::vector<base::MetricFamily>& families) const {
  using base::MetricKind;
  const auto gauge = [&families](std::string name, std::string help, double value) {
    families.push_back(OneValue(std::move(name), std::move(help), MetricKind::kGauge, value));
  };
  std::uint64_t chunks = 0;
  for (const GroupPtr& group : head_->AllGroups()) {
    const base::MutexLock lock(group->mutex);
    chunks += group->chunks().size() * group->members().size();
  }
  const bool has_samples = head_->has_samples();
  const auto min_ms = has_samples ? static_cast<double>(head_->min_time_ms()) : 0;
  const auto max_ms = has_samples ? static_cast<double>(head_->max_time_ms()) : 0;
  const LogStatus log = log_status();
  const BlockList blocks = blocks_.blocks();
  double lowest_ms = min_ms;
  for (const BlockPtr& block : *blocks) lowest_ms = std::min(lowest_ms, static_cast<double>(block->meta().min_time_ms));
  gauge("prometheus_tsdb_head_series", "Series in the head.", static_cast<double>(head_->series_count()));
  gauge("prometheus_tsdb_head_chunks", "Sealed chunks of scraped series in the head.", static_cast<double>(chunks));
  gauge("prometheus_tsdb_head_min_time", "Time of the oldest sample in the head, in milliseconds.", min_ms);
  gauge("prometheus_tsdb_head_max_time", "Time of the newest sample in the head, in milliseconds.", max_ms);
  gauge("prometheus_tsdb_head_min_time_seconds", "Time of the oldest sample in the head.", min_ms / 1000);
  gauge("prometheus_tsdb_head_max_time_seconds", "Time of the newest sample in the head.", max_ms / 1000);
  gauge("prometheus_tsdb_lowest_timestamp_seconds", "Time of the oldest sample in storage.", lowest_ms / 1000);
  gauge("prometheus_tsdb_wal_segment_current", "The log segment being written.",
        static_cast<double>(log.current_segment));
  families.push_back(OneValue("prometheus_tsdb_wal_corruptions_total", "Damaged places that were met in the log.",
                              MetricKind::kCounter, static_cast<double>(log.corruptions)));
  gauge("prometheus_tsdb_wal_storage_size_bytes", "Size of the log.", static_cast<double>(log.size_bytes));
  gauge("prometheus_tsdb_head_chunks_storage_size_bytes", "Size of the files of the head's sealed chunks.",
        static_cast<double>(head_files_.SizeBytes()));
  const RetentionLimits limits = retention();
  gauge("prometheus_tsdb_retention_limit_seconds", "How long samples are kept; 0 is for ever.",
        std::chrono::duration<double>(limits.time).count());
  gauge("prometheus_tsdb_retention_limit_bytes", "How many bytes log and blocks may have together; 0 is no limit.",
        static_cast<double>(limits.bytes));
  const std::size_t theirs = prometheus_.blocks()->size();
  gauge("prometheus_tsdb_blocks_loaded", "Blocks that queries read, of both formats.",
        static_cast<double>(blocks->size() + theirs));
  gauge("barograph_tsdb_prometheus_blocks", "Blocks of Prometheus among them, which are read where they are.",
        static_cast<double>(theirs));
  gauge("prometheus_tsdb_storage_blocks_bytes", "Size of all blocks of ours.",
        static_cast<double>(blocks_.SizeBytes()));
  gauge("barograph_tsdb_damaged_places", "Blocks that were put aside, and damaged places in others, as far as known.",
        static_cast<double>(Damage().size()));
  CollectExemplarMetrics(exemplars_.Stats(), families);
  gauge("barograph_log_writable", "Whether the log takes samples.", log.is_writable ? 1 : 0);
}

}  // namespace baro::tsdb
