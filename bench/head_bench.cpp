// bench: scraper tsdb
// The head's figures: rows, new series, memory and replay, on label sets and values of a real node exporter
// (../shared/data/node-scrapes, where that folder and zstd are; made ones for those who have it not).
//
// Memory is what the process has more than before: run `head_bench --benchmark_filter=Memory` alone for a clean figure.
#include <malloc.h>

#include <array>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include <benchmark/benchmark.h>
#include <fmt/format.h>

#include "base/idle_executor.h"
#include "base/sim_clock.h"
#include "scraper/exposition_reader.h"
#include "tsdb/storage.h"

namespace baro::tsdb {
namespace {

constexpr std::int64_t kStartMs = 1'700'000'000'000;

// A recorded target: label sets without `instance`, and for each scrape which series it had, and their values.
struct Recording {
  struct Scrape {
    std::vector<std::uint32_t> series;
    std::vector<double> values;
  };
  std::vector<std::vector<std::pair<std::string, std::string>>> labels;
  std::vector<Scrape> scrapes;
};

class RecordingReader {
 public:
  Recording Read(const std::string& target) {
    const std::string command =
        fmt::format("zstd -dc --long=27 '../shared/data/node-scrapes/{}.scrapes.zst' 2>/dev/null", target);
    const std::unique_ptr<std::FILE, int (*)(std::FILE*)> pipe(popen(command.c_str(), "r"), pclose);
    std::array<char, 256> line;
    while (pipe && std::fgets(line.data(), line.size(), pipe.get()) != nullptr) {
      std::size_t size_bytes = 0;
      if (std::sscanf(line.data(), "#SCRAPE %*s %*s %zu", &size_bytes) != 1) break;
      std::string body(size_bytes, '\0');
      if (std::fread(body.data(), 1, size_bytes, pipe.get()) != size_bytes) break;
      Add(body);
    }
    return std::move(out_);
  }

 private:
  void Add(const std::string& body) {
    Recording::Scrape& scrape = out_.scrapes.emplace_back();
    scraper::ExpositionReader reader(body, {});
    for (;;) {
      const auto event = reader.Next();
      if (!event || (*event)->kind == scraper::ExpositionEvent::Kind::kEnd) return;
      if ((*event)->kind != scraper::ExpositionEvent::Kind::kSample) continue;
      std::vector<std::pair<std::string, std::string>> labels = {{"__name__", std::string((*event)->sample.name)},
                                                                 {"job", "node"}};
      for (const auto& label : (*event)->sample.labels) labels.emplace_back(label.name, label.value);
      const auto [place, is_new] = known_.try_emplace(labels, static_cast<std::uint32_t>(out_.labels.size()));
      if (is_new) out_.labels.push_back(labels);
      scrape.series.push_back(place->second);
      scrape.values.push_back((*event)->value);
    }
  }

  Recording out_;
  std::map<std::vector<std::pair<std::string, std::string>>, std::uint32_t> known_;
};

// For those who have no recording: half of the series stand still, the others are counters and gauges.
Recording MakeRecording() {
  Recording made;
  for (int i = 0; i < 600; ++i) {
    made.labels.push_back({{"__name__", fmt::format("node_metric_{}_total", i / 8)},
                           {"job", "node"},
                           {"cpu", fmt::format("{}", i % 8)},
                           {"mode", "idle"}});
  }
  for (int row = 0; row < 140; ++row) {
    Recording::Scrape& scrape = made.scrapes.emplace_back();
    for (std::uint32_t i = 0; i < 600; ++i) {
      scrape.series.push_back(i);
      scrape.values.push_back(i % 2 == 0 ? i : row * (100.0 + i) + (row * 7919 + i * 104729) % 1000 / 100.0);
    }
  }
  return made;
}

const Recording& Recorded(const std::string& target) {
  static std::map<std::string, Recording> cache;
  const auto [found, is_new] = cache.try_emplace(target);
  if (is_new) {
    found->second = RecordingReader().Read(target);
    if (found->second.scrapes.empty()) found->second = MakeRecording();
  }
  return found->second;
}

model::Labels LabelsOf(const Recording& recording, std::size_t series, const std::string& instance) {
  std::vector<model::LabelView> views = {{"instance", instance}};
  for (const auto& [name, value] : recording.labels[series]) views.push_back({name, value});
  return *model::Labels::Make(views);
}

// Memory that cannot be read again from a file.
std::size_t AnonymousBytes() {
  const auto text = base::ReadFile(base::RealFileSystem(), "/proc/self/statm", 4096);
  std::size_t resident = 0;
  std::size_t shared = 0;
  if (!text || std::sscanf(text->c_str(), "%*u %zu %zu", &resident, &shared) != 2) return 0;
  return (resident - shared) * 4096;
}

// A store in a folder of its own, scraped as a fleet of equal targets.
class Fleet {
 public:
  explicit Fleet(const Recording& recording) : recording_(recording) {
    std::string pattern = (std::filesystem::temp_directory_path() / "baro-bench-XXXXXX").string();
    directory_ = ::mkdtemp(pattern.data());
    Open();
  }
  ~Fleet() {
    Drop();
    std::filesystem::remove_all(directory_);
  }

