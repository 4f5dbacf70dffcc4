// fuzz: tsdb
// A block whose files were changed: it opens or is refused, and what opens can be scanned, selected and verified. The
// input is a list of edits; checksums over what was edited are made good again, so that decoders see it, unless the
// first byte says that they stay as they were.
#include <cstdlib>
#include <map>
#include <string>
#include <vector>

#include "base/crc32c.h"
#include "base/random.h"
#include "base/sim_file_system.h"
#include "tsdb/block/block.h"
#include "tsdb/block/block_files.h"
#include "tsdb/block/block_index.h"
#include "tsdb/block/block_writer.h"

namespace baro::tsdb {
namespace {

constexpr std::int64_t kStartMs = 1'700'000'000'000;
constexpr const char* kFileNames[] = {"index", "columns", "chunks", "meta.json", "tombstones"};

void Check(bool condition) {
  if (!condition) std::abort();
}

// A part of a file with a checksum of its own: at its front over what follows.
struct Piece {
  std::uint64_t offset = 0;
  std::uint64_t size = 0;
};

HistogramSample HistogramAt(std::int64_t timestamp_ms, double count) {
  model::FloatHistogram histogram;
  histogram.positive_spans = {{.offset = 0, .length = 2}};
  histogram.positive_buckets = {count, 3};
  histogram.count = count + 3;
  histogram.sum = count;
  return {.timestamp_ms = timestamp_ms, .histogram = std::make_shared<const model::FloatHistogram>(histogram)};
}

// A good block with something of everything, and where its checksums are.
class Original {
 public:
  explicit Original(BlockForm form) {
    base::SimFileSystem files;
    base::SeededRandom random(1);
    Check(files.CreateDirectories("b").has_value());
    ulid_ = Ulid::Make(kStartMs, random);
    auto writer = BlockWriter::Create(files, "b", {.ulid = ulid_, .form = form});
    Check(writer.has_value());
    for (int i = 0; i < 40; ++i) AddSeries(**writer, i, random);
    Check((*writer)->Finish().has_value());
    directory_ = "b/" + ulid_.ToString();
    const auto block = Block::Open(files, directory_);
    Check(block.has_value());
    Check((*block)
              ->Delete(std::vector{model::Matcher::Equal("i", "07")}, {.min_ms = kStartMs, .max_ms = kStartMs + 99'000},
                       {})
              .has_value());
    for (const char* name : kFileNames) {
      auto content = base::ReadFile(files, directory_ + "/" + name, std::size_t{1} << 24);
      Check(content.has_value());
      contents_[name] = *std::move(content);
    }
    FindPieces();
  }

  const std::map<std::string, std::string>& contents() const { return contents_; }
  const std::string& directory() const { return directory_; }

  // Makes the checksums of pieces of that file right that have edited bytes.
  void MakeGood(const std::string& name, std::uint64_t edited, std::string& content) const {
    const auto pieces = pieces_.find(name);
    if (pieces == pieces_.end()) return;
    const auto kind = name == "index" ? BlockFile::kIndex : BlockFile::kChunks;
    for (const Piece& piece : pieces->second) {
      if (edited < piece.offset || edited >= piece.offset + piece.size) continue;
      const auto covered = base::AsBytes(content).subspan(piece.offset + 4, piece.size - 4);
      const std::uint32_t crc = base::Crc32c(covered, PlaceSeed(ulid_, kind, piece.offset));
      std::memcpy(content.data() + piece.offset, &crc, sizeof(crc));
    }
  }

 private:
  static void AddSeries(BlockWriter& writer, int number, base::Random& random) {
    const std::string i = std::to_string(number % 20);
    const auto labels = model::Labels::FromPairs(
        {{"__name__", number < 20 ? "a" : "b"}, {"i", i.size() < 2 ? "0" + i : i}, {"x", std::string(30, 'x')}});
    Check(writer.BeginSeries(labels, number % 3).has_value());
    std::vector<std::int64_t> timestamps;
    std::vector<double> values;
    for (int row = 0; row < 700; ++row) {
      if (number % 7 == 1 && random.OneIn(9)) continue;
      timestamps.push_back(kStartMs + row * 15'000 + number % 3);
      const double value = static_cast<double>(random.Below(1000));
      values.push_back(number % 4 == 0 ? 5 : number % 4 == 1 ? value / 10 : row + value);
    }
    Check(writer.AddFloats(timestamps, values).has_value());
    if (number % 11 != 0) return;
    std::vector<HistogramSample> histograms;
    for (int row = 0; row < 50; ++row) histograms.push_back(HistogramAt(kStartMs + 20'000'000 + row, row));
    Check(writer.AddHistograms(histograms).has_value());
  }

  void FindPieces() {
    const base::ByteSpan index = base::AsBytes(contents_["index"]);
    std::vector<std::string> damage;
    const auto opened = *BlockIndex::Open(index, ulid_, damage);
    std::uint64_t at = kBlockFileHeaderBytes;  // frames stand one behind the other
    while (at + 40 < index.size()) {
      const auto kind = static_cast<FrameKind>(index[at + 13]);
      const auto frame = LookAtFrame(index, at, kind);
      if (!frame) break;
      pieces_["index"].push_back({.offset = at, .size = frame->size_bytes()});
      at += frame->size_bytes();
    }
    const base::ByteSpan chunks = base::AsBytes(contents_["chunks"]);
    for (const auto* directory : {&opened->root().floats, &opened->root().histograms}) {
      for (const ChunkPageEntry& page : directory->pages) {
        pieces_["chunks"].push_back({.offset = page.offset, .size = page.size_bytes});
        if (!page.has_summaries) continue;
        const std::uint64_t behind = page.offset + page.size_bytes;
        const auto frame = LookAtFrame(chunks, behind, FrameKind::kSummaries);
        if (frame) pieces_["chunks"].push_back({.offset = behind, .size = frame->size_bytes()});
      }
    }
  }

  Ulid ulid_;
  std::string directory_;
  std::map<std::string, std::string> contents_;
  std::map<std::string, std::vector<Piece>> pieces_;
};

// Edits of four bytes: which file and how, offset (2), value. Offsets are scaled to the file's length.
void Edit(const Original& original, base::ByteSpan edits, bool makes_good,
          std::map<std::string, std::string>& contents) {
  while (edits.size() >= 4) {
    const auto head = static_cast<unsigned>(edits[0]);
    const auto place = base::LoadLe<std::uint16_t>(edits.data() + 1);
    const char byte = static_cast<char>(edits[3]);
    edits = edits.subspan(4);
    const std::string name = kFileNames[head % 5];
    std::string& content = contents[name];
    if (content.empty()) continue;
    const std::size_t offset = content.size() > 0xffff ? content.size() * place / 0x10000 : place % content.size();
    if (head / 5 % 8 == 0) {
      content.resize(offset);  // cut
      continue;
    }
    content[offset] = head / 5 % 8 == 1 ? static_cast<char>(content[offset] + byte) : byte;
    if (makes_good && content.size() == original.contents().at(name).size()) original.MakeGood(name, offset, content);
  }
}

void Use(const Block& block) {
  SampleColumns columns;
  const auto scan = block.Scan();
  for (int i = 0; i < 1000; ++i) {
    const auto more = scan->Next({});
    if (!more || !*more) break;
    (void)scan->Read({}, columns).has_value();
  }
  for (const auto& matcher :
       {model::Matcher::Equal("__name__", "a"), *model::Matcher::Make(model::MatchType::kRegex, "i", "0.*|1[2-4]"),
        *model::Matcher::Make(model::MatchType::kNotEqual, "i", "03")}) {
    const std::vector matchers = {model::Matcher::Equal("x", std::string(30, 'x')), matcher};
    const model::TimeRange range{.min_ms = kStartMs + 100'000, .max_ms = kStartMs + 9'000'000};
    const auto selection = block.Select({.matchers = matchers, .range = range}, {});
    std::vector<ChunkOutline> outlines;
    for (std::size_t i = 0; selection && i < (*selection)->size(); ++i) {
      (void)(*selection)->Read(i, range, columns).has_value();
      (void)(*selection)->Outline(i, range, outlines).has_value();
    }
  }
  const auto reader = block.OpenReader();
  (void)reader->LabelNames({}, {}, 0, {}).has_value();
  (void)reader->LabelValues("i", {}, {}, 0, {}).has_value();
  (void)block.Verify([](std::uint64_t) {}, {}).has_value();
}

}  // namespace
}  // namespace baro::tsdb

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace baro::tsdb;
  if (size < 1 || size > 4096) return 0;
  static const Original hot(BlockForm::kHot);
  static const Original cold(BlockForm::kCold);
  const Original& original = (data[0] & 1) != 0 ? cold : hot;
  auto contents = original.contents();
  Edit(original, {reinterpret_cast<const std::byte*>(data) + 1, size - 1}, (data[0] & 2) == 0, contents);
  baro::base::SimFileSystem files;
  Check(files.CreateDirectories(original.directory()).has_value());
  for (const auto& [name, content] : contents) {
    if ((data[0] & 0xfc) == 0xfc && name == "columns") continue;  // a file that is missing
    auto file = files.OpenWritable(original.directory() + "/" + name, baro::base::FileSystem::OpenMode::kCreate);
    Check(file.has_value() && (*file)->Append(baro::base::AsBytes(content)).has_value());
  }
  const auto block = Block::Open(files, original.directory());
  if (block) Use(**block);
  return 0;
}
