#include "tsdb/storage/prometheus_history.h"

#include <algorithm>

#include <fmt/format.h>

#include "base/number_text.h"

namespace baro::tsdb {
namespace {

// Damaged places of one block that are told one by one.
constexpr std::size_t kPlacesMax = 20;
// A sample in a chunk of Prometheus', about.
constexpr std::uint64_t kSampleBytes = 2;

// As a block of ours would say it.
BlockMeta MetaOf(const PrometheusBlockMeta& theirs) {
  BlockMeta meta{.min_time_ms = theirs.min_time_ms,
                 .max_time_ms = theirs.max_time_ms,
                 .compaction_level = theirs.compaction_level,
                 .hints = theirs.hints};
  meta.ulid = Ulid::Parse(theirs.ulid).value_or(Ulid());
  meta.counts.series = theirs.series;
  meta.counts.float_samples = theirs.samples;
  meta.counts.float_chunks = theirs.chunks;
  for (const std::string& source : theirs.sources) {
    if (const auto ulid = Ulid::Parse(source)) meta.sources.push_back(*ulid);
  }
  for (const PrometheusBlockParent& parent : theirs.parents) {
    const auto ulid = Ulid::Parse(parent.ulid);
    if (!ulid) continue;
    meta.parents.push_back({.ulid = *ulid, .min_time_ms = parent.min_time_ms, .max_time_ms = parent.max_time_ms});
  }
  return meta;
}

base::Result<> LinkFiles(base::FileSystem& files, const std::string& from, const std::string& to) {
  BARO_TRY(files.CreateDirectories(to));
  for (const std::string& name : BARO_TRY(files.ListDirectory(from))) {
    if (name != "chunks") BARO_TRY(files.Link(from + "/" + name, to + "/" + name));
  }
  return files.SyncDirectory(to);
}

}  // namespace

std::shared_ptr<const PrometheusHistory::Blocks> PrometheusHistory::blocks() const {
  const base::MutexLock lock(mutex_);
  return blocks_;
}

std::vector<std::string> PrometheusHistory::Damage() const {
  const base::MutexLock lock(mutex_);
  std::vector<std::string> all = damage_;
  for (const auto& [ulid, places] : found_) {
    for (const std::string& place : places) all.push_back(fmt::format("block {} of Prometheus: {}", ulid, place));
  }
  return all;
}

base::Result<> PrometheusHistory::Scrub(const std::function<void(std::uint64_t)>& pause,
                                        const base::CancelToken& cancel) {
  std::map<std::string, std::vector<std::string>> found;
  SampleColumns columns;
  for (const auto open = blocks(); const auto& block : *open) {
    const std::string& ulid = block->info().ulid;
    const auto note = [&](const base::Error& error) {
      std::vector<std::string>& places = found[ulid];
      if (places.size() == kPlacesMax) return;
      places.push_back(error.message());
      log_.Error("a block of Prometheus is damaged; queries that need the damaged part fail or say so",
                 {{"block", ulid}, {"damage", error.message()}});
    };
    for (const auto scan = block->Scan();;) {
      const auto more = scan->Next(cancel);
      if (!more && more.error().code() == base::Code::kCancelled) return more.error();
      if (!more) {
        note(more.error());
        continue;
      }
      if (!*more) break;
      if (const auto read = scan->Read({}, columns); !read) note(read.error());
      pause(kSampleBytes * (columns.values().size() + columns.histograms().size()));
    }
  }
  const base::MutexLock lock(mutex_);
  found_ = std::move(found);
  return {};
}

void PrometheusHistory::Refresh(const std::set<Ulid>& imported) {
  const auto names = files_.ListDirectory(directory_);
  if (!names) {
    log_.Warn("cannot look for blocks of Prometheus", {{"err", names.error().message()}});
    return;
  }
  const auto before = blocks();
  const std::vector<std::string> known_damage = [this] {
    const base::MutexLock lock(mutex_);
    return damage_;
  }();
  auto all = std::make_shared<Blocks>();
  std::vector<std::string> damage;
  for (const std::string& name : *names) {
    if (!IsPrometheusBlockName(name)) continue;
    if (const auto ulid = Ulid::Parse(name); ulid && imported.contains(*ulid)) continue;
    const auto open = std::ranges::find(*before, name, [](const auto& block) { return block->info().ulid; });
    if (open != before->end()) {
      all->push_back(*open);
      continue;
    }
    auto block = PrometheusBlock::Open(files_, directory_ + "/" + name);
    if (block) {
      log_.Info("a block of Prometheus is read where it is",
                {{"block", name}, {"series", (*block)->info().series}, {"samples", (*block)->info().samples}});
      all->push_back(*std::move(block));
      continue;
    }
    damage.push_back(fmt::format("block {} of Prometheus: {}", name, block.error().message()));
    if (std::ranges::count(known_damage, damage.back()) == 0) {
      log_.Error("a block of Prometheus cannot be opened; its time is missing from queries",
                 {{"block", name}, {"err", block.error().message()}});
    }
  }
  std::ranges::sort(*all, [](const auto& a, const auto& b) {
    return std::tuple(a->info().min_time_ms, a->info().ulid) > std::tuple(b->info().min_time_ms, b->info().ulid);
  });
  const base::MutexLock lock(mutex_);
  blocks_ = std::move(all);
  damage_ = std::move(damage);
}

void PrometheusHistory::AddStatus(std::vector<BlockStatus>& all) const {
  const auto open = blocks();
  const base::MutexLock lock(mutex_);
  for (const auto& block : *open) {
    BlockStatus status{.meta = MetaOf(block->meta()), .size_bytes = block->info().size_bytes, .is_prometheus = true};
    if (const auto found = found_.find(block->info().ulid); found != found_.end()) status.damage = found->second;
    all.push_back(std::move(status));
  }
}

base::Result<> PrometheusHistory::CheckNoneChosen(std::span<const model::Matcher> matchers, model::TimeRange range,
                                                  const base::CancelToken& cancel) const {
  for (const auto open = blocks(); const auto& block : *open) {
    const StoredBlockInfo& info = block->info();
    if (!range.Overlaps({.min_ms = info.min_time_ms, .max_ms = info.max_time_ms - 1})) continue;
    const auto found = BARO_TRY(block->OpenReader()->Select({.matchers = matchers, .range = range}, cancel));
    if (found->size() == 0) continue;
    return base::Fail(
        base::Code::kUnsupported,
        fmt::format(
            "block {} ({} to {}) is Prometheus', whose files are read and never changed, and has series that are "
            "chosen: nothing was deleted. Import it first (barotool tsdb import), or leave its time out",
            info.ulid, base::FormatFloat(static_cast<double>(info.min_time_ms) / 1000),
            base::FormatFloat(static_cast<double>(info.max_time_ms) / 1000)));
  }
  return {};
}

base::Result<> PrometheusHistory::Link(const std::string& to) const {
  for (const auto open = blocks(); const auto& block : *open) {
    const std::string target = to + "/" + block->info().ulid;
    BARO_TRY(LinkFiles(files_, block->directory(), target));
    BARO_TRY(LinkFiles(files_, block->directory() + "/chunks", target + "/chunks"));
  }
  return {};
}

}  // namespace baro::tsdb
