#include "tsdb/head_files/head_files.h"

#include <algorithm>
#include <tuple>
#include <utility>

#include "tsdb/head/quick_column.h"

namespace baro::tsdb {
namespace {

// A file is about this part of all files: so few of them that each start opens them quickly.
constexpr std::uint64_t kFilesAbout = 32;
constexpr std::uint64_t kFileBytesMax = std::uint64_t{8} << 20;
constexpr const char* kFloorName = "floor";
constexpr std::size_t kFloorBytesMax = 64;

// Of chunks with the same rows the one with most of them counts: small ones were joined.
void KeepLargest(HeadFiles::Loaded& loaded) {
  std::vector<std::size_t> order(loaded.chunks.size());
  for (std::size_t i = 0; i < order.size(); ++i) order[i] = i;
  std::ranges::sort(order, {}, [&](std::size_t i) {
    const HeadFileChunk& chunk = loaded.chunks[i];
    return std::tuple(chunk.group, chunk.chunk->first_row(), ~chunk.chunk->last_row(), i);
  });
  HeadFiles::Loaded kept{.only_mapped = std::move(loaded.only_mapped), .damaged_files = loaded.damaged_files};
  for (const std::size_t i : order) {
    const bool is_next = kept.chunks.empty() || kept.chunks.back().group != loaded.chunks[i].group ||
                         kept.chunks.back().chunk->last_row() < loaded.chunks[i].chunk->first_row();
    if (!is_next) continue;
    kept.chunks.push_back(std::move(loaded.chunks[i]));
    kept.files.push_back(loaded.files[i]);
  }
  loaded = std::move(kept);
}

// How much of a file a chunk takes, about.
std::uint64_t BytesOf(const GroupChunk& chunk) {
  return chunk.parts().values.size() + chunk.parts().offsets.size_bytes();
}

}  // namespace

HeadFiles::HeadFiles(base::FileSystem& files, std::string directory, std::uint64_t file_bytes, base::Logger log)
    : files_(files),
      directory_(std::move(directory)),
      file_bytes_(file_bytes),
      log_(std::move(log)),
      threshold_bytes_(file_bytes) {}

base::Result<ParsedHeadFile> HeadFiles::Open(std::uint64_t number) const {
  const std::shared_ptr<const base::MappedFile> map = BARO_TRY(files_.Map(PathOf(number)));
  return ParseHeadFile(map, number);
}

void HeadFiles::RemoveFile(std::uint64_t number) {
  if (auto removed = files_.Remove(PathOf(number)); !removed && removed.error().code() != base::Code::kNotFound) {
    log_.Warn("a file of head chunks cannot be removed", {{"err", removed.error().message()}});
  }
}

HeadFiles::Loaded HeadFiles::Load(std::int64_t floor_ms) {
  const base::MutexLock write_lock(write_mutex_);
  Loaded loaded;
  if (auto made = files_.CreateDirectories(directory_); !made) {
    log_.Warn("no folder for chunks of the head; they stay in memory", {{"err", made.error().message()}});
    return loaded;
  }
  const auto names = files_.ListDirectory(directory_);
  if (!names) {
    log_.Warn("files of head chunks cannot be listed; the log has all of it", {{"err", names.error().message()}});
    return loaded;
  }
  for (const std::string& name : *names) {
    const std::uint64_t number = ParseHeadFileName(name);
    if (number == 0) continue;
    next_number_ = std::max(next_number_, number + 1);
    auto parsed = Open(number);
    if (!parsed) parsed = ParsedHeadFile{.damage = parsed.error().message()};
    const bool is_damaged = !parsed->damage.empty();
    if (is_damaged) {
      ++loaded.damaged_files;
      log_.Warn("a file of head chunks is damaged; what it does not tell is read from the log",
                {{"file", PathOf(number)}, {"damage", parsed->damage}, {"intact", parsed->chunks.size()}});
    }
    File file{.number = number, .max_ms = model::kMinTimestampMs, .map = parsed->map};
    for (const HeadFileChunk& chunk : parsed->chunks) file.max_ms = std::max(file.max_ms, chunk.chunk->max_ms());
    if (is_damaged || file.max_ms < floor_ms) {
      RemoveFile(number);
    } else if (auto size = files_.FileSize(PathOf(number))) {
      file.size_bytes = *size;
      const base::MutexLock lock(mutex_);
      written_.push_back(file);
    }
    for (HeadFileChunk& chunk : parsed->chunks) {
      if (chunk.chunk->max_ms() < floor_ms) continue;
      if (is_damaged) loaded.only_mapped.push_back(chunk.chunk);
      loaded.chunks.push_back(std::move(chunk));
      loaded.files.push_back(is_damaged ? 0 : number);
    }
  }
  KeepLargest(loaded);
  return loaded;
}

void HeadFiles::OnSealed(const GroupPtr& group, const GroupChunkPtr& chunk) {
  {
    const base::MutexLock lock(mutex_);
    pending_.push_back({.group = group, .chunk = chunk});
    pending_bytes_ += BytesOf(*chunk);
    if (pending_bytes_ < threshold_bytes_) return;
  }
  if (!write_mutex_.TryLock()) return;  // who is writing has just begun; this waits for the next file
  WriteWaiting();
  write_mutex_.Unlock();
}

void HeadFiles::Flush() {
  const base::MutexLock lock(write_mutex_);
  WriteWaiting();
}

void HeadFiles::WriteWaiting() {
  std::vector<Pending> batch;
  {
    const base::MutexLock lock(mutex_);
    batch.swap(pending_);
    pending_bytes_ = 0;
  }
  if (batch.empty()) return;
  // Small chunks are joined within the hour, large ones stay as long as the head has their time: in files of their own
  // neither keeps the other on the disk.
  const auto large = std::ranges::stable_partition(
      batch, [](const Pending& pending) { return pending.chunk->rows() <= kQuickLengthMax; });
  auto written = Write(std::span(large.begin(), large.end()));
  if (written) written = Write(std::span(batch.begin(), large.begin()));
  batch.clear();
  RemoveUnused();
  if (!written && !std::exchange(has_failed_, true)) {
    log_.Warn("chunks of the head cannot be written to files; they stay in memory, and the log has them",
              {{"err", written.error().message()}});
  }
  if (written) has_failed_ = false;
}

base::Result<> HeadFiles::Write(std::span<const Pending> batch) {
  const std::uint64_t number = next_number_;
  HeadFileBuilder builder(number);
  std::vector<const Pending*> in_file;
  for (const Pending& pending : batch) {
    std::vector<LogSeriesId> layout;
    {
      const base::MutexLock lock(pending.group->mutex);
      if (!pending.group->HasChunk(pending.chunk)) continue;  // it was joined with others, or is too old
      layout = pending.group->Layout(pending.chunk->columns());
    }
    builder.Add(pending.group->log_id, layout, *pending.chunk);
    in_file.push_back(&pending);
  }
  if (in_file.empty()) return {};
  ++next_number_;
  const std::int64_t max_ms = builder.max_ms();
  const base::ByteBuffer bytes = builder.Take();
  const auto put = [&]() -> base::Result<ParsedHeadFile> {
    {
      const auto file = BARO_TRY(files_.OpenWritable(PathOf(number), base::FileSystem::OpenMode::kReplace));
      BARO_TRY(file->Append(bytes));
      BARO_TRY(file->Close());
    }
    return Open(number);
  };
  auto parsed = put();
  if (parsed && parsed->chunks.size() != in_file.size()) {
    parsed = base::Fail(base::Code::kCorruption, fmt::format("{}: {}", PathOf(number), parsed->damage));
  }
  if (!parsed) {
    RemoveFile(number);
    return parsed.error();
  }
  for (std::size_t i = 0; i < in_file.size(); ++i) {
    const base::MutexLock lock(in_file[i]->group->mutex);
    in_file[i]->group->ReplaceChunk(in_file[i]->chunk, parsed->chunks[i].chunk);
  }
  const base::MutexLock lock(mutex_);
  written_.push_back({.number = number, .max_ms = max_ms, .size_bytes = bytes.size(), .map = parsed->map});
  std::uint64_t all_bytes = 0;
  for (const File& file : written_) all_bytes += file.size_bytes;
  threshold_bytes_ = std::clamp(all_bytes / kFilesAbout, file_bytes_, std::max(file_bytes_, kFileBytesMax));
  return {};
}

// Files of which nobody has a chunk any more: what they hold was joined, and written again.
void HeadFiles::RemoveUnused() {
  std::vector<std::uint64_t> unused;
  {
    const base::MutexLock lock(mutex_);
    std::erase_if(written_, [&](const File& file) {
      if (!file.map.expired()) return false;
      unused.push_back(file.number);
      return true;
    });
  }
  for (const std::uint64_t number : unused) RemoveFile(number);
}

base::Result<> HeadFiles::Sync(std::uint64_t number) {
  const auto file = BARO_TRY(files_.OpenWritable(PathOf(number), base::FileSystem::OpenMode::kAppend));
  BARO_TRY(file->Sync());
  BARO_TRY(file->Close());
  return files_.SyncDirectory(directory_);
}

void HeadFiles::DropBefore(std::int64_t cutoff_ms) {
  std::vector<std::uint64_t> old;
  {
    const base::MutexLock lock(mutex_);
    // What waits for a file and is too old for one: it would keep its group in memory.
    std::erase_if(pending_, [&](const Pending& waiting) BARO_REQUIRES(mutex_) {
      if (waiting.chunk->max_ms() >= cutoff_ms) return false;
      pending_bytes_ -= BytesOf(*waiting.chunk);
      return true;
    });
    std::erase_if(written_, [&](const File& file) {
      if (file.max_ms >= cutoff_ms) return false;
      old.push_back(file.number);
      return true;
    });
  }
  for (const std::uint64_t number : old) RemoveFile(number);
}

std::int64_t HeadFiles::ReadFloor() const {
  const auto content = base::ReadSmallFile(files_, directory_ + "/" + kFloorName, kFloorBytesMax);
  if (!content) {
    if (content.error().code() != base::Code::kNotFound) {
      log_.Warn("up to when the head was cut is not known but from blocks", {{"err", content.error().message()}});
    }
    return model::kMinTimestampMs;
  }
  base::ByteReader reader(base::AsBytes(*content));
  const auto floor_ms = reader.Le<std::int64_t>();
  return reader.ok() && reader.AtEnd() ? floor_ms : model::kMinTimestampMs;
}

void HeadFiles::WriteFloor(std::int64_t floor_ms) {
  base::ByteBuffer content;
  base::AppendLe(content, floor_ms);
  if (auto written = base::WriteSmallFile(files_, directory_ + "/" + kFloorName, content); !written) {
    log_.Warn("up to when the head is cut could not be written down", {{"err", written.error().message()}});
  }
}

std::uint64_t HeadFiles::SizeBytes() const {
  const base::MutexLock lock(mutex_);
  std::uint64_t size = 0;
  for (const File& file : written_) size += file.size_bytes;
  return size;
}

}  // namespace baro::tsdb
