// The store: what is appended is logged, kept in memory by scrape group, cut into blocks, and read by label matchers.
//
//     auto storage = Storage::Open({.directory = "data"}, {.files = files, .clock = clock, ...});
//     auto appender = (*storage)->NewAppender();
//     ...
//     (*storage)->Close();
//
// Format   docs/formats/log.md, docs/formats/block.md.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/executor.h"
#include "base/file_system.h"
#include "base/log.h"
#include "base/metrics.h"
#include "base/random.h"
#include "base/result.h"
#include "model/exemplar.h"
#include "model/labels.h"
#include "tsdb/appender.h"
#include "tsdb/block/block_meta.h"
#include "tsdb/reader.h"
#include "tsdb/storage_rules.h"

namespace baro::tsdb {

/// How much is kept. What is past one of the limits goes, whole blocks at a time.
struct RetentionLimits {
  /// Data older than the newest sample by more than this. 0: nothing is too old.
  std::chrono::milliseconds time = std::chrono::days(15);

  /// Most bytes of log and blocks together; the oldest blocks go first, the log never. 0: no limit.
  std::uint64_t bytes = 0;

  /// The same as a part of the disk's size, in percent. 0: no limit.
  double percent = 0;

  /// Other times for some series, and what is thinned out. Null: none. The limits of size hold all the same.
  std::shared_ptr<const StorageRules> rules;
};

/// When the log is synced, beside at the end of each segment, at Close() and whenever somebody is promised it
/// (Durability::kSynced, Sync(), deletes).
enum class LogSync {
  kAlways,    ///< before any Commit() returns
  kInterval,  ///< at each StorageOptions::sync_interval
  kOs,        ///< when the operating system writes by itself; 64 MiB that wait are synced all the same
};

/// "always", "interval", "os". Absent: none of them.
std::optional<LogSync> ParseLogSync(std::string_view text);

struct StorageOptions {
  std::string directory = "data";

  /// Until SetRetention().
  RetentionLimits retention;

  /// The head is cut into blocks of this range. Borders are multiples of it since the epoch.
  std::chrono::milliseconds block_range = std::chrono::hours(2);

  /// Blocks are joined up to this range. 0: 31 days, or a tenth of the retention if that is less.
  std::chrono::milliseconds block_range_max = std::chrono::milliseconds(0);

  /// A log segment is closed when it has this many bytes.
  std::uint64_t segment_bytes = std::uint64_t{128} << 20;

  /// Chunks that memory has sealed go to a file when there are so many bytes of them.
  std::uint64_t head_file_bytes = std::uint64_t{256} << 10;

  LogSync log_sync = LogSync::kInterval;

  /// How long samples of Durability::kInterval may wait for the disk, with LogSync::kInterval.
  std::chrono::milliseconds sync_interval = std::chrono::seconds(1);

  /// How often old data is looked for, and blocks to join.
  std::chrono::milliseconds retention_interval = std::chrono::minutes(1);

  /// Most bytes that joining blocks writes, and that looking for damage reads, in a second. 0: no limit.
  std::uint64_t background_bytes_per_second = 0;

  /// How often all blocks are read in search of damage. 0: never.
  std::chrono::milliseconds scrub_interval = std::chrono::days(7);

  /// Samples further in the future than this are refused, so that one wrong clock cannot move the head's window.
  std::chrono::milliseconds future_max = std::chrono::minutes(10);

  /// Samples that are older than the newest one of all series by more than this are refused. 0: only retention counts.
  /// One hour is half of Prometheus' block range, its own bound.
  std::chrono::milliseconds lateness_max = std::chrono::hours(1);

  /// Until SetOutOfOrderWindow().
  std::chrono::milliseconds out_of_order_window{0};

  std::size_t series_max = 20'000'000;
  std::size_t exemplars_max = 100'000;

