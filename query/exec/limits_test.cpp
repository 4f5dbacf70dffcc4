// Queries side by side within one budget.
#include <gtest/gtest.h>

#include <atomic>
#include <thread>

#include <fmt/format.h>

#include "base/clock.h"
#include "query/engine.h"
#include "query/explain.h"
#include "tsdb/memory_reader.h"

namespace baro::query {
namespace {

std::vector<tsdb::LiteralSeries> MakeSeries(int count) {
  std::vector<tsdb::LiteralSeries> all;
  for (int i = 0; i < count; ++i) {
    all.push_back({.labels = model::Labels::FromPairs({{"__name__", "x"}, {"i", fmt::format("{}", i)}}),
                   .samples = {{.timestamp_ms = 0, .value = 1.0 * i}},
                   .histograms = {}});
  }
  return all;
}

constexpr QueryRange kRange{.start_ms = 0, .end_ms = 200'000, .step_ms = 1000};

TEST(QueryLimits, HoldForManyQueriesAtOnce) {
  const tsdb::MemoryReaderSource source(MakeSeries(200));
  std::uint64_t needed = 0;
  {
    Engine alone({}, {.source = &source});
    const auto answer = alone.Range("x * 2", kRange);
    ASSERT_TRUE(answer);
    needed = answer->stats.memory_bytes_peak;
  }
  // Room for some of them, not for all.
  Engine engine({.concurrency_max = 0, .memory_bytes_total_max = 5 * needed / 2},
                {.source = &source, .clock = &base::RealClock()});
  constexpr int kThreads = 16;
  std::atomic<int> answers{0};
  std::atomic<int> sent_away{0};
  std::vector<std::thread> threads;
  for (int i = 0; i < kThreads; ++i) {
    threads.emplace_back([&] {
      for (int k = 0; k < 10; ++k) {
        const auto answer = engine.Range("x * 2", kRange);
        if (answer) {
          ++answers;
          continue;
        }
        EXPECT_EQ(answer.error().code(), base::Code::kUnavailable) << answer.error().message();
        ++sent_away;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(answers + sent_away, kThreads * 10);
  EXPECT_GT(answers, 0);
  EXPECT_EQ(engine.memory_bytes(), 0U);
  EXPECT_EQ(engine.active_queries(), 0U);
  EXPECT_TRUE(engine.Range("x * 2", kRange)) << "what others held is free again";
}

// Charges what it selects, as storage does.
class ChargingSource final : public tsdb::ReaderSource {
 public:
  explicit ChargingSource(std::size_t bytes) : bytes_(bytes), series_(MakeSeries(3)) {}
  std::unique_ptr<tsdb::Reader> OpenReader() const override {
    return std::make_unique<ChargingReader>(series_.OpenReader(), bytes_);
  }

 private:
  class ChargingSelection final : public tsdb::SeriesSelection {
   public:
    ChargingSelection(std::unique_ptr<tsdb::SeriesSelection> inner, base::MemoryCharge charge)
        : inner_(std::move(inner)), charge_(std::move(charge)) {}
    std::size_t size() const override { return inner_->size(); }
    const model::Labels& labels(std::size_t index) const override { return inner_->labels(index); }
    base::Result<> Read(std::size_t index, model::TimeRange range, tsdb::SampleColumns& columns) const override {
      return inner_->Read(index, range, columns);
    }

   private:
    std::unique_ptr<tsdb::SeriesSelection> inner_;
    base::MemoryCharge charge_;
  };
  class ChargingReader final : public tsdb::Reader {
   public:
    ChargingReader(std::unique_ptr<tsdb::Reader> inner, std::size_t bytes) : inner_(std::move(inner)), bytes_(bytes) {}
    base::Result<std::unique_ptr<tsdb::SeriesSelection>> Select(const tsdb::SelectRequest& request,
                                                                const base::CancelToken& cancel) const override {
      base::MemoryCharge charge(request.memory);
      BARO_TRY(charge.Add(bytes_));
      return std::make_unique<ChargingSelection>(BARO_TRY(inner_->Select(request, cancel)), std::move(charge));
    }
    base::Result<std::vector<std::string>> LabelNames(std::span<const model::Matcher> matchers, model::TimeRange range,
                                                      std::size_t limit,
                                                      const base::CancelToken& cancel) const override {
      return inner_->LabelNames(matchers, range, limit, cancel);
    }
    base::Result<std::vector<std::string>> LabelValues(std::string_view name, std::span<const model::Matcher> matchers,
                                                       model::TimeRange range, std::size_t limit,
                                                       const base::CancelToken& cancel) const override {
      return inner_->LabelValues(name, matchers, range, limit, cancel);
    }

   private:
    std::unique_ptr<tsdb::Reader> inner_;
    const std::size_t bytes_;
  };

  const std::size_t bytes_;
  const tsdb::MemoryReaderSource series_;
};

TEST(QueryLimits, WhatStorageHoldsForAQueryCounts) {
  const ChargingSource source(1'000'000);
  Engine engine({.memory_bytes_max = 1'500'000}, {.source = &source});
  for (const char* text : {"x", "sum(rate(x[5m]))", "max_over_time(x[1h:1m])"}) {
    const auto answer = engine.Instant(text, 0);
    ASSERT_TRUE(answer) << answer.error().message();
    EXPECT_GT(answer->stats.memory_bytes_peak, 1'000'000U) << text;
    EXPECT_EQ(engine.memory_bytes(), 0U);
  }
  EXPECT_TRUE(engine.Explain({.text = "rate(x[5m])", .range = kRange, .is_range = true, .does_analyze = true}));
  EXPECT_EQ(engine.memory_bytes(), 0U);
  Engine small({.memory_bytes_max = 500'000}, {.source = &source});
  const auto over = small.Instant("sum(rate(x[5m]))", 0);
  ASSERT_FALSE(over);
  EXPECT_EQ(over.error().code(), base::Code::kLimitExceeded);
  EXPECT_NE(over.error().message().find("--query.max-memory"), std::string::npos);
}

// Notes what it is told.
class Recorder final : public QueryObserver {
 public:
  std::uint64_t QueryBegan(const QueryRequest& request, const QueryOptions& options) override {
    began.push_back(std::string(request.text) + " " + options.origin.path);
    return began.size();
  }
  void QueryEnded(std::uint64_t number, const QueryRequest& request, const QueryOptions&, const QueryStats& stats,
                  const base::Error* error) override {
    ended.push_back(fmt::format("{} {} {} {}", number, request.text, stats.samples_read,
                                error == nullptr ? "good" : base::CodeName(error->code())));
  }
  std::vector<std::string> began;
  std::vector<std::string> ended;
};

TEST(QueryLimits, ObserversSeeEachQueryBeginAndEnd) {
  const tsdb::MemoryReaderSource source(MakeSeries(3));
  Recorder recorder;
  Engine engine({.samples_max = 100}, {.source = &source, .observer = &recorder});
  EXPECT_TRUE(engine.Instant("x", 0, {.origin = {.client_ip = "", .method = "", .path = "/p"}}));
  EXPECT_FALSE(engine.Range("x", kRange));
  EXPECT_FALSE(engine.Instant("x +", 0));
  EXPECT_TRUE(engine.Explain({.text = "x", .range = kRange, .is_range = true, .does_analyze = true}));
  EXPECT_FALSE(engine.Range("x", {.start_ms = 1, .end_ms = 0, .step_ms = 1})) << "had no turn";
  EXPECT_EQ(recorder.began, (std::vector<std::string>{"x /p", "x ", "x + ", "x "}));
  EXPECT_EQ(recorder.ended, (std::vector<std::string>{"1 x 3 good", "2 x 3 limit_exceeded", "3 x + 0 invalid_argument",
                                                      "4 x 3 limit_exceeded"}));
}

}  // namespace
}  // namespace baro::query
