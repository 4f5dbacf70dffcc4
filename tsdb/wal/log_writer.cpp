#include "tsdb/wal/log_writer.h"

#include <algorithm>
#include <utility>

#include "base/planted_fault.h"

namespace baro::tsdb {
namespace {

constexpr auto kRecoveryPause = std::chrono::seconds(1);
// So much may wait for a sync in memory; past it, a write syncs at once.
constexpr std::uint64_t kUnsyncedBytesMax = std::uint64_t{64} << 20;

base::Error NotTaken(const base::Error& error) { return error.WithContext("the log takes no samples"); }

}  // namespace

LogWriter::LogWriter(base::FileSystem& files, const base::Clock& clock, base::Logger log, Options options)
    : files_(files),
      clock_(clock),
      log_(std::move(log)),
      directory_(std::move(options.directory)),
      segment_bytes_(options.segment_bytes),
      segments_(std::move(options.segments)),
      queue_segment_(options.next_segment) {
  open_.segment = options.previous;
  open_.written_end = options.previous_end;
  open_.synced_end = options.previous_end;
}

std::string LogWriter::PathOf(std::uint64_t segment) const { return directory_ + "/" + SegmentName(segment); }

base::Result<std::optional<CommitNumber>> LogWriter::Enqueue(base::ByteBuffer payload, std::uint64_t segment,
                                                             std::int64_t time_max_ms) {
  const base::MutexLock lock(mutex_);
  if (is_closed_) return base::Fail(base::Code::kUnavailable, "the log is closed");
  if (failure_) return NotTaken(*failure_);
  if (not_taken_back_ > 0) return base::Fail(base::Code::kUnavailable, "the log is being set right after an error");
  const std::uint64_t current = queue_segment_.load(std::memory_order_relaxed);  // only written under the lock
  if (segment != current) return std::optional<CommitNumber>();
  const CommitNumber number = ++last_number_;
  queue_segment_bytes_ += FramesBytes(payload.size());
  queue_.push_back({.number = number, .segment = current, .time_max_ms = time_max_ms, .payload = std::move(payload)});
  if (queue_segment_bytes_ >= segment_bytes_) {
    queue_segment_.store(current + 1, std::memory_order_release);
    queue_segment_bytes_ = 0;
  }
  return std::optional(number);
}

LogWriter::Outcome LogWriter::Wait(CommitNumber number, bool synced) {
  const base::MutexLock lock(mutex_);
  for (;;) {
    if (const FailedRange* failed = FindFailed(number)) return {.is_written = false, .result = NotTaken(failed->error)};
    const bool is_written = written_.load(std::memory_order_relaxed) >= number;  // only written under the lock
    if (is_written && (!synced || synced_ >= number)) return {.is_written = true, .result = {}};
    if (is_written && failure_) {
      return {.is_written = true, .result = failure_->WithContext("visible to queries, but not on disk")};
    }
    if (is_busy_) {
      changed_.Wait(mutex_);
    } else if (is_written) {
      SyncWritten();
    } else {
      WriteQueued();
    }
  }
}

void LogWriter::TakenBack() {
  const base::MutexLock lock(mutex_);
  BARO_ASSERT(not_taken_back_ > 0);
  if (--not_taken_back_ == 0) failed_.clear();
}

void LogWriter::WriteQueue() {
  const base::MutexLock lock(mutex_);
  const CommitNumber target = last_number_;
  while (!failure_ && written_.load(std::memory_order_relaxed) < target) {  // only written under the lock
    if (is_busy_) {
      changed_.Wait(mutex_);
    } else if (queue_.empty()) {
      return;  // the rest failed before
    } else {
      WriteQueued();
    }
  }
}

base::Result<> LogWriter::Sync() {
  const base::MutexLock lock(mutex_);
  const CommitNumber target = written_.load(std::memory_order_relaxed);  // only written under the lock
  while (synced_ < target) {
    if (failure_) return *failure_;
    if (is_busy_) {
      changed_.Wait(mutex_);
    } else {
      SyncWritten();
    }
  }
  return {};
}

std::optional<base::Error> LogWriter::failure() const {
  const base::MutexLock lock(mutex_);
  return failure_;
}

std::vector<SegmentInfo> LogWriter::segments() const {
  const base::MutexLock lock(mutex_);
  return segments_;
}

void LogWriter::ForgetSegmentsBefore(std::uint64_t segment) {
  const base::MutexLock lock(mutex_);
  std::erase_if(segments_, [segment](const SegmentInfo& info) { return info.segment < segment; });
}

void LogWriter::StartNewSegment() {
  const base::MutexLock lock(mutex_);
  if (queue_segment_bytes_ == 0) return;
  queue_segment_.fetch_add(1, std::memory_order_release);
  queue_segment_bytes_ = 0;
}

base::Result<> LogWriter::Close() {
  const base::Result<> synced = Sync();
  const base::MutexLock lock(mutex_);
  while (is_busy_) changed_.Wait(mutex_);
  is_closed_ = true;
  if (open_.file == nullptr) return synced;
  const base::Result<> closed = std::exchange(open_.file, nullptr)->Close();
  return synced ? closed : synced;
}

const LogWriter::FailedRange* LogWriter::FindFailed(CommitNumber number) const {
  const auto found = std::ranges::find_if(
      failed_, [number](const FailedRange& range) { return range.first <= number && number <= range.last; });
  return found == failed_.end() ? nullptr : &*found;
}

void LogWriter::TakeFile() {
  is_busy_ = true;
  mutex_.Unlock();
}

void LogWriter::LetFileGo() {
  mutex_.Lock();
  is_busy_ = false;
  changed_.NotifyAll();
}

// Everything that is queued is refused: what comes later is told as the difference to what came before.
void LogWriter::Fail(base::Error error) {
  failures_.fetch_add(1, std::memory_order_relaxed);
  log_.Error("the log cannot be written; samples are refused until it can", {{"err", error.message()}});
  if (!queue_.empty()) {
    failed_.push_back({.first = queue_.front().number, .last = queue_.back().number, .error = error});
    not_taken_back_ += queue_.size();
    queue_.clear();
  }
  failure_ = std::move(error);
  next_recovery_ = clock_.Monotonic() + kRecoveryPause;
}

void LogWriter::NoteWritten(const std::vector<Entry>& batch, std::uint64_t bytes) {
  SegmentInfo& info = segments_.back();
  info.size_bytes = bytes;
  for (const Entry& entry : batch) info.time_max_ms = std::max(info.time_max_ms, entry.time_max_ms);
}

void LogWriter::WriteQueued() {
  BARO_ASSERT(!queue_.empty());
  std::vector<Entry> batch;
  const std::uint64_t segment = queue_.front().segment;
  while (!queue_.empty() && queue_.front().segment == segment) {
    batch.push_back(std::move(queue_.front()));
    queue_.pop_front();
  }
  TakeFile();
  base::Result<> written;
  if (open_.file == nullptr || open_.segment != segment) written = OpenSegment(segment);
  if (written) written = WriteBatch(batch);
  LetFileGo();

  if (!written) {
    for (auto entry = batch.rbegin(); entry != batch.rend(); ++entry) queue_.push_front(std::move(*entry));
    Fail(std::move(written).error());
    return;
  }
  NoteWritten(batch, open_.written_end);
  written_.store(batch.back().number, std::memory_order_release);
  for (Entry& entry : batch) {
    unsynced_bytes_ += entry.payload.size();
    unsynced_.push_back(std::move(entry));
  }
  if (unsynced_bytes_ > kUnsyncedBytesMax) SyncWritten();
}

void LogWriter::SyncWritten() {
  const CommitNumber target = written_.load(std::memory_order_relaxed);  // only written under the lock
  TakeFile();
  base::Result<> synced = SyncFile();
  LetFileGo();
  if (synced) {
    synced_ = std::max(synced_, target);
  } else {
    Fail(std::move(synced).error());
  }
}

base::Result<> LogWriter::WriteBatch(const std::vector<Entry>& batch) {
  base::ByteBuffer bytes;
  std::size_t size = 0;
  for (const Entry& entry : batch) size += FramesBytes(entry.payload.size());
  bytes.reserve(size);
  for (const Entry& entry : batch) {
    AppendFrames(entry.payload, open_.segment, open_.written_end + bytes.size(), bytes);
  }
  auto appended = open_.file->Append(bytes);
  if (!appended && appended.error().code() == base::Code::kNoSpace && BARO_PLANTED(kFullDiskIgnored)) appended = {};
  if (!appended) {
    // What was refused must not come back at the next start; the next segment's header says so too.
    if (auto cut = open_.file->Truncate(open_.written_end); !cut) {
      log_.Warn("a piece of a refused commit stays behind in the log", {{"err", cut.error().message()}});
    }
    return appended;
  }
  open_.written_end += bytes.size();
  return {};
}

// Leaves the open file behind, in sync if that can be had, and begins the next.
base::Result<> LogWriter::OpenSegment(std::uint64_t segment) {
  if (open_.file != nullptr && !open_.is_sync_lost) {
    if (auto synced = open_.file->Sync(); synced) {
      open_.synced_end = open_.written_end;
      unsynced_.clear();
      unsynced_bytes_ = 0;
    } else {
      log_.Error("a log segment could not be synced; its end is written again", {{"err", synced.error().message()}});
      open_.is_sync_lost = true;
    }
  }
  const bool has_tail = !unsynced_.empty();
  const SegmentHeader header{.segment = segment,
                             .previous = open_.segment,
                             .previous_end = has_tail ? open_.synced_end : open_.written_end,
                             .continues = has_tail};
  std::unique_ptr<base::WritableFile> file =
      BARO_TRY(files_.OpenWritable(PathOf(segment), base::FileSystem::OpenMode::kReplace));
  std::uint64_t end = 0;
  if (auto filled = FillSegment(*file, header, end); !filled) {
    file.reset();
    if (auto removed = files_.Remove(PathOf(segment)); !removed) {
      log_.Warn("an unfinished log segment stays behind", {{"err", removed.error().message()}});
    }
    return filled;
  }
  SegmentInfo info{.segment = segment, .size_bytes = end, .continues = has_tail};
  for (const Entry& entry : unsynced_) info.time_max_ms = std::max(info.time_max_ms, entry.time_max_ms);
  unsynced_.clear();
  unsynced_bytes_ = 0;
  open_ = {.file = std::move(file), .segment = segment, .written_end = end, .synced_end = end};
  const base::MutexLock lock(mutex_);
  segments_.push_back(info);
  return {};
}

// Header and tail are on disk before the segment counts: what the header declares void must never come back.
base::Result<> LogWriter::FillSegment(base::WritableFile& file, const SegmentHeader& header, std::uint64_t& end) {
  base::ByteBuffer bytes = EncodeSegmentHeader(header);
  for (const Entry& entry : unsynced_) AppendFrames(entry.payload, header.segment, bytes.size(), bytes);
  BARO_TRY(file.Append(bytes));
  end = bytes.size();
  BARO_TRY(file.Sync());
  if (BARO_PLANTED(kDirectoryNotSynced)) return {};
  return files_.SyncDirectory(directory_);
}

base::Result<> LogWriter::SyncFile() {
  if (open_.file == nullptr) return {};
  if (BARO_PLANTED(kAcknowledgedBeforeSync)) return {};
  if (!open_.is_sync_lost) {
    auto synced = open_.file->Sync();
    if (!synced && BARO_PLANTED(kSyncRetried)) synced = open_.file->Sync();
    if (synced) {
      open_.synced_end = open_.written_end;
      unsynced_.clear();
      unsynced_bytes_ = 0;
      return {};
    }
    open_.is_sync_lost = true;
    log_.Error("a log segment could not be synced; its end is written again", {{"err", synced.error().message()}});
  }
  failures_.fetch_add(1, std::memory_order_relaxed);
  std::uint64_t next = 0;
  {
    // What is queued already follows in the new segment: it continues what stands there.
    const base::MutexLock lock(mutex_);
    next = open_.segment + 1;
    for (const Entry& entry : queue_) next = std::max(next, entry.segment);
    next = std::max(next, queue_segment_.load(std::memory_order_relaxed)) + 1;
    for (Entry& entry : queue_) entry.segment = next;
    queue_segment_.store(next, std::memory_order_release);
    queue_segment_bytes_ = std::max<std::uint64_t>(queue_segment_bytes_, 1);
  }
  return OpenSegment(next);
}

void LogWriter::TryToRecover() {
  const base::MutexLock lock(mutex_);
  if (!failure_ || is_busy_ || is_closed_ || not_taken_back_ > 0 || clock_.Monotonic() < next_recovery_) return;
  const std::uint64_t next = std::max(queue_segment_.load(std::memory_order_relaxed), open_.segment) + 1;
  queue_segment_.store(next, std::memory_order_release);
  queue_segment_bytes_ = 1;
  const CommitNumber target = written_.load(std::memory_order_relaxed);
  TakeFile();
  auto opened = OpenSegment(next);
  LetFileGo();
  if (!opened) {
    next_recovery_ = clock_.Monotonic() + kRecoveryPause;
    return;
  }
  synced_ = std::max(synced_, target);
  failure_.reset();
  log_.Info("the log can be written again", {{"segment", next}});
}

}  // namespace baro::tsdb