  /// Where the replay of the log reports its progress, for those who ask before Open() has returned. May be null.
  std::shared_ptr<struct ReplayProgress> replay_progress;
};

/// How far the replay of the log is: segments `min` to `max`, `current` being read. Equal when it is over.
///
/// Threads  Safe to share.
struct ReplayProgress {
  // Relaxed in all uses: numbers for people, which order nothing.
  std::atomic<std::uint64_t> min{0};
  std::atomic<std::uint64_t> max{0};
  std::atomic<std::uint64_t> current{0};
};

/// What storage needs of the world. All are borrowed and outlive it.
struct StorageDependencies {
  base::FileSystem& files;
  const base::Clock& clock;
  /// Runs the log's periodic sync and retention: short tasks that wait for the disk, so not an I/O thread.
  base::Executor& background;
  base::Registry& metrics;
  base::Logger log;
  /// Runs what takes long: cutting the head, joining blocks. One task at a time. Null: `background`.
  base::Executor* maintenance = nullptr;
  /// For names of blocks. Null: RealRandom().
  base::Random* random = nullptr;
};

/// A name and a number, for lists of the biggest.
struct NamedCount {
  std::string name;
  std::uint64_t count = 0;

  friend bool operator==(const NamedCount&, const NamedCount&) = default;
};

/// What /api/v1/status/tsdb tells.
struct HeadStatus {
  std::uint64_t series_count = 0;
  std::uint64_t label_pair_count = 0;
  std::uint64_t chunk_count = 0;
  std::int64_t min_time_ms = 0;  ///< both 0 while there are no samples
  std::int64_t max_time_ms = 0;

  // The biggest first; ties by name.
  std::vector<NamedCount> series_count_by_metric_name;
  std::vector<NamedCount> label_value_count_by_label_name;
  std::vector<NamedCount> memory_bytes_by_label_name;
  std::vector<NamedCount> series_count_by_label_pair;  ///< "name=value"

  /// Where the head's memory is: "labels", "index", "series", "groups", "staged rows", "chunks", "singles",
  /// "histograms", "metadata".
  std::vector<NamedCount> memory_bytes_by_part;
};

/// Whether the log takes what it is given, and what it lost.
struct LogStatus {
  bool is_writable = true;
  std::string reason;  ///< why not; empty if it is
  std::uint64_t current_segment = 0;
  std::uint64_t size_bytes = 0;  ///< of all segments and the checkpoint

  /// Places that were not as they were written: those that the replay passed over, and checkpoints that could not be
  /// read back since. A torn tail is none. Each is named in the server's log.
  std::uint64_t corruptions = 0;
};

/// How the store is as a whole, for /api/v1/status/storage.
struct StorageSummary {
  enum class State : std::uint8_t {
    kOk,
    kDiskLow,   ///< less than a twentieth of the disk is free: new blocks may soon not be written
    kReadOnly,  ///< the log takes nothing: `log.reason` says why
  };
  State state = State::kOk;
  LogStatus log;
  std::uint64_t head_series = 0;
  std::uint64_t head_memory_bytes = 0;  ///< of all parts together
  std::uint64_t blocks = 0;
  std::uint64_t block_bytes = 0;
  std::uint64_t block_samples = 0;
  std::optional<model::TimeRange> extent;  ///< of head and blocks; absent: there is nothing
  std::uint64_t disk_total_bytes = 0;      ///< both 0 where the system does not tell
  std::uint64_t disk_available_bytes = 0;
  std::vector<std::string> damage;  ///< as Damage()
};

/// One block, for /api/v1/status/tsdb/blocks and barotool.
struct BlockStatus {
  BlockMeta meta;
  std::uint64_t size_bytes = 0;
  std::uint64_t deleted_series = 0;  ///< that have deleted ranges
  std::vector<std::string> damage;   ///< in words; empty: none known
  bool is_prometheus = false;        ///< one of Prometheus', read where it is; all samples count as floats
};

/// The local store.
///
/// Owns     the directory, by a lock file; the log; the head; the blocks.
/// Threads  Safe to share. Readers do not block appenders: they hold a lock only to copy pointers. Appenders end before
///          the store does; readers and selections may outlive it.
class Storage : public ReaderSource, public AppenderSource {
 public:
  /// Opens or makes the store and replays its log. Damage is cut or skipped, counted and named in the log; it is no
  /// error. A full disk is none either: the store is then read-only until there is space.
  /// Errors   kUnavailable: another process has the directory. kIo, kPermissionDenied: it cannot be read at all.
  static base::Result<std::unique_ptr<Storage>> Open(StorageOptions options, StorageDependencies dependencies);

