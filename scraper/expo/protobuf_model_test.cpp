// The reader of Protobuf expositions against a model: libprotobuf parses, and all else is the obvious.
#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <optional>
#include <random>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include <google/protobuf/io/coded_stream.h>
#include <google/protobuf/io/zero_copy_stream_impl_lite.h>
#include <gtest/gtest.h>

#include "model/histogram.h"
#include "model/names.h"
#include "model/sample.h"
#include "scraper/expo/metric_message.h"
#include "scraper/expo/naive_scrape.h"
#include "scraper/expo/number.h"
#include "scraper/testing/metric_family.pb.h"

namespace baro::scraper {
namespace {

using testing::Bucket;
using testing::Exemplar;
using testing::Histogram;
using testing::Label;
using testing::Metric;
using testing::MetricFamily;
using testing::Quantile;
using testing::Span;
using testing::Summary;
using testing::Timestamp;

/// Reads one body from scratch.
///
/// Threads  Confined, and good for one body.
class NaiveProtobuf {
 public:
  NaiveProtobuf(std::string_view body, const ExpositionCache::Options& options) : body_(body), options_(options) {}

  /// What it gives. Of errors only that there is one is the same as in the cache.
  expo::ScrapedSamples Read() {
    google::protobuf::io::ArrayInputStream stream(body_.data(), static_cast<int>(body_.size()));
    google::protobuf::io::CodedInputStream input(&stream);
    while (input.CurrentPosition() < static_cast<int>(body_.size())) {
      std::uint64_t size = 0;
      std::string bytes;
      MetricFamily family;
      if (!input.ReadVarint64(&size) || size > body_.size() || !input.ReadString(&bytes, static_cast<int>(size)) ||
          !family.ParseFromString(bytes)) {
        return {.error = "not parsed", .samples = {}, .problem = {}};
      }
      if (family.metric_size() > 0) Take(family);
      if (!error_.empty()) return {.error = error_, .samples = {}, .problem = {}};
    }
    std::ranges::sort(samples_);
    return {.error = {}, .samples = samples_, .problem = {}};
  }

 private:
  static std::optional<std::int64_t> MsOf(const Timestamp& time) {
    return time.seconds() * 1000 + time.nanos() / 1000000;
  }

  void Refuse(std::string_view why) { error_ = why; }

  void Take(const MetricFamily& family) {
    if (family.name().empty() || !model::IsValidUtf8(family.name())) Refuse("name");
    if (!model::IsValidUtf8(family.help()) || !model::IsValidUtf8(family.unit())) Refuse("help or unit");
    if (family.type() < 0 || family.type() > 5) Refuse("type");
    for (const Metric& metric : family.metric()) {
      if (!error_.empty()) return;
      metric_ = &metric;
      name_ = family.name();
      TakeMetric(family.type());
    }
  }

  void TakeMetric(int type) {
    switch (type) {
      case 0:
        start_ = metric_->counter().has_start() ? *MsOf(metric_->counter().start()) : 0;
        Sample("", metric_->counter().value());
        if (metric_->counter().has_exemplar()) TakeExemplar("", "", "", metric_->counter().exemplar());
        return;
      case 1:
        start_ = 0;
        return Sample("", metric_->gauge().value());
      case 2:
        return TakeSummary(metric_->summary());
      case 3:
        start_ = 0;
        return Sample("", metric_->untyped().value());
      default:
        return TakeHistogram(metric_->histogram(), type == 5);
    }
  }

  void TakeSummary(const Summary& summary) {
    start_ = summary.has_start() ? *MsOf(summary.start()) : 0;
    Sample("_count", static_cast<double>(summary.count()));
    Sample("_sum", summary.sum());
    for (const Quantile& quantile : summary.quantile()) {
      Sample("", quantile.value(), "quantile", BoundText(quantile.quantile()));
    }
  }

  void TakeHistogram(const Histogram& histogram, bool is_gauge) {
    start_ = histogram.has_start() ? *MsOf(histogram.start()) : 0;
    const bool is_native =
        options_.native_histograms && (histogram.positive_span_size() > 0 || histogram.negative_span_size() > 0 ||
                                       histogram.zero_threshold() > 0 || histogram.zero_count() > 0);
    if (is_native) TakeNative(histogram, is_gauge);
    if (!is_native || (options_.classic_besides_native && histogram.bucket_size() > 0)) TakeClassic(histogram);
  }