  void Open() {
    registry_ = std::make_unique<base::Registry>();
    storage_ = *Storage::Open(
        {.directory = directory_, .retention = {.time = {}}},
        {.files = base::RealFileSystem(), .clock = clock_, .background = executor_, .metrics = *registry_, .log = {}});
  }
  // As after kill -9: nothing is done at the end that Close() would do, but files are where they were.
  void Drop() {
    targets_.clear();
    appender_.reset();
    storage_.reset();
    registry_.reset();
  }

  struct Target {
    GroupRef group{};
    std::vector<SeriesRef> refs;  // by series of the recording
    std::vector<SeriesRef> row;   // of the last scrape
    const Recording::Scrape* scrape = nullptr;
  };

  void AddTarget() {
    const std::string instance = fmt::format("host-{:04}.example.org:9100", targets_.size());
    Target& target = targets_.emplace_back();
    target.group = storage_->NewGroup();
    target.refs.resize(recording_.labels.size());
    for (std::size_t i = 0; i < recording_.labels.size(); ++i) {
      target.refs[i] = *appender().Resolve(LabelsOf(recording_, i, instance), nullptr);
    }
    Scrape(targets_.size() - 1, 0);
  }

  // Returns the number of samples.
  std::size_t Scrape(std::size_t index, std::size_t row, std::int64_t by_ms = 0, bool singly = false) {
    Target& target = targets_[index];
    const Recording::Scrape& scrape = recording_.scrapes[row % recording_.scrapes.size()];
    if (target.scrape == nullptr || target.scrape->series != scrape.series) {
      target.row.clear();
      for (const std::uint32_t series : scrape.series) target.row.push_back(target.refs[series]);
    }
    target.scrape = &scrape;
    const auto at = kStartMs + static_cast<std::int64_t>(row) * 15'000 + static_cast<std::int64_t>(index % 15'000);
    if (singly) {
      for (std::size_t i = 0; i < target.row.size(); ++i) {
        appender().Append(target.row[i], {.timestamp_ms = at + by_ms, .value = scrape.values[i]});
      }
    } else {
      appender().AppendRow(target.group, at + by_ms, target.row, scrape.values, {});
    }
    if (!appender().Commit(Durability::kInterval)) std::abort();
    return scrape.values.size();
  }
  void NextInterval() { clock_.Advance(std::chrono::seconds(15)); }

  Storage& storage() { return *storage_; }
  Appender& appender() {
    if (appender_ == nullptr) appender_ = storage_->NewAppender();
    return *appender_;
  }

