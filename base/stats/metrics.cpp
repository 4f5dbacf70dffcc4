#include "base/metrics.h"

#include <algorithm>
#include <cmath>

#include "base/clock.h"
#include "base/number_text.h"
#include "base/random.h"
#include "base/result.h"

namespace baro::base {

namespace {
using Labels = std::vector<std::pair<std::string, std::string>>;

Labels WithLabel(const Labels& labels, std::string name, std::string value) {
  Labels more = labels;
  more.emplace_back(std::move(name), std::move(value));
  return more;
}
}  // namespace

Histogram::Histogram(std::vector<double> upper_bounds)
    : upper_bounds_(std::move(upper_bounds)), counts_(upper_bounds_.size() + 1) {
  BARO_ASSERT(std::ranges::adjacent_find(upper_bounds_, std::greater_equal<>()) == upper_bounds_.end());
}

void Histogram::Observe(double value) {
  // NaN is in no bucket but the last, as in Prometheus' clients.
  const auto bound = std::isnan(value) ? upper_bounds_.end() : std::ranges::lower_bound(upper_bounds_, value);
  const auto bucket = bound - upper_bounds_.begin();
  counts_[static_cast<std::size_t>(bucket)].fetch_add(1, std::memory_order_relaxed);
  sum_.fetch_add(value, std::memory_order_relaxed);
}

void Histogram::Collect(MetricFamily& family, const Labels& labels) const {
  std::uint64_t below = 0;
  for (std::size_t i = 0; i < counts_.size(); ++i) {
    below += counts_[i].load(std::memory_order_relaxed);
    const std::string bound = i < upper_bounds_.size() ? FormatFloat(upper_bounds_[i]) : "+Inf";
    family.points.push_back({"_bucket", WithLabel(labels, "le", bound), static_cast<double>(below)});
  }
  family.points.push_back({"_sum", labels, sum_.load(std::memory_order_relaxed)});
  family.points.push_back({"_count", labels, static_cast<double>(below)});
}

/// A uniform sample of what was observed since the window began, and of the window before it.
/// Source   Reservoir sampling, algorithm R: Vitter, "Random Sampling with a Reservoir", ACM TOMS 1985.
class Summary::Window {
 public:
  void Observe(double value) {
    Turn();
    ++count_;
    sum_ += value;
    ++seen_;
    if (current_.size() < kSampleMax) {
      current_.push_back(value);
    } else if (const std::uint64_t place = random_.Below(seen_); place < kSampleMax) {
      current_[place] = value;
    }
  }

  std::vector<double> Sorted() {
    Turn();
    std::vector<double> all = previous_;
    all.insert(all.end(), current_.begin(), current_.end());
    std::ranges::sort(all);
    return all;
  }

  std::uint64_t count() const { return count_; }
  double sum() const { return sum_; }

 private:
  static constexpr std::size_t kSampleMax = 1024;  // the median is then right within 3 % of rank, 19 times of 20
  static constexpr std::chrono::minutes kWindow{5};

  void Turn() {
    const MonotonicTime now = RealClock().Monotonic();
    if (now - began_ < kWindow) return;
    previous_ = now - began_ < 2 * kWindow ? std::move(current_) : std::vector<double>();
    current_.clear();
    seen_ = 0;
    began_ = now;
  }

  MonotonicTime began_ = RealClock().Monotonic();
  std::vector<double> current_;
  std::vector<double> previous_;
  std::uint64_t seen_ = 0;
  std::uint64_t count_ = 0;
  double sum_ = 0;
  SeededRandom random_{0};
};

Summary::Summary(std::vector<double> quantiles)
    : quantiles_(std::move(quantiles)), window_(std::make_unique<Window>()) {}
Summary::~Summary() = default;

void Summary::Observe(double value) {
  const MutexLock lock(mutex_);
  window_->Observe(value);
}

void Summary::Collect(MetricFamily& family, const Labels& labels) const {
  const MutexLock lock(mutex_);
  const std::vector<double> sorted = window_->Sorted();
  for (const double quantile : quantiles_) {
    const double rank = quantile * static_cast<double>(sorted.size() - 1);
    const double value = sorted.empty() ? std::nan("") : sorted[static_cast<std::size_t>(std::lround(rank))];
    family.points.push_back({"", WithLabel(labels, "quantile", FormatFloat(quantile)), value});
  }
  family.points.push_back({"_sum", labels, window_->sum()});
  family.points.push_back({"_count", labels, static_cast<double>(window_->count())});
}

namespace {

void CollectOne(const Counter& metric, MetricFamily& family, const Labels& labels) {
  family.points.push_back({"", labels, metric.value()});
}
void CollectOne(const Gauge& metric, MetricFamily& family, const Labels& labels) {
  family.points.push_back({"", labels, metric.value()});
}
void CollectOne(const Histogram& metric, MetricFamily& family, const Labels& labels) { metric.Collect(family, labels); }
void CollectOne(const Summary& metric, MetricFamily& family, const Labels& labels) { metric.Collect(family, labels); }

struct Entry {
  std::string help;
  MetricKind kind;
  std::function<void(MetricFamily&)> collect;
};

}  // namespace

class Registry::Impl {
 public:
  /// Makes the vector of children that stands behind a name.
  template <typename Metric>
  MetricVector<Metric>& Add(std::string name, std::string help, MetricKind kind, std::vector<std::string> labels,
                            std::function<std::unique_ptr<Metric>()> make) {
    auto vector = std::make_shared<MetricVector<Metric>>(std::move(labels), std::move(make));
    auto& reference = *vector;
    const MutexLock lock(mutex_);
    const bool is_new =
        entries_
            .emplace(std::move(name), Entry{std::move(help), kind,
                                            [vector](MetricFamily& family) {
                                              vector->ForEach([&](const Labels& label_values, const Metric& metric) {
                                                CollectOne(metric, family, label_values);
                                              });
                                            }})
            .second;
    BARO_ASSERT(is_new);
    return reference;
  }

