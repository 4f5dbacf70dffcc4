// bench: tsdb
// What a sample, a series, a selection and a read cost.
#include <filesystem>

#include <benchmark/benchmark.h>

#include "base/idle_executor.h"
#include "base/random.h"
#include "base/sim_clock.h"
#include "tsdb/storage.h"

namespace baro::tsdb {
namespace {

constexpr std::int64_t kStartMs = 1'700'000'000'000;

// A store in a folder of its own, with the targets of a small fleet.
class Bed {
 public:
  Bed() {
    std::string pattern = (std::filesystem::temp_directory_path() / "baro-bench-XXXXXX").string();
    directory_ = ::mkdtemp(pattern.data());
    storage_ = *Storage::Open(
        {.directory = directory_, .retention = {.time = {}}},
        {.files = base::RealFileSystem(), .clock = clock_, .background = executor_, .metrics = registry_, .log = {}});
  }
  ~Bed() {
    storage_.reset();
    std::filesystem::remove_all(directory_);
  }

  Storage& storage() { return *storage_; }
  base::SimClock& clock() { return clock_; }

  std::vector<SeriesRef> AddTarget(std::size_t target, std::size_t series) {
    auto appender = storage_->NewAppender();
    std::vector<SeriesRef> refs;
    for (std::size_t i = 0; i < series; ++i) refs.push_back(*appender->Resolve(LabelsOf(target, i), nullptr));
    groups_.push_back(storage_->NewGroup());
    // Committed at once, so that none is taken for forgotten.
    Scrape(*appender, groups_.size() - 1, refs);
    return refs;
  }

  static model::Labels LabelsOf(std::size_t target, std::size_t series) {
    const std::string instance = fmt::format("host-{:04}:9100", target);
    const std::string name = fmt::format("node_metric_{}_total", series / 8);
    const std::string cpu = fmt::format("{}", series % 8);
    const model::LabelView labels[] = {
        {"__name__", name}, {"cpu", cpu}, {"instance", instance}, {"job", "node"}, {"mode", "idle"}};
    return *model::Labels::Make(labels);
  }