  /// As Close(), with nobody to tell about errors.
  ~Storage() override;
  Storage(const Storage&) = delete;
  Storage& operator=(const Storage&) = delete;

  /// Syncs the log and lets go of the directory. Appends are refused afterwards; readers that are open stay good.
  base::Result<> Close();

  std::unique_ptr<Reader> OpenReader() const override;
  std::unique_ptr<Appender> NewAppender() override;
  GroupRef NewGroup() override;
  void DropGroup(GroupRef group) override;

  /// `limit`: the length of each list of the biggest.
  HeadStatus Status(std::size_t limit) const;
  LogStatus log_status() const;

  /// Cost  looks at each series of the head.
  StorageSummary Summary() const;

  /// Exemplars in `range` of the series that satisfy any of the matcher lists, in label order: those in memory, and
  /// those that blocks have.
  /// Errors   kCancelled, kCorruption: of blocks.
  base::Result<std::vector<SeriesExemplars>> SelectExemplars(std::span<const std::vector<model::Matcher>> matcher_lists,
                                                             model::TimeRange range,
                                                             const base::CancelToken& cancel) const;

  /// How many exemplars memory keeps from now on; 0: none. The oldest go first.
  void SetExemplarsMax(std::size_t count);

  /// Makes everything durable that was committed before.
  /// Errors   as Commit() with Durability::kSynced.
  base::Result<> Sync();

  /// Cuts what the head has of complete ranges into blocks, joins blocks, drops what is past retention from memory, log
  /// and blocks. Runs by itself: cutting whenever there is something to cut, the rest at each retention_interval.
  /// Errors   the first that came; the rest was done all the same, and what failed is tried again.
  base::Result<> Maintain();

  /// Samples that are older than their series' newest one, or than `lateness_max` allows, are taken nevertheless if
  /// they are within this time of the newest one of all series. 0: they are refused. Holds for appenders made from now
  /// on.
  void SetOutOfOrderWindow(std::chrono::milliseconds window);

  /// Holds from the next maintenance on.
  void SetRetention(const RetentionLimits& limits);
  RetentionLimits retention() const;

  /// Newest first.
  std::vector<BlockStatus> Blocks() const;

  /// What is wrong with blocks, in words: those that were put aside, and damage in others. Empty: nothing known.
  std::vector<std::string> Damage() const;

  /// Hides the samples in the range of all series that `matchers` choose from readers opened from now on. Durable.
  /// Waits for a maintenance that runs. Returns how many series were touched, counted in each block.
  /// Samples that are appended afterwards are seen, whatever their time. Errors   as Reader::Select(). File errors,
  /// those
  ///          of the log: a part may be deleted, and saying it again deletes the rest. kUnsupported: blocks of
  ///          Prometheus have such samples, nothing is deleted.
  base::Result<std::size_t> Delete(std::span<const model::Matcher> matchers, model::TimeRange range,
                                   const base::CancelToken& cancel);

  /// Writes blocks anew that have deleted samples, without them. Waits for a maintenance that runs.
  /// Errors   kNoSpace, kCorruption, file errors: those blocks stay as they are.
  base::Result<> CleanTombstones();

  /// Makes a copy of all that is visible, in snapshots/<name> below the directory, from which a store can be opened.
  /// Blocks are linked, not copied; what the head has becomes a block there if `with_head`. Returns the name.
  /// Errors   file errors, kNoSpace: nothing is left of it.
  base::Result<std::string> Snapshot(bool with_head);

  /// Reads all blocks in search of damage, at the rate of the options. Runs by itself at each scrub_interval.
  /// Returns all that is known to be damaged. Errors   kCancelled: the store closes.
  base::Result<std::vector<std::string>> Scrub();

 private:
  class Impl;
  explicit Storage(std::unique_ptr<Impl> impl);

  std::unique_ptr<Impl> impl_;
};

}  // namespace baro::tsdb
