#include "tsdb/storage/late_cut.h"

#include <algorithm>
#include <charconv>
#include <numeric>
#include <set>

#include "tsdb/head/late_view.h"
#include "tsdb/storage/storage_impl.h"

namespace baro::tsdb {
namespace {

// Says in which segment the late samples begin that may be in no block.
constexpr std::string_view kMarkName = "late-from";
constexpr std::size_t kMarkBytesMax = 32;

std::int64_t BeginOf(std::int64_t time_ms, std::int64_t range_ms) {
  const std::int64_t rest = time_ms % range_ms;
  std::int64_t begin_ms = 0;
  const bool overflows = __builtin_sub_overflow(time_ms, rest < 0 ? rest + range_ms : rest, &begin_ms);
  return overflows ? model::kMinTimestampMs : begin_ms;
}

// Writes late samples range by range.
class LateWriter {
 public:
  LateWriter(const LateSelection& selection, std::int64_t until_ms, std::int64_t range_ms)
      : selection_(selection), until_ms_(until_ms), range_ms_(range_ms), order_(selection.size()) {
    std::iota(order_.begin(), order_.end(), std::size_t{0});
    std::ranges::sort(order_, [&selection](std::size_t a, std::size_t b) {
      return InBlockOrder(selection.labels(a), selection.labels(b));
    });
  }

  // The begins of the ranges that have samples.
  base::Result<std::set<std::int64_t>> Ranges() const {
    std::set<std::int64_t> begins;
    SampleColumns columns;
    for (const std::size_t index : order_) {
      BARO_TRY(selection_.Read(index, {.max_ms = until_ms_ - 1}, columns));
      for (const std::int64_t time_ms : columns.timestamps_ms()) begins.insert(BeginOf(time_ms, range_ms_));
      for (const HistogramSample& each : columns.histograms()) begins.insert(BeginOf(each.timestamp_ms, range_ms_));
    }
    return begins;
  }

  base::Result<BlockMeta> Write(base::FileSystem& files, const std::string& parent, std::int64_t begin_ms, Ulid ulid,
                                const base::CancelToken& cancel) const {
    std::int64_t end_ms = 0;
    if (__builtin_add_overflow(begin_ms, range_ms_, &end_ms)) end_ms = until_ms_;
    end_ms = std::min(end_ms, until_ms_);
    auto writer = BARO_TRY(BlockWriter::Create(files, parent,
                                               {.ulid = ulid,
                                                .form = BlockForm::kHot,
                                                .min_time_ms = begin_ms,
                                                .max_time_ms = end_ms,
                                                .hints = {std::string(kFromOutOfOrder)}}));
    SampleColumns columns;
    for (const std::size_t index : order_) {
      if (cancel.Cancelled()) return base::Fail(base::Code::kCancelled, "the store closes");
      BARO_TRY(selection_.Read(index, {.min_ms = begin_ms, .max_ms = end_ms - 1}, columns));
      if (columns.empty()) continue;
      BARO_TRY(writer->BeginSeries(selection_.labels(index)));
      BARO_TRY(writer->Add(columns));
    }
    return writer->Finish();
  }

 private:
  const LateSelection& selection_;
  const std::int64_t until_ms_;
  const std::int64_t range_ms_;
  std::vector<std::size_t> order_;
};

}  // namespace

base::Result<std::vector<BlockMeta>> WriteLateBlocks(base::FileSystem& files, const std::string& parent,
                                                     const std::shared_ptr<Head>& head, const LogWriter& log,
                                                     std::int64_t until_ms, std::int64_t range_ms,
                                                     const std::function<Ulid()>& new_ulid,
                                                     const base::CancelToken& cancel) {
  std::vector<BlockMeta> metas;
  if (head->late_samples() == 0 || until_ms == model::kMinTimestampMs) return metas;
  // What is written is visible to all that is done here, and stays: only who calls this drops it.
  const LateSelection selection(*head, head->AllSeries(), {.max_ms = until_ms - 1}, log.written(), /*limit=*/0);
  const LateWriter writer(selection, until_ms, range_ms);
  for (const std::int64_t begin_ms : BARO_TRY(writer.Ranges())) {
    metas.push_back(BARO_TRY(writer.Write(files, parent, begin_ms, new_ulid(), cancel)));
  }
  return metas;
}

// A mark that is missing or damaged costs memory and work, not samples: what is in blocks is read from the log again.
std::uint64_t Storage::Impl::ReadLateMark() const {
  const auto text = base::ReadSmallFile(deps_.files, fmt::format("{}/{}", log_directory_, kMarkName), kMarkBytesMax);
  std::uint64_t segment = 0;
  if (!text) return 0;
  const auto parsed = std::from_chars(text->data(), text->data() + text->size(), segment);
  return parsed.ec == std::errc() ? segment : 0;
}

// Late samples of times that the head was cut for become blocks of their own. Those of times that it has still go with
// its next cut.
base::Result<> Storage::Impl::CutLate() {
  log_->StartNewSegment();
  // In this order: late samples are counted before the log has them, so those of earlier segments are seen.
  const std::uint64_t segment = log_->queue_segment();
  if (head_->late_samples() == 0) {
    late_from_segment_ = segment;
    return {};
  }
  log_->WriteQueue();
  const CommitNumber commit = log_->written();
  const auto metas = BARO_TRY(WriteLateBlocks(
      deps_.files, blocks_.directory(), head_, *log_, cut_until_ms_, options_.block_range.count(),
      [this]() BARO_REQUIRES(maintenance_mutex_) { return NewUlid(); }, closing_));
  for (const BlockMeta& meta : metas) {
    const BlockPtr block = BARO_TRY(blocks_.Add(meta.ulid));
    deps_.log.Info("late samples are a block", {{"block", meta.ulid.ToString()},
                                                {"series", meta.counts.series},
                                                {"samples", meta.counts.samples()},
                                                {"bytes", block->SizeBytes()}});
  }
  // Without the mark they would come back from the log at the next start, where a delete may have taken them out of
  // the blocks meanwhile.
  const std::string mark = fmt::format("{}", segment);
  BARO_TRY(base::WriteSmallFile(deps_.files, fmt::format("{}/{}", log_directory_, kMarkName), base::AsBytes(mark)));
  late_covered_ = LateCovered{.cut = {.until_ms = cut_until_ms_, .commit = commit}, .commit = log_->written()};
  late_from_segment_ = segment;
  return {};
}

// Shape  no reader is open that needs them.
void Storage::Impl::DropLateCut() {
  if (!late_covered_) return;
  head_->DropLate(late_covered_->cut);
  late_covered_.reset();
}

}  // namespace baro::tsdb
