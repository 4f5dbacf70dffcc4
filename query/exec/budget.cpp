#include "query/exec/budget.h"

#include <fmt/format.h>

namespace baro::query::exec {
namespace {

void Raise(std::atomic<std::uint64_t>& peak, std::uint64_t value) {
  std::uint64_t seen = peak.load(std::memory_order_relaxed);
  while (seen < value && !peak.compare_exchange_weak(seen, value, std::memory_order_relaxed)) {
  }
}

}  // namespace

base::Result<> Budget::Take(std::size_t bytes, std::size_t samples) {
  const std::uint64_t bytes_now = bytes_.fetch_add(bytes, std::memory_order_relaxed) + bytes;
  const std::uint64_t samples_now = samples_.fetch_add(samples, std::memory_order_relaxed) + samples;
  if (bytes_max_ > 0 && bytes > 0 && bytes_now > bytes_max_) {
    Give(bytes, samples);
    return base::Fail(
        base::Code::kLimitExceeded,
        fmt::format(
            "query processing would hold too much memory in query execution: limit {} bytes, needed at least {}",
            bytes_max_, bytes_now));
  }
  if (samples_max_ > 0 && samples > 0 && samples_now > samples_max_) {
    Give(bytes, samples);
    return base::Fail(base::Code::kLimitExceeded,
                      fmt::format("query processing would load too many samples into memory in query execution: limit "
                                  "{} samples (query.max-samples), needed at least {}",
                                  samples_max_, samples_now));
  }
  Raise(bytes_peak_, bytes_now);
  Raise(samples_peak_, samples_now);
  return {};
}

void Budget::Give(std::size_t bytes, std::size_t samples) {
  bytes_.fetch_sub(bytes, std::memory_order_relaxed);
  samples_.fetch_sub(samples, std::memory_order_relaxed);
}

}  // namespace baro::query::exec
