// fuzz: tsdb
// A log of any bytes: the store opens, and what it serves can be read.
#include <cstdlib>

#include "base/sim_clock.h"
#include "base/sim_file_system.h"
#include "tsdb/storage.h"
#include "tsdb/wal/segment.h"

namespace {

class IdleExecutor : public baro::base::Executor {
 public:
  void Post(baro::base::Task /*task*/) override {}
  baro::base::TimerId PostAfter(std::chrono::nanoseconds /*delay*/, baro::base::Task /*task*/) override {
    return baro::base::TimerId::kNone;
  }
  bool Cancel(baro::base::TimerId /*timer*/) override { return true; }
};

void Check(bool condition) {
  if (!condition) std::abort();
}

void WriteLog(baro::base::FileSystem& files, baro::base::ByteSpan bytes) {
  Check(files.CreateDirectories("d/log").has_value());
  auto file = files.OpenWritable("d/log/00000001", baro::base::FileSystem::OpenMode::kCreate);
  Check(file.has_value());
  Check((*file)->Append(bytes).has_value());
}

void OpenAndRead(baro::base::FileSystem& files) {
  baro::base::SimClock clock;
  IdleExecutor executor;
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
  // Half of the inputs are a whole file, the others the commits of a sound one, which gets past the checksums. Commits
  // are cut at 0xff bytes.
  baro::base::SimFileSystem files;
  if ((data[0] & 1) == 0) {
    WriteLog(files, input.subspan(1));
  } else {
    baro::base::ByteBuffer bytes = baro::tsdb::EncodeSegmentHeader({.segment = 1});
    std::size_t begin = 1;
    for (std::size_t at = 1; at <= size; ++at) {
      if (at != size && data[at] != 0xff) continue;
      if (at > begin) baro::tsdb::AppendFrames(input.subspan(begin, at - begin), 1, bytes.size(), bytes);
      begin = at + 1;
    }
    WriteLog(files, bytes);
  }
  OpenAndRead(files);
  return 0;
}