  void TakeClassic(const Histogram& histogram) {
    const double count =
        histogram.count_float() != 0 ? histogram.count_float() : static_cast<double>(histogram.count());
    Sample("_count", count);
    Sample("_sum", histogram.sum());
    for (const Bucket& bucket : histogram.bucket()) {
      const std::string bound = BoundText(bucket.upper_bound());
      Sample("_bucket", bucket.count_float() != 0 ? bucket.count_float() : static_cast<double>(bucket.count()), "le",
             bound);
      if (bucket.has_exemplar()) TakeExemplar("_bucket", "le", bound, bucket.exemplar());
      if (bucket.upper_bound() == std::numeric_limits<double>::infinity()) return;
    }
    Sample("_bucket", count, "le", "+Inf");
  }

  template <typename From, typename To>
  static void CopySides(const From& from, To& to) {
    for (const Span& span : from.positive_span()) to.positive_spans.push_back({span.offset(), span.length()});
    for (const Span& span : from.negative_span()) to.negative_spans.push_back({span.offset(), span.length()});
    to.schema = from.schema();
    to.zero_threshold = from.zero_threshold();
    to.sum = std::isnan(from.sum()) ? model::CanonicalNaN() : from.sum();
  }

  std::optional<model::FloatHistogram> MakeNative(const Histogram& from) {
    if (from.count_float() > 0 || from.zero_count_float() > 0) {
      model::FloatHistogram histogram;
      CopySides(from, histogram);
      histogram.count = from.count_float();
      histogram.zero_count = from.zero_count_float();
      histogram.positive_buckets.assign(from.positive_count().begin(), from.positive_count().end());
      histogram.negative_buckets.assign(from.negative_count().begin(), from.negative_count().end());
      if (!histogram.Validate()) return std::nullopt;
      return histogram;
    }
    model::Histogram histogram;
    CopySides(from, histogram);
    histogram.count = from.count();
    histogram.zero_count = from.zero_count();
    histogram.positive_buckets.assign(from.positive_delta().begin(), from.positive_delta().end());
    histogram.negative_buckets.assign(from.negative_delta().begin(), from.negative_delta().end());
    if (!histogram.Validate()) return std::nullopt;
    return histogram.ToFloat();
  }

  void TakeNative(const Histogram& from, bool is_gauge) {
    auto histogram = MakeNative(from);
    if (!histogram) return Refuse("a histogram that contradicts itself");
    histogram->Compact(0);
    if (is_gauge) histogram->counter_reset_hint = model::CounterResetHint::kGauge;
    const auto series = SeriesOf("", "", "");
    if (!series) return;
    if (!expo::internal::IsDroppedName(name_)) {
      samples_.push_back(expo::internal::HistogramText(*series, *histogram, Time()) +
                         expo::internal::StartText(start_));
    }
    for (const Exemplar& exemplar : from.exemplar()) TakeNativeExemplar(exemplar);
    if (from.exemplar_size() > 0) return;
    for (const Bucket& bucket : from.bucket()) {
      if (bucket.has_exemplar()) TakeNativeExemplar(bucket.exemplar());
    }
  }

  void TakeNativeExemplar(const Exemplar& exemplar) {
    std::vector<ExpositionLabel> labels;
    if (expo::internal::IsDroppedName(name_) || !ReadLabels(exemplar, labels)) return;
    if (exemplar.has_timestamp()) TakeExemplar("", "", "", exemplar);
  }

  static std::string BoundText(double bound) {
    std::string text;
    expo::AppendOpenMetricsNumber(bound, text);
    return text;
  }

  std::optional<std::int64_t> Time() const {
    return options_.honor_timestamps && metric_->timestamp_ms() != 0 ? std::optional(metric_->timestamp_ms())
                                                                     : std::nullopt;
  }

  // The labels of a message, checked.
  template <typename Message>
  bool ReadLabels(const Message& message, std::vector<ExpositionLabel>& labels) {
    std::set<std::string_view> names = {"__name__"};
    for (const Label& label : message.label()) labels.push_back({label.name(), label.value()});
    for (const ExpositionLabel& label : labels) {
      const bool is_good = !label.name.empty() && model::IsValidUtf8(label.name) && model::IsValidUtf8(label.value) &&
                           names.insert(label.name).second;
      if (!is_good) Refuse("labels");
    }
    return error_.empty();
  }

