// fuzz: tsdb
// Files of Prometheus of any bytes: a chunk, a log, a block whose files were changed. They are read or refused.
#include <algorithm>
#include <array>
#include <cstdlib>

#include "base/crc32c.h"
#include "tsdb/block_import.h"
#include "tsdb/data_check.h"
#include "tsdb/promblock/chunk.h"
#include "tsdb/promblock/testing.h"
#include "tsdb/prometheus_head.h"

namespace {

using baro::base::ByteBuffer;
using baro::base::ByteSpan;
using baro::base::SimFileSystem;
using namespace baro::tsdb;  // NOLINT(google-build-using-namespace): all of this is about it

void Check(bool condition) {
  if (!condition) std::abort();
}

void Write(SimFileSystem& files, const std::string& path, ByteSpan bytes) {
  Check(files.CreateDirectories(baro::base::ParentDirectory(path)).has_value());
  const auto file = files.OpenWritable(path, SimFileSystem::OpenMode::kReplace);
  Check(file.has_value() && (*file)->Append(bytes).has_value());
}

// Whatever it holds, series are in order and so are their samples.
void ReadAll(const Reader& reader) {
  const auto lists = MatchersOfAllSeries(reader, {});
  if (!lists) return;
  SampleColumns columns;
  for (const auto& matchers : *lists) {
    const auto selection = reader.Select({.matchers = matchers, .range = {}}, {});
    if (!selection) continue;
    for (std::size_t i = 0; i < (*selection)->size(); ++i) {
      if (!(*selection)->Read(i, {}, columns)) continue;
      Check(std::ranges::adjacent_find(columns.timestamps_ms(), std::ranges::greater_equal()) ==
            columns.timestamps_ms().end());
    }
  }
}

void FuzzChunk(ByteSpan bytes) {
  if (bytes.empty()) return;
  const ChunkView chunk{.encoding = static_cast<std::uint8_t>(static_cast<unsigned>(bytes[0]) % 8),
                        .data = bytes.subspan(1)};
  SampleColumns columns;
  const bool is_read = DecodeChunk(chunk, {}, columns).has_value();
  if (is_read) Check(IsInOrder(columns));
  (void)InspectChunk(chunk).has_value();
}

void FuzzSegment(ByteSpan bytes) {
  SimFileSystem files;
  Write(files, "d/wal/00000000", bytes);
  const auto head = PrometheusHead::Load(files, "d", {.bytes_max = 64 << 20}, {});
  if (head) ReadAll(*(*head)->OpenReader());
}

// Records with right checksums: each has a length in front, and stands on a page of its own.
void FuzzRecords(ByteSpan bytes) {
  ByteBuffer log;
  while (bytes.size() > 1 && log.size() < (1U << 20)) {
    const std::size_t length = std::min<std::size_t>(static_cast<unsigned>(bytes[0]), bytes.size() - 1);
    const ByteSpan record = bytes.subspan(1, length);
    bytes = bytes.subspan(1 + length);
    AppendBe(log, std::uint8_t{1});
    AppendBe(log, static_cast<std::uint16_t>(record.size()));
    AppendBe(log, baro::base::Crc32c(record));
    baro::base::AppendBytes(log, record);
    log.resize((log.size() + 32767) / 32768 * 32768);
  }
  FuzzSegment(log);
}

struct Pristine {
  Pristine() {
    baro::base::SeededRandom random(3);
    Check(WriteBlock(files, "data", RandomSeries(random, 12)).has_value());
  }
  std::string Content(const std::string& name) {
    return *baro::base::ReadFile(files, std::string("data/") + kTestUlid + "/" + name, 1 << 24);
  }
  SimFileSystem files;
};

// Sets the checksums of an index right, as far as its parts are where they were.
void RepairIndex(ByteBuffer& index, ByteSpan pristine) {
  constexpr std::size_t kContentsBytes = 6 * 8 + 4;
  const std::byte* const contents = pristine.data() + pristine.size() - kContentsBytes;
  const auto offset_of = [&](int i) { return LoadBe<std::uint64_t>(contents + 8 * i); };
  const auto put_crc = [&index](std::size_t begin, std::size_t size) {
    if (begin > index.size() || size > index.size() - begin || index.size() - begin - size < 4) return;
    ByteBuffer crc;
    AppendBe(crc, baro::base::Crc32c(ByteSpan(index).subspan(begin, size)));
    std::ranges::copy(crc, index.begin() + static_cast<std::ptrdiff_t>(begin + size));
  };
  put_crc(index.size() - kContentsBytes, kContentsBytes - 4);
  for (const int part : {0, 4, 5}) {
    const std::size_t begin = offset_of(part);
    put_crc(begin + 4, LoadBe<std::uint32_t>(index.data() + begin));
  }
  const std::size_t series_end = offset_of(4);
  for (std::size_t at = offset_of(1); at < series_end;) {
    baro::base::ByteReader reader(ByteSpan(index).subspan(at));
    const std::uint64_t length = reader.Varint();
    if (!reader.ok() || length > reader.remaining()) return;
    const std::size_t begin = index.size() - reader.remaining();
    put_crc(begin, length);
    at = (begin + length + 4 + 15) / 16 * 16;
  }
}

void FuzzBlock(ByteSpan bytes) {
  static Pristine pristine;
  constexpr std::array<const char*, 4> kNames = {"index", "chunks/000001", "tombstones", "meta.json"};
  SimFileSystem files;
  if (bytes.empty()) return;
  const std::size_t which = static_cast<unsigned>(bytes[0]) % kNames.size();
  bytes = bytes.subspan(1);
  for (std::size_t i = 0; i < kNames.size(); ++i) {
    const std::string original = pristine.Content(kNames[i]);
    ByteBuffer content(baro::base::AsBytes(original).begin(), baro::base::AsBytes(original).end());
    for (; i == which && bytes.size() >= 3; bytes = bytes.subspan(3)) {
      const std::size_t at = static_cast<unsigned>(bytes[0]) << 8 | static_cast<unsigned>(bytes[1]);
      content[at % content.size()] = bytes[2];
    }
    if (i == which && i == 0) RepairIndex(content, baro::base::AsBytes(original));
    Write(files, std::string("data/") + kTestUlid + "/" + kNames[i], content);
  }
  const auto block = PrometheusBlock::Open(files, std::string("data/") + kTestUlid);
  if (!block) return;
  ReadAll(*(*block)->OpenReader());
  Check(CheckDataDirectory(files, "data", {}, {}).has_value());
  (void)ImportPrometheusBlock(files, "out", **block, {}).has_value();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 2) return 0;
  const ByteSpan bytes(reinterpret_cast<const std::byte*>(data + 1), size - 1);
  switch (data[0] % 4) {
    case 0:
      FuzzChunk(bytes);
      break;
    case 1:
      FuzzSegment(bytes);
      break;
    case 2:
      FuzzRecords(bytes);
      break;
    default:
      FuzzBlock(bytes);
  }
  return 0;
}
