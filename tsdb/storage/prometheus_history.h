// The blocks of Prometheus in a store's directory: read where they are, and never changed.
//
// Threads  Safe to share. Refresh() by one thread at a time, which the caller sees to.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <set>
#include <span>
#include <string>
#include <vector>

#include "base/cancel.h"
#include "base/file_system.h"
#include "base/log.h"
#include "base/mutex.h"
#include "base/result.h"
#include "model/matcher.h"
#include "tsdb/block/block_meta.h"
#include "tsdb/prometheus_block.h"
#include "tsdb/storage.h"

namespace baro::tsdb {

class PrometheusHistory {
 public:
  using Blocks = std::vector<std::shared_ptr<const PrometheusBlock>>;

  PrometheusHistory(base::FileSystem& files, std::string directory, base::Logger log)
      : files_(files), directory_(std::move(directory)), log_(std::move(log)) {}

  /// Opens blocks that have come, forgets those that have gone and those that our own blocks have: `imported`.
  /// A block that cannot be opened is told by Damage(), and tried again.
  void Refresh(const std::set<Ulid>& imported);

  /// Reads all blocks in search of damage, which is named in the log and told by Damage() and AddStatus() from then on.
  /// `pause(bytes)` is called after every series, with about what it takes on the disk.
  /// Errors   kCancelled.
  base::Result<> Scrub(const std::function<void(std::uint64_t)>& pause, const base::CancelToken& cancel);

  /// Newest first.
  std::shared_ptr<const Blocks> blocks() const;
  std::vector<std::string> Damage() const;
  void AddStatus(std::vector<BlockStatus>& all) const;

  /// Whether samples may be deleted: Prometheus' files are not written to.
  /// Errors   kUnsupported: one of the blocks has series that are chosen; the message says which and what to do.
  base::Result<> CheckNoneChosen(std::span<const model::Matcher> matchers, model::TimeRange range,
                                 const base::CancelToken& cancel) const;

  /// Makes `<to>/<ULID>` for each block, whose files are links to the same content.
  base::Result<> Link(const std::string& to) const;

 private:
  base::FileSystem& files_;
  const std::string directory_;
  base::Logger log_;

  mutable base::Mutex mutex_;  // a leaf
  std::shared_ptr<const Blocks> blocks_ BARO_GUARDED_BY(mutex_) = std::make_shared<const Blocks>();
  std::vector<std::string> damage_ BARO_GUARDED_BY(mutex_);                        // blocks that cannot be opened
  std::map<std::string, std::vector<std::string>> found_ BARO_GUARDED_BY(mutex_);  // by Scrub(), by ULID
};

}  // namespace baro::tsdb
