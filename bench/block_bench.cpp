// bench: tsdb
// Blocks: bytes per sample by part, and what writing, opening, selecting and reading cost. Series are those of a real
// node exporter (../shared/data/node-scrapes, unpacked by the program zstd), for 34 targets and 24 hours at 15 seconds;
// where the recording is not at hand, series like those are made. BARO_BLOCK_TARGETS and BARO_BLOCK_HOURS scale it.
#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include <benchmark/benchmark.h>
#include <fmt/format.h>

#include "base/random.h"
#include "bench/block_parts.h"
#include "tsdb/block/block.h"
#include "tsdb/block/block_writer.h"
#include "tsdb/codec/page.h"

namespace baro::tsdb {
namespace {

constexpr std::int64_t kStartMs = 1'700'000'000'000;
constexpr std::int64_t kIntervalMs = 15'000;

// Of this thread: others on the machine do not count.
std::chrono::nanoseconds CpuTime() {
  timespec time{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return std::chrono::seconds(time.tv_sec) + std::chrono::nanoseconds(time.tv_nsec);
}

std::size_t FromEnvironment(const char* name, std::size_t otherwise) {
  const char* const text = std::getenv(name);  // NOLINT(concurrency-mt-unsafe): one thread
  return text == nullptr ? otherwise : static_cast<std::size_t>(std::strtoul(text, nullptr, 10));
}

// A series of the recording. Values with few decimals are integers, so that they can go on past its end without the
// noise of floating point.
struct Recorded {
  std::vector<model::LabelView> labels;
  std::string text;  // what the labels are views of
  std::vector<double> values;
  std::vector<std::int64_t> integers;  // empty: no decimals
  double power = 1;
  bool is_counter = false;

  // A longer life of this series, unlike that of other targets: pieces of the recording in random order. Of a counter
  // they go on where the one before ended.
  void Live(base::Random& random, std::span<double> out) const {
    constexpr std::size_t kPiece = 29;  // not a multiple of 8: zstd would see repetitions that no exporter has
    std::int64_t total = integers.empty() ? 0 : integers.front();
    std::size_t at = 0;
    for (std::size_t row = 0; row < out.size(); ++row, ++at) {
      if (row % kPiece == 0) at = 1 + static_cast<std::size_t>(random.Below(values.size() - kPiece));
      if (!is_counter) {
        out[row] = values[at];
        continue;
      }
      total += integers[at] - integers[at - 1];
      out[row] = static_cast<double>(total) / power;
    }
  }
};

void FindDecimals(Recorded& series) {
  for (int exponent = 0; exponent <= 9; ++exponent) {
    const double power = std::pow(10.0, exponent);
    std::vector<std::int64_t> integers;
    for (const double value : series.values) {
      const double scaled = value * power;
      if (!(std::abs(scaled) < 4e15)) return;
      const auto integer = std::llround(scaled);
      if (static_cast<double>(integer) / power != value) break;
      integers.push_back(integer);
    }
    if (integers.size() < series.values.size()) continue;
    series.integers = std::move(integers);
    series.power = power;
    series.is_counter = std::ranges::is_sorted(series.integers);
    return;
  }
}

// `name{a="b",c="d"}` taken apart; values of node exporters have no escapes.
void ParseLabels(Recorded& series) {
  const std::string_view text = series.text;
  const std::size_t brace = text.find('{');
  series.labels = {{.name = "__name__", .value = text.substr(0, brace)}};
  for (std::size_t at = brace; at != std::string_view::npos && at + 1 < text.size() && text[at + 1] != '}';) {
    const std::size_t equals = text.find('=', at);
    const std::size_t end = text.find('"', equals + 2);
    series.labels.push_back(
        {.name = text.substr(at + 1, equals - at - 1), .value = text.substr(equals + 2, end - equals - 2)});
    at = end + 1;
    if (text[at] != ',') break;
  }
}

std::map<std::string, std::vector<double>> ReadRecording() {
  std::map<std::string, std::vector<double>> found;
  const std::string command = "zstd -dc --long=27 ../shared/data/node-scrapes/node.15s.scrapes.zst 2>/dev/null";
  const std::unique_ptr<std::FILE, int (*)(std::FILE*)> pipe(popen(command.c_str(), "r"), pclose);
  std::array<char, 4096> line;
  std::size_t scrapes = 0;
  while (pipe && std::fgets(line.data(), line.size(), pipe.get()) != nullptr) {
    const std::string_view text(line.data());
    if (text.starts_with("#SCRAPE")) ++scrapes;
    const std::size_t space = text.rfind(' ');
    if (text.starts_with('#') || space == std::string_view::npos) continue;
    found[std::string(text.substr(0, space))].push_back(std::strtod(text.data() + space + 1, nullptr));
  }
  std::erase_if(found, [scrapes](const auto& entry) { return entry.second.size() != scrapes; });
  return found;
}

std::map<std::string, std::vector<double>> MakeRecording() {
  std::map<std::string, std::vector<double>> made;
  base::SeededRandom random(1);
  for (int family = 0; family < 150; ++family) {
    for (int device = 0; device < 4; ++device) {
      auto& values = made[fmt::format("node_family_{}_bytes_total{{device=\"eth{}\"}}", family, device)];
      double value = static_cast<double>(random.Below(1'000'000));
      for (int row = 0; row < 137; ++row) {
        if (device % 3 == 0) value += static_cast<double>(random.Below(10'000));
        values.push_back(value);
      }
    }
  }
  return made;
}

// The recording, written as a block once, in a folder of its own.
class Bed {
 public:
  static Bed& Get() {
    static Bed bed;
    return bed;
  }
  ~Bed() {
    block_.reset();
    std::filesystem::remove_all(directory_);
  }
  Bed(const Bed&) = delete;
  Bed& operator=(const Bed&) = delete;

  // `moves`: one series in so many is scraped with another target from the middle on; 0: none.
  base::Result<BlockMeta> Write(BlockForm form, std::uint64_t number, std::chrono::nanoseconds& writing,
                                std::uint64_t moves = 0) {
    base::SeededRandom random(number);
    auto writer = BARO_TRY(
        BlockWriter::Create(base::RealFileSystem(), directory_, {.ulid = Ulid::Make(kStartMs, random), .form = form}));
    writing = {};
    std::vector<double> values(rows_);
    base::SeededRandom lives(5);
    for (const auto& [labels, series, target] : order_) {
      series->Live(lives, values);
      const std::vector<std::int64_t>* column = &columns_[target];
      std::vector<std::int64_t> moved;
      if (moves != 0 && random.OneIn(moves)) {
        const auto& other = columns_[(target + 1) % columns_.size()];
        const auto half = static_cast<std::ptrdiff_t>(rows_ / 2);
        moved.assign(column->begin(), column->begin() + half);
        moved.insert(moved.end(), other.begin() + half + 1, other.end());
        column = &moved;
      }
      const auto start = CpuTime();
      BARO_TRY(writer->BeginSeries(labels));
      BARO_TRY(writer->AddFloats(*column, std::span(values).first(column->size())));
      writing += CpuTime() - start;
    }
    const auto start = CpuTime();
    auto meta = BARO_TRY(writer->Finish());
    writing += CpuTime() - start;
    return meta;
  }

  // Bytes of pages when chunks of two hours stand in block order, or target after target.
  std::size_t PageBytes(bool by_target, PageForm form) {
    constexpr std::size_t kRows = 480;
    std::vector<const Entry*> order;
    for (const Entry& entry : order_) order.push_back(&entry);
    if (by_target) std::ranges::stable_sort(order, {}, &Entry::target);
    std::map<const Entry*, std::uint64_t> seeds;  // so that a series has the same values in both orders
    for (const Entry& entry : order_) seeds.emplace(&entry, seeds.size());
    PageBuilder page;
    base::ByteBuffer bytes;
    std::vector<double> values(kRows);
    std::size_t total = 0;
    for (const Entry* entry : order) {
      base::SeededRandom random(seeds.at(entry));
      entry->series->Live(random, values);
      page.Add(values);
      if (page.SizeBytes() < std::size_t{48} << 10 && entry != order.back()) continue;
      bytes.clear();
      page.Finish(0, form, bytes);
      total += bytes.size();
    }
    return total;
  }
  std::size_t series_count() const { return order_.size(); }

  std::string PathOf(const BlockMeta& meta) const { return fmt::format("{}/{}", directory_, meta.ulid.ToString()); }

  const Block& block() {
    if (block_ == nullptr) {
      std::chrono::nanoseconds writing;
      const auto meta = Write(BlockForm::kHot, 99, writing);
      block_ = *Block::Open(base::RealFileSystem(), PathOf(*meta));
    }
    return *block_;
  }

 private:
  struct Entry {
    model::Labels labels;
    const Recorded* series = nullptr;
    std::size_t target = 0;
  };

  Bed() {
    std::string pattern = (std::filesystem::temp_directory_path() / "baro-block-XXXXXX").string();
    directory_ = ::mkdtemp(pattern.data());
    auto recording = ReadRecording();
    if (recording.empty()) recording = MakeRecording();
    for (auto& [text, values] : recording) {
      auto series = std::make_unique<Recorded>();
      series->text = text;
      series->values = std::move(values);
      ParseLabels(*series);
      FindDecimals(*series);
      recorded_.push_back(std::move(series));
    }
    const std::size_t targets = FromEnvironment("BARO_BLOCK_TARGETS", 34);
    rows_ = FromEnvironment("BARO_BLOCK_HOURS", 24) * 240;
    base::SeededRandom random(7);
    for (std::size_t target = 0; target < targets; ++target) {
      const std::string instance = fmt::format("host-{:04}:9100", target);
      auto& column = columns_.emplace_back();
      const auto phase = static_cast<std::int64_t>(random.Below(kIntervalMs));
      for (std::size_t row = 0; row < rows_; ++row) {
        // As recorded: one start in eight is a few milliseconds off.
        const std::int64_t jitter = random.OneIn(8) ? static_cast<std::int64_t>(random.Below(4)) : 0;
        column.push_back(kStartMs + phase + static_cast<std::int64_t>(row) * kIntervalMs + jitter);
      }
      for (const auto& series : recorded_) {
        auto labels = series->labels;
        labels.push_back({.name = "instance", .value = instance});
        labels.push_back({.name = "job", .value = "node"});
        order_.push_back({.labels = *model::Labels::Make(labels), .series = series.get(), .target = target});
      }
    }
    std::ranges::sort(order_, [](const Entry& a, const Entry& b) { return InBlockOrder(a.labels, b.labels); });
  }

  std::string directory_;
  std::vector<std::unique_ptr<Recorded>> recorded_;
  std::vector<std::vector<std::int64_t>> columns_;  // by target
  std::vector<Entry> order_;
  std::size_t rows_ = 0;
  std::shared_ptr<Block> block_;
};

void BM_Write(benchmark::State& state, BlockForm form) {
  std::uint64_t number = form == BlockForm::kHot ? 1 : 1000;
  for (auto _ : state) {
    std::chrono::nanoseconds writing;
    const auto meta = Bed::Get().Write(form, ++number, writing);
    if (!meta) return state.SkipWithError(meta.error().message().c_str());
    state.SetIterationTime(std::chrono::duration<double>(writing).count());
    state.counters["ns/sample"] = static_cast<double>(writing.count()) / static_cast<double>(meta->counts.samples());
    state.counters["samples"] = static_cast<double>(meta->counts.samples());
    PartsOf(Bed::Get().PathOf(*meta), *meta).Tell(state);
    std::filesystem::remove_all(Bed::Get().PathOf(*meta));
  }
}
BENCHMARK_CAPTURE(BM_Write, hot, BlockForm::kHot)->Iterations(1)->UseManualTime()->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(BM_Write, cold, BlockForm::kCold)->Iterations(1)->UseManualTime()->Unit(benchmark::kMillisecond);

// Series that change groups: one in so many, half way.
void BM_Moves(benchmark::State& state) {
  std::uint64_t number = 2000;
  for (auto _ : state) {
    std::chrono::nanoseconds writing;
    const auto meta = Bed::Get().Write(BlockForm::kHot, ++number, writing, static_cast<std::uint64_t>(state.range(0)));
    if (!meta) return state.SkipWithError(meta.error().message().c_str());
    state.SetIterationTime(std::chrono::duration<double>(writing).count());
    PartsOf(Bed::Get().PathOf(*meta), *meta).Tell(state);
    std::filesystem::remove_all(Bed::Get().PathOf(*meta));
  }
}
BENCHMARK(BM_Moves)->Arg(0)->Arg(100)->Arg(10)->Arg(2)->Iterations(1)->UseManualTime()->Unit(benchmark::kMillisecond);

// What the order of series is worth: equal payloads of neighbours are stored once, and zstd sees neighbours only.
void BM_Order(benchmark::State& state, PageForm form) {
  Bed& bed = Bed::Get();
  const auto samples = static_cast<double>(bed.series_count() * 480);
  for (auto _ : state) {
    state.counters["B_by_metric"] = static_cast<double>(bed.PageBytes(false, form)) / samples;
    state.counters["B_by_target"] = static_cast<double>(bed.PageBytes(true, form)) / samples;
  }
}
BENCHMARK_CAPTURE(BM_Order, hot, PageForm::kHot)->Iterations(1)->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(BM_Order, cold, PageForm::kCold)->Iterations(1)->Unit(benchmark::kMillisecond);

void BM_Open(benchmark::State& state) {
  const std::string path = Bed::Get().block().directory();
  for (auto _ : state) benchmark::DoNotOptimize(Block::Open(base::RealFileSystem(), path));
}
BENCHMARK(BM_Open)->Unit(benchmark::kMicrosecond);

void BM_Select(benchmark::State& state, const std::vector<model::Matcher>& matchers) {
  const Block& block = Bed::Get().block();
  std::size_t series = 0;
  for (auto _ : state) series = (*block.Select({.matchers = matchers, .range = {}}, {}))->size();
  state.counters["series"] = static_cast<double>(series);
}

const model::Matcher kAny = *model::Matcher::Make(model::MatchType::kNotEqual, "__name__", "");
BENCHMARK_CAPTURE(BM_Select, one,
                  {model::Matcher::Equal("__name__", "node_load1"),
                   model::Matcher::Equal("instance", "host-0003:9100")})
    ->Unit(benchmark::kMicrosecond);
BENCHMARK_CAPTURE(BM_Select, metric, {model::Matcher::Equal("__name__", "node_cpu_seconds_total")})
    ->Unit(benchmark::kMicrosecond);
BENCHMARK_CAPTURE(BM_Select, regex,
                  {model::Matcher::Equal("__name__", "node_cpu_seconds_total"),
                   *model::Matcher::Make(model::MatchType::kRegex, "instance", "host-00[01].*:9100"),
                   *model::Matcher::Make(model::MatchType::kNotRegex, "mode", "idle|iowait")})
    ->Unit(benchmark::kMicrosecond);
BENCHMARK_CAPTURE(BM_Select, target, {model::Matcher::Equal("instance", "host-0003:9100")})
    ->Unit(benchmark::kMicrosecond);
BENCHMARK_CAPTURE(BM_Select, everything, {kAny})->Unit(benchmark::kMicrosecond);

// Everything, one thread, pages checked before.
void BM_Read(benchmark::State& state, const std::vector<model::Matcher>& matchers, std::int64_t hours) {
  const Block& block = Bed::Get().block();
  const std::int64_t end_ms = block.meta().range().max_ms;
  const model::TimeRange range{.min_ms = hours == 0 ? model::kMinTimestampMs : end_ms - hours * 3'600'000,
                               .max_ms = end_ms};
  const auto selection = *block.Select({.matchers = matchers, .range = range}, {});
  SampleColumns columns;
  std::size_t samples = 0;
  for (auto _ : state) {
    for (std::size_t i = 0; i < selection->size(); ++i) {
      if (!selection->Read(i, range, columns)) return state.SkipWithError("damaged");
      samples += columns.values().size();
    }
  }
  state.SetItemsProcessed(static_cast<std::int64_t>(samples));
}
BENCHMARK_CAPTURE(BM_Read, everything, {kAny}, 0)->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(BM_Read, metric_whole, {model::Matcher::Equal("__name__", "node_cpu_seconds_total")}, 0)
    ->Unit(benchmark::kMicrosecond);
BENCHMARK_CAPTURE(BM_Read, metric_hour, {model::Matcher::Equal("__name__", "node_cpu_seconds_total")}, 1)
    ->Unit(benchmark::kMicrosecond);

void BM_LabelValues(benchmark::State& state) {
  const auto reader = Bed::Get().block().OpenReader();
  for (auto _ : state) benchmark::DoNotOptimize(reader->LabelValues("__name__", {}, {}, 0, {}));
}
BENCHMARK(BM_LabelValues)->Unit(benchmark::kMicrosecond);

void BM_Scan(benchmark::State& state) {
  const Block& block = Bed::Get().block();
  SampleColumns columns;
  std::size_t samples = 0;
  for (auto _ : state) {
    const auto scan = block.Scan();
    while (*scan->Next({})) {
      if (!scan->Read({}, columns)) return state.SkipWithError("damaged");
      samples += columns.values().size();
    }
  }
  state.SetItemsProcessed(static_cast<std::int64_t>(samples));
}
BENCHMARK(BM_Scan)->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace baro::tsdb
