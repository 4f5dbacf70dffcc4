#include "tsdb/data_check.h"

#include <algorithm>
#include <optional>
#include <set>

#include <fmt/format.h>

#include "tsdb/barograph_directory.h"
#include "tsdb/block_import.h"
#include "tsdb/check/log_survey.h"
#include "tsdb/check/rescue_reader.h"
#include "tsdb/prometheus_directory.h"
#include "tsdb/storage/loss_notes.h"
#include "tsdb/wal/segment.h"

namespace baro::tsdb {
namespace {

using base::Result;

constexpr std::int64_t kLogBlockMs = 7'200'000;
constexpr model::TimeRange kNoTime = {.min_ms = model::kMaxTimestampMs, .max_ms = model::kMinTimestampMs};
// Places of one block that are told one by one.
constexpr std::size_t kPlacesMax = 20;

class Checker {
 public:
  Checker(base::FileSystem& files, std::string path, const DataCheckOptions& options, const base::CancelToken& cancel)
      : files_(files), path_(std::move(path)), options_(options), cancel_(cancel) {}

  Result<DataCheck> Run() {
    const bool is_ours = BARO_TRY(IsBarographDirectory(files_, path_));
    if (!is_ours && !BARO_TRY(IsPrometheusDirectory(files_, path_))) {
      return base::Fail(base::Code::kUnsupported,
                        fmt::format("{}: no data directory of Barograph or Prometheus", path_));
    }
    std::unique_ptr<base::FileLock> lock;
    if (options_.is_repairing) {
      auto taken = files_.Lock(path_ + "/lock");
      if (!taken) return taken.error().WithContext("a repair needs the directory for itself: end the server first");
      lock = *std::move(taken);
    }
    BARO_TRY(CheckOurBlocks());
    BARO_TRY(CheckTheirBlocks());
    BARO_TRY(CheckLog());  // behind the blocks: what it holds is read together with theirs
    const std::size_t first = check_.findings.size();
    BARO_TRY(SurveyHeadChunks(files_, path_, check_));
    if (options_.is_repairing) NoteRepair(first, "the next start writes what is intact of it anew");
    BARO_TRY(CheckTheirLog());
    return std::move(check_);
  }

 private:
  Result<std::vector<std::string>> Names(const std::string& folder) {
    if (!BARO_TRY(files_.Exists(folder))) return std::vector<std::string>();
    std::vector<std::string> names = BARO_TRY(files_.ListDirectory(folder));
    std::erase_if(names, [](const std::string& name) { return !Ulid::Parse(name); });
    return names;
  }

  DataFinding& Add(DataFinding finding) { return check_.findings.emplace_back(std::move(finding)); }

  // Damaged places of one thing; beyond a number only how many.
  void AddPlaces(const DataFinding& like, std::span<const std::string> places) {
    for (const std::string& what : places.first(std::min(places.size(), kPlacesMax))) {
      Add(like).what = what;
    }
    if (places.size() > kPlacesMax) Add(like).what = fmt::format("and {} more places", places.size() - kPlacesMax);
  }

  void NoteRepair(std::size_t first_finding, const std::string& what) {
    for (DataFinding& finding : std::span(check_.findings).subspan(first_finding)) finding.repair = what;
  }

  Result<std::string> PutAside(const std::string& from, const std::string& name) {
    const std::string quarantine = path_ + "/quarantine";
    BARO_TRY(files_.CreateDirectories(quarantine));
    BARO_TRY(files_.Rename(from, quarantine + "/" + name));
    BARO_TRY(files_.SyncDirectory(quarantine));
    BARO_TRY(files_.SyncDirectory(base::ParentDirectory(from)));
    return "quarantine/" + name;
  }

  // With a note of what is missing since, which later starts read.
  Result<std::string> PutBlockAside(const std::string& name, const DataLoss& loss) {
    const std::string quarantine = path_ + "/quarantine";
    BARO_TRY(files_.CreateDirectories(quarantine));
    BARO_TRY(WriteLossNote(files_, quarantine, name, loss));
    return PutAside(path_ + "/blocks/" + name, name);
  }

