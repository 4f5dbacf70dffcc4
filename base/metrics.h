// Barograph's own metrics: counters, gauges, histograms and summaries, with and without labels.
//
//     auto& requests = registry.MakeCounterFamily("prometheus_http_requests_total", "Requests served.", {"handler",
//     "code"}); requests.With({"/api/v1/query", "200"}).Add();
//
// Threads  All safe to share. Updates are relaxed atomics; a gathered family may be torn between its points by a few
//          updates, as everywhere.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <initializer_list>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/mutex.h"

namespace baro::base {

enum class MetricKind { kCounter, kGauge, kHistogram, kSummary, kUntyped };

/// One line of an exposition: `<family><suffix>{<labels>} <value>`.
struct MetricPoint {
  std::string suffix;
  std::vector<std::pair<std::string, std::string>> labels;  ///< in the order in which they are written
  double value = 0;
};

/// A metric family as it stands at one moment. Also what exporters produce.
struct MetricFamily {
  std::string name;
  std::string help;
  MetricKind kind = MetricKind::kUntyped;
  std::vector<MetricPoint> points;
};

/// Only goes up.
class Counter {
 public:
  void Add(double amount = 1) { value_.fetch_add(amount, std::memory_order_relaxed); }
  double value() const { return value_.load(std::memory_order_relaxed); }

 private:
  std::atomic<double> value_{0};
};

class Gauge {
 public:
  void Set(double value) { value_.store(value, std::memory_order_relaxed); }
  void Add(double amount) { value_.fetch_add(amount, std::memory_order_relaxed); }
  double value() const { return value_.load(std::memory_order_relaxed); }

 private:
  std::atomic<double> value_{0};
};

/// Counts observations in buckets.
class Histogram {
 public:
  /// Shape  `upper_bounds` strictly increasing, without +Inf.
  explicit Histogram(std::vector<double> upper_bounds);
  void Observe(double value);
  void Collect(MetricFamily& family, const std::vector<std::pair<std::string, std::string>>& labels) const;

 private:
  const std::vector<double> upper_bounds_;
  std::vector<std::atomic<std::uint64_t>> counts_;  // one more than bounds
  std::atomic<double> sum_{0};
};

/// Quantiles over the last minutes: two windows that take turns, each with a bounded random sample of what it saw.
class Summary {
 public:
  explicit Summary(std::vector<double> quantiles);
  ~Summary();
  void Observe(double value);
  void Collect(MetricFamily& family, const std::vector<std::pair<std::string, std::string>>& labels) const;

 private:
  class Window;
  const std::vector<double> quantiles_;
  mutable Mutex mutex_;  // a leaf
  std::unique_ptr<Window> window_ BARO_PT_GUARDED_BY(mutex_);
};

/// Metrics of one name that differ in the values of some labels. Children live as long as the family.
template <typename Metric>
class MetricVector {
 public:
  MetricVector(std::vector<std::string> label_names, std::function<std::unique_ptr<Metric>()> make)
      : label_names_(std::move(label_names)), make_(std::move(make)) {}

  /// The child with these label values, in the order of the names; made when it is new. Keep the reference where it is
  /// hot. Past kChildrenMax new values share one child whose labels all say "other".
  Metric& With(const std::vector<std::string>& values) {
    const MutexLock lock(mutex_);
    auto found = children_.find(values);
    if (found != children_.end()) return *found->second;
    if (children_.size() < kChildrenMax) return *children_.emplace(values, make_()).first->second;
    auto& other = children_[std::vector<std::string>(label_names_.size(), "other")];
    if (!other) other = make_();
    return *other;
  }

  template <typename Visit>
  void ForEach(const Visit& visit) const {
    const MutexLock lock(mutex_);
    for (const auto& [values, metric] : children_) {
      std::vector<std::pair<std::string, std::string>> labels;
      labels.reserve(values.size());
      for (std::size_t i = 0; i < label_names_.size(); ++i) labels.emplace_back(label_names_[i], values[i]);
      visit(labels, *metric);
    }
  }

  /// Forgets a child: the caller knows that nobody keeps a reference to it.
  void Remove(const std::vector<std::string>& values) {
    const MutexLock lock(mutex_);
    children_.erase(values);
  }

 private:
  static constexpr std::size_t kChildrenMax = 10'000;

  const std::vector<std::string> label_names_;
  const std::function<std::unique_ptr<Metric>()> make_;
  mutable Mutex mutex_;  // a leaf
  std::map<std::vector<std::string>, std::unique_ptr<Metric>> children_ BARO_GUARDED_BY(mutex_);
};

using CounterFamily = MetricVector<Counter>;
using GaugeFamily = MetricVector<Gauge>;
using HistogramFamily = MetricVector<Histogram>;
using SummaryFamily = MetricVector<Summary>;

/// All metrics of a server. What it makes lives as long as it.
class Registry {
 public:
  Registry();
  ~Registry();

  // A name that is taken already is a broken contract.
  Counter& MakeCounter(std::string name, std::string help);
  Gauge& MakeGauge(std::string name, std::string help);
  Histogram& MakeHistogram(std::string name, std::string help, std::vector<double> upper_bounds);
  Summary& MakeSummary(std::string name, std::string help, std::vector<double> quantiles);
  CounterFamily& MakeCounterFamily(std::string name, std::string help, std::vector<std::string> labels);
  GaugeFamily& MakeGaugeFamily(std::string name, std::string help, std::vector<std::string> labels);
  HistogramFamily& MakeHistogramFamily(std::string name, std::string help, std::vector<std::string> labels,
                                       std::vector<double> upper_bounds);
  SummaryFamily& MakeSummaryFamily(std::string name, std::string help, std::vector<std::string> labels,
                                   std::vector<double> quantiles);

  /// Calls `collect` at each Gather(), for families that are computed then. The caller takes it away with Remove()
  /// before what it refers to goes.
  using CollectorId = std::uint64_t;
  CollectorId AddCollector(std::function<void(std::vector<MetricFamily>&)> collect);
  void RemoveCollector(CollectorId id);

  /// Everything, sorted by name. Families without points are left out.
  std::vector<MetricFamily> Gather() const;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace baro::base
