#include "scraper/expo/protobuf_cache.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>

#include <fmt/format.h>

#include "model/names.h"
#include "model/quote.h"
#include "model/sample.h"
#include "scraper/expo/number.h"

namespace baro::scraper::expo {
namespace {

using base::Code;
using base::Fail;

std::string_view SuffixOf(SampleRole role) {
  switch (role) {
    case SampleRole::kCount:
      return "_count";
    case SampleRole::kSum:
      return "_sum";
    case SampleRole::kBucket:
      return "_bucket";
    case SampleRole::kValue:
    case SampleRole::kQuantile:
    case SampleRole::kNative:
      return "";
  }
  return "";
}

std::string_view BoundLabelOf(SampleRole role) {
  if (role == SampleRole::kBucket) return model::kBucketLabel;
  return role == SampleRole::kQuantile ? model::kQuantileLabel : std::string_view();
}

double Canonical(double value) { return std::isnan(value) ? model::CanonicalNaN() : value; }

}  // namespace

base::Result<> ProtobufCache::Parse(std::string_view body, const ExpositionCache::Options& options,
                                    const Seams& seams) {
  Run run{.options = options, .seams = seams, .family = {}};
  is_changed_ = !has_last_;
  items_count_ = 0;
  new_.Clear();
  constexpr std::size_t kMetricBytes = 64;  // a guess of what one has; wrong ones cost a copy
  if (is_changed_) new_.Reserve(body.size(), body.size() / kMetricBytes);
  base::WireReader reader(body);
  while (!reader.AtEnd()) {
    if (TakeRun(run, reader)) continue;
    const auto offset = static_cast<std::size_t>(reader.position() - body.data());
    run.lead = body.substr(offset, 0);
    const std::string_view family = reader.Bytes();
    const auto at = [offset] { return fmt::format("byte {}", offset); };
    if (!reader.ok()) {
      return Fail(Code::kInvalidArgument, at() + ": the length of a metric family reaches beyond the exposition");
    }
    const auto taken = TakeFamily(run, family);
    if (!taken) return taken.error().WithContext(at());
  }
  if (run.next != last_.size() || run.next_family != last_.families().size()) Diverge(run);
  return {};
}

void ProtobufCache::Commit() {
  if (is_changed_) {
    std::swap(last_, new_);
    last_.FindRuns();
  } else {
    new_ = {};  // whoever stands still needs no second template
  }
  has_last_ = true;
}

void ProtobufCache::Clear() {
  last_ = {};
  new_ = {};
  has_last_ = false;
}

// Its bytes begin with its length, where run.lead does.
base::Result<> ProtobufCache::TakeFamily(Run& run, std::string_view message) {
  const char* const begin = run.lead.data();
  const std::string_view whole(begin, static_cast<std::size_t>(message.data() + message.size() - begin));
  if (is_changed_ && TakePlainFamily(run, whole)) return {};
  run.family = BARO_TRY(ReadFamily(message));
  if (run.family.first_metric == nullptr) return {};
  run.lead = whole.substr(0, static_cast<std::size_t>(run.family.first_metric - begin));
  const bool is_expected = run.next_family < last_.families().size();
  run.family_number = run.seams.families.Update(
      run.family.name, {.type = MetricTypeOf(run.family.type), .help = run.family.help, .unit = run.family.unit},
      is_expected ? last_.families()[run.next_family] : 0);
  NoteFamily(run);
  BARO_TRY(TakeMetrics(run, whole.substr(run.lead.size())));
  if (!is_changed_) {
    // The same metrics, but the family may say something else of itself: then that is what is expected from now on.
    const auto place = static_cast<std::uint32_t>(run.next_family - 1);
    const FamilyShape& shape = last_.shape(place);
    const bool is_other =
        shape.is_plain && (shape.text_end - shape.lead_begin != whole.size() || last_.lead(place) != run.lead);
    if (is_other) Diverge(run);
  }
  if (is_changed_) new_.CloseFamily(whole.size(), run.first);
  run.is_in_family = false;
  return {};
}

base::Result<> ProtobufCache::TakeMetrics(Run& run, std::string_view fields) {
  base::WireReader reader(fields);
  while (true) {
    while (TakePlain(run, reader)) {
    }
    const char* const field = reader.position();
    const auto metric = NextMetric(reader);
    if (!metric) return {};
    run.field = {field, static_cast<std::size_t>(reader.position() - field)};
    const auto taken = TakeMetric(run, *metric);
    if (!taken) return taken.error().WithContext(fmt::format("metric family {}", model::Abridged(run.family.name)));
  }
}

// The expected families that follow, as many as are there in all of their bytes but the values. They then say of
// themselves what they said.
bool ProtobufCache::TakeRun(Run& run, base::WireReader& reader) {
  if (is_changed_ || run.next_family == last_.families().size()) return false;
  const auto first = static_cast<std::uint32_t>(run.next_family);
  if (!last_.shape(first).is_plain || last_.shape(first).first != run.next) return false;
  std::uint32_t end = last_.shape(first).run_end;
  if (last_.StretchOf(first, end).size_bytes() > reader.left()) end = first + 1;
  const MetricTemplate::Stretch stretch = last_.StretchOf(first, end);
  if (stretch.size_bytes() > reader.left()) return false;
  const std::size_t agreed = last_.ReadValues(stretch, reader.position(), values_);
  const double* values = values_.data();
  std::uint32_t text_end = stretch.text_begin;
  for (std::uint32_t place = first; place < end; ++place) {
    const FamilyShape& shape = last_.shape(place);
    if (shape.text_end - stretch.text_begin > agreed) break;
    values = EmitPlainFamily(run, shape, values);
    text_end = shape.text_end;
  }
  reader.Advance(text_end - stretch.text_begin);
  return text_end != stretch.text_begin;
}

// The same, of one family, while a new template is made.
bool ProtobufCache::TakePlainFamily(Run& run, std::string_view whole) {
  if (run.next == last_.size()) return false;
  const std::uint32_t place = last_.entry(run.next).family_place;
  const FamilyShape& shape = last_.shape(place);
  if (!shape.is_plain || shape.first != run.next) return false;
  const MetricTemplate::Stretch stretch = last_.StretchOf(place, place + 1);
  if (stretch.size_bytes() != whole.size()) return false;
  if (last_.ReadValues(stretch, whole.data(), values_) != whole.size()) return false;
  new_.PushFamily(last_.families()[place], last_.lead(place));
  const std::size_t first = new_.size();
  const double* values = values_.data();
  for (std::uint32_t i = 0; i < shape.count; ++i) values = EmitPlain(run, values);
  new_.CloseFamily(whole.size(), first);
  return true;
}

// Returns what is behind its values.
const double* ProtobufCache::EmitPlainFamily(Run& run, const FamilyShape& shape, const double* values) {
  ++run.next_family;
  if (!shape.has_one_start) {
    for (std::uint32_t i = 0; i < shape.count; ++i) values = EmitPlain(run, values);
    return values;
  }
  const std::span<const MetricSample> samples = last_.samples(shape.first, shape.count);
  items_count_ += samples.size();
  run.seams.sink.CountPredicted(samples.size());
  run.seams.sink.EmitBlock(samples, values, last_.entry(shape.first).start_ms);
  run.next += shape.count;
  return values + samples.size();
}

// The expected metric, if all of its bytes but the values are there.
bool ProtobufCache::TakePlain(Run& run, base::WireReader& reader) {
  if (run.next == last_.size()) return false;
  const MetricEntry& entry = last_.entry(run.next);
  const std::size_t size_bytes = entry.text_end - entry.text_begin;
  const bool is_possible = entry.is_plain && entry.family == run.family_number && entry.type == run.family.type &&
                           reader.left() >= size_bytes;
  if (!is_possible) return false;
  if (last_.ReadValues(last_.StretchOf(entry), reader.position(), values_) != size_bytes) return false;
  EmitPlain(run, values_.data());
  reader.Advance(size_bytes);
  return true;
}

// The samples of the expected metric; returns what is behind their values.
const double* ProtobufCache::EmitPlain(Run& run, const double* values) {
  const MetricEntry& entry = last_.entry(run.next);
  const std::span<const MetricSample> samples = last_.samples(entry);
  items_count_ += samples.size();
  run.seams.sink.CountPredicted(samples.size());
  run.seams.sink.EmitBlock(samples, values, entry.start_ms);
  if (is_changed_) {
    const MetricTemplate::Key key{.labels = last_.labels(entry), .family = entry.family, .type = entry.type};
    new_.Push(key, entry.hash, samples, last_.plain(entry));
  }
  ++run.next;
  return values + samples.size();
}

// What the metric under way is as a plain one.
PlainMetric ProtobufCache::PlainOf(const Run& run) {
  const bool is_plain = message_.timestamp_ms == 0 && message_.later_labels.empty() && FindPlaces(run);
  if (!is_plain) return {};
  return {.field = run.field, .places = places_, .places_base = 0, .start_ms = message_.start_ms};
}

void ProtobufCache::AddPlace(const Run& run, const NumberPlace& place, ValuePlace::Kind kind) {
  if (place.at == nullptr) {
    places_.push_back({});
    return;
  }
  places_.push_back({.offset = static_cast<std::uint32_t>(place.at - run.field.data()),
                     .kind = kind,
                     .size_bytes = place.size_bytes});
}

void ProtobufCache::AddHistogramPlaces(const Run& run) {
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  AddPlace(run, message_.count_place, ValuePlace::Kind::kVarint);
  AddPlace(run, message_.sum_place, ValuePlace::Kind::kDouble);
  for (const BucketMessage& bucket : message_.buckets) {
    AddPlace(run, bucket.count_place, ValuePlace::Kind::kVarint);
    if (bucket.upper_bound == kInfinity) return;
  }
  AddPlace(run, message_.count_place, ValuePlace::Kind::kVarintAgain);
}

// Whether a histogram or a counter says something that varies beside the values of its samples.
bool ProtobufCache::HasMore(FamilyType type) const {
  if (!IsHistogramType(type)) return message_.exemplar.has_value();
  return message_.is_native() || message_.count_float != 0 || !message_.exemplars.empty() ||
         std::ranges::any_of(message_.buckets, [](const BucketMessage& bucket) {
           return bucket.is_float || bucket.exemplar.has_value();
         });
}

// Places of the samples in the order in which TakeMetric() told them. False: the metric is not a plain one.
bool ProtobufCache::FindPlaces(const Run& run) {
  places_.clear();
  if (HasMore(run.family.type)) return false;
  if (IsHistogramType(run.family.type)) {
    AddHistogramPlaces(run);
  } else if (run.family.type == FamilyType::kSummary) {
    AddPlace(run, message_.count_place, ValuePlace::Kind::kVarint);
    AddPlace(run, message_.sum_place, ValuePlace::Kind::kDouble);
    for (const QuantileMessage& quantile : message_.quantiles) {
      AddPlace(run, quantile.value_place, ValuePlace::Kind::kDouble);
    }
  } else {
    AddPlace(run, message_.value_place, ValuePlace::Kind::kDouble);
  }
  constexpr std::uint8_t kSizeMax = 9;  // a varint of ten bytes may have too many bits
  std::uint32_t behind = 0;
  for (const ValuePlace& place : places_) {
    if (place.kind == ValuePlace::Kind::kAbsent || place.kind == ValuePlace::Kind::kVarintAgain) continue;
    if (place.offset < behind || place.size_bytes > kSizeMax) return false;
    behind = place.offset + place.size_bytes;
  }
  return true;
}

void ProtobufCache::NoteFamily(Run& run) {
  if (!is_changed_) {
    const bool agrees =
        run.next_family < last_.families().size() && last_.families()[run.next_family] == run.family_number;
    if (agrees) {
      ++run.next_family;
      run.first = run.next;
      run.is_in_family = true;
      return;
    }
    Diverge(run);
  }
  new_.PushFamily(run.family_number, run.lead);
  run.first = new_.size();
}

// From here on new_ is built: what agreed so far, and all that comes. Of the family under way it has what is said now.
void ProtobufCache::Diverge(Run& run) {
  if (is_changed_) return;
  is_changed_ = true;
  if (!run.is_in_family) {
    new_.AssignPrefix(last_, run.next, run.next_family);
    return;
  }
  new_.AssignPrefix(last_, run.first, run.next_family - 1);
  new_.PushFamily(run.family_number, run.lead);
  for (std::size_t i = run.first; i < run.next; ++i) {
    const MetricEntry& entry = last_.entry(i);
    const MetricTemplate::Key key{.labels = last_.labels(entry), .family = entry.family, .type = entry.type};
    new_.Push(key, entry.hash, last_.samples(entry), entry.is_plain ? last_.plain(entry) : PlainMetric());
  }
}

base::Result<> ProtobufCache::TakeMetric(Run& run, std::string_view metric) {
  std::string_view labels = LabelsOf(run, metric);
  message_.Clear();
  BARO_TRY(ReadMetric(metric.substr(labels.size()), run.family.type, message_));
  if (!message_.later_labels.empty()) {
    joined_labels_.assign(labels);
    joined_labels_ += message_.later_labels;
    labels = joined_labels_;
  }
  labels_text_ = labels;
  has_labels_ = false;
  Expect(run, labels);
  if (IsHistogramType(run.family.type)) {
    BARO_TRY(TakeHistogram(run));
  } else if (run.family.type == FamilyType::kSummary) {
    BARO_TRY(TakeSummary(run));
  } else {
    BARO_TRY(TakeValue(run));
  }
  FinishMetric(run, labels);
  return {};
}

// The expected ones if they are there, which spares finding their end.
std::string_view ProtobufCache::LabelsOf(const Run& run, std::string_view metric) const {
  if (run.next < last_.size()) {
    constexpr char kLabelTag = 0x0a;
    const std::string_view expected = last_.labels(last_.entry(run.next));
    const bool is_there =
        metric.starts_with(expected) && (metric.size() == expected.size() || metric[expected.size()] != kLabelTag);
    if (is_there) return metric.substr(0, expected.size());
  }
  return LabelsInFront(metric);
}

void ProtobufCache::Expect(const Run& run, std::string_view labels) {
  samples_.clear();
  const MetricTemplate::Key key{.labels = labels, .family = run.family_number, .type = run.family.type};
  const MetricEntry* entry = nullptr;
  known_ = MetricTemplate::kNone;
  if (run.next < last_.size()) {
    const MetricEntry& next = last_.entry(run.next);
    if (next.family == key.family && next.type == key.type && last_.labels(next) == labels) {
      known_ = static_cast<std::uint32_t>(run.next);
      hash_ = next.hash;
      entry = &next;
    }
  }
  if (entry == nullptr) {
    hash_ = MetricTemplate::HashOf(key, hash_seed_);
    known_ = last_.Find(key, hash_);
    if (known_ != MetricTemplate::kNone) {
      entry = &last_.entry(known_);
    } else if (const std::uint32_t met = new_.Find(key, hash_); met != MetricTemplate::kNone) {
      expected_ = {.samples = new_.samples(new_.entry(met)), .agrees = true};
      return;
    }
  }
  expected_ = entry == nullptr ? Expected() : Expected{.samples = last_.samples(*entry), .agrees = true};
}

void ProtobufCache::FinishMetric(Run& run, std::string_view labels) {
  const bool has_all = expected_.agrees && expected_.matched_count == expected_.samples.size();
  const bool is_expected = known_ != MetricTemplate::kNone && known_ == run.next;
  if (has_all && is_expected) run.seams.sink.CountPredicted(expected_.matched_count);
  // A plain metric that TakePlain() did not take has other bytes: they are what is expected from now on.
  const PlainMetric plain = PlainOf(run);
  if (!has_all || !is_expected || !plain.field.empty()) Diverge(run);
  if (known_ != MetricTemplate::kNone) run.next = known_ + 1;
  if (!is_changed_) return;
  if (expected_.agrees) {
    const auto matched = expected_.samples.first(expected_.matched_count);
    samples_.assign(matched.begin(), matched.end());
  }
  new_.Push({.labels = labels, .family = run.family_number, .type = run.family.type}, hash_, samples_, plain);
}

base::Result<> ProtobufCache::TakeValue(Run& run) {
  const SeriesHandle series = BARO_TRY(TakeSample(run, SampleRole::kValue, 0, message_.value));
  return TakeExemplar(run, series, message_.exemplar);
}

base::Result<> ProtobufCache::TakeSummary(Run& run) {
  BARO_TRY(TakeSample(run, SampleRole::kCount, 0, static_cast<double>(message_.count)));
  BARO_TRY(TakeSample(run, SampleRole::kSum, 0, message_.sum));
  for (const QuantileMessage& quantile : message_.quantiles) {
    BARO_TRY(TakeSample(run, SampleRole::kQuantile, quantile.quantile, quantile.value));
  }
  return {};
}

// Source   Prometheus' configuration: `scrape_native_histograms`, `always_scrape_classic_histograms`.
base::Result<> ProtobufCache::TakeHistogram(Run& run) {
  if (!run.options.native_histograms || !message_.is_native()) return TakeClassic(run);
  BARO_TRY(TakeNative(run));
  if (!run.options.classic_besides_native || message_.buckets.empty()) return {};
  return TakeClassic(run);
}

base::Result<> ProtobufCache::TakeClassic(Run& run) {
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  BARO_TRY(TakeSample(run, SampleRole::kCount, 0, message_.total_count()));
  BARO_TRY(TakeSample(run, SampleRole::kSum, 0, message_.sum));
  for (const BucketMessage& bucket : message_.buckets) {
    const SeriesHandle series = BARO_TRY(TakeSample(run, SampleRole::kBucket, bucket.upper_bound, bucket.count));
    BARO_TRY(TakeExemplar(run, series, bucket.exemplar));
    if (bucket.upper_bound == kInfinity) return {};  // the last one
  }
  BARO_TRY(TakeSample(run, SampleRole::kBucket, kInfinity, message_.total_count()));
  return {};
}

base::Result<> ProtobufCache::TakeNative(Run& run) {
  BARO_TRY(CountItem());
  const SeriesHandle series = BARO_TRY(SeriesOf(run, SampleRole::kNative, 0));
  model::FloatHistogram& histogram = run.seams.sink.NewHistogram();
  BARO_TRY(MakeHistogram(message_, run.family.type, histogram));
  run.seams.sink.EmitHistogram(series, timestamp_ms(), message_.start_ms);
  return TakeNativeExemplars(run, series);
}

// Those of the histogram, or else those of its classic buckets; only with a time, and the oldest first.
base::Result<> ProtobufCache::TakeNativeExemplars(Run& run, SeriesHandle series) {
  if (series == SeriesHandle::kDropped) return {};
  std::vector<std::pair<std::int64_t, std::string_view>> in_time;
  const auto add = [&](std::string_view message) -> base::Result<> {
    const ExpositionExemplar exemplar = BARO_TRY(ReadExemplar(message, exemplar_labels_));
    if (exemplar.timestamp_ms) in_time.emplace_back(*exemplar.timestamp_ms, message);
    return {};
  };
  for (const std::string_view message : message_.exemplars) BARO_TRY(add(message));
  if (message_.exemplars.empty()) {
    for (const BucketMessage& bucket : message_.buckets) {
      if (bucket.exemplar) BARO_TRY(add(*bucket.exemplar));
    }
  }
  std::ranges::stable_sort(in_time, {}, &std::pair<std::int64_t, std::string_view>::first);
  for (const auto& [time_ms, message] : in_time) BARO_TRY(TakeExemplar(run, series, message));
  return {};
}

base::Result<> ProtobufCache::TakeExemplar(Run& run, SeriesHandle series, std::optional<std::string_view> message) {
  if (!message || series == SeriesHandle::kDropped) return {};
  BARO_TRY(CountItem());
  const ExpositionExemplar exemplar = BARO_TRY(ReadExemplar(*message, exemplar_labels_));
  run.seams.sink.KeepExemplar(series, exemplar, timestamp_ms());
  return {};
}

base::Result<> ProtobufCache::CountItem() {
  if (++items_count_ <= items_max_) return {};
  return Fail(Code::kLimitExceeded, fmt::format("more than {} samples and exemplars in one exposition", items_max_));
}

base::Result<SeriesHandle> ProtobufCache::TakeSample(Run& run, SampleRole role, double bound, double value) {
  BARO_TRY(CountItem());
  const SeriesHandle series = BARO_TRY(SeriesOf(run, role, bound));
  run.seams.sink.EmitSampleWithStart(series, Canonical(value), timestamp_ms(), message_.start_ms);
  return series;
}

base::Result<SeriesHandle> ProtobufCache::SeriesOf(Run& run, SampleRole role, double bound) {
  const auto bits = std::bit_cast<std::uint64_t>(bound);
  if (expected_.agrees) {
    if (expected_.matched_count < expected_.samples.size()) {
      const MetricSample& sample = expected_.samples[expected_.matched_count];
      if (sample.role == role && sample.bound_bits == bits) {
        ++expected_.matched_count;
        return sample.series;
      }
    }
    expected_.agrees = false;
    const auto matched = expected_.samples.first(expected_.matched_count);
    samples_.assign(matched.begin(), matched.end());
  }
  const SeriesHandle series = BARO_TRY(Resolve(run, role, bound));
  samples_.push_back({.series = series, .role = role, .bound_bits = bits});
  return series;
}

base::Result<SeriesHandle> ProtobufCache::Resolve(Run& run, SampleRole role, double bound) {
  if (!has_labels_) {
    BARO_TRY(ReadLabels(labels_text_, labels_));
    has_labels_ = true;
  }
  name_.assign(run.family.name);
  name_ += SuffixOf(role);
  const std::string_view bound_label = BoundLabelOf(role);
  if (!bound_label.empty()) {
    if (std::ranges::find(labels_, bound_label, &ExpositionLabel::name) != labels_.end()) {
      return Fail(Code::kInvalidArgument, fmt::format("label \"{}\" stands twice", bound_label));
    }
    bound_.clear();
    AppendOpenMetricsNumber(bound, bound_);
    labels_.push_back({.name = bound_label, .value = bound_});
  }
  auto series = run.seams.sink.Resolve(run.seams.resolver,
                                       {.name = name_, .labels = labels_, .type = MetricTypeOf(run.family.type)});
  if (!bound_label.empty()) labels_.pop_back();
  if (!series) run.seams.sink.CountRefused();
  return series;
}

}  // namespace baro::scraper::expo