  Result<> CheckLog() {
    const std::size_t first = check_.findings.size();
    const SurveyedLog log = BARO_TRY(SurveyLog(files_, path_, check_));
    if (check_.findings.size() == first || !options_.is_repairing) return {};
    // All that the log gives goes to blocks; then it can be put aside.
    std::uint64_t samples = 0;
    {
      const auto directory = BARO_TRY(BarographDirectory::Open(files_, path_, {.with_head = true}, cancel_));
      BARO_TRY(files_.CreateDirectories(path_ + "/blocks"));
      const std::vector<std::string> hints = {"from-log-repair"};
      BARO_TRY(WriteBlocksOf(
          files_, path_ + "/blocks", *directory->OpenReader(), Union(log.range, directory->head_extent()), kLogBlockMs,
          hints, options_.new_ulid, [&samples](const BlockMeta& meta) { samples += meta.counts.samples(); }, cancel_));
    }
    const std::string to = BARO_TRY(PutLogAside(log.next_segment));
    NoteRepair(first, fmt::format("{} samples were written to blocks, the log was put aside as {}", samples, to));
    return {};
  }

  static model::TimeRange Union(model::TimeRange a, model::TimeRange b) {
    if (a.empty()) return b;
    if (b.empty()) return a;
    return {.min_ms = std::min(a.min_ms, b.min_ms), .max_ms = std::max(a.max_ms, b.max_ms)};
  }

  // File by file, behind an empty segment, so that numbers of segments go on rising wherever it may end. What was
  // derived from the log goes first: it must never meet another log.
  Result<std::string> PutLogAside(std::uint64_t next_segment) {
    const std::string name = "log-" + options_.new_ulid().ToString();
    const std::string head = path_ + "/head_chunks";
    if (BARO_TRY(files_.Exists(head))) BARO_TRY(PutAside(head, "head_chunks-" + name));
    const std::string from = path_ + "/log";
    const std::string to = path_ + "/quarantine/" + name;
    const std::vector<std::string> names = BARO_TRY(files_.ListDirectory(from));
    const auto segment =
        BARO_TRY(files_.OpenWritable(from + "/" + SegmentName(next_segment), base::FileSystem::OpenMode::kReplace));
    BARO_TRY(segment->Sync());
    BARO_TRY(segment->Close());
    BARO_TRY(files_.SyncDirectory(from));
    BARO_TRY(files_.CreateDirectories(to));
    for (const std::string& file : names) BARO_TRY(files_.Rename(from + "/" + file, to + "/" + file));
    BARO_TRY(files_.SyncDirectory(to));
    BARO_TRY(files_.SyncDirectory(from));
    return "quarantine/" + name;
  }

  Result<> CheckOurBlocks() {
    for (const std::string& name : BARO_TRY(Names(path_ + "/blocks"))) {
      if (cancel_.Cancelled()) return base::Fail(base::Code::kCancelled, "checking blocks: cancelled");
      BARO_TRY(CheckOurBlock(name));
    }
    return {};
  }

  Result<> CheckOurBlock(const std::string& name) {
    const std::string where = "blocks/" + name;
    const std::size_t first = check_.findings.size();
    const auto block = BarographBlock::Open(files_, path_ + "/" + where);
    if (!block) {
      if (block.error().code() == base::Code::kNotFound) return {};  // a server has joined it meanwhile
      Add({.where = where, .what = block.error().message()});
      if (!options_.is_repairing) return {};
      const DataLoss loss{.range = RangeOfLostBlock(files_, path_ + "/" + where),
                          .what = fmt::format("block {}: {}", name, block.error().message())};
      NoteRepair(first, "put aside as " + BARO_TRY(PutBlockAside(name, loss)));
      return {};
    }
    ++check_.blocks;
    const auto damage = BARO_TRY((*block)->Verify(cancel_));
    if (damage.empty()) return {};
    AddPlaces({.where = where, .range = (*block)->meta().range(), .series = BARO_TRY(DamagedSeries(**block))}, damage);
    if (!options_.is_repairing) return {};
    const auto rescued = BARO_TRY((*block)->Rescue(files_, path_ + "/blocks", options_.new_ulid(), cancel_));
    const std::uint64_t samples = (*block)->meta().counts.samples();
    const std::string result = rescued ? fmt::format("{} of {} samples were written to block {}",
                                                     rescued->counts.samples(), samples, rescued->ulid.ToString())
                                       : "nothing of it can be read";
    DataLoss loss{.range = (*block)->meta().range(), .what = fmt::format("block {}: damaged; {}", name, result)};
    // No query misses a sample.
    if (rescued && rescued->counts.samples() == samples) loss.range = kNoTime;
    const std::string to = BARO_TRY(PutBlockAside(name, loss));
    NoteRepair(first, fmt::format("{}; the old one was put aside as {}", result, to));
    return {};
  }

