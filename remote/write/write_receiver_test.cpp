#include "remote/write_receiver.h"

#include <snappy.h>

#include <gtest/gtest.h>

#include <algorithm>
#include <bit>
#include <map>

#include "base/idle_executor.h"
#include "base/random.h"
#include "base/sim_clock.h"
#include "base/sim_file_system.h"
#include "remote/testing/write_request.pb.h"
#include "tsdb/storage.h"

namespace baro::remote {
namespace {

constexpr std::int64_t kNowMs = 1'700'000'000'000;

class WriteReceiverTest : public ::testing::Test {
 protected:
  WriteReceiverTest() : clock_(base::FromMs(kNowMs)) { Open(); }

  void Open(tsdb::StorageOptions options = {.directory = "data"}) {
    receiver_.reset();
    storage_.reset();
    registry_ = std::make_unique<base::Registry>();
    auto opened = tsdb::Storage::Open(
        options,
        {.files = files_, .clock = clock_, .background = executor_, .metrics = *registry_, .log = base::Logger()});
    ASSERT_TRUE(opened) << opened.error().message();
    storage_ = *std::move(opened);
    MakeReceiver({.push_access = PushAccess::kEverybody});
  }
  void MakeReceiver(WriteReceiverOptions options) { MakeReceiver(options, *storage_); }
  void MakeReceiver(WriteReceiverOptions options, tsdb::AppenderSource& storage) {
    receiver_.reset();
    receivers_registry_ = std::make_unique<base::Registry>();
    receiver_ = std::make_unique<WriteReceiver>(
        options, WriteReceiverParts{.storage = storage, .registry = *receivers_registry_, .log = {}, .hash_seed = 1});
  }

  net::HttpResponse PushBytes(const std::string& message) {
    net::HttpRequest request{.method = net::Method::kPost, .peer = "192.0.2.1:5"};
    request.headers.Add("Content-Type", "application/x-protobuf");
    request.headers.Add("Content-Encoding", "snappy");
    snappy::Compress(message.data(), message.size(), &request.body);
    return receiver_->Handle(request);
  }
  net::HttpResponse Push(const testing::WriteRequest& message) { return PushBytes(message.SerializeAsString()); }

  /// All float samples: "name{...}" -> time -> value.
  std::map<std::string, std::map<std::int64_t, double>> Stored() {
    std::map<std::string, std::map<std::int64_t, double>> all;
    ForEach([&](const model::Labels& labels, const tsdb::SampleColumns& columns) {
      for (std::size_t i = 0; i < columns.values().size(); ++i) {
        all[labels.ToMetricString()][columns.timestamps_ms()[i]] = columns.values()[i];
      }
    });
    return all;
  }
  template <typename Visit>
  void ForEach(const Visit& visit) {
    const auto reader = storage_->OpenReader();
    const std::vector<model::Matcher> matchers = {
        model::Matcher::Make(model::MatchType::kNotEqual, "__name__", "").value()};
    const auto selection = reader->Select({.matchers = matchers, .range = {}}, {});
    ASSERT_TRUE(selection);
    tsdb::SampleColumns columns;
    for (std::size_t i = 0; i < (*selection)->size(); ++i) {
      ASSERT_TRUE((*selection)->Read(i, {}, columns));
      visit((*selection)->labels(i), columns);
    }
  }
  double Metric(std::string_view name) const {
    for (const base::MetricFamily& family : receivers_registry_->Gather()) {
      if (family.name == name) return family.points.at(0).value;
    }
    return -1;
  }

