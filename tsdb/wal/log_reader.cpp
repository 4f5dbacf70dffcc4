#include "tsdb/wal/log_reader.h"

#include <algorithm>
#include <limits>
#include <map>

#include "tsdb/wal/checkpoint.h"
#include "tsdb/wal/segment.h"

namespace baro::tsdb {
namespace {

class Replay {
 public:
  Replay(base::FileSystem& files, const std::string& directory, const base::Logger& log, ReplayProgress* progress,
         ReplayVisitor& visitor)
      : files_(files), directory_(directory), log_(log), progress_(progress), visitor_(visitor) {}

  base::Result<ReplayedLog> Run() {
    const std::vector<std::string> names = BARO_TRY(files_.ListDirectory(directory_));
    RemoveLeftovers(names);
    first_ = ReadNewestCheckpoint(names);
    for (const std::string& name : names) {
      const std::uint64_t segment = ParseSegmentName(name);
      if (segment == 0) continue;
      out_.next_segment = std::max(out_.next_segment, segment + 1);
      if (segment >= first_) ReadHeader(segment);
    }
    out_.next_segment = std::max(out_.next_segment, first_);
    ReadSegments();
    return std::move(out_);
  }

 private:
  struct Segment {
    std::uint64_t segment = 0;
    std::unique_ptr<base::MappedFile> map;
    bool has_header = false;
    SegmentHeader header;
    std::uint64_t end = 0;  // what later headers let count
  };

  std::string PathOf(std::uint64_t segment) const { return directory_ + "/" + SegmentName(segment); }

  void NoteDamage(std::string_view what, std::uint64_t segment, std::uint64_t begin, std::uint64_t end) {
    ++out_.corruptions;
    records_.Forget();
    visitor_.OnDamage(fmt::format("{}: {}, bytes {} to {}", what, PathOf(segment), begin, end));
    log_.Warn(what, {{"file", PathOf(segment)}, {"from_byte", begin}, {"to_byte", end}});
  }

  void NoteUnread(const base::Error& error) {
    if (out_.unread.empty()) out_.unread = error.message();
  }

  // Unfinished work of an earlier run, marked as such by its name, and nothing else.
  void RemoveLeftovers(const std::vector<std::string>& names) {
    for (const std::string& name : names) {
      if (!name.starts_with("tmp-") && !name.starts_with("gone-")) continue;
      if (auto removed = files_.RemoveAll(directory_ + "/" + name); !removed) {
        log_.Warn("leftover of an earlier run cannot be removed", {{"err", removed.error().message()}});
      }
    }
  }

  // Falls back to the older one: it and its segments are there until the newer one has been read back.
  std::uint64_t ReadNewestCheckpoint(const std::vector<std::string>& names) {
    std::vector<std::uint64_t> checkpoints;
    for (const std::string& name : names) {
      if (const std::uint64_t number = ParseCheckpointName(name); number != 0) checkpoints.push_back(number);
    }
    std::ranges::sort(checkpoints, std::ranges::greater());
    for (const std::uint64_t number : checkpoints) {
      const std::string path = directory_ + "/" + CheckpointName(number);
      auto read = ReadCheckpoint(files_, path, visitor_);
      if (read) return number;
      ++out_.corruptions;
      if (read.error().code() != base::Code::kCorruption) NoteUnread(read.error());
      log_.Warn("log checkpoint damaged; what of it can be read is used",
                {{"file", path}, {"err", read.error().message()}});
    }
    return 0;
  }

  void ReadHeader(std::uint64_t segment) {
    Segment& entry = segments_.emplace_back();
    entry.segment = segment;
    auto map = files_.Map(PathOf(segment));
    if (!map) {
      log_.Warn("log segment cannot be read", {{"err", map.error().message()}});
      ++out_.corruptions;
      NoteUnread(map.error());
      unreadable_.emplace(segment, std::move(map).error().message());
      return;
    }
    entry.map = *std::move(map);
    entry.end = entry.map->bytes().size();
    auto header = DecodeSegmentHeader(entry.map->bytes(), segment);
    if (header) {
      entry.has_header = true;
      entry.header = *header;
    } else {
      header_errors_.emplace(segment, std::move(header).error().message());
    }
  }

  // A header declares void what lies between its predecessor's end and itself.
  void ApplyHeaders() {
    for (const Segment& later : segments_) {
      if (!later.has_header) continue;
      // Nothing before it counts if it is the first; otherwise a checkpoint says which segments were removed.
      bool has_previous = later.header.previous == 0 || later.header.previous < first_;
      for (Segment& earlier : segments_) {
        if (earlier.segment >= later.segment || earlier.segment < later.header.previous) continue;
        const bool is_previous = earlier.segment == later.header.previous;
        has_previous |= is_previous;
        if (is_previous && earlier.end < later.header.previous_end && earlier.map != nullptr) {
          missing_.emplace(earlier.segment, later.header.previous_end);
        }
        earlier.end = std::min(earlier.end, is_previous ? later.header.previous_end : 0);
      }
      if (!has_previous) lost_before_.emplace(later.segment, later.header.previous);
    }
  }

