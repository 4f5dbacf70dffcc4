// `tsdb bench`: what this machine's disk and processor make of the storage engine.
#include <sys/resource.h>
#include <bit>
#include <iostream>

#include <fmt/format.h>

#include "base/clock.h"
#include "base/executor.h"
#include "base/file_system.h"
#include "base/metrics.h"
#include "base/random.h"
#include "cli/tsdb_commands.h"
#include "model/names.h"
#include "scraper/exposition_reader.h"
#include "tsdb/block_import.h"
#include "tsdb/storage.h"

namespace baro::cli {
namespace {

using base::Result;

constexpr std::size_t kSeriesPerTarget = 1000;
constexpr std::int64_t kIntervalMs = 15'000;
constexpr std::size_t kInputBytesMax = std::size_t{1} << 30;

/// Wall time and processor time since it was made.
class Stopwatch {
 public:
  Stopwatch() : wall_(base::RealClock().Monotonic()), processor_(Processor()) {}

  double wall_seconds() const { return std::chrono::duration<double>(base::RealClock().Monotonic() - wall_).count(); }
  double processor_seconds() const { return Processor() - processor_; }

 private:
  static double Processor() {
    rusage usage{};
    getrusage(RUSAGE_SELF, &usage);
    const auto seconds = [](const timeval& t) {
      return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_usec) / 1e6;
    };
    return seconds(usage.ru_utime) + seconds(usage.ru_stime);
  }

  base::MonotonicTime wall_;
  double processor_;
};

struct Spent {
  double wall_seconds = 0;
  double processor_seconds = 0;
};

std::uint64_t PeakBytes() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return static_cast<std::uint64_t>(usage.ru_maxrss) * 1024;
}

/// How the value of a series goes on, by what it is like.
class Value {
 public:
  Value(std::size_t kind, double first) : kind_(kind), value_(first) {}