  std::optional<std::string> SeriesOf(const std::string& suffix, std::string_view bound_label, std::string_view bound) {
    std::vector<ExpositionLabel> labels;
    if (!ReadLabels(*metric_, labels)) return std::nullopt;
    if (!bound_label.empty()) {
      if (std::ranges::find(labels, bound_label, &ExpositionLabel::name) != labels.end()) {
        Refuse("the label of bounds");
        return std::nullopt;
      }
      labels.push_back({bound_label, bound});
    }
    return expo::SeriesText({.name = name_ + suffix, .labels = labels});
  }

  void Sample(const std::string& suffix, double value, std::string_view bound_label = {}, std::string_view bound = {}) {
    const auto series = SeriesOf(suffix, bound_label, bound);
    if (!series || expo::internal::IsDroppedName(name_)) return;
    const double canonical = std::isnan(value) ? model::CanonicalNaN() : value;
    std::string text = expo::internal::SampleText(*series, canonical, Time());
    if (!Time() && in_row_.insert(*series).second) text += expo::internal::StartText(start_);
    samples_.push_back(std::move(text));
  }

  void TakeExemplar(const std::string& suffix, std::string_view bound_label, std::string_view bound,
                    const Exemplar& exemplar) {
    std::vector<ExpositionLabel> labels;
    if (expo::internal::IsDroppedName(name_)) return;
    if (!ReadLabels(exemplar, labels)) return;
    const auto series = SeriesOf(suffix, bound_label, bound);
    if (!series) return;
    const auto sample_ms = metric_->timestamp_ms() != 0 ? std::optional(metric_->timestamp_ms()) : std::nullopt;
    samples_.push_back(
        expo::internal::ExemplarText(*series, labels, exemplar.value(),
                                     exemplar.has_timestamp() ? MsOf(exemplar.timestamp()) : std::nullopt, sample_ms));
  }

  std::string_view body_;
  ExpositionCache::Options options_;
  std::string error_;
  std::vector<std::string> samples_;
  std::set<std::string> in_row_;
  const Metric* metric_ = nullptr;
  std::string name_;
  std::int64_t start_ = 0;
};

// --- Bodies ------------------------------------------------------------------------------------------------------

class Bodies {
 public:
  explicit Bodies(unsigned seed) : random_(seed) {}

  std::uint32_t Below(std::uint32_t limit) { return static_cast<std::uint32_t>(random_() % limit); }
  bool OneIn(std::uint32_t count) { return Below(count) == 0; }

  MetricFamily Family() {
    static constexpr std::string_view kNames[] = {"a", "b", "c", "h", "h_count", "drop_me", "d.e"};
    MetricFamily family;
    family.set_name(std::string(kNames[Below(7)]));
    if (OneIn(2)) family.set_help("what it is");
    if (OneIn(4)) family.set_unit("bytes");
    family.set_type(static_cast<std::int32_t>(Below(6)));
    const std::uint32_t count = OneIn(8) ? 0 : 1 + Below(4);
    for (std::uint32_t i = 0; i < count; ++i) *family.add_metric() = MakeMetric(family.type());
    return family;
  }

  // One of many small changes.
  void Change(std::vector<MetricFamily>& families) {
    if (families.empty() || OneIn(8)) {
      families.insert(families.begin() + Below(static_cast<std::uint32_t>(families.size()) + 1), Family());
      return;
    }
    const auto any = [&] { return Below(static_cast<std::uint32_t>(families.size())); };
    MetricFamily& family = families[any()];
    switch (Below(8)) {
      case 6:
        family.set_help(std::string(Below(3), 'x'));
        return;
      case 0:
        std::swap(families[any()], families[any()]);
        return;
      case 1:
        families.erase(families.begin() + any());
        return;
      case 2:
        families.push_back(family);
        return;
      case 3:
        *family.add_metric() = MakeMetric(family.type());
        return;
      case 4:
        if (family.metric_size() > 1) {
          const int other = static_cast<int>(Below(static_cast<std::uint32_t>(family.metric_size())));
          family.mutable_metric()->SwapElements(0, other);
        }
        return;
      case 5:
        family.set_type(static_cast<std::int32_t>(Below(6)));
        return;
      default:
        for (Metric& metric : *family.mutable_metric()) ChangeValues(metric);
    }
  }

