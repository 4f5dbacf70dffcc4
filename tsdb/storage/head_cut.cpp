#include "tsdb/storage/head_cut.h"

#include <algorithm>
#include <map>
#include <numeric>

#include "base/planted_fault.h"
#include "tsdb/head/head_selection.h"

namespace baro::tsdb {
namespace {

// A view of the head for as long as the block is written.
class OpenView {
 public:
  OpenView(const std::shared_ptr<Head>& head, const LogWriter& log) : head_(head), visible_(head->AddReader(log)) {}
  ~OpenView() { head_->RemoveReader(visible_); }
  OpenView(const OpenView&) = delete;
  OpenView& operator=(const OpenView&) = delete;

  CommitNumber visible() const { return visible_; }

 private:
  const std::shared_ptr<Head> head_;
  const CommitNumber visible_;
};

}  // namespace

base::Result<std::optional<BlockMeta>> WriteHeadBlock(base::FileSystem& files, const std::string& parent,
                                                      const std::shared_ptr<Head>& head, const LogWriter& log,
                                                      BlockWriterOptions options, const ExemplarStore& exemplars,
                                                      const base::CancelToken& cancel) {
  const model::TimeRange range{.min_ms = *options.min_time_ms,
                               .max_ms = *options.max_time_ms - (BARO_PLANTED(kEdgeOffByOne) ? 2 : 1)};
  const OpenView view(head, log);
  const HeadSelection selection(*head, head->AllSeries(), {.matchers = {}, .range = range}, view.visible());
  if (selection.size() == 0) return std::nullopt;
  std::vector<std::size_t> order(selection.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::ranges::sort(order, [&selection](std::size_t a, std::size_t b) {
    return InBlockOrder(selection.labels(a), selection.labels(b));
  });

  std::map<model::Labels, std::vector<model::Exemplar>> exemplars_of;
  for (SeriesExemplars& series : exemplars.All(range)) {
    exemplars_of.emplace(std::move(series.labels), std::move(series.exemplars));
  }
  options.metadata = head->metadata().Select({});

  auto writer = BARO_TRY(BlockWriter::Create(files, parent, std::move(options)));
  SampleColumns columns;
  bool has_samples = false;
  for (const std::size_t index : order) {
    if (cancel.Cancelled()) return base::Fail(base::Code::kCancelled, "the store closes");
    BARO_TRY(selection.Read(index, range, columns));
    if (columns.empty()) continue;  // its group has rows in that time, it has none
    has_samples = true;
    BARO_TRY(writer->BeginSeries(selection.labels(index), selection.group_key(index)));
    BARO_TRY(writer->Add(columns));
    if (exemplars_of.empty()) continue;
    if (const auto found = exemplars_of.find(selection.labels(index)); found != exemplars_of.end()) {
      BARO_TRY(writer->AddExemplars(found->second));
    }
  }
  if (!has_samples) return std::nullopt;
  return std::optional(BARO_TRY(writer->Finish()));
}

}  // namespace baro::tsdb
