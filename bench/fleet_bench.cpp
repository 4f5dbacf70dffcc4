// bench: tsdb
// The data directory of a fleet after compaction, by part, without a server: 20,000 series of 33 node targets for 24
// hours at 15 seconds, as ../shared/bench sends them in its phase C (the same values, bit for bit). Where its generator
// is not at hand nothing is measured. BARO_FLEET_SERIES and BARO_FLEET_HOURS scale it.
#if __has_include("../../shared/bench/loadgen/profile.hpp")

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <ctime>
#include <filesystem>
#include <memory>
#include <numbers>
#include <string>
#include <vector>

#include <benchmark/benchmark.h>
#include <fmt/format.h>

#include "base/random.h"
#include "bench/block_parts.h"
#include "tsdb/block/block.h"
#include "tsdb/block/block_writer.h"
#include "tsdb/codec/value_codec.h"

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wconversion"
#pragma GCC diagnostic ignored "-Wsign-conversion"
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
#include "../../shared/bench/loadgen/profile.hpp"
#pragma GCC diagnostic pop

namespace baro::tsdb {
namespace {

constexpr std::int64_t kIntervalMs = 15'000;
constexpr std::int64_t kRangeMs = 2 * 3'600'000;
constexpr std::size_t kRangeRows = kRangeMs / kIntervalMs;
constexpr std::int64_t kEndMs = 1'700'006'400'000;  // where 2 hours end, and 18
static_assert(kEndMs % kRangeMs == 0);

std::chrono::nanoseconds CpuTime() {
  timespec time{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return std::chrono::seconds(time.tv_sec) + std::chrono::nanoseconds(time.tv_nsec);
}

std::int64_t FromEnvironment(const char* name, std::int64_t otherwise) {
  const char* const text = std::getenv(name);  // NOLINT(concurrency-mt-unsafe): one thread
  return text == nullptr ? otherwise : std::strtol(text, nullptr, 10);
}

// The fleet's series in block order, with their values in chunks of two hours, which are a tenth of the doubles.
class Fleet {
 public:
  static Fleet& Get() {
    static Fleet fleet;
    return fleet;
  }
  ~Fleet() { std::filesystem::remove_all(directory_); }
  Fleet(const Fleet&) = delete;
  Fleet& operator=(const Fleet&) = delete;

  std::size_t ranges() const { return ranges_; }

  // Writes ranges [first, last) as a block.
  base::Result<BlockParts> Write(std::size_t first, std::size_t last, BlockForm form,
                                 std::chrono::nanoseconds& writing) {
    base::SeededRandom random(++number_);
    const Ulid ulid = Ulid::Make(kEndMs, random);
    auto writer = BARO_TRY(BlockWriter::Create(base::RealFileSystem(), directory_, {.ulid = ulid, .form = form}));
    std::vector<double> values((last - first) * kRangeRows);
    for (const Series& series : series_) {
      for (std::size_t range = first; range < last; ++range) {
        (void)*DecodeValues(series.ranges[range], std::span(values).subspan((range - first) * kRangeRows, kRangeRows));
      }
      const auto start = CpuTime();
      BARO_TRY(writer->BeginSeries(series.labels));
      BARO_TRY(
          writer->AddFloats(std::span(columns_[series.target]).subspan(first * kRangeRows, values.size()), values));
      writing += CpuTime() - start;
    }
    const auto start = CpuTime();
    const BlockMeta meta = BARO_TRY(writer->Finish());
    writing += CpuTime() - start;
    const std::string path = fmt::format("{}/{}", directory_, ulid.ToString());
    const BlockParts parts = PartsOf(path, meta);
    if (std::getenv("BARO_FLEET_KEEP") == nullptr) std::filesystem::remove_all(path);  // NOLINT(concurrency-mt-unsafe)
    return parts;
  }

 private:
  struct Series {
    model::Labels labels;
    std::size_t target = 0;
    std::vector<base::ByteBuffer> ranges;
  };

  Fleet() {
    std::string pattern = (std::filesystem::temp_directory_path() / "baro-fleet-XXXXXX").string();
    directory_ = ::mkdtemp(pattern.data());
    ranges_ = static_cast<std::size_t>(FromEnvironment("BARO_FLEET_HOURS", 24) / 2);
    std::int64_t left = FromEnvironment("BARO_FLEET_SERIES", 20'000);
    for (std::uint64_t id = 0; left > 0; ++id) {
      AddTarget(id, static_cast<std::size_t>(left));
      left -= static_cast<std::int64_t>(bench::series_per_target("node"));
    }
    std::ranges::sort(series_, [](const Series& a, const Series& b) { return InBlockOrder(a.labels, b.labels); });
  }

  void AddTarget(std::uint64_t id, std::size_t limit) {
    bench::Target::Config config;
    config.limit = limit;
    bench::Target target(config, id);
    auto& column = columns_.emplace_back();
    const std::size_t begin = series_.size();
    for (std::size_t i = 0; i < target.size(); ++i) {
      std::vector<model::LabelView> labels;
      const bench::Labels strings = target.labels(i, true);
      for (const auto& [name, value] : strings) labels.push_back({.name = name, .value = value});
      series_.push_back({.labels = *model::Labels::Make(labels), .target = columns_.size() - 1, .ranges = {}});
    }
    const std::int64_t start_ms = kEndMs - static_cast<std::int64_t>(ranges_) * kRangeMs;
    std::vector<std::vector<double>> values(target.size(), std::vector<double>(kRangeRows));
    for (std::size_t range = 0; range < ranges_; ++range) {
      for (std::size_t row = 0; row < kRangeRows; ++row) {
        const auto time_ms = start_ms + static_cast<std::int64_t>(column.size()) * kIntervalMs +
                             static_cast<std::int64_t>(target.phase() * static_cast<double>(kIntervalMs - 1));
        column.push_back(time_ms);
        target.advance(static_cast<double>(time_ms) / 1000);
        for (std::size_t i = 0; i < target.size(); ++i) values[i][row] = target.values[i];
      }
      for (std::size_t i = 0; i < target.size(); ++i) {
        EncodeValues(values[i], series_[begin + i].ranges.emplace_back());
        series_[begin + i].ranges.back().shrink_to_fit();
      }
    }
  }

  std::string directory_;
  std::size_t ranges_ = 0;
  std::uint64_t number_ = 0;
  std::vector<Series> series_;
  std::vector<std::vector<std::int64_t>> columns_;  // by target
};

// Blocks of so many hours each; what is left over at the end is one more.
void BM_Fleet(benchmark::State& state, std::size_t hours, BlockForm form) {
  Fleet& fleet = Fleet::Get();
  for (auto _ : state) {
    std::chrono::nanoseconds writing{};
    BlockParts all;
    for (std::size_t first = 0; first < fleet.ranges(); first += hours / 2) {
      const auto parts = fleet.Write(first, std::min(first + hours / 2, fleet.ranges()), form, writing);
      if (!parts) return state.SkipWithError(parts.error().message().c_str());
      all.Add(*parts);
    }
    state.SetIterationTime(std::chrono::duration<double>(writing).count());
    state.counters["ns/sample"] = static_cast<double>(writing.count()) / static_cast<double>(all.samples);
    all.Tell(state);
  }
}

// What no lossless code can go below, on average over all fleets of this generator: the entropy of each step, given the
// steps before and all that the generator was built with. In bits.
class StepEntropy {
 public:
  static double Of(const bench::Spec& spec) {
    const double p = static_cast<double>(spec.p) / 0xffff;
    switch (spec.kind) {
      case bench::Kind::Full:
        // One of 2^53 numbers, of which those above 1 lose their last bit, at least as many of any product with 2^52.
        return p * 52 + Binary(p);
      case bench::Kind::UnixTime:
        return 20;  // random bits of the fraction
      case bench::Kind::Walk: {
        const double ways = 2 * static_cast<double>(spec.amp) + 1;
        const double moves = p * (ways - 1) / ways;
        return spec.amp == 0 ? 0 : Binary(moves) + moves * std::log2(ways - 1);
      }
      case bench::Kind::Counter:
      case bench::Kind::Bucket:
        return spec.rate <= 0 ? 0 : Counter(p, spec.rate * 15);
      default:
        return 0;
    }
  }

 private:
  static double Binary(double p) { return p <= 0 || p >= 1 ? 0 : -p * std::log2(p) - (1 - p) * std::log2(1 - p); }

  // A step, if there is one, is floor(w * (0.5 + u) + v) with uniform u and v, and w follows the time of day.
  static double Counter(double p, double width) {
    constexpr int kTimes = 24;
    double bits = 0;
    for (int time = 0; time < kTimes; ++time) {
      const double w = width * (1 + 0.5 * std::sin(2 * std::numbers::pi * time / kTimes));
      // P(x < k) is the mean over u of clamp(k - w * (0.5 + u), 0, 1), of which this is the integral.
      const auto ramp = [](double x) { return x <= 0 ? 0 : x >= 1 ? x - 0.5 : x * x / 2; };
      const auto below = [&](double k) { return (ramp(k - 0.5 * w) - ramp(k - 1.5 * w)) / w; };
      double entropy = 0;
      double zero = 1 - p;
      for (double k = std::floor(0.5 * w); k <= 1.5 * w + 1; ++k) {
        const double share = p * (below(k + 1) - below(k));
        if (k == 0) {
          zero += share;
        } else if (share > 1e-12) {
          entropy -= share * std::log2(share);
        }
        if (w > 5000) {  // all but the same
          entropy = p * std::log2(w / std::max(p, 1e-9));
          break;
        }
      }
      if (zero > 1e-12) entropy -= zero * std::log2(zero);
      bits += entropy / kTimes;
    }
    return bits;
  }
};

void BM_Entropy(benchmark::State& state) {
  double bits = 0;
  double mantissas = 0;
  std::size_t series = 0;
  for (auto _ : state) {
    for (std::uint64_t id = 0; id < 33; ++id) {
      const bench::Target target({}, id);
      for (const bench::Spec& spec : target.layout().specs) {
        const double entropy = StepEntropy::Of(spec);
        bits += entropy;
        if (spec.kind == bench::Kind::Full) mantissas += entropy;
        ++series;
      }
    }
  }
  state.counters["B_all"] = bits / 8 / static_cast<double>(series);
  state.counters["B_mantissas"] = mantissas / 8 / static_cast<double>(series);
}
BENCHMARK(BM_Entropy)->Iterations(1)->Unit(benchmark::kMillisecond);

void Register() {
  for (const std::size_t hours : {2U, 6U, 18U, 24U}) {
    for (const BlockForm form : {BlockForm::kHot, BlockForm::kCold}) {
      const std::string name = fmt::format("Fleet/{}h/{}", hours, form == BlockForm::kHot ? "hot" : "cold");
      benchmark::RegisterBenchmark(name.c_str(), BM_Fleet, hours, form)
          ->Iterations(1)
          ->UseManualTime()
          ->Unit(benchmark::kMillisecond);
    }
  }
}

const int registered = (Register(), 0);

}  // namespace
}  // namespace baro::tsdb

#endif