  // As other writers might put it: labels behind values, the name behind the metrics, fields that nobody knows.
  std::string Write(const std::vector<MetricFamily>& families) {
    std::string body;
    for (const MetricFamily& family : families) AppendField(body, std::nullopt, WriteFamily(family));
    return body;
  }

 private:
  static void AppendField(std::string& out, std::optional<char> tag, std::string_view bytes) {
    if (tag) out += *tag;
    for (std::size_t size = bytes.size(); true; size >>= 7) {
      out += static_cast<char>(size < 0x80 ? size : (size & 0x7f) | 0x80);
      if (size < 0x80) break;
    }
    out += bytes;
  }

  std::string WriteFamily(const MetricFamily& family) {
    MetricFamily head = family;
    head.clear_metric();
    std::string metrics;
    for (const Metric& metric : family.metric()) AppendField(metrics, '\x22', WriteMetric(metric));
    if (OneIn(8)) AppendField(metrics, '\x7a', "field 15");
    return OneIn(8) ? metrics + head.SerializeAsString() : head.SerializeAsString() + metrics;
  }

  std::string WriteMetric(const Metric& metric) {
    if (!OneIn(8)) return metric.SerializeAsString();
    Metric labels;
    *labels.mutable_label() = metric.label();
    Metric rest = metric;
    rest.clear_label();
    return rest.SerializeAsString() + labels.SerializeAsString();
  }

  double Value() {
    static constexpr double kValues[] = {
        0, 1, -2.5, 1e300, std::numeric_limits<double>::quiet_NaN(), std::numeric_limits<double>::infinity()};
    return OneIn(2) ? kValues[Below(6)] : Below(1000) * 0.5;
  }

  void AddLabels(google::protobuf::RepeatedPtrField<Label>& labels) {
    static constexpr std::string_view kNames[] = {"job", "x", "y", "quantile", "le", "x.y", ""};
    static constexpr std::string_view kValues[] = {"", "1", "two", "\xc3\xa4",
                                                   "long enough to need more than a glance"};
    for (std::uint32_t count = Below(3); count > 0; --count) {
      Label& label = *labels.Add();
      label.set_name(std::string(kNames[OneIn(200) ? 6 : Below(OneIn(10) ? 6 : 3)]));
      label.set_value(std::string(OneIn(300) ? "\xff" : kValues[Below(5)]));
    }
  }