 private:
  const Recording& recording_;
  std::string directory_;
  base::SimClock clock_{base::FromMs(kStartMs)};
  base::IdleExecutor executor_;
  std::unique_ptr<base::Registry> registry_;
  std::unique_ptr<Storage> storage_;
  std::unique_ptr<Appender> appender_;
  std::vector<Target> targets_;
};

// Label sets of a node exporter, everything counted: arg 0 is the number of targets; each has had 32 to 63 scrapes.
void MemoryPerActiveSeries(benchmark::State& state) {
  const Recording& recording = Recorded("node.15s");
  const auto targets = static_cast<std::size_t>(state.range(0));
  for (auto _ : state) {
    ::malloc_trim(0);
    const std::size_t before = AnonymousBytes();
    Fleet fleet(recording);
    for (std::size_t i = 0; i < targets; ++i) fleet.AddTarget();
    const std::size_t refs_bytes = targets * recording.labels.size() * sizeof(SeriesRef) * 2;  // the benchmark's own
    for (std::size_t row = 1; row < 64; ++row) {
      fleet.NextInterval();
      for (std::size_t i = 0; i < targets; ++i) {
        if (row < 32 + i % 32) fleet.Scrape(i, row);
      }
      if (!fleet.storage().Sync()) std::abort();  // as every second
    }
    const std::size_t after = AnonymousBytes();
    const HeadStatus status = fleet.storage().Status(1);
    const auto series = static_cast<double>(status.series_count);
    state.counters["series"] = series;
    state.counters["bytes/series"] = static_cast<double>(after - before - refs_bytes) / series;
    double told = 0;
    for (const NamedCount& part : status.memory_bytes_by_part) {
      state.counters[part.name] = static_cast<double>(part.count) / series;
      told += static_cast<double>(part.count);
    }
    state.counters["told"] = told / series;
    ::malloc_trim(0);  // what the allocator keeps of rows that were sealed
    state.counters["trimmed"] = static_cast<double>(AnonymousBytes() - before - refs_bytes) / series;
  }
}
BENCHMARK(MemoryPerActiveSeries)->Arg(170)->Arg(1715)->Iterations(1)->Unit(benchmark::kMillisecond);

// arg 0: targets; arg 1: scrapes of each. Sealing is included.
void RowAppendWithLog(benchmark::State& state) {
  const auto targets = static_cast<std::size_t>(state.range(0));
  std::size_t samples = 0;
  double log_bytes = 0;
  for (auto _ : state) {
    state.PauseTiming();
    auto fleet = std::make_unique<Fleet>(Recorded("node.15s"));
    for (std::size_t i = 0; i < targets; ++i) fleet->AddTarget();
    log_bytes -= static_cast<double>(fleet->storage().log_status().size_bytes);
    state.ResumeTiming();
    for (std::size_t row = 1; row <= static_cast<std::size_t>(state.range(1)); ++row) {
      fleet->NextInterval();
      for (std::size_t i = 0; i < targets; ++i) samples += fleet->Scrape(i, row);
    }
    state.PauseTiming();
    log_bytes += static_cast<double>(fleet->storage().log_status().size_bytes);
    fleet.reset();
    state.ResumeTiming();
  }
  state.counters["ns/sample"] =
      benchmark::Counter(static_cast<double>(samples) / 1e9, benchmark::Counter::kIsRate | benchmark::Counter::kInvert);
  state.counters["log_bytes/sample"] = log_bytes / static_cast<double>(samples);
}
BENCHMARK(RowAppendWithLog)
    ->Args({33, 30})
    ->Args({33, 256})
    ->Args({1667, 30})
    ->Args({1667, 40})
    ->Iterations(1)
    ->Unit(benchmark::kMillisecond);

// arg 0: 0: rows in order; 1: the same rows an hour late, behind as many in order that are not counted; 2 and 3: the
// same singly.
void LateAppendWithLog(benchmark::State& state) {
  constexpr std::size_t kTargets = 33;
  constexpr std::size_t kRows = 128;
  constexpr std::int64_t kLateMs = 3'600'000;
  const bool is_late = state.range(0) % 2 == 1;
  const bool is_single = state.range(0) >= 2;
  std::size_t samples = 0;
  for (auto _ : state) {
    state.PauseTiming();
    auto fleet = std::make_unique<Fleet>(Recorded("node.15s"));
    fleet->storage().SetOutOfOrderWindow(std::chrono::hours(24));
    for (std::size_t i = 0; i < kTargets; ++i) fleet->AddTarget();
    std::size_t row = 1;
    for (; row <= kRows && is_late; ++row) {
      fleet->NextInterval();
      for (std::size_t i = 0; i < kTargets; ++i) fleet->Scrape(i, row);
    }
    state.ResumeTiming();
    for (row = 1; row <= kRows; ++row) {
      fleet->NextInterval();
      for (std::size_t i = 0; i < kTargets; ++i) {
        samples += fleet->Scrape(i, row, is_late ? -kLateMs : 0, is_single);
      }
    }
    state.PauseTiming();
    fleet.reset();
    state.ResumeTiming();
  }
  state.counters["ns/sample"] =
      benchmark::Counter(static_cast<double>(samples) / 1e9, benchmark::Counter::kIsRate | benchmark::Counter::kInvert);
}
BENCHMARK(LateAppendWithLog)->DenseRange(0, 3)->Iterations(2)->Unit(benchmark::kMillisecond);

// What the log takes for all scrapes of one target of the recording, series records and all.
void LogBytesPerSample(benchmark::State& state, const std::string& target) {
  const Recording& recording = Recorded(target);
  for (auto _ : state) {
    Fleet fleet(recording);
    fleet.AddTarget();
    const std::uint64_t before = fleet.storage().log_status().size_bytes;
    std::size_t samples = 0;
    for (std::size_t row = 1; row < recording.scrapes.size(); ++row) {
      fleet.NextInterval();
      samples += fleet.Scrape(0, row);
    }
    const std::uint64_t after = fleet.storage().log_status().size_bytes;
    state.counters["bytes/sample"] = static_cast<double>(after - before) / static_cast<double>(samples);
  }
}
BENCHMARK_CAPTURE(LogBytesPerSample, node_15s, "node.15s")->Iterations(1)->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(LogBytesPerSample, node_1s, "node.1s")->Iterations(1)->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(LogBytesPerSample, postgres_15s, "postgres.15s")->Iterations(1)->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(LogBytesPerSample, redis_15s, "redis.15s")->Iterations(1)->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(LogBytesPerSample, process_15s, "process.15s")->Iterations(1)->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(LogBytesPerSample, prometheus_15s, "prometheus.15s")->Iterations(1)->Unit(benchmark::kMillisecond);

// arg 0: series with one sample each, in rows of a target each; labels were made before.
void NewSeries(benchmark::State& state) {
  const Recording& recording = Recorded("node.15s");
  const auto targets = static_cast<std::size_t>(state.range(0)) / recording.labels.size();
  std::size_t series = 0;
  for (auto _ : state) {
    state.PauseTiming();
    auto fleet = std::make_unique<Fleet>(recording);
    std::vector<std::vector<model::Labels>> labels(targets);
    for (std::size_t target = 0; target < targets; ++target) {
      for (std::size_t i = 0; i < recording.labels.size(); ++i) {
        labels[target].push_back(LabelsOf(recording, i, fmt::format("host-{:04}.example.org:9100", target)));
      }
    }
    std::vector<SeriesRef> refs;
    const std::vector<double> values(recording.labels.size(), 1.0);
    state.ResumeTiming();
    for (const auto& of_target : labels) {
      refs.clear();
      for (const model::Labels& one : of_target) refs.push_back(*fleet->appender().Resolve(one, nullptr));
      fleet->appender().AppendRow(fleet->storage().NewGroup(), kStartMs, refs, values, {});
      if (!fleet->appender().Commit(Durability::kInterval)) std::abort();
      series += of_target.size();
    }
    state.PauseTiming();
    fleet.reset();
    labels.clear();
    state.ResumeTiming();
  }
  state.SetItemsProcessed(static_cast<std::int64_t>(series));
}
BENCHMARK(NewSeries)->Arg(100'000)->Arg(1'000'000)->Unit(benchmark::kMillisecond);

// arg 0: targets; arg 1: scrapes of each in the log.
void Replay(benchmark::State& state) {
  Fleet fleet(Recorded("node.15s"));
  std::size_t samples = 0;
  for (std::int64_t i = 0; i < state.range(0); ++i) fleet.AddTarget();
  for (std::size_t row = 1; row < static_cast<std::size_t>(state.range(1)); ++row) {
    fleet.NextInterval();
    for (std::size_t i = 0; i < static_cast<std::size_t>(state.range(0)); ++i) samples += fleet.Scrape(i, row);
  }
  const std::uint64_t log_bytes = fleet.storage().log_status().size_bytes;
  fleet.Drop();
  for (auto _ : state) {
    fleet.Open();
    state.PauseTiming();
    state.counters["series"] = static_cast<double>(fleet.storage().Status(1).series_count);
    fleet.Drop();
    state.ResumeTiming();
  }
  state.counters["samples"] = static_cast<double>(samples);
  state.counters["log_MiB"] = static_cast<double>(log_bytes) / (1 << 20);
}
BENCHMARK(Replay)
    ->Args({34, 482})
    ->Args({1715, 8})
    ->Args({1715, 60})
    ->Iterations(2)
    ->UseRealTime()
    ->MeasureProcessCPUTime()
    ->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace baro::tsdb