  double Next(base::Random& random) {
    switch (kind_ % 8) {
      case 0:
      case 1:
        value_ += static_cast<double>(random.Below(100));  // a counter
        break;
      case 2:
        value_ = static_cast<double>(random.Below(10'000)) / 100;  // a gauge with two decimals
        break;
      case 3:
        value_ += (static_cast<double>(random.Below(2001)) - 1000) / 997;  // a walk with all bits
        break;
      default:
        break;  // most of what exporters say does not change
    }
    return value_;
  }

 private:
  std::size_t kind_;
  double value_;
};

/// Label sets of a load: made up, or those of an exposition.
Result<std::vector<model::Labels>> MakeLoad(const BenchRequest& request) {
  std::vector<model::Labels> load;
  if (request.input.empty()) {
    for (std::size_t i = 0; i < request.series; ++i) {
      model::LabelsBuilder labels;
      labels.Set(model::kMetricName, fmt::format("bench_metric_{}", i % 50));
      labels.Set("instance", fmt::format("host-{:04}:9100", i / kSeriesPerTarget));
      labels.Set("job", "bench");
      labels.Set("part", fmt::format("{}", i % kSeriesPerTarget / 50));
      load.push_back(labels.Build());
    }
    return load;
  }
  const std::string text = BARO_TRY(base::ReadFile(base::RealFileSystem(), request.input, kInputBytesMax));
  const auto format =
      text.ends_with("# EOF\n") ? scraper::ExpositionFormat::kOpenMetrics : scraper::ExpositionFormat::kText;
  scraper::ExpositionReader reader(text, format);
  for (;;) {
    const auto* const event = BARO_TRY(reader.Next());
    if (event->kind == scraper::ExpositionEvent::Kind::kEnd) break;
    if (event->kind != scraper::ExpositionEvent::Kind::kSample) continue;
    model::LabelsBuilder labels;
    labels.Set(model::kMetricName, event->sample.name);
    for (const auto& label : event->sample.labels) labels.Set(label.name, label.value);
    load.push_back(labels.Build());
  }
  if (load.empty()) return base::Fail(base::Code::kInvalidArgument, request.input + ": no samples");
  return load;
}

struct Target {
  tsdb::GroupRef group = tsdb::GroupRef::kNone;
  std::vector<tsdb::SeriesRef> series;
  std::vector<Value> values;
  std::vector<double> row;
};

class Bench {
 public:
  Bench(const BenchRequest& request, tsdb::Storage& storage, Terminal terminal)
      : request_(request), storage_(storage), out_(terminal.out) {}

  Result<> Run(const std::vector<model::Labels>& load) {
    BARO_TRY(Create(load));
    BARO_TRY(Append(load.size()));
    BARO_TRY(Select("select from memory"));
    BARO_TRY(Cut());
    return Select("select from all");
  }

 private:
  Result<> Create(const std::vector<model::Labels>& load) {
    const Stopwatch watch;
    const auto appender = storage_.NewAppender();
    for (std::size_t i = 0; i < load.size(); ++i) {
      if (i % kSeriesPerTarget == 0) targets_.push_back({.group = storage_.NewGroup()});
      targets_.back().series.push_back(BARO_TRY(appender->Resolve(load[i])));
      targets_.back().values.emplace_back(i, static_cast<double>(i % 1000));
    }
    Line("series made", watch, static_cast<double>(load.size()), "series");
    return {};
  }

  Result<> Append(std::size_t series) {
    const std::int64_t end_ms = base::ToMs(base::RealClock().Now()) / kIntervalMs * kIntervalMs;
    const std::uint64_t log_before = storage_.log_status().size_bytes;
    Spent making;  // values: not what is measured
    const Stopwatch watch;
    for (std::size_t scrape = 0; scrape < request_.scrapes; ++scrape) {
      const std::int64_t time_ms = end_ms - static_cast<std::int64_t>(request_.scrapes - scrape) * kIntervalMs;
      for (Target& target : targets_) {
        const Stopwatch of_values;
        target.row.clear();
        for (Value& value : target.values) target.row.push_back(value.Next(random_));
        making.wall_seconds += of_values.wall_seconds();
        making.processor_seconds += of_values.processor_seconds();
        const auto appender = storage_.NewAppender();
        appender->AppendRow(target.group, time_ms, target.series, target.row, {});
        BARO_TRY(appender->Commit(tsdb::Durability::kInterval));
      }
    }
    BARO_TRY(storage_.Sync());
    samples_ = static_cast<double>(series) * static_cast<double>(request_.scrapes);
    Line("append of rows", watch, samples_, "samples", making);
    const tsdb::HeadStatus head = storage_.Status(0);
    std::uint64_t memory = 0;
    for (const tsdb::NamedCount& part : head.memory_bytes_by_part) memory += part.count;
    out_ << fmt::format("{:<20} {:.2f} bytes per sample\n", "log",
                        static_cast<double>(storage_.log_status().size_bytes - log_before) / samples_);
    out_ << fmt::format("{:<20} {:.0f} bytes per series, samples too\n", "memory",
                        static_cast<double>(memory) / static_cast<double>(series));
    return {};
  }

  Result<> Cut() {
    const Stopwatch watch;
    BARO_TRY(storage_.Maintain());
    std::uint64_t bytes = 0;
    std::uint64_t samples = 0;
    for (const tsdb::BlockStatus& block : storage_.Blocks()) {
      bytes += block.size_bytes;
      samples += block.meta.counts.samples();
    }
    if (samples == 0) {
      out_ << fmt::format("{:<20} none: --scrapes is less than three hours\n", "blocks");
      return {};
    }
    Line("cut into blocks", watch, static_cast<double>(samples), "samples");
    out_ << fmt::format("{:<20} {:.3f} bytes per sample, labels and index too\n", "blocks",
                        static_cast<double>(bytes) / static_cast<double>(samples));
    return {};
  }

  Result<> Select(std::string_view what) {
    const Stopwatch watch;
    const auto reader = storage_.OpenReader();
    std::uint64_t samples = 0;
    tsdb::SampleColumns columns;
    for (const auto& matchers : BARO_TRY(tsdb::MatchersOfAllSeries(*reader, {}))) {
      const auto selection = BARO_TRY(reader->Select({.matchers = matchers, .range = {}}, {}));
      for (std::size_t i = 0; i < selection->size(); ++i) {
        BARO_TRY(selection->Read(i, {}, columns));
        samples += columns.values().size();
      }
    }
    Line(what, watch, static_cast<double>(samples), "samples");
    return {};
  }

  void Line(std::string_view what, const Stopwatch& watch, double count, std::string_view unit, Spent without = {}) {
    const double wall = std::max(watch.wall_seconds() - without.wall_seconds, 1e-9);
    const double processor = std::max(watch.processor_seconds() - without.processor_seconds, 0.0);
    out_ << fmt::format("{:<20} {:.0f} {} in {:.2f} s, {:.1f} ns each ({:.1f} ns of processor)\n", what, count, unit,
                        wall, wall * 1e9 / count, processor * 1e9 / count)
         << std::flush;
  }

  const BenchRequest& request_;
  tsdb::Storage& storage_;
  std::ostream& out_;
  base::SeededRandom random_{1};
  std::vector<Target> targets_;
  double samples_ = 0;
};

Result<> Run(const BenchRequest& request, Terminal terminal) {
  base::FileSystem& files = base::RealFileSystem();
  if (BARO_TRY(files.Exists(request.output)) && !BARO_TRY(files.ListDirectory(request.output)).empty()) {
    return base::Fail(base::Code::kAlreadyExists,
                      fmt::format("{}: is not empty; a benchmark fills a directory of its own", request.output));
  }
  const std::vector<model::Labels> load = BARO_TRY(MakeLoad(request));
  base::ThreadExecutor background(1);
  base::ThreadExecutor idle(1);
  idle.Stop();
  base::Registry metrics;
  // Maintenance is called and measured here, and does not come by itself.
  tsdb::StorageOptions options{.directory = request.output, .retention = {.time = {}}, .scrub_interval = {}};
  const auto storage = BARO_TRY(tsdb::Storage::Open(options, {.files = files,
                                                              .clock = base::RealClock(),
                                                              .background = background,
                                                              .metrics = metrics,
                                                              .log = {},
                                                              .maintenance = &idle}));
  BARO_TRY(Bench(request, *storage, terminal).Run(load));
  BARO_TRY(storage->Close());
  terminal.out << fmt::format("{:<20} {:.1f} MiB\n", "peak memory", static_cast<double>(PeakBytes()) / (1 << 20));
  return {};
}

}  // namespace

int BenchTsdb(const BenchRequest& request, Terminal terminal) {
  const auto done = Run(request, terminal);
  if (done) return kExitGood;
  terminal.err << done.error().message() << "\n";
  return kExitFailed;
}

}  // namespace baro::cli