  void SetTime(Timestamp& time) {
    time.set_seconds(1'700'000'000 + Below(100));
    if (OneIn(2)) time.set_nanos(static_cast<std::int32_t>(Below(1'000'000'000)));
  }

  void SetExemplar(Exemplar& exemplar) {
    AddLabels(*exemplar.mutable_label());
    exemplar.set_value(Value());
    if (!OneIn(3)) SetTime(*exemplar.mutable_timestamp());
  }

  Metric MakeMetric(int type) {
    Metric metric;
    AddLabels(*metric.mutable_label());
    if (OneIn(6)) metric.set_timestamp_ms(1000 + Below(5));
    if (OneIn(30)) type = static_cast<int>(Below(6));  // the value of another type
    if (type == 0) {
      if (OneIn(2)) SetTime(*metric.mutable_counter()->mutable_start());
      if (OneIn(3)) SetExemplar(*metric.mutable_counter()->mutable_exemplar());
    }
    if (type == 2 && OneIn(2)) SetTime(*metric.mutable_summary()->mutable_start());
    if (type >= 4) MakeHistogram(*metric.mutable_histogram());
    if (type == 1) metric.mutable_gauge();
    if (type == 2) {
      for (std::uint32_t i = Below(3); i > 0; --i) metric.mutable_summary()->add_quantile()->set_quantile(0.25 * i);
    }
    if (type == 3) metric.mutable_untyped();
    ChangeValues(metric);
    return metric;
  }

  void MakeHistogram(Histogram& histogram) {
    if (OneIn(2)) SetTime(*histogram.mutable_start());
    const bool is_native = OneIn(2);
    if (!is_native || OneIn(2)) {
      for (std::uint32_t i = Below(4); i > 0; --i) {
        Bucket& bucket = *histogram.add_bucket();
        bucket.set_upper_bound(OneIn(6) ? std::numeric_limits<double>::infinity() : 10.0 / i);
        if (OneIn(3)) SetExemplar(*bucket.mutable_exemplar());
      }
    }
    if (!is_native) return;
    for (std::uint32_t i = Below(3); i > 0; --i) SetExemplar(*histogram.add_exemplar());
    histogram.set_schema(static_cast<std::int32_t>(Below(13)) - (OneIn(30) ? 6 : 4));
    histogram.set_zero_threshold(OneIn(2) ? 0 : 0.001);
    for (std::uint32_t i = Below(3); i > 0; --i) {
      histogram.add_positive_span()->set_length(Below(3));
      histogram.mutable_positive_span()->rbegin()->set_offset(static_cast<std::int32_t>(Below(4)));
    }
    for (std::uint32_t i = Below(2); i > 0; --i) {
      histogram.add_negative_span()->set_length(Below(3));
      histogram.mutable_negative_span()->rbegin()->set_offset(-2);
    }
  }

  template <typename Spans>
  static std::uint32_t CountBuckets(const Spans& spans) {
    std::uint32_t count = 0;
    for (const Span& span : spans) count += span.length();
    return count;
  }

  void FillIntegers(Histogram& histogram) {
    std::uint64_t total = Below(3);
    histogram.set_zero_count(total);
    const auto fill = [&](std::uint32_t buckets, auto& deltas) {
      std::int64_t last = 0;
      deltas.Clear();
      for (; buckets > 0; --buckets) {
        const std::int64_t count = OneIn(3) ? 0 : Below(300);
        deltas.Add(count - last);
        last = count;
        total += static_cast<std::uint64_t>(count);
      }
    };
    fill(CountBuckets(histogram.positive_span()), *histogram.mutable_positive_delta());
    fill(CountBuckets(histogram.negative_span()), *histogram.mutable_negative_delta());
    if (OneIn(100)) ++total;
    histogram.set_count(total);
    histogram.clear_count_float();
    histogram.clear_zero_count_float();
  }

  void FillFloats(Histogram& histogram) {
    histogram.clear_count();
    const auto fill = [&](std::uint32_t buckets, auto& counts) {
      counts.Clear();
      for (; buckets > 0; --buckets) counts.Add(OneIn(3) ? 0 : 0.5 * Below(300));
    };
    fill(CountBuckets(histogram.positive_span()) + (OneIn(100) ? 1 : 0), *histogram.mutable_positive_count());
    fill(CountBuckets(histogram.negative_span()), *histogram.mutable_negative_count());
    histogram.set_count_float(0.5 * Below(1000));
    histogram.set_zero_count_float(OneIn(2) ? 0 : 0.5);
  }

  void ChangeValues(Metric& metric) {
    if (metric.has_counter()) metric.mutable_counter()->set_value(Value());
    if (metric.has_gauge()) metric.mutable_gauge()->set_value(Value());
    if (metric.has_untyped()) metric.mutable_untyped()->set_value(Value());
    if (metric.has_summary()) {
      metric.mutable_summary()->set_count(random_() >> Below(60));
      metric.mutable_summary()->set_sum(Value());
      for (Quantile& quantile : *metric.mutable_summary()->mutable_quantile()) quantile.set_value(Value());
    }
    if (!metric.has_histogram()) return;
    Histogram& histogram = *metric.mutable_histogram();
    histogram.set_sum(Value());
    if (OneIn(4)) {
      FillFloats(histogram);
    } else {
      FillIntegers(histogram);
    }
    for (Bucket& bucket : *histogram.mutable_bucket()) {
      bucket.clear_count_float();
      bucket.set_count(Below(1000));
      if (OneIn(4)) bucket.set_count_float(0.5 * Below(1000));
    }
  }

  std::mt19937_64 random_;
};

ExpositionCache::Options SomeOptions(Bodies& bodies) {
  return {.format = ExpositionFormat::kProtobuf,
          .honor_timestamps = !bodies.OneIn(4),
          .native_histograms = !bodies.OneIn(3),
          .classic_besides_native = bodies.OneIn(2)};
}

// What a good exposition said of families that it named once.
std::string MetadataProblem(const ExpositionCache& cache, const std::vector<MetricFamily>& families) {
  std::map<std::string, int> counts;
  for (const MetricFamily& family : families) ++counts[family.name()];
  for (const MetricFamily& family : families) {
    if (family.metric_size() == 0 || counts[family.name()] > 1) continue;
    const model::Metadata* const told = cache.MetadataOf(family.name());
    if (told == nullptr) return family.name() + " is not known";
    if (told->help != family.help() || told->unit != family.unit()) return family.name() + " has another text";
    if (told->type != expo::MetricTypeOf(static_cast<expo::FamilyType>(family.type())))
      return family.name() + " has another type";
  }
  return "";
}

TEST(ProtobufCache, GivesWhatTheModelGivesHoweverTheExpositionChanges) {
  std::size_t good_count = 0;
  std::size_t predicted_count = 0;
  for (unsigned seed = 0; seed < 600; ++seed) {
    Bodies bodies(seed);
    ExpositionCache cache(seed);
    expo::RecordingResolver resolver;
    std::vector<MetricFamily> families;
    for (std::uint32_t i = bodies.Below(8); i > 0; --i) families.push_back(bodies.Family());
    ExpositionCache::Options options = SomeOptions(bodies);
    for (int step = 0; step < 12; ++step) {
      const std::string body = bodies.Write(families);
      const auto want = NaiveProtobuf(body, options).Read();
      const auto got = expo::CachedScrape(cache, resolver, body, options);
      ASSERT_EQ(got.error.empty(), want.error.empty()) << "seed " << seed << " step " << step << "\n"
                                                       << got.error << "\nmodel: " << want.error;
      ASSERT_EQ(got.samples, want.samples) << "seed " << seed << " step " << step;
      ASSERT_EQ(got.problem, "") << "seed " << seed << " step " << step;
      if (got.error.empty()) {
        ASSERT_EQ(MetadataProblem(cache, families), "") << "seed " << seed << " step " << step;
      }
      good_count += got.error.empty() ? 1 : 0;
      predicted_count += cache.parsed().predicted_count();
      for (std::uint32_t changes = bodies.Below(4); changes > 0; --changes) bodies.Change(families);
      if (bodies.OneIn(6)) options = SomeOptions(bodies);
    }
  }
  // The bodies are such that both ways are taken often.
  EXPECT_GT(good_count, 2000U);
  EXPECT_GT(predicted_count, 3000U);
}

TEST(ProtobufCache, SaysOfBrokenBodiesWhatAFreshOneSaysAndGoesOnAfterThem) {
  for (unsigned seed = 0; seed < 1500; ++seed) {
    Bodies bodies(seed);
    ExpositionCache cache(seed);
    expo::RecordingResolver resolver;
    std::vector<MetricFamily> families;
    for (std::uint32_t i = 1 + bodies.Below(4); i > 0; --i) families.push_back(bodies.Family());
    const ExpositionCache::Options options = SomeOptions(bodies);
    const std::string good = bodies.Write(families);
    const auto good_samples = expo::CachedScrape(cache, resolver, good, options);
    std::string bad = good;
    for (std::uint32_t i = 1 + bodies.Below(3); i > 0 && !bad.empty(); --i) {
      const std::uint32_t at = bodies.Below(static_cast<std::uint32_t>(bad.size()));
      if (bodies.OneIn(2)) {
        bad[at] = static_cast<char>(bad[at] ^ static_cast<char>(1U << bodies.Below(8)));
      } else {
        bad.resize(at);
      }
    }
    ExpositionCache fresh(seed);
    expo::RecordingResolver fresh_resolver;
    const auto want = expo::CachedScrape(fresh, fresh_resolver, bad, options);
    const auto got = expo::CachedScrape(cache, resolver, bad, options);
    ASSERT_EQ(got.error, want.error) << "seed " << seed;
    ASSERT_EQ(got.samples, want.samples) << "seed " << seed;
    ASSERT_EQ(got.problem, "") << "seed " << seed;
    if (got.error.empty()) {
      // What nobody asks for, as the value of another type, is not looked into: libprotobuf refuses more.
      const auto model = NaiveProtobuf(bad, options).Read();
      if (model.error.empty()) {
        ASSERT_EQ(model.samples, got.samples) << "seed " << seed;
      }
    }
    const auto again = expo::CachedScrape(cache, resolver, good, options);
    ASSERT_EQ(again.samples, good_samples.samples) << "seed " << seed;
    ASSERT_EQ(again.problem, "") << "seed " << seed;
  }
}

}  // namespace
}  // namespace baro::scraper