  base::SimFileSystem files_;
  base::SimClock clock_;
  base::IdleExecutor executor_;
  std::unique_ptr<base::Registry> registry_;
  std::unique_ptr<tsdb::Storage> storage_;
  std::unique_ptr<base::Registry> receivers_registry_;
  std::unique_ptr<WriteReceiver> receiver_;
};

testing::TimeSeries* AddSeries(testing::WriteRequest& request, std::string_view name, std::string_view job = "a") {
  auto* series = request.add_timeseries();
  for (const auto& [label, value] : {std::pair<std::string_view, std::string_view>("__name__", name), {"job", job}}) {
    auto* added = series->add_labels();
    added->set_name(std::string(label));
    added->set_value(std::string(value));
  }
  return series;
}

void AddSample(testing::TimeSeries* series, std::int64_t timestamp_ms, double value) {
  auto* sample = series->add_samples();
  sample->set_timestamp(timestamp_ms);
  sample->set_value(value);
}

TEST_F(WriteReceiverTest, StoresSamplesOfNewAndKnownSeries) {
  for (int round = 0; round < 3; ++round) {
    testing::WriteRequest request;
    for (const char* name : {"x", "y"}) {
      auto* series = AddSeries(request, name);
      AddSample(series, kNowMs + 2000 * round, round);
      AddSample(series, kNowMs + 2000 * round + 1000, round + 0.5);
    }
    const net::HttpResponse response = Push(request);
    EXPECT_EQ(response.status, 204) << response.body;
  }
  const std::map<std::int64_t, double> want = {{kNowMs, 0},          {kNowMs + 1000, 0.5}, {kNowMs + 2000, 1},
                                               {kNowMs + 3000, 1.5}, {kNowMs + 4000, 2},   {kNowMs + 5000, 2.5}};
  EXPECT_EQ(Stored(),
            (std::map<std::string, std::map<std::int64_t, double>>{{"x{job=\"a\"}", want}, {"y{job=\"a\"}", want}}));
  EXPECT_EQ(Metric("barograph_remote_write_samples_accepted_total"), 12);
  EXPECT_EQ(Metric("barograph_remote_write_series_known_total"), 4);
  EXPECT_EQ(Metric("barograph_remote_write_series_read_total"), 2);
}

TEST_F(WriteReceiverTest, WhatIsAcknowledgedSurvivesACrash) {
  testing::WriteRequest request;
  AddSample(AddSeries(request, "x"), kNowMs, 7);
  ASSERT_EQ(Push(request).status, 204);
  receiver_.reset();
  base::SeededRandom random(1);
  files_.Crash(random);  // what was not synced may be gone
  storage_.reset();
  Open();
  EXPECT_EQ(Stored().at("x{job=\"a\"}"), (std::map<std::int64_t, double>{{kNowMs, 7}}));
}

TEST_F(WriteReceiverTest, RefusesInPrometheusWordsAndKeepsTheRest) {
  testing::WriteRequest first;
  AddSample(AddSeries(first, "x"), kNowMs, 1);
  ASSERT_EQ(Push(first).status, 204);
  const struct {
    std::int64_t timestamp_ms;
    double value;
    int status;
    std::string_view words;
  } kRows[] = {
      {kNowMs, 1, 204, ""},  // the same again
      {kNowMs, 2, 400, "duplicate sample for timestamp: x{job=\"a\"} at 1700000000000 ms; 1 of 2 samples are refused"},
      {kNowMs - 1000, 2, 400, "out of order sample: x{job=\"a\"} at 1699999999000 ms"},
      {kNowMs - 7'200'000, 2, 400, "out of bounds: x{job=\"a\"}"},
      {kNowMs + 3'600'000, 2, 400, "out of bounds: x{job=\"a\"}"},
  };
  int number = 0;
  for (const auto& [timestamp_ms, value, status, words] : kRows) {
    testing::WriteRequest request;
    AddSample(AddSeries(request, "x"), timestamp_ms, value);
    AddSample(AddSeries(request, "other", std::to_string(number)), kNowMs, number);
    const net::HttpResponse response = Push(request);
    EXPECT_EQ(response.status, status) << response.body;
    EXPECT_TRUE(response.body.starts_with(words)) << response.body;
    const auto stored = Stored();
    EXPECT_EQ(stored.at("other{job=\"" + std::to_string(number) + "\"}").at(kNowMs), number);
    EXPECT_EQ(stored.at("x{job=\"a\"}"), (std::map<std::int64_t, double>{{kNowMs, 1}}));
    ++number;
  }
}

TEST_F(WriteReceiverTest, LeavesOutSeriesWithInvalidLabelsAsPrometheusDoes) {
  testing::WriteRequest request;
  AddSample(AddSeries(request, ""), kNowMs, 1);
  AddSample(AddSeries(request, "good"), kNowMs, 1);
  AddSample(AddSeries(request, "bad", "\xff"), kNowMs, 1);
  EXPECT_EQ(Push(request).status, 204);
  EXPECT_EQ(Stored().size(), 1U);
  EXPECT_EQ(Metric("prometheus_api_remote_write_invalid_labels_samples_total"), 2);
}

TEST_F(WriteReceiverTest, NamesTheLimitThatASeriesPassed) {
  testing::WriteRequest request;
  AddSample(AddSeries(request, "long", std::string(100'000, 'x')), kNowMs, 1);
  AddSample(AddSeries(request, "good"), kNowMs, 1);
  const net::HttpResponse response = Push(request);
  EXPECT_EQ(response.status, 400);
  EXPECT_NE(response.body.find("the limits are 4096 and 65536"), std::string::npos) << response.body;
  EXPECT_EQ(Stored().size(), 1U);

  Open({.directory = "few", .series_max = 1});
  testing::WriteRequest two;
  AddSample(AddSeries(two, "x"), kNowMs, 1);
  AddSample(AddSeries(two, "y"), kNowMs, 1);
  const net::HttpResponse refused = Push(two);
  EXPECT_EQ(refused.status, 400);
  EXPECT_NE(refused.body.find("as many series as allowed: 1; 1 of 2"), std::string::npos) << refused.body;
  EXPECT_EQ(Stored().size(), 1U);
}

TEST_F(WriteReceiverTest, KeepsTheBitsOfStaleMarkers) {
  testing::WriteRequest request;
  AddSample(AddSeries(request, "x"), kNowMs, model::StaleNaN());
  ASSERT_EQ(Push(request).status, 204);
  EXPECT_TRUE(model::IsStaleNaN(Stored().at("x{job=\"a\"}").at(kNowMs)));
}

TEST_F(WriteReceiverTest, StoresHistogramsAndExemplars) {
  testing::WriteRequest request;
  auto* series = AddSeries(request, "h");
  auto* histogram = series->add_histograms();
  histogram->set_timestamp(kNowMs);
  histogram->set_count_int(3);
  histogram->set_sum(4.5);
  histogram->add_positive_spans()->set_length(2);
  histogram->add_positive_deltas(1);
  histogram->add_positive_deltas(1);
  auto* floats = series->add_histograms();
  floats->set_timestamp(kNowMs + 1);
  floats->set_count_float(0.5);
  auto* exemplar = series->add_exemplars();
  exemplar->set_value(3);
  exemplar->set_timestamp(kNowMs);
  auto* label = exemplar->add_labels();
  label->set_name("trace_id");
  label->set_value("t");
  auto* broken = AddSeries(request, "broken")->add_histograms();
  broken->set_timestamp(kNowMs);
  broken->set_count_int(1);

  const net::HttpResponse response = Push(request);
  EXPECT_EQ(response.status, 400);
  EXPECT_NE(response.body.find("0 observations in the buckets, but a count of 1; 1 of 3"), std::string::npos)
      << response.body;
  std::vector<double> counts;
  ForEach([&](const model::Labels&, const tsdb::SampleColumns& columns) {
    for (const tsdb::HistogramSample& sample : columns.histograms()) counts.push_back(sample.histogram->count);
  });
  EXPECT_EQ(counts, (std::vector<double>{3, 0.5}));
  const std::vector<std::vector<model::Matcher>> matchers = {
      {model::Matcher::Make(model::MatchType::kEqual, "__name__", "h").value()}};
  const auto exemplars = storage_->SelectExemplars(matchers, {}, {});
  ASSERT_TRUE(exemplars);
  ASSERT_EQ(exemplars->size(), 1U);
  EXPECT_EQ((*exemplars)[0].exemplars.at(0).value, 3);
}

TEST_F(WriteReceiverTest, StoresNothingOfAMalformedRequest) {
  testing::WriteRequest request;
  AddSample(AddSeries(request, "x"), kNowMs, 1);
  // Behind it a series with a histogram that is none.
  const std::string bytes = request.SerializeAsString() + "\x0a\x03\x22\x01\xff";
  EXPECT_EQ(PushBytes(bytes).status, 400);
  EXPECT_EQ(PushBytes("nonsense").status, 400);
  EXPECT_TRUE(Stored().empty());
}

TEST_F(WriteReceiverTest, FindsSeriesAgainThatHadLeftTheHead) {
  Open({.directory = "short", .retention = std::chrono::minutes(10)});
  testing::WriteRequest old;
  AddSample(AddSeries(old, "x"), kNowMs, 1);
  ASSERT_EQ(Push(old).status, 204);
  clock_.Advance(std::chrono::minutes(30));
  testing::WriteRequest newer;
  AddSample(AddSeries(newer, "y"), kNowMs + 1'800'000, 2);
  ASSERT_EQ(Push(newer).status, 204);
  ASSERT_TRUE(storage_->Maintain());
  ASSERT_EQ(Stored().size(), 1U);
  testing::WriteRequest again;
  AddSample(AddSeries(again, "x"), kNowMs + 1'800'000, 3);
  EXPECT_EQ(Push(again).status, 204);
  EXPECT_EQ(Stored().at("x{job=\"a\"}"), (std::map<std::int64_t, double>{{kNowMs + 1'800'000, 3}}));
}

TEST_F(WriteReceiverTest, AsksToTryAgainWhenTheLogTakesNothing) {
  files_.SetQuota(1);
  testing::WriteRequest request;
  AddSample(AddSeries(request, "x"), kNowMs, 1);
  const net::HttpResponse response = Push(request);
  EXPECT_EQ(response.status, 503) << response.body;
  EXPECT_TRUE(response.headers.Has("Retry-After"));
}

TEST_F(WriteReceiverTest, IsNotThereForThoseWhoMayNotPush) {
  MakeReceiver({.push_access = PushAccess::kLoopback});
  testing::WriteRequest request;
  const net::HttpResponse response = Push(request);
  EXPECT_EQ(response.status, 404);
  EXPECT_NE(response.body.find("--web.enable-remote-write-receiver"), std::string::npos);
}

// Targets that come and go, sent in batches that are cut anywhere, one or several samples a series.
TEST_F(WriteReceiverTest, BatchesCutAnywhereGiveEverySample) {
  base::SeededRandom random(3);
  std::map<std::string, std::map<std::int64_t, double>> want;
  std::vector<std::size_t> targets = {1, 40, 150, 300};
  std::size_t births = 0;
  for (int step = 0; step < 60; ++step) {
    if (random.OneIn(6)) targets[random.Below(targets.size())] = 1 + random.Below(200), ++births;
    clock_.Advance(std::chrono::seconds(15));
    const std::int64_t samples = random.OneIn(5) ? 4 : 1;
    testing::WriteRequest batch;
    const auto flush = [&] {
      const net::HttpResponse response = Push(batch);
      ASSERT_EQ(response.status, 204) << response.body;
      batch.Clear();
    };
    for (std::size_t target = 0; target < targets.size(); ++target) {
      for (std::size_t n = 0; n < targets[target]; ++n) {
        if (random.OneIn(100)) continue;
        const std::string name = fmt::format("m{}", n);
        const std::string job = fmt::format("t{}_{}", target, target == 2 ? births : 0);
        testing::TimeSeries* const series = AddSeries(batch, name, job);
        for (std::int64_t k = 0; k < samples; ++k) {
          const std::int64_t time_ms = kNowMs + step * 15'000 + static_cast<std::int64_t>(target) + k * 1000;
          const double value = static_cast<double>(random.Below(1000));
          AddSample(series, time_ms, value);
          want[fmt::format("{}{{job=\"{}\"}}", name, job)][time_ms] = value;
        }
        if (random.OneIn(170)) flush();
      }
    }
    flush();
    if (random.OneIn(20)) Open();
  }
  EXPECT_TRUE(Stored() == want);
}

TEST_F(WriteReceiverTest, ARowsRefusedSampleIsNamed) {
  testing::WriteRequest request;
  for (int i = 0; i < 20; ++i) AddSample(AddSeries(request, fmt::format("m{}", i)), kNowMs, 1);
  ASSERT_EQ(Push(request).status, 204);
  request.mutable_timeseries(7)->mutable_samples(0)->set_value(2);
  const net::HttpResponse response = Push(request);
  EXPECT_EQ(response.status, 400);
  EXPECT_NE(response.body.find("duplicate sample for timestamp: m7{job=\"a\"}"), std::string::npos) << response.body;
  EXPECT_NE(response.body.find("1 of 20 samples are refused"), std::string::npos) << response.body;
}

/// Takes all samples; of those, its commits then lose one, as when its series left the head meanwhile and may not
/// return.
class LosingSource : public tsdb::AppenderSource {
 public:
  std::unique_ptr<tsdb::Appender> NewAppender() override { return std::make_unique<LosingAppender>(); }
  tsdb::GroupRef NewGroup() override { return tsdb::GroupRef{1}; }
  void DropGroup(tsdb::GroupRef /*group*/) override {}

 private:
  class LosingAppender : public tsdb::Appender {
   public:
    base::Result<tsdb::SeriesRef> Resolve(const model::Labels& /*labels*/, bool* /*created*/) override {
      return tsdb::SeriesRef{++series_};
    }
    void AppendRow(tsdb::GroupRef /*group*/, std::int64_t /*timestamp_ms*/, std::span<const tsdb::SeriesRef> series,
                   std::span<const double> /*values*/, std::span<tsdb::SampleStatus> statuses) override {
      std::ranges::fill(statuses, tsdb::SampleStatus::kAccepted);
      samples_ += series.size();
    }
    tsdb::SampleStatus Append(tsdb::SeriesRef /*series*/, model::Sample /*sample*/) override {
      ++samples_;
      return tsdb::SampleStatus::kAccepted;
    }
    base::Result<tsdb::SampleStatus> AppendHistogram(tsdb::SeriesRef /*series*/, std::int64_t /*timestamp_ms*/,
                                                     const model::FloatHistogram& /*histogram*/) override {
      return tsdb::SampleStatus::kAccepted;
    }
    tsdb::ExemplarStatus AppendExemplar(tsdb::SeriesRef /*series*/, const model::Exemplar& /*exemplar*/) override {
      return tsdb::ExemplarStatus::kAccepted;
    }
    base::Result<tsdb::CommitStats> Commit(tsdb::Durability /*durability*/) override {
      return tsdb::CommitStats{.accepted = samples_ - 1, .unknown = 1};
    }
    void Rollback() override {}

   private:
    std::uint64_t series_ = 0;
    std::size_t samples_ = 0;
  };
};

TEST_F(WriteReceiverTest, WhatACommitLosesIsNotAcknowledged) {
  LosingSource source;
  MakeReceiver({.push_access = PushAccess::kEverybody}, source);
  testing::WriteRequest request;
  for (int i = 0; i < 20; ++i) AddSample(AddSeries(request, fmt::format("m{}", i)), kNowMs, 1);
  const net::HttpResponse response = Push(request);
  EXPECT_EQ(response.status, 400);
  EXPECT_NE(response.body.find("the limit of series keeps them out"), std::string::npos) << response.body;
  EXPECT_NE(response.body.find("1 of 20 samples are refused"), std::string::npos) << response.body;
  EXPECT_EQ(Metric("barograph_remote_write_samples_accepted_total"), 19);
  EXPECT_EQ(Metric("barograph_remote_write_samples_refused_total"), 1);
  receiver_.reset();  // before the source
}

// As Prometheus' queues do it: an entry for each sample, the same series again and again, cut anywhere.
TEST_F(WriteReceiverTest, CatchingUpSaysASeriesManyTimesInOneRequest) {
  base::SeededRandom random(5);
  std::map<std::string, std::map<std::int64_t, double>> want;
  testing::WriteRequest batch;
  for (int step = 0; step < 40; ++step) {
    clock_.Advance(std::chrono::seconds(15));
    for (std::size_t n = 0; n < 30; ++n) {
      if (random.OneIn(20)) continue;
      const std::int64_t time_ms = kNowMs + step * 15'000 + (n < 20 ? 0 : 7);
      const double value = static_cast<double>(random.Below(1000));
      AddSample(AddSeries(batch, fmt::format("m{}", n)), time_ms, value);
      want[fmt::format("m{}{{job=\"a\"}}", n)][time_ms] = value;
      if (!random.OneIn(70)) continue;
      const net::HttpResponse response = Push(batch);
      ASSERT_EQ(response.status, 204) << response.body;
      batch.Clear();
    }
  }
  ASSERT_EQ(Push(batch).status, 204);
  EXPECT_TRUE(Stored() == want);
  Open();
  EXPECT_TRUE(Stored() == want);
}

TEST_F(WriteReceiverTest, StoresMetadataAlsoWithoutAnySeries) {
  testing::WriteRequest request;
  testing::MetricMetadata* metadata = request.add_metadata();
  metadata->set_type(1);
  metadata->set_metric_family_name("http_requests");
  metadata->set_help("Requests.");
  metadata = request.add_metadata();
  metadata->set_metric_family_name("temperature");
  metadata->set_unit("celsius");
  request.add_metadata()->set_help("of no family");
  ASSERT_EQ(Push(request).status, 204);
  const auto told = [this] {
    std::vector<std::string> texts;
    const auto all = storage_->OpenReader()->Metadata({}, {});
    EXPECT_TRUE(all);
    for (const tsdb::FamilyMetadata& each : *all) {
      texts.push_back(each.family + " " + std::string(model::MetricTypeName(each.metadata.type)) + " " +
                      each.metadata.help + each.metadata.unit);
    }
    return texts;
  };
  const std::vector<std::string> want = {"http_requests counter Requests.", "temperature unknown celsius"};
  EXPECT_EQ(told(), want);
  Open();
  EXPECT_EQ(told(), want);
  EXPECT_EQ(PushBytes("\x1a\x02\x0a\x00").status, 400);  // a type that is a text
}

}  // namespace
}  // namespace baro::remote
