#include "tsdb/storage/block_set.h"

#include <algorithm>
#include <set>

#include <fmt/format.h>

#include "tsdb/block/block_files.h"
#include "tsdb/compact/compactor.h"
#include "tsdb/storage/loss_notes.h"

namespace baro::tsdb {
namespace {

constexpr std::string_view kUnfinished = "tmp-";
constexpr std::string_view kGoing = "gone-";
constexpr std::string_view kMarkName = "covered";
constexpr std::string_view kMarkMagic = "BAROCOV1";

// Up to where blocks have the head's samples.
std::int64_t CoveredUntil(std::span<const BlockPtr> blocks) {
  std::int64_t covered_until_ms = model::kMinTimestampMs;
  for (const BlockPtr& block : blocks) {
    const BlockMeta& meta = block->meta();
    if (std::ranges::count(meta.hints, kFromHead) > 0) covered_until_ms = std::max(covered_until_ms, meta.max_time_ms);
  }
  return covered_until_ms;
}

}  // namespace

BlockSet::BlockSet(base::FileSystem& files, std::string directory, std::string quarantine, base::Logger log)
    : files_(files), directory_(std::move(directory)), quarantine_(std::move(quarantine)), log_(std::move(log)) {}

base::Result<> BlockSet::Load() {
  if (auto made = files_.CreateDirectories(directory_); !made && made.error().code() != base::Code::kNoSpace) {
    return made.error().WithContext("opening blocks");
  }
  if (!BARO_TRY(files_.Exists(directory_))) return {};  // a full disk, and there never was a block
  const std::vector<std::string> names = BARO_TRY(files_.ListDirectory(directory_));
  RemoveLeftovers(names);
  ReadMark();
  {
    const base::MutexLock lock(mutex_);
    losses_ = ReadLossNotes(files_, quarantine_);
  }
  std::vector<BlockPtr> blocks;
  for (const std::string& name : names) {
    if (!Ulid::Parse(name)) continue;  // not ours
    auto block = Block::Open(files_, directory_ + "/" + name);
    if (block) {
      // Of base::WriteSmallFile().
      const std::string unfinished = fmt::format("{}/{}/{}.tmp", directory_, name, kTombstonesFileName);
      if (const auto is_there = files_.Exists(unfinished); is_there && *is_there) RemoveLeftover(unfinished);
      blocks.push_back(*std::move(block));
    } else {
      PutAside(name, block.error());
    }
  }
  RememberQuarantined();
  RemoveParents(blocks);
  Publish(std::move(blocks));
  return {};
}

void BlockSet::Refresh() {
  const auto names = files_.ListDirectory(directory_);
  if (!names) return;  // a full disk, and there never was a block
  std::vector<BlockPtr> blocks = *this->blocks();
  const std::size_t before = blocks.size();
  for (const std::string& name : *names) {
    const auto ulid = Ulid::Parse(name);
    if (!ulid) continue;
    if (std::ranges::count(blocks, *ulid, [](const BlockPtr& block) { return block->meta().ulid; }) > 0) continue;
    auto block = Block::Open(files_, directory_ + "/" + name);
    if (block) {
      log_.Info("a block has come", {{"block", name}, {"samples", (*block)->meta().counts.samples()}});
      not_opened_.erase(name);
      blocks.push_back(*std::move(block));
    } else if (not_opened_.insert(name).second) {
      log_.Warn("a block has come that cannot be opened; it may not be there whole yet",
                {{"block", name}, {"err", block.error().message()}});
    }
  }
  if (blocks.size() == before) return;
  RemoveParents(blocks);
  Publish(std::move(blocks));
}

void BlockSet::RemoveLeftovers(std::span<const std::string> names) {
  for (const std::string& name : names) {
    if (name.starts_with(kUnfinished) || name.starts_with(kGoing)) RemoveLeftover(directory_ + "/" + name);
  }
}

void BlockSet::RemoveLeftover(const std::string& path) {
  log_.Info("removing what an earlier run left", {{"path", path}});
  RemoveLeftoverSilently(path);
}

// What is damaged is kept for people: its data may be worth a repair. An error that may pass, or a version that is not
// known, is none: the block stays where it is. Queries say that it is missing.
void BlockSet::PutAside(const std::string& name, const base::Error& error) {
  const bool is_damage = error.code() == base::Code::kCorruption || error.code() == base::Code::kNotFound ||
                         error.code() == base::Code::kLimitExceeded;
  const DataLoss loss{.range = RangeOfLostBlock(files_, directory_ + "/" + name),
                      .what = fmt::format("block {}: {}", name, error.message())};
  {
    const base::MutexLock lock(mutex_);
    losses_.push_back(loss);
    if (!is_damage) unread_.push_back(loss);
  }
  log_.Error("a block cannot be opened; its time is missing from queries",
             {{"block", name}, {"put aside to", is_damage ? quarantine_ : "nowhere"}, {"err", error.message()}});
  if (!is_damage) return;
  auto moved = files_.CreateDirectories(quarantine_);
  if (moved) moved = WriteLossNote(files_, quarantine_, name, loss);
  if (moved) moved = files_.Rename(directory_ + "/" + name, quarantine_ + "/" + name);
  if (moved) moved = files_.SyncDirectory(quarantine_);
  if (moved) moved = files_.SyncDirectory(directory_);
  if (!moved) log_.Warn("could not put it aside", {{"block", name}, {"err", moved.error().message()}});
}

std::string BlockSet::UnreadIn(model::TimeRange range) const {
  const base::MutexLock lock(mutex_);
  const auto found = std::ranges::find_if(unread_, [range](const DataLoss& one) { return one.range.Overlaps(range); });
  return found == unread_.end() ? std::string() : found->what;
}

std::vector<DataLoss> BlockSet::Losses() const {
  const base::MutexLock lock(mutex_);
  return losses_;
}

// What was put aside at an earlier start is missing still. Those of this start are named with their reason already.
void BlockSet::RememberQuarantined() {
  const auto names = files_.ListDirectory(quarantine_);
  if (!names) return;  // there is none
  const base::MutexLock lock(mutex_);
  for (const std::string& name : *names) {
    const std::string prefix = fmt::format("block {}: ", name);
    const auto is_same = [&prefix](const DataLoss& known) { return known.what.starts_with(prefix); };
    if (!Ulid::Parse(name) || std::ranges::any_of(losses_, is_same)) continue;
    quarantined_.push_back(fmt::format("{}it was put aside at an earlier start, lies in {}, and its time is missing",
                                       prefix, quarantine_));
  }
}

void BlockSet::RemoveParents(std::vector<BlockPtr>& blocks) {
  std::set<Ulid> replaced;
  for (const BlockPtr& block : blocks) {
    for (const BlockParent& parent : block->meta().parents) replaced.insert(parent.ulid);
  }
  std::vector<BlockPtr> going;
  std::erase_if(blocks, [&](const BlockPtr& block) {
    if (!replaced.contains(block->meta().ulid)) return false;
    going.push_back(block);
    return true;
  });
  // A block goes behind those that it replaced.
  while (!going.empty()) {
    const auto waits = [&going](const BlockPtr& block) {
      return std::ranges::any_of(block->meta().parents, [&going](const BlockParent& parent) {
        return std::ranges::any_of(going,
                                   [&parent](const BlockPtr& other) { return other->meta().ulid == parent.ulid; });
      });
    };
    const auto next = std::ranges::find_if_not(going, waits);
    const auto chosen = next == going.end() ? going.begin() : next;  // a circle: nobody wrote that
    const std::string path = (*chosen)->directory();
    going.erase(chosen);
    RemoveFiles(path);
  }
}

void BlockSet::RemoveFiles(const std::string& path) {
  going_.push_back(path);
  RemoveWhatGoes();
}

// In the order in which they were replaced: a block that is gone names no parents any more, and one that was to go
// before it would be taken for a block at the next start, with all that was deleted since.
void BlockSet::RemoveWhatGoes() {
  for (; !going_.empty(); going_.pop_front()) {
    const std::string& path = going_.front();
    if (auto removed = Remove(path); !removed) {
      log_.Warn("an old block could not be removed; it is tried again",
                {{"path", path}, {"err", removed.error().message()}});
      return;
    }
  }
}

// Renamed first: a half removed block must not look like one.
base::Result<> BlockSet::Remove(const std::string& path) {
  const std::string going = fmt::format("{}/{}{}", directory_, kGoing, path.substr(path.rfind('/') + 1));
  if (BARO_TRY(files_.Exists(path))) BARO_TRY(files_.Rename(path, going));
  BARO_TRY(files_.SyncDirectory(directory_));
  RemoveLeftoverSilently(going);
  return {};
}

void BlockSet::RemoveLeftoverSilently(const std::string& path) {
  if (auto removed = files_.RemoveAll(path); !removed) {
    log_.Warn("could not remove it", {{"path", path}, {"err", removed.error().message()}});
  }
}

void BlockSet::Publish(std::vector<BlockPtr> blocks) {
  std::ranges::sort(blocks, [](const BlockPtr& a, const BlockPtr& b) {
    return std::tuple(a->meta().min_time_ms, a->meta().ulid) > std::tuple(b->meta().min_time_ms, b->meta().ulid);
  });
  const std::int64_t covered_until_ms = std::max(CoveredUntil(blocks), marked_until_ms_);
  auto list = std::make_shared<const std::vector<BlockPtr>>(std::move(blocks));
  const base::MutexLock lock(mutex_);
  view_.blocks = std::move(list);
  view_.covered_until_ms = std::max(view_.covered_until_ms, covered_until_ms);
}

void BlockSet::NoteCovered(std::int64_t until_ms) {
  const base::MutexLock lock(mutex_);
  view_.covered_until_ms = std::max(view_.covered_until_ms, until_ms);
}

BlockView BlockSet::View() const {
  const base::MutexLock lock(mutex_);
  return view_;
}

std::uint64_t BlockSet::SizeBytes() const {
  std::uint64_t bytes = 0;
  for (const auto all_blocks = blocks(); const BlockPtr& block : *all_blocks) bytes += block->SizeBytes();
  return bytes;
}

std::vector<std::string> BlockSet::Damage() const {
  std::vector<std::string> all;
  {
    const base::MutexLock lock(mutex_);
    all = quarantined_;
    for (const DataLoss& loss : losses_) all.push_back(loss.what);
  }
  for (const auto all_blocks = blocks(); const BlockPtr& block : *all_blocks) {
    for (const std::string& damage : block->Damage()) {
      all.push_back(fmt::format("block {}: {}", block->meta().ulid.ToString(), damage));
    }
  }
  return all;
}

base::Result<BlockPtr> BlockSet::Open(const Ulid& ulid) const {
  return Block::Open(files_, directory_ + "/" + ulid.ToString());
}

base::Result<BlockPtr> BlockSet::Add(const Ulid& ulid) {
  BlockPtr block = BARO_TRY(Open(ulid));
  BARO_TRY(Replace({}, block));
  return block;
}

// The log may still have what a removed block had, and does not know what was deleted there. Without the mark a start
// would bring that back.
base::Result<> BlockSet::WriteMark(std::int64_t covered_until_ms) {
  base::ByteBuffer content;
  base::AppendBytes(content, base::AsBytes(kMarkMagic));
  base::AppendLe(content, covered_until_ms);
  BARO_TRY(base::WriteSmallFile(files_, fmt::format("{}/{}", directory_, kMarkName), content));
  marked_until_ms_ = covered_until_ms;
  return {};
}

void BlockSet::ReadMark() {
  const std::string path = fmt::format("{}/{}", directory_, kMarkName);
  if (const auto is_there = files_.Exists(path + ".tmp"); is_there && *is_there) RemoveLeftover(path + ".tmp");
  const auto content = base::ReadSmallFile(files_, path, /*bytes_max=*/1024);
  if (!content && content.error().code() == base::Code::kNotFound) return;
  base::ByteReader reader(content ? base::AsBytes(*content) : base::ByteSpan());
  if (content && base::AsText(reader.Bytes(kMarkMagic.size())) == kMarkMagic) {
    const auto covered_until_ms = reader.Le<std::int64_t>();
    if (reader.ok()) {
      marked_until_ms_ = covered_until_ms;
      return;
    }
  }
  std::string what = fmt::format("{} cannot be read; what blocks had that are gone may be seen again: {}", path,
                                 content ? "unknown content" : content.error().message());
  log_.Error(what);
  const base::MutexLock lock(mutex_);
  losses_.push_back({.range = {}, .what = std::move(what)});
}

base::Result<> BlockSet::Replace(std::span<const BlockPtr> removed, const BlockPtr& added) {
  RemoveWhatGoes();
  std::vector<BlockPtr> blocks = *this->blocks();
  std::erase_if(blocks, [&removed](const BlockPtr& block) { return std::ranges::count(removed, block) > 0; });
  if (added != nullptr) blocks.push_back(added);
  const std::int64_t covered_until_ms = View().covered_until_ms;
  bool is_marked = std::max(CoveredUntil(blocks), marked_until_ms_) >= covered_until_ms;
  if (!is_marked) {
    auto marked = WriteMark(covered_until_ms);
    // On a full disk the blocks go first, or nothing ever would.
    if (!marked && marked.error().code() != base::Code::kNoSpace) return marked;
    is_marked = marked.has_value();
  }
  Publish(std::move(blocks));
  for (const BlockPtr& block : removed) RemoveFiles(block->directory());
  return is_marked ? base::Result<>() : WriteMark(covered_until_ms);
}

}  // namespace baro::tsdb