  void ReadSegments() {
    if (segments_.empty()) return;
    std::ranges::sort(segments_, {}, &Segment::segment);
    ApplyHeaders();
    if (progress_ != nullptr) {
      progress_->min.store(segments_.front().segment, std::memory_order_relaxed);
      progress_->max.store(segments_.back().segment, std::memory_order_relaxed);
    }
    for (const Segment& segment : segments_) {
      if (progress_ != nullptr) progress_->current.store(segment.segment, std::memory_order_relaxed);
      ReadSegment(segment, /*is_last=*/&segment == &segments_.back());
    }
  }

  void ReadSegment(const Segment& segment, bool is_last) {
    if (const auto lost = lost_before_.find(segment.segment); lost != lost_before_.end()) {
      NoteDamage("log segment is missing", lost->second, 0, 0);
    }
    out_.previous = segment.segment;
    out_.previous_end = 0;
    visitor_.OnSegment(segment.segment);
    SegmentInfo info{.segment = segment.segment, .continues = segment.has_header && segment.header.continues};
    if (const auto unreadable = unreadable_.find(segment.segment); unreadable != unreadable_.end()) {
      visitor_.OnDamage("log segment cannot be read: " + unreadable->second);
      // The next segment must not declare void what may be read at the next start.
      const auto size = files_.FileSize(PathOf(segment.segment));
      out_.previous_end = size ? *size : std::numeric_limits<std::uint64_t>::max();
    }
    if (segment.map != nullptr) {
      info.size_bytes = segment.map->bytes().size();
      out_.previous_end = ReadFrames(segment, is_last);
    }
    info.time_max_ms = visitor_.TakeTimeMax();
    out_.segments.push_back(info);
  }

  // Returns the end of what is good.
  std::uint64_t ReadFrames(const Segment& segment, bool is_last) {
    const base::ByteSpan bytes = segment.map->bytes().first(segment.end);
    if (bytes.empty()) {
      if (const auto missing = missing_.find(segment.segment); missing != missing_.end()) {
        NoteDamage("log segment is empty", segment.segment, 0, missing->second);
      }
      return 0;  // void, or made and never filled
    }
    if (!segment.has_header) {
      // The last segment's header may have been on its way; behind a header that was there, frames speak for
      // themselves.
      if (is_last && bytes.size() <= kSegmentHeaderBytes) {
        log_.Warn("torn log segment is passed over", {{"err", header_errors_.at(segment.segment)}});
        visitor_.OnDamage("the log's last segment was not written whole: " + header_errors_.at(segment.segment));
        return 0;
      }
      NoteDamage(header_errors_.at(segment.segment), segment.segment, 0, std::min(bytes.size(), kSegmentHeaderBytes));
      if (bytes.size() <= kSegmentHeaderBytes) return 0;
    }
    std::uint64_t good_end = kSegmentHeaderBytes;
    FrameScanner scanner(bytes, segment.segment, kSegmentHeaderBytes);
    for (;;) {
      switch (scanner.Next()) {
        case FrameScanner::Event::kCommit:
          if (auto read = records_.Read(scanner.payload(), visitor_, scanner.payload_is_in_file()); !read) {
            NoteDamage(read.error().message(), segment.segment, good_end, scanner.offset());
          }
          good_end = scanner.offset();
          break;
        case FrameScanner::Event::kDamage:
          NoteDamage("log damaged; skipped to the next good record", segment.segment, scanner.damage_begin(),
                     scanner.offset());
          break;
        case FrameScanner::Event::kTornTail:
          if (is_last) {
            visitor_.OnDamage(fmt::format("the end of the log was not written whole: {}, bytes {} to {}",
                                          PathOf(segment.segment), good_end, bytes.size()));
            log_.Warn("torn tail of the log is cut",
                      {{"file", PathOf(segment.segment)}, {"from_byte", good_end}, {"to_byte", bytes.size()}});
          } else {
            NoteDamage("log damaged up to the segment's end", segment.segment, scanner.damage_begin(), bytes.size());
          }
          return good_end;
        case FrameScanner::Event::kEnd:
          if (const auto missing = missing_.find(segment.segment); missing != missing_.end()) {
            NoteDamage("log segment's end is missing", segment.segment, bytes.size(), missing->second);
          }
          return good_end;
      }
    }
  }

  base::FileSystem& files_;
  const std::string& directory_;
  const base::Logger& log_;
  ReplayProgress* progress_;
  ReplayVisitor& visitor_;
  RecordReader records_;
  ReplayedLog out_;
  std::vector<Segment> segments_;
  std::uint64_t first_ = 0;  // the checkpoint covers what came before
  std::map<std::uint64_t, std::string> header_errors_;
  std::map<std::uint64_t, std::string> unreadable_;
  std::map<std::uint64_t, std::uint64_t> missing_;      // segment -> the end that it should have
  std::map<std::uint64_t, std::uint64_t> lost_before_;  // segment -> its predecessor, which is not there
};

}  // namespace

base::Result<ReplayedLog> ReplayLog(base::FileSystem& files, const std::string& directory, const base::Logger& log,
                                    ReplayProgress* progress, ReplayVisitor& visitor) {
  return Replay(files, directory, log, progress, visitor).Run();
}

}  // namespace baro::tsdb