  // As a node exporter at 15 s: half of the series stand still, the others are counters and gauges.
  void Scrape(Appender& appender, std::size_t target, const std::vector<SeriesRef>& refs) {
    values_.resize(refs.size());
    ++tick_;
    for (std::size_t i = 0; i < refs.size(); ++i) {
      switch (i % 8) {
        case 0:
          values_[i] = static_cast<double>(tick_ * 1500 + random_.Below(100)) / 100;
          break;
        case 1:
          values_[i] = static_cast<double>(tick_ * 4096 * (i + 1) + random_.Below(5000) * 512);
          break;
        case 2:
          values_[i] = static_cast<double>(8'000'000'000 + random_.Below(1'000'000) * 4096);
          break;
        case 3:
          values_[i] = static_cast<double>(tick_ * 100 + random_.Below(30));
          break;
        default:
          values_[i] = static_cast<double>(i);
      }
    }
    clock_.Advance(std::chrono::seconds(15));
    appender.AppendRow(groups_[target], base::ToMs(clock_.Now()), refs, values_, {});
    if (!appender.Commit(Durability::kInterval)) std::abort();
  }

 private:
  std::string directory_;
  base::SimClock clock_{base::FromMs(kStartMs)};
  base::IdleExecutor executor_;
  base::Registry registry_;
  base::SeededRandom random_{1};
  std::unique_ptr<Storage> storage_;
  std::vector<GroupRef> groups_;
  std::vector<double> values_;
  std::uint64_t tick_ = 0;
};

std::uint64_t PartBytes(const HeadStatus& status, std::string_view part) {
  for (const NamedCount& entry : status.memory_bytes_by_part) {
    if (entry.name == part) return entry.count;
  }
  return 0;
}

void RowAppendWithLog(benchmark::State& state) {
  Bed bed;
  const auto refs = bed.AddTarget(0, 600);
  auto appender = bed.storage().NewAppender();
  std::int64_t rows = 1;
  for (auto _ : state) {
    bed.Scrape(*appender, 0, refs);
    ++rows;
  }
  state.SetItemsProcessed(state.iterations() * 600);
  const auto samples = static_cast<double>(rows * 600);
  state.counters["chunk_bytes/sample"] = static_cast<double>(PartBytes(bed.storage().Status(1), "chunks")) / samples;
  state.counters["log_bytes/sample"] = static_cast<double>(bed.storage().log_status().size_bytes) / samples;
}
BENCHMARK(RowAppendWithLog);

void SingleAppendInCommitsOfThousand(benchmark::State& state) {
  Bed bed;
  auto appender = bed.storage().NewAppender();
  std::vector<SeriesRef> refs;
  for (std::size_t i = 0; i < 1000; ++i) refs.push_back(*appender->Resolve(Bed::LabelsOf(0, i), nullptr));
  std::int64_t at = kStartMs;
  double value = 0;
  for (auto _ : state) {
    at += 1000;
    bed.clock().Advance(std::chrono::seconds(1));
    for (const SeriesRef ref : refs) appender->Append(ref, {.timestamp_ms = at, .value = value += 1});
    if (!appender->Commit(Durability::kInterval)) std::abort();
  }
  state.SetItemsProcessed(state.iterations() * 1000);
}
BENCHMARK(SingleAppendInCommitsOfThousand);

void NewSeries(benchmark::State& state) {
  Bed bed;
  auto appender = bed.storage().NewAppender();
  std::size_t next = 0;
  for (auto _ : state) {
    benchmark::DoNotOptimize(appender->Resolve(Bed::LabelsOf(next / 600, next % 600), nullptr));
    ++next;
  }
  state.SetItemsProcessed(state.iterations());
  const HeadStatus status = bed.storage().Status(1);
  std::uint64_t bytes = 0;
  for (const char* part : {"labels", "index", "series"}) bytes += PartBytes(status, part);
  state.counters["bytes/series"] = static_cast<double>(bytes) / static_cast<double>(next);
}
BENCHMARK(NewSeries);

void ResolveKnownSeries(benchmark::State& state) {
  Bed bed;
  bed.AddTarget(0, 600);
  auto appender = bed.storage().NewAppender();
  const model::Labels labels = Bed::LabelsOf(0, 77);
  std::size_t done = 0;
  for (auto _ : state) {
    benchmark::DoNotOptimize(appender->Resolve(labels, nullptr));
    if (++done % 1000 == 0) appender->Rollback();
  }
}
BENCHMARK(ResolveKnownSeries);

void SelectByMatchers(benchmark::State& state) {
  Bed bed;
  for (std::size_t target = 0; target < 100; ++target) bed.AddTarget(target, 600);
  const auto reader = bed.storage().OpenReader();
  const std::vector<model::Matcher> matchers = {
      model::Matcher::Equal("__name__", "node_metric_7_total"),
      *model::Matcher::Make(model::MatchType::kRegex, "instance", "host-00[0-4].*"),
      *model::Matcher::Make(model::MatchType::kNotEqual, "cpu", "3")};
  std::size_t series = 0;
  for (auto _ : state) series = (*reader->Select({.matchers = matchers, .range = {}}, {}))->size();
  state.counters["series"] = static_cast<double>(series);
}
BENCHMARK(SelectByMatchers);

void ReadDecode(benchmark::State& state) {
  Bed bed;
  const auto refs = bed.AddTarget(0, 600);
  auto appender = bed.storage().NewAppender();
  for (int row = 0; row < 2048; ++row) bed.Scrape(*appender, 0, refs);
  const auto reader = bed.storage().OpenReader();
  const std::vector<model::Matcher> matchers = {model::Matcher::Equal("job", "node")};
  const auto selection = *reader->Select({.matchers = matchers, .range = {}}, {});
  SampleColumns columns;
  std::int64_t samples = 0;
  for (auto _ : state) {
    for (std::size_t i = 0; i < selection->size(); ++i) {
      if (!selection->Read(i, {}, columns)) std::abort();
      samples += static_cast<std::int64_t>(columns.values().size());
    }
  }
  state.SetItemsProcessed(samples);
}
BENCHMARK(ReadDecode);

void Replay(benchmark::State& state) {
  const std::string directory = (std::filesystem::temp_directory_path() / "baro-bench-replay").string();
  std::filesystem::remove_all(directory);
  base::SimClock clock(base::FromMs(kStartMs));
  base::IdleExecutor executor;
  const StorageOptions options{.directory = directory, .retention = {.time = {}}};
  const auto open = [&](base::Registry& registry) {
    return *Storage::Open(
        options,
        {.files = base::RealFileSystem(), .clock = clock, .background = executor, .metrics = registry, .log = {}});
  };
  {
    base::Registry registry;
    const auto storage = open(registry);
    auto appender = storage->NewAppender();
    const GroupRef group = storage->NewGroup();
    std::vector<SeriesRef> refs;
    for (std::size_t i = 0; i < 600; ++i) refs.push_back(*appender->Resolve(Bed::LabelsOf(0, i), nullptr));
    std::vector<double> values(600);
    for (int row = 0; row < 2000; ++row) {
      for (std::size_t i = 0; i < 600; ++i)
        values[i] = i % 2 == 0 ? static_cast<double>(i) : row * 1.5 * static_cast<double>(i);
      clock.Advance(std::chrono::seconds(15));
      appender->AppendRow(group, base::ToMs(clock.Now()), refs, values, {});
      if (!appender->Commit(Durability::kInterval)) std::abort();
    }
  }
  for (auto _ : state) {
    base::Registry registry;
    benchmark::DoNotOptimize(open(registry));
  }
  state.SetItemsProcessed(state.iterations() * 600 * 2000);
  std::filesystem::remove_all(directory);
}
BENCHMARK(Replay)->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace baro::tsdb