  CollectorId AddCollector(std::function<void(std::vector<MetricFamily>&)> collect) {
    const MutexLock lock(mutex_);
    collectors_.emplace(++last_collector_, std::move(collect));
    return last_collector_;
  }

  void RemoveCollector(CollectorId id) {
    const MutexLock lock(mutex_);
    collectors_.erase(id);
  }

  std::vector<MetricFamily> Gather() const {
    std::vector<MetricFamily> families;
    const MutexLock lock(mutex_);
    for (const auto& [name, entry] : entries_) {
      MetricFamily family{.name = name, .help = entry.help, .kind = entry.kind, .points = {}};
      entry.collect(family);
      if (!family.points.empty()) families.push_back(std::move(family));
    }
    for (const auto& [id, collect] : collectors_) collect(families);
    std::ranges::sort(families, {}, &MetricFamily::name);
    return families;
  }

 private:
  mutable Mutex mutex_;  // held while collectors run: they must not touch the registry
  std::map<std::string, Entry> entries_ BARO_GUARDED_BY(mutex_);
  std::map<CollectorId, std::function<void(std::vector<MetricFamily>&)>> collectors_ BARO_GUARDED_BY(mutex_);
  CollectorId last_collector_ BARO_GUARDED_BY(mutex_) = 0;
};

Registry::Registry() : impl_(std::make_unique<Impl>()) {}
Registry::~Registry() = default;

CounterFamily& Registry::MakeCounterFamily(std::string name, std::string help, std::vector<std::string> labels) {
  return impl_->Add<Counter>(std::move(name), std::move(help), MetricKind::kCounter, std::move(labels),
                             [] { return std::make_unique<Counter>(); });
}
GaugeFamily& Registry::MakeGaugeFamily(std::string name, std::string help, std::vector<std::string> labels) {
  return impl_->Add<Gauge>(std::move(name), std::move(help), MetricKind::kGauge, std::move(labels),
                           [] { return std::make_unique<Gauge>(); });
}
HistogramFamily& Registry::MakeHistogramFamily(std::string name, std::string help, std::vector<std::string> labels,
                                               std::vector<double> upper_bounds) {
  return impl_->Add<Histogram>(std::move(name), std::move(help), MetricKind::kHistogram, std::move(labels),
                               [bounds = std::move(upper_bounds)] { return std::make_unique<Histogram>(bounds); });
}
SummaryFamily& Registry::MakeSummaryFamily(std::string name, std::string help, std::vector<std::string> labels,
                                           std::vector<double> quantiles) {
  return impl_->Add<Summary>(std::move(name), std::move(help), MetricKind::kSummary, std::move(labels),
                             [ranks = std::move(quantiles)] { return std::make_unique<Summary>(ranks); });
}
Counter& Registry::MakeCounter(std::string name, std::string help) {
  return MakeCounterFamily(std::move(name), std::move(help), {}).With({});
}
Gauge& Registry::MakeGauge(std::string name, std::string help) {
  return MakeGaugeFamily(std::move(name), std::move(help), {}).With({});
}
Histogram& Registry::MakeHistogram(std::string name, std::string help, std::vector<double> upper_bounds) {
  return MakeHistogramFamily(std::move(name), std::move(help), {}, std::move(upper_bounds)).With({});
}
Summary& Registry::MakeSummary(std::string name, std::string help, std::vector<double> quantiles) {
  return MakeSummaryFamily(std::move(name), std::move(help), {}, std::move(quantiles)).With({});
}
Registry::CollectorId Registry::AddCollector(std::function<void(std::vector<MetricFamily>&)> collect) {
  return impl_->AddCollector(std::move(collect));
}
void Registry::RemoveCollector(CollectorId id) { impl_->RemoveCollector(id); }
std::vector<MetricFamily> Registry::Gather() const { return impl_->Gather(); }

}  // namespace baro::base
