#include "tsdb/block_import.h"

#include <algorithm>

#include <fmt/format.h>

#include "model/names.h"
#include "tsdb/block/block_writer.h"

namespace baro::tsdb {
namespace {

// No clock comes near the ends of what a timestamp can say; aligning and stepping must not leave them.
constexpr std::int64_t kFarMs = std::int64_t{1} << 60;
constexpr std::int64_t kRangesMax = 100'000;

std::int64_t AlignDown(std::int64_t time_ms, std::int64_t step_ms) {
  const std::int64_t rest = time_ms % step_ms;
  return time_ms - (rest < 0 ? rest + step_ms : rest);
}

/// All series of a reader in block order, each once.
class AllSeries {
 public:
  static base::Result<AllSeries> Select(const Reader& reader, model::TimeRange range, const base::CancelToken& cancel) {
    AllSeries all;
    for (const auto& matchers : BARO_TRY(MatchersOfAllSeries(reader, cancel))) {
      all.selections_.push_back(
          BARO_TRY(reader.Select({.matchers = matchers, .range = range, .view = DownsampledView::kLast}, cancel)));
      const SeriesSelection& selection = *all.selections_.back();
      for (std::size_t i = 0; i < selection.size(); ++i) all.places_.push_back({&selection, i});
    }
    std::ranges::sort(all.places_, [](const Place& a, const Place& b) { return InBlockOrder(a.labels(), b.labels()); });
    const auto doubled =
        std::ranges::unique(all.places_, [](const Place& a, const Place& b) { return a.labels() == b.labels(); });
    all.places_.erase(doubled.begin(), doubled.end());
    return all;
  }

  struct Place {
    const SeriesSelection* selection = nullptr;
    std::size_t index = 0;

    const model::Labels& labels() const { return selection->labels(index); }
  };
  const std::vector<Place>& places() const { return places_; }

 private:
  std::vector<std::unique_ptr<SeriesSelection>> selections_;
  std::vector<Place> places_;
};

}  // namespace

base::Result<std::vector<std::vector<model::Matcher>>> MatchersOfAllSeries(const Reader& reader,
                                                                           const base::CancelToken& cancel) {
  using model::Matcher;
  using model::MatchType;
  std::vector<std::vector<Matcher>> lists = {{BARO_TRY(Matcher::Make(MatchType::kNotEqual, model::kMetricName, ""))}};
  const std::vector nameless = {Matcher::Equal(model::kMetricName, "")};
  for (const std::string& name : BARO_TRY(reader.LabelNames(nameless, {}, 0, cancel))) {
    lists.push_back({nameless[0], BARO_TRY(Matcher::Make(MatchType::kNotEqual, name, ""))});
  }
  return lists;
}

base::Result<std::optional<BlockMeta>> WriteBlockOf(base::FileSystem& files, const std::string& parent,
                                                    const Reader& reader, const ImportedBlockOptions& options,
                                                    const base::CancelToken& cancel) {
  const AllSeries all = BARO_TRY(AllSeries::Select(reader, options.range, cancel));
  BlockWriterOptions of_writer{.ulid = options.ulid, .form = options.form, .hints = options.hints};
  if (options.is_exact) {
    of_writer.min_time_ms = options.range.min_ms;
    of_writer.max_time_ms = options.range.max_ms + 1;
  }
  of_writer.metadata = BARO_TRY(reader.Metadata({.family = {}, .range = options.range}, cancel));
  std::unique_ptr<BlockWriter> writer;
  SampleColumns columns;
  for (const auto& place : all.places()) {
    if (cancel.Cancelled()) return base::Fail(base::Code::kCancelled, "writing a block: cancelled");
    if (auto read = place.selection->Read(place.index, options.range, columns); !read) {
      return read.error().WithContext(place.labels().ToString());
    }
    if (columns.empty()) continue;
    if (writer == nullptr) writer = BARO_TRY(BlockWriter::Create(files, parent, of_writer));
    BARO_TRY(writer->BeginSeries(place.labels()));
    BARO_TRY(writer->Add(columns));
  }
  if (writer == nullptr) return std::nullopt;
  return std::optional(BARO_TRY(writer->Finish()));
}

base::Result<> WriteBlocksOf(base::FileSystem& files, const std::string& parent, const Reader& reader,
                             model::TimeRange range, std::int64_t range_ms, std::span<const std::string> hints,
                             const std::function<Ulid()>& new_ulid,
                             const std::function<void(const BlockMeta&)>& written, const base::CancelToken& cancel) {
  if (range.empty()) return {};
  if (range.min_ms < -kFarMs || range.max_ms > kFarMs || range_ms <= 0 || range_ms > kFarMs ||
      (range.max_ms - range.min_ms) / range_ms > kRangesMax) {
    return base::Fail(base::Code::kLimitExceeded,
                      fmt::format("{} ms to {} ms are more than {} blocks of {} ms: choose longer blocks", range.min_ms,
                                  range.max_ms, kRangesMax, range_ms));
  }
  for (std::int64_t begin_ms = AlignDown(range.min_ms, range_ms); begin_ms <= range.max_ms; begin_ms += range_ms) {
    const ImportedBlockOptions options{.ulid = new_ulid(),
                                       .range = {.min_ms = std::max(begin_ms, range.min_ms),
                                                 .max_ms = std::min(begin_ms + range_ms - 1, range.max_ms)},
                                       .hints = {hints.begin(), hints.end()}};
    const auto meta = BARO_TRY(WriteBlockOf(files, parent, reader, options, cancel));
    if (meta && written) written(*meta);
  }
  return {};
}

std::set<Ulid> SourcesOf(std::span<const BlockMeta> metas) {
  std::set<Ulid> sources;
  for (const BlockMeta& meta : metas) sources.insert(meta.sources.begin(), meta.sources.end());
  return sources;
}

}  // namespace baro::tsdb
