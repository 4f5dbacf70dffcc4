// bench: scraper
// Parsing expositions: predicted, at first sight, and plain. Bodies are real scrapes of ../shared/data/node-scrapes,
// where that folder and zstd are; a body like node_exporter's is made for those who have it not.
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

#include "base/number_text.h"
#include "bench/protobuf_body.h"
#include "scraper/expo/number.h"
#include "scraper/exposition.h"

namespace baro::scraper {
namespace {

constexpr std::size_t kBodiesMax = 64;

class Numberer : public SeriesResolver {
 public:
  base::Result<SeriesHandle> Resolve(const SampleLine&) override { return static_cast<SeriesHandle>(count_++); }

 private:
  std::uint32_t count_ = 0;
};

// Bodies of a recording: lines `#SCRAPE <start> <schedule> <bytes>`, each before a body. The program zstd unpacks them.
std::vector<std::string> ReadRecording(const std::filesystem::path& path) {
  std::vector<std::string> bodies;
  const std::string command = fmt::format("zstd -dc --long=27 '{}' 2>/dev/null", path.string());
  const std::unique_ptr<std::FILE, int (*)(std::FILE*)> pipe(popen(command.c_str(), "r"), pclose);
  std::array<char, 256> line;
  while (pipe && bodies.size() < kBodiesMax && std::fgets(line.data(), line.size(), pipe.get()) != nullptr) {
    std::size_t size_bytes = 0;
    if (std::sscanf(line.data(), "#SCRAPE %*s %*s %zu", &size_bytes) != 1) break;
    std::string body(size_bytes, '\0');
    if (std::fread(body.data(), 1, size_bytes, pipe.get()) != size_bytes) break;
    bodies.push_back(std::move(body));
  }
  return bodies;
}

std::vector<std::string> MakeBodies() {
  std::vector<std::string> bodies;
  for (std::size_t scrape = 0; scrape < kBodiesMax; ++scrape) {
    std::string body;
    for (int family = 0; family < 150; ++family) {
      body += fmt::format(
          "# HELP node_family_{0}_bytes_total Number {0} of the things that a kernel counts.\n"
          "# TYPE node_family_{0}_bytes_total counter\n",
          family);
      for (int device = 0; device < 4; ++device) {
        body += fmt::format("node_family_{}_bytes_total{{device=\"eth{}\"}} {}\n", family, device,
                            device % 2 == 0 ? 1000.0 * family + static_cast<double>(scrape) : 1e-3 * (family + 1));
      }
    }
    bodies.push_back(std::move(body));
  }
  return bodies;
}

const std::vector<std::string>& Bodies(const std::string& target) {
  static std::map<std::string, std::vector<std::string>> cache;
  const auto [found, is_new] = cache.try_emplace(target);
  if (is_new) {
    found->second = target == "made"
                        ? MakeBodies()
                        : ReadRecording(fmt::format("../shared/data/node-scrapes/{}.1s.scrapes.zst", target));
  }
  return found->second;
}

// The same in the Protobuf format.
const std::vector<std::string>& ProtobufBodies(const std::string& target) {
  static std::map<std::string, std::vector<std::string>> cache;
  const auto [found, is_new] = cache.try_emplace(target);
  if (is_new) {
    for (const std::string& body : Bodies(target)) found->second.push_back(ProtobufBody::FromText(body));
  }
  return found->second;
}

bool SkipIfAbsent(benchmark::State& state, const std::string& target) {
  if (!Bodies(target).empty()) return false;
  state.SkipWithError("../shared/data/node-scrapes is not here, or the program zstd");
  return true;
}

void Report(benchmark::State& state, std::size_t bytes, std::size_t samples) {
  state.SetBytesProcessed(static_cast<std::int64_t>(bytes));
  state.SetItemsProcessed(static_cast<std::int64_t>(samples));
}

// One scrape after the other, as a scrape loop sees them.
void Repeat(benchmark::State& state, const std::vector<std::string>& bodies, const ExpositionCache::Options& options) {
  ExpositionCache cache;
  Numberer numberer;
  std::size_t bytes = 0, samples = 0, predicted = 0, next = 0;
  for (auto _ : state) {
    const std::string& body = bodies[next++ % bodies.size()];
    if (!cache.Parse(body, options, numberer)) std::abort();
    bytes += body.size();
    samples += cache.parsed().samples_count();
    predicted += cache.parsed().predicted_count();
  }
  Report(state, bytes, samples);
  state.counters["predicted"] = static_cast<double>(predicted) / static_cast<double>(samples);
}

void BM_Repeated(benchmark::State& state, const std::string& target) {
  if (!SkipIfAbsent(state, target)) Repeat(state, Bodies(target), {});
}

void BM_RepeatedProtobuf(benchmark::State& state, const std::string& target) {
  if (!SkipIfAbsent(state, target)) Repeat(state, ProtobufBodies(target), {.format = ExpositionFormat::kProtobuf});
}

void SeeFirst(benchmark::State& state, const std::string& body, const ExpositionCache::Options& options) {
  std::size_t bytes = 0, samples = 0;
  for (auto _ : state) {
    ExpositionCache cache;
    Numberer numberer;
    if (!cache.Parse(body, options, numberer)) std::abort();
    bytes += body.size();
    samples += cache.parsed().samples_count();
  }
  Report(state, bytes, samples);
}

void BM_FirstSight(benchmark::State& state, const std::string& target) {
  if (!SkipIfAbsent(state, target)) SeeFirst(state, Bodies(target).front(), {});
}

void BM_FirstSightProtobuf(benchmark::State& state, const std::string& target) {
  if (SkipIfAbsent(state, target)) return;
  SeeFirst(state, ProtobufBodies(target).front(), {.format = ExpositionFormat::kProtobuf});
}

void BM_Plain(benchmark::State& state, const std::string& target) {
  if (SkipIfAbsent(state, target)) return;
  const std::string& body = Bodies(target).front();
  std::size_t bytes = 0, samples = 0;
  for (auto _ : state) {
    ExpositionReader reader(body, ExpositionFormat::kText);
    while (true) {
      const auto event = reader.Next();
      if (!event) std::abort();
      if ((*event)->kind == ExpositionEvent::Kind::kEnd) break;
      if ((*event)->kind == ExpositionEvent::Kind::kSample) ++samples;
    }
    bytes += body.size();
  }
  Report(state, bytes, samples);
}

// Numbers as scrapes have them, one a line.
const std::string& NumberLines() {
  static const std::string lines = [] {
    std::string out;
    for (int i = 0; i < 3000; ++i) out += fmt::format("{}\n{}\n{:e}\n", i * 137 % 100'000, i / 64.0, i * 7919.0 * 4096);
    return out;
  }();
  return lines;
}

// What the loop over a scrape's lines does: the number tells where it ends.
void BM_NumbersPlain(benchmark::State& state) {
  const std::string& lines = NumberLines();
  for (auto _ : state) {
    double sum = 0;
    for (const char* at = lines.data(); at != lines.data() + lines.size(); ++at) {
      double value = 0;
      at = expo::ParsePlainNumber(at, lines.data() + lines.size(), value);
      sum += value;
    }
    benchmark::DoNotOptimize(sum);
  }
  Report(state, lines.size() * state.iterations(), 9000 * state.iterations());
}
BENCHMARK(BM_NumbersPlain);

// What it would do without a parser of its own: look for the end, and give the text to the one of all others.
void BM_NumbersAsText(benchmark::State& state) {
  const std::string_view lines = NumberLines();
  for (auto _ : state) {
    double sum = 0;
    for (std::size_t at = 0; at < lines.size();) {
      const std::size_t end = lines.find_first_of(" \n", at);
      sum += base::ParseFloat(lines.substr(at, end - at)).value_or(0);
      at = end + 1;
    }
    benchmark::DoNotOptimize(sum);
  }
  Report(state, lines.size() * state.iterations(), 9000 * state.iterations());
}
BENCHMARK(BM_NumbersAsText);

#define BARO_EXPO_BENCH(target)                              \
  BENCHMARK_CAPTURE(BM_Repeated, target, #target);           \
  BENCHMARK_CAPTURE(BM_RepeatedProtobuf, target, #target);   \
  BENCHMARK_CAPTURE(BM_FirstSight, target, #target);         \
  BENCHMARK_CAPTURE(BM_FirstSightProtobuf, target, #target); \
  BENCHMARK_CAPTURE(BM_Plain, target, #target)

BARO_EXPO_BENCH(made);
BARO_EXPO_BENCH(node);
BARO_EXPO_BENCH(postgres);
BARO_EXPO_BENCH(redis);
BARO_EXPO_BENCH(process);
BARO_EXPO_BENCH(prometheus);

}  // namespace
}  // namespace baro::scraper
