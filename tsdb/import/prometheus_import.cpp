// Blocks and logs of Prometheus as blocks of ours.
#include <algorithm>
#include <array>
#include <bit>

#include <fmt/format.h>

#include "base/crc32c.h"
#include "tsdb/block/block.h"
#include "tsdb/block_import.h"
#include "tsdb/prometheus_directory.h"
#include "tsdb/prometheus_head.h"

namespace baro::tsdb {
namespace {

constexpr std::string_view kLogNoteName = "prometheus-wal";
constexpr std::size_t kTailBytes = 4096;

bool IsEqual(const SampleColumns& a, const SampleColumns& b) {
  const auto same_bits = [](double x, double y) {
    return std::bit_cast<std::uint64_t>(x) == std::bit_cast<std::uint64_t>(y);
  };
  return std::ranges::equal(a.timestamps_ms(), b.timestamps_ms()) &&
         std::ranges::equal(a.values(), b.values(), same_bits) &&
         std::ranges::equal(a.histograms(), b.histograms(), [](const HistogramSample& x, const HistogramSample& y) {
           return x.timestamp_ms == y.timestamp_ms && *x.histogram == *y.histogram;
         });
}

/// Compares the copy with what it was made of, series by series.
base::Result<> Compare(const PrometheusBlock& original, const Block& copy, const base::CancelToken& cancel) {
  const auto theirs = original.OpenReader();
  const auto ours = copy.OpenReader();
  SampleColumns left;
  SampleColumns right;
  std::uint64_t found = 0;
  for (const auto& matchers : BARO_TRY(MatchersOfAllSeries(*theirs, cancel))) {
    const auto wanted = BARO_TRY(theirs->Select({.matchers = matchers, .range = {}}, cancel));
    const auto got = BARO_TRY(ours->Select({.matchers = matchers, .range = {}}, cancel));
    std::size_t at = 0;
    for (std::size_t i = 0; i < wanted->size(); ++i) {
      if (cancel.Cancelled()) return base::Fail(base::Code::kCancelled, "comparing a copy: cancelled");
      BARO_TRY(wanted->Read(i, {}, left));
      if (left.empty()) continue;  // deleted
      const bool is_there = at < got->size() && got->labels(at) == wanted->labels(i);
      if (is_there) BARO_TRY(got->Read(at++, {}, right));
      if (!is_there || !IsEqual(left, right)) {
        return base::Fail(base::Code::kCorruption, fmt::format("the copy of block {} is not equal to it: {}",
                                                               original.info().ulid, wanted->labels(i).ToString()));
      }
      ++found;
    }
  }
  if (found < copy.meta().counts.series) {
    return base::Fail(base::Code::kCorruption, fmt::format("the copy of block {} has {} series, want {}",
                                                           original.info().ulid, copy.meta().counts.series, found));
  }
  return {};
}

/// What tells one state of a log from another: its files, their sizes, and the end of the last one.
base::Result<std::string> Fingerprint(base::FileSystem& files, const std::string& from) {
  std::string text;
  std::string last;
  for (const std::string folder : {"wal", "wbl"}) {
    const std::string path = from + "/" + folder;
    if (!BARO_TRY(files.Exists(path))) continue;
    for (const std::string& name : BARO_TRY(files.ListDirectory(path))) {
      const std::string file = path + "/" + name;
      if (name.starts_with("checkpoint.")) {
        text += fmt::format("{}/{}\n", folder, name);
        continue;
      }
      if (!std::ranges::all_of(name, [](char c) { return c >= '0' && c <= '9'; })) continue;
      text += fmt::format("{}/{} {}\n", folder, name, BARO_TRY(files.FileSize(file)));
      last = file;
    }
  }
  if (last.empty()) return text;
  const auto file = BARO_TRY(files.OpenReadable(last));
  const std::uint64_t size = BARO_TRY(file->Size());
  base::ByteBuffer tail(std::min<std::uint64_t>(size, kTailBytes));
  tail.resize(BARO_TRY(file->ReadAt(size - tail.size(), tail)));
  return text + fmt::format("end {:08x}\n", base::Crc32c(tail));
}

/// Whether `wal/` has segments that are Prometheus'. Ours of another time begin with a name of their own.
base::Result<bool> HasPrometheusLog(base::FileSystem& files, const std::string& from) {
  constexpr std::string_view kOurs = "BAROLOG";
  const std::string path = from + "/wal";
  if (!BARO_TRY(files.Exists(path))) return false;
  bool has_any = false;
  for (const std::string& name : BARO_TRY(files.ListDirectory(path))) {
    if (name.starts_with("checkpoint.")) has_any = true;
    if (name.empty() || name[0] < '0' || name[0] > '9') continue;
    const auto file = BARO_TRY(files.OpenReadable(path + "/" + name));
    std::array<std::byte, kOurs.size()> begin{};
    const std::size_t read = BARO_TRY(file->ReadAt(0, begin));
    if (base::AsText(base::ByteSpan(begin).first(read)) == kOurs) return false;
    has_any |= read > 0;
  }
  return has_any;
}

}  // namespace

base::Result<std::optional<BlockMeta>> ImportPrometheusBlock(base::FileSystem& files, const std::string& parent,
                                                             const PrometheusBlock& block,
                                                             const base::CancelToken& cancel) {
  const PrometheusBlockMeta& meta = block.meta();
  const Ulid ulid = BARO_TRY(Ulid::Parse(block.info().ulid));
  const ImportedBlockOptions options{.ulid = ulid,
                                     .form = BlockForm::kCold,
                                     .range = {.min_ms = meta.min_time_ms, .max_ms = meta.max_time_ms - 1},
                                     .is_exact = true,
                                     .hints = {std::string(kFromPrometheusBlock)}};
  auto copied = WriteBlockOf(files, parent, *block.OpenReader(), options, cancel);
  if (!copied) return copied.error().WithContext(fmt::format("importing block {}", block.info().ulid));
  if (!*copied) return std::nullopt;
  const std::string path = parent + "/" + ulid.ToString();
  const auto check = [&]() -> base::Result<> {
    const auto copy = BARO_TRY(Block::Open(files, path));
    return Compare(block, *copy, cancel);
  };
  if (auto checked = check(); !checked) {
    (void)files.RemoveAll(path).has_value();  // the error that counts is the other one
    return checked.error();
  }
  return copied;
}

base::Result<ImportedLog> ImportPrometheusLog(base::FileSystem& files, const LogImport& import,
                                              const base::CancelToken& cancel) {
  ImportedLog out;
  if (!BARO_TRY(HasPrometheusLog(files, import.from))) return out;
  out.is_there = true;
  const std::string note = fmt::format("{}/{}", import.to, kLogNoteName);
  const std::string fingerprint = BARO_TRY(Fingerprint(files, import.from));
  if (const auto known = base::ReadSmallFile(files, note); known && *known == fingerprint) {
    out.was_known = true;
    return out;
  }
  const auto directory = BARO_TRY(PrometheusDirectory::Open(files, import.from, {.with_head = true}, cancel));
  if (const auto& head = directory->head(); head != nullptr) {
    out.damage = head->warnings();
    const StoredBlockInfo& info = head->info();
    if (info.samples > 0) {
      const std::string parent = import.to + "/blocks";
      BARO_TRY(files.CreateDirectories(parent));
      const std::vector<std::string> hints = {std::string(kFromPrometheusWal)};
      BARO_TRY(WriteBlocksOf(
          files, parent, *head->OpenReader(), {.min_ms = info.min_time_ms, .max_ms = info.max_time_ms - 1},
          import.block_range_ms, hints, import.new_ulid, [&out](const BlockMeta& meta) { out.blocks.push_back(meta); },
          cancel));
    }
  }
  BARO_TRY(base::WriteSmallFile(files, note, base::AsBytes(fingerprint)));
  return out;
}

}  // namespace baro::tsdb
