// fuzz: tsdb
// A log of any bytes: the store opens, and what it serves can be read.
#include <cstdlib>

#include "base/idle_executor.h"
#include "base/sim_clock.h"
#include "base/sim_file_system.h"
#include "tsdb/storage.h"
#include "tsdb/wal/segment.h"

namespace {

void Check(bool condition) {
  if (!condition) std::abort();
}

constexpr std::uint64_t kSegmentsMax = 8;

void WriteFile(baro::base::FileSystem& files, const std::string& path, baro::base::ByteSpan bytes) {
  Check(files.CreateDirectories(baro::base::ParentDirectory(path)).has_value());
  auto file = files.OpenWritable(path, baro::base::FileSystem::OpenMode::kCreate);
  Check(file.has_value());
  Check((*file)->Append(bytes).has_value());
}

void WriteLog(baro::base::FileSystem& files, baro::base::ByteSpan bytes) { WriteFile(files, "d/log/00000001", bytes); }

// The commits of a sound checkpoint and of some sound segments behind it, which gets past the checksums: 0xff ends a
// commit, 0xfe a commit and its file. The first file is the checkpoint.
void WriteSoundLog(baro::base::FileSystem& files, baro::base::ByteSpan input, bool has_checkpoint) {
  std::uint64_t segment = 1;
  std::uint64_t previous_end = 0;
  bool is_checkpoint = has_checkpoint;
  const auto header_of = [&] {
    return is_checkpoint ? baro::tsdb::EncodeSegmentHeader({.segment = 1})
                         : baro::tsdb::EncodeSegmentHeader(
                               {.segment = segment, .previous = segment - 1, .previous_end = previous_end});
  };
  baro::base::ByteBuffer bytes = header_of();
  const auto end_file = [&] {
    WriteFile(files, is_checkpoint ? "d/log/checkpoint.00000001/00000001" : "d/log/" + baro::tsdb::SegmentName(segment),
              bytes);
    if (!is_checkpoint) {
      previous_end = bytes.size();
      ++segment;
    }
    is_checkpoint = false;
    bytes = header_of();
  };
  std::size_t begin = 0;
  for (std::size_t at = 0; at <= input.size() && segment <= kSegmentsMax; ++at) {
    const bool is_end = at == input.size();
    if (!is_end && input[at] < std::byte{0xfe}) continue;
    if (at > begin) {
      baro::tsdb::AppendFrames(input.subspan(begin, at - begin), is_checkpoint ? 1 : segment, bytes.size(), bytes);
    }
    begin = at + 1;
    if (is_end || input[at] == std::byte{0xfe}) end_file();
  }
}

void OpenAndRead(baro::base::FileSystem& files) {
  baro::base::SimClock clock;
  baro::base::IdleExecutor executor;
  baro::base::Registry registry;
  auto storage = baro::tsdb::Storage::Open(
      {.directory = "d", .retention = {.time = {}}, .series_max = 10'000},
      {.files = files, .clock = clock, .background = executor, .metrics = registry, .log = {}});
  Check(storage.has_value());
  const auto reader = (*storage)->OpenReader();
  const std::vector<baro::model::Matcher> matchers = {
      *baro::model::Matcher::Make(baro::model::MatchType::kNotEqual, "__name__", "")};
  const auto selection = reader->Select({.matchers = matchers, .range = {}}, {});
  Check(selection.has_value());
  baro::tsdb::SampleColumns columns;
  for (std::size_t i = 0; i < (*selection)->size(); ++i) Check((*selection)->Read(i, {}, columns).has_value());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const baro::base::ByteSpan input(reinterpret_cast<const std::byte*>(data), size);
  // A third of the inputs are a whole file, the others the commits of sound ones.
  baro::base::SimFileSystem files;
  if (data[0] % 3 == 0) {
    WriteLog(files, input.subspan(1));
  } else {
    WriteSoundLog(files, input.subspan(1), /*has_checkpoint=*/data[0] % 3 == 2);
  }
  OpenAndRead(files);
  return 0;
}
