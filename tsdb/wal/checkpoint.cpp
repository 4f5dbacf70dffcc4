#include "tsdb/wal/checkpoint.h"

#include "tsdb/wal/segment.h"

namespace baro::tsdb {
namespace {

constexpr std::string_view kPrefix = "checkpoint.";
// Series go into commits of about this size.
constexpr std::size_t kPieceBytes = std::size_t{1} << 20;
// A checkpoint is one file, written as the segment of this number.
constexpr std::uint64_t kFileNumber = 1;

// Writes frames as they fill up.
class PieceWriter {
 public:
  explicit PieceWriter(base::WritableFile& file) : file_(file) {}

  base::ByteBuffer& payload() { return payload_; }

  // Errors are kept: the first one counts.
  void FlushIfFull() {
    if (payload_.size() >= kPieceBytes) Flush();
  }
  void Flush() {
    if (payload_.empty() || !result_) return;
    base::ByteBuffer bytes;
    AppendFrames(payload_, kFileNumber, offset_, bytes);
    result_ = file_.Append(bytes);
    offset_ += bytes.size();
    payload_.clear();
  }
  base::Result<> Finish() {
    Flush();
    return std::move(result_);
  }

 private:
  base::WritableFile& file_;
  base::ByteBuffer payload_;
  std::uint64_t offset_ = kSegmentHeaderBytes;
  base::Result<> result_;
};

base::Result<> FillCheckpoint(base::FileSystem& files, const std::string& path, LogSeriesId next_series,
                              const ForEachSeries& for_each, const WriteExtras& extras) {
  std::unique_ptr<base::WritableFile> file = BARO_TRY(files.OpenWritable(path, base::FileSystem::OpenMode::kReplace));
  BARO_TRY(file->Append(EncodeSegmentHeader({.segment = kFileNumber})));
  PieceWriter pieces(*file);
  RecordWriter records(pieces.payload());
  for_each([&](LogSeriesId series, const model::Labels& labels) {
    records.Series(series, labels);
    pieces.FlushIfFull();
  });
  if (extras) extras(records, [&pieces] { pieces.FlushIfFull(); });
  pieces.Flush();
  // Last, and alone in its frame: who finds it knows that nothing is missing.
  records.NextSeries(next_series);
  BARO_TRY(pieces.Finish());
  BARO_TRY(file->Sync());
  return file->Close();
}

// Looks whether a checkpoint can be read, and remembers whether its end is there.
class EndFinder : public RecordVisitor {
 public:
  explicit EndFinder(RecordVisitor* next) : next_(next) {}
  bool found() const { return found_; }

  void OnSeries(LogSeriesId series, model::Labels labels) override {
    if (next_ != nullptr) next_->OnSeries(series, std::move(labels));
  }
  void OnNextSeries(LogSeriesId next) override {
    found_ = true;
    if (next_ != nullptr) next_->OnNextSeries(next);
  }
  void OnMetadata(std::int64_t seen_ms, std::string_view family, model::Metadata metadata) override {
    if (next_ != nullptr) next_->OnMetadata(seen_ms, family, std::move(metadata));
  }
  void OnStart(LogSeriesId series, std::int64_t from_ms, std::int64_t start_ms) override {
    if (next_ != nullptr) next_->OnStart(series, from_ms, start_ms);
  }
  // A checkpoint has no samples: they stay in the segments until they are too old.
  void OnLayout(std::uint64_t /*group*/, std::span<const LogSeriesId> /*columns*/) override {}
  void OnRow(const LoggedRow& /*row*/) override {}
  void OnSample(LogSeriesId /*series*/, model::Sample /*sample*/) override {}
  void OnHistogram(LogSeriesId /*series*/, std::int64_t /*timestamp_ms*/,
                   std::shared_ptr<const model::FloatHistogram> /*histogram*/) override {}
  void OnExemplar(LogSeriesId /*series*/, std::int64_t /*timestamp_ms*/, model::Exemplar /*exemplar*/) override {}

