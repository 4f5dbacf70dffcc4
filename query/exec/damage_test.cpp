// Damaged data is missing data, and the answer says so.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>

#include "base/compute_pool.h"
#include "base/sim_clock.h"
#include "query/engine.h"
#include "tsdb/memory_reader.h"

namespace baro::query {
namespace {

using testing::ElementsAre;
using testing::StrEq;

// Series whose label `page` is "bad" have lost what stands before 60 s.
class DamagedSelection : public tsdb::SeriesSelection {
 public:
  explicit DamagedSelection(std::unique_ptr<tsdb::SeriesSelection> all) : all_(std::move(all)) {}
  std::size_t size() const override { return all_->size(); }
  const model::Labels& labels(std::size_t index) const override { return all_->labels(index); }
  base::Result<> Read(std::size_t index, model::TimeRange range, tsdb::SampleColumns& columns) const override {
    if (labels(index).Get("page") != "bad") return all_->Read(index, range, columns);
    range.min_ms = std::max<std::int64_t>(range.min_ms, 60'000);
    (void)all_->Read(index, range, columns).has_value();
    return base::Fail(base::Code::kCorruption, "block 1: page at 40 of chunks");
  }

 private:
  std::unique_ptr<tsdb::SeriesSelection> all_;
};

class DamagedReader : public tsdb::Reader {
 public:
  explicit DamagedReader(tsdb::MemoryReader all) : all_(std::move(all)) {}
  base::Result<std::unique_ptr<tsdb::SeriesSelection>> Select(const tsdb::SelectRequest& request,
                                                              const base::CancelToken& cancel) const override {
    return std::make_unique<DamagedSelection>(BARO_TRY(all_.Select(request, cancel)));
  }
  base::Result<std::vector<std::string>> LabelNames(std::span<const model::Matcher> matchers, model::TimeRange range,
                                                    std::size_t limit, const base::CancelToken& cancel) const override {
    return all_.LabelNames(matchers, range, limit, cancel);
  }
  base::Result<std::vector<std::string>> LabelValues(std::string_view name, std::span<const model::Matcher> matchers,
                                                     model::TimeRange range, std::size_t limit,
                                                     const base::CancelToken& cancel) const override {
    return all_.LabelValues(name, matchers, range, limit, cancel);
  }

 private:
  tsdb::MemoryReader all_;
};

class DamagedSource : public tsdb::ReaderSource {
 public:
  std::unique_ptr<tsdb::Reader> OpenReader() const override {
    std::vector<tsdb::LiteralSeries> series;
    for (const char* page : {"bad", "good"}) {
      series.push_back({.labels = model::Labels::FromPairs({{"__name__", "x"}, {"page", page}}),
                        .samples = {{.timestamp_ms = 0, .value = 1},
                                    {.timestamp_ms = 30'000, .value = 1},
                                    {.timestamp_ms = 60'000, .value = 1}},
                        .histograms = {}});
    }
    return std::make_unique<DamagedReader>(tsdb::MemoryReader(std::move(series)));
  }
};

TEST(Damage, IsMissingAndAWarningInEveryKindOfSelector) {
  struct Row {
    const char* query;
    std::int64_t time_ms;
    double want;
  };
  constexpr Row kRows[] = {{"sum(x)", 30'000, 1},  // of the good one
                           {"sum(x)", 60'000, 2},
                           {"sum(count_over_time(x[5m]))", 60'000, 4},
                           {"sum(sum_over_time(x[2m:30s]))", 60'000, 4}};
  const DamagedSource source;
  base::SimClock clock;
  base::ComputePool pool({.threads = 2});
  for (base::ComputePool* threads : {static_cast<base::ComputePool*>(nullptr), &pool}) {
    Engine engine({}, {.source = &source, .pool = threads, .clock = &clock});
    for (const Row& row : kRows) {
      const auto result = engine.Instant(row.query, row.time_ms);
      ASSERT_TRUE(result) << row.query << ": " << result.error().message();
      const auto& series = std::get<VectorResult>(result->value).series;
      ASSERT_EQ(series.size(), 1U) << row.query;
      EXPECT_EQ(series.values(0)[0], row.want) << row.query;
      std::vector<std::string> warnings;
      for (const Annotation& warning : result->warnings) warnings.push_back(warning.text);
      EXPECT_THAT(warnings, ElementsAre(StrEq("block 1: page at 40 of chunks"))) << row.query;
    }
  }
}

}  // namespace
}  // namespace baro::query