  // Series that cannot be read whole, or whose labels cannot.
  Result<std::uint64_t> DamagedSeries(const BarographBlock& block) {
    const auto scan = block.Scan();
    SampleColumns columns;
    std::uint64_t seen = 0;
    std::uint64_t damaged = 0;
    while (BARO_TRY(scan->Next(cancel_))) {
      ++seen;
      const auto read = scan->Read({}, columns);
      if (!read && read.error().code() != base::Code::kCorruption) return read.error();
      damaged += read ? 0 : 1;
    }
    return damaged + block.info().series - std::min(seen, block.info().series);
  }

  Result<> CheckTheirBlocks() {
    std::set<Ulid> imported;
    for (const std::string& name : BARO_TRY(Names(path_ + "/blocks"))) {
      const auto block = BarographBlock::Open(files_, path_ + "/blocks/" + name);
      if (block) imported.merge(SourcesOf({&(*block)->meta(), 1}));
    }
    for (const std::string& name : BARO_TRY(Names(path_))) {
      if (imported.contains(BARO_TRY(Ulid::Parse(name)))) continue;  // nobody reads it
      BARO_TRY(CheckTheirBlock(name));
    }
    return {};
  }

  Result<> CheckTheirBlock(const std::string& name) {
    const auto block = PrometheusBlock::Open(files_, path_ + "/" + name);
    if (!block) {
      Add({.where = name, .what = block.error().message() + " (a block of Prometheus: its files are left alone)"});
      return {};
    }
    ++check_.prometheus_blocks;
    std::vector<std::string> places;
    const auto scan = (*block)->Scan();
    SampleColumns columns;
    for (;;) {
      const auto more = scan->Next(cancel_);
      if (!more && more.error().code() == base::Code::kCancelled) return more.error();
      if (!more) {
        places.push_back(more.error().message());
        continue;
      }
      if (!*more) break;
      const auto read = scan->Read({}, columns);
      if (!read) places.push_back(scan->labels().ToString() + ": " + read.error().message());
    }
    if (places.empty()) return {};
    const std::size_t first = check_.findings.size();
    const StoredBlockInfo& info = (*block)->info();
    const model::TimeRange range{.min_ms = info.min_time_ms, .max_ms = info.max_time_ms - 1};
    AddPlaces({.where = name, .range = range, .series = places.size()}, places);
    if (!options_.is_repairing) return {};
    const ImportedBlockOptions of_rescued{.ulid = BARO_TRY(Ulid::Parse(name)),
                                          .form = BlockForm::kCold,
                                          .range = range,
                                          .is_exact = true,
                                          .hints = {std::string(kFromPrometheusBlock)}};
    BARO_TRY(files_.CreateDirectories(path_ + "/blocks"));
    const auto reader = MakeRescueReader((*block)->OpenReader(), range);
    const auto written = WriteBlockOf(files_, path_ + "/blocks", *reader, of_rescued, cancel_);
    if (!written && written.error().code() == base::Code::kCorruption) return {};  // not even its series can be listed
    if (!written) return written.error();
    const std::optional<BlockMeta>& rescued = *written;
    NoteRepair(first, rescued
                          ? fmt::format("{} of {} samples were written to blocks/{}, which is read instead; the files "
                                        "of Prometheus stay",
                                        rescued->counts.samples(), info.samples, name)
                          : "nothing of it can be read");
    return {};
  }

  Result<> CheckTheirLog() {
    if (!BARO_TRY(files_.Exists(path_ + "/wal"))) return {};
    check_.has_prometheus_log = true;
    const auto head = PrometheusHead::Load(files_, path_, {}, cancel_);
    if (!head) {
      Add({.where = "wal", .what = head.error().message()});
      return {};
    }
    const StoredBlockInfo& info = (*head)->info();
    for (const std::string& warning : (*head)->warnings()) {
      Add({.where = "wal",
           .what = warning,
           .range = {.min_ms = info.min_time_ms, .max_ms = info.max_time_ms},
           .series = info.series});
    }
    return {};
  }

  base::FileSystem& files_;
  const std::string path_;
  const DataCheckOptions& options_;
  const base::CancelToken& cancel_;
  DataCheck check_;
};

}  // namespace

Result<DataCheck> CheckDataDirectory(base::FileSystem& files, const std::string& path, const DataCheckOptions& options,
                                     const base::CancelToken& cancel) {
  std::string clean = path;
  while (clean.size() > 1 && clean.ends_with('/')) clean.pop_back();
  return Checker(files, clean, options, cancel).Run();
}

}  // namespace baro::tsdb