 private:
  RecordVisitor* next_;
  bool found_ = false;
};

base::Result<> Visit(base::FileSystem& files, const std::string& directory, RecordVisitor* visitor) {
  const std::string path = directory + "/" + SegmentName(kFileNumber);
  const std::unique_ptr<base::MappedFile> map = BARO_TRY(files.Map(path));
  const auto header = DecodeSegmentHeader(map->bytes(), kFileNumber);
  if (!header && map->bytes().size() <= kSegmentHeaderBytes) return header.error();
  EndFinder finder(visitor);
  RecordReader records;
  FrameScanner scanner(map->bytes(), kFileNumber, kSegmentHeaderBytes);
  // Series stand for themselves: what follows damage is as good as what came before.
  std::optional<base::Error> first_error;
  if (!header) first_error = header.error();
  const auto note = [&](base::Error error) {
    if (!first_error) first_error = std::move(error);
  };
  for (;;) {
    switch (scanner.Next()) {
      case FrameScanner::Event::kCommit:
        if (auto read = records.Read(scanner.payload(), finder); !read) note(std::move(read).error());
        break;
      case FrameScanner::Event::kEnd:
        if (!finder.found()) note({base::Code::kCorruption, fmt::format("checkpoint has no end: {}", path)});
        if (first_error) return *std::move(first_error);
        return {};
      case FrameScanner::Event::kDamage:
      case FrameScanner::Event::kTornTail:
        note({base::Code::kCorruption, fmt::format("checkpoint damaged at byte {}: {}", scanner.damage_begin(), path)});
        break;
    }
  }
}

// Renames before it removes: what is gone is never half there.
base::Result<> RemoveCheckpoint(base::FileSystem& files, const std::string& directory, const std::string& name) {
  const std::string gone = directory + "/gone-" + name;
  BARO_TRY(files.RemoveAll(gone));
  BARO_TRY(files.Rename(directory + "/" + name, gone));
  BARO_TRY(files.SyncDirectory(directory));
  return files.RemoveAll(gone);
}

base::Result<> RemoveCovered(base::FileSystem& files, const std::string& directory, std::uint64_t first_segment) {
  for (const std::string& name : BARO_TRY(files.ListDirectory(directory))) {
    const std::uint64_t checkpoint = ParseCheckpointName(name);
    const std::uint64_t segment = ParseSegmentName(name);
    if (checkpoint != 0 && checkpoint < first_segment) {
      BARO_TRY(RemoveCheckpoint(files, directory, name));
    } else if (segment != 0 && segment < first_segment) {
      BARO_TRY(files.Remove(directory + "/" + name));
    }
  }
  return files.SyncDirectory(directory);
}

}  // namespace

std::string CheckpointName(std::uint64_t first_segment) { return std::string(kPrefix) + SegmentName(first_segment); }

std::uint64_t ParseCheckpointName(std::string_view name) {
  if (!name.starts_with(kPrefix)) return 0;
  return ParseSegmentName(name.substr(kPrefix.size()));
}

base::Result<> WriteCheckpoint(base::FileSystem& files, const std::string& directory, std::uint64_t first_segment,
                               LogSeriesId next_series, const ForEachSeries& for_each, const WriteExtras& extras) {
  const std::string name = CheckpointName(first_segment);
  const std::string building = directory + "/tmp-" + name;
  const std::string path = directory + "/" + name;
  if (BARO_TRY(files.Exists(path))) {
    // An earlier try came this far. If it can be read, only the removal is left: segments may be gone that nobody else
    // covers. If not, nothing was removed because of it, and a folder that is not empty cannot be renamed onto.
    if (Visit(files, path, nullptr)) return RemoveCovered(files, directory, first_segment);
    BARO_TRY(RemoveCheckpoint(files, directory, name));
  }
  BARO_TRY(files.RemoveAll(building));
  BARO_TRY(files.CreateDirectories(building));
  BARO_TRY(FillCheckpoint(files, building + "/" + SegmentName(kFileNumber), next_series, for_each, extras));
  BARO_TRY(files.SyncDirectory(building));
  BARO_TRY(files.Rename(building, path));
  BARO_TRY(files.SyncDirectory(directory));
  BARO_TRY(Visit(files, path, nullptr));
  return RemoveCovered(files, directory, first_segment);
}

base::Result<> ReadCheckpoint(base::FileSystem& files, const std::string& path, RecordVisitor& visitor) {
  return Visit(files, path, &visitor);
}

}  // namespace baro::tsdb
