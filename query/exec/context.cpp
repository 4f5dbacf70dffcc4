#include "query/exec/context.h"

#include <algorithm>

#include <fmt/format.h>

#include "base/compute_pool.h"

namespace baro::query::exec {
namespace {

std::size_t BytesOf(const tsdb::HistogramSample& sample) {
  const model::FloatHistogram& histogram = *sample.histogram;
  const std::size_t spans = histogram.positive_spans.size() + histogram.negative_spans.size();
  const std::size_t buckets = histogram.positive_buckets.size() + histogram.negative_buckets.size();
  return sizeof sample + sizeof histogram + spans * sizeof(model::Span) + buckets * sizeof(double);
}

}  // namespace

base::Result<> Context::Check() const {
  if (setup_.cancel.Cancelled()) {
    return base::Fail(base::Code::kCancelled, "query was canceled in expression evaluation");
  }
  if (setup_.deadline && setup_.clock->Monotonic() > *setup_.deadline) {
    return base::Fail(base::Code::kTimeout,
                      fmt::format("query timed out in expression evaluation: limit {} ms (--query.timeout or the "
                                  "parameter \"timeout\")",
                                  setup_.timeout.count()));
  }
  if (is_over_.load(std::memory_order_acquire)) return *over_;
  return {};
}

void Context::Hold(std::size_t bytes) {
  auto held = held_.AddBytes(bytes);
  if (held || over_) return;
  over_ = std::move(held).error();
  is_over_.store(true, std::memory_order_release);
}

base::Result<> Context::Read(const Expr& selector, const tsdb::SeriesSelection& selection, std::size_t index,
                             model::TimeRange range, tsdb::SampleColumns& columns) {
  const base::MonotonicTime before = trace_ == nullptr ? base::MonotonicTime{} : trace_->Now();
  BARO_TRY(ReadTold(selection, index, range, columns));
  const std::uint64_t samples = columns.values().size() + columns.histograms().size();
  samples_read_.fetch_add(samples, std::memory_order_relaxed);
  if (trace_ == nullptr) return {};
  NodeTrace& node = trace_->of(selector.id);
  node.read_ns.fetch_add((trace_->Now() - before).count(), std::memory_order_relaxed);
  node.samples_read.fetch_add(samples, std::memory_order_relaxed);
  std::uint64_t bytes = columns.values().size() * (sizeof(std::int64_t) + sizeof(double));
  for (const tsdb::HistogramSample& sample : columns.histograms()) bytes += BytesOf(sample);
  node.bytes_read.fetch_add(bytes, std::memory_order_relaxed);
  return {};
}

base::Result<> Context::ReadTold(const tsdb::SeriesSelection& selection, std::size_t index, model::TimeRange range,
                                 tsdb::SampleColumns& columns) {
  constexpr std::size_t kDamageMax = 100;  // a broken disk has no end of it
  auto read = selection.Read(index, range, columns);
  if (read || read.error().code() != base::Code::kCorruption) return read;
  const base::MutexLock lock(damage_mutex_);
  const std::string& message = read.error().message();
  if (damage_.size() < kDamageMax && std::ranges::find(damage_, message) == damage_.end()) damage_.push_back(message);
  return {};
}

std::vector<std::string> Context::TakeDamage() {
  const base::MutexLock lock(damage_mutex_);
  return std::move(damage_);
}

base::Result<> Context::ForStretches(std::size_t count, std::size_t grain,
                                     const std::function<base::Result<>(std::size_t begin, std::size_t end)>& body) {
  const std::size_t stretches = (count + grain - 1) / grain;
  const auto run = [&](std::size_t index) -> base::Result<> {
    BARO_TRY(Check());
    return body(index * grain, std::min(count, (index + 1) * grain));
  };
  if (setup_.pool == nullptr || stretches < 2) {
    for (std::size_t i = 0; i < stretches; ++i) BARO_TRY(run(i));
    return {};
  }
  std::vector<std::optional<base::Error>> errors(stretches);
  // Each stretch writes its own slot; ParallelFor's return orders those writes before the reads below. One that fails
  // lets the others run: they are short, and the first error by position makes failures repeatable.
  setup_.pool->ParallelFor(base::Priority::kQueries, stretches, setup_.cancel, [&](std::size_t index) {
    auto result = run(index);
    if (!result) errors[index] = std::move(result).error();
  });
  for (auto& error : errors) {
    if (error) return std::move(*error);
  }
  return Check();
}

}  // namespace baro::query::exec
