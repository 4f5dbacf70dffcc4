// The simulator: `sim --seeds N --first M`, `sim --seed S` for one of them, told step by step.
#include <atomic>
#include <charconv>
#include <cstdio>
#include <fstream>
#include <mutex>
#include <string>
#include <thread>

#include <fmt/format.h>

#include "base/planted_fault.h"
#include "tests/sim/world.h"

namespace baro::sim {
namespace {

struct Arguments {
  std::uint64_t first = 1;
  std::uint64_t seeds = 1000;
  std::uint64_t threads = 1;
  std::uint64_t repeat_each = 16;  // every so many seeds one runs twice
  std::optional<std::uint64_t> only;
  std::string known;
  std::string plant;
  bool goes_on = false;
};

constexpr std::string_view kUsage =
    "usage: sim [--seeds N] [--first M] [--threads T] [--known FILE] [--go-on]\n"
    "       sim --seed S\n"
    "       sim_planted --plant FAULT|all [--seeds N] [--first M] [--threads T]\n"
    "Runs storage on a simulated disk, clock and executor, and compares it with a model. --seed tells each step.\n"
    "--known has seeds, one a line, that are run before the others. --go-on does not stop at the first that fails.\n"
    "--plant looks for the first seed that finds the fault planted into storage, and fails if there is none.\n";

std::optional<std::uint64_t> ParseNumber(std::string_view text) {
  std::uint64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return number;
}

std::optional<Arguments> Parse(std::span<char*> words) {
  Arguments arguments;
  for (std::size_t i = 1; i < words.size(); ++i) {
    const std::string_view word = words[i];
    if (word == "--go-on") {
      arguments.goes_on = true;
      continue;
    }
    if (++i >= words.size()) return std::nullopt;
    const std::string_view value = words[i];
    if (word == "--known" || word == "--plant") {
      (word == "--known" ? arguments.known : arguments.plant) = value;
      continue;
    }
    const auto number = ParseNumber(value);
    if (!number) return std::nullopt;
    if (word == "--first") {
      arguments.first = *number;
    } else if (word == "--seeds") {
      arguments.seeds = *number;
    } else if (word == "--threads") {
      arguments.threads = std::max<std::uint64_t>(1, *number);
    } else if (word == "--seed") {
      arguments.only = number;
    } else {
      return std::nullopt;
    }
  }
  return arguments;
}

std::vector<std::uint64_t> ReadSeeds(const std::string& path) {
  std::vector<std::uint64_t> seeds;
  std::ifstream file(path);
  for (std::string line; std::getline(file, line);) {
    const auto number = ParseNumber(std::string_view(line).substr(0, line.find(' ')));
    if (number) seeds.push_back(*number);
  }
  return seeds;
}

class Runner {
 public:
  explicit Runner(const Arguments& arguments) : arguments_(arguments) {
    if (arguments.only) {
      seeds_ = {*arguments.only};
      return;
    }
    if (!arguments.known.empty()) seeds_ = ReadSeeds(arguments.known);
    for (std::uint64_t i = 0; i < arguments.seeds; ++i) seeds_.push_back(arguments.first + i);
  }

  /// Seeds that failed, with the reason.
  const std::map<std::uint64_t, std::string>& found() const { return found_; }

  bool Run() {
    std::vector<std::thread> threads;
    for (std::uint64_t i = 1; i < arguments_.threads; ++i) threads.emplace_back([this] { Work(); });
    Work();
    for (std::thread& thread : threads) thread.join();
    Report();
    return failed_ == 0;
  }

 private:
  void Work() {
    for (;;) {
      const std::size_t index = next_.fetch_add(1);
      if (index >= seeds_.size() || (failed_ > 0 && !arguments_.goes_on)) return;
      RunSeed(seeds_[index]);
    }
  }

  void RunSeed(std::uint64_t seed) {
    World world(seed, arguments_.only.has_value());
    base::Result<> outcome = world.Run();
    if (outcome && seed % arguments_.repeat_each == 0) {
      World again(seed, /*is_loud=*/false);
      if (!again.Run() || again.trace_hash() != world.trace_hash()) {
        outcome = base::Fail(base::Code::kCorruption, "two runs of this seed differ");
      }
    }
    const std::lock_guard lock(mutex_);
    coverage_.Add(world.coverage());
    ++done_;
    if (outcome) return;
    ++failed_;
    if (!arguments_.plant.empty()) {
      found_.emplace(seed, outcome.error().message());
      return;
    }
    fmt::print("seed {} failed: {}\n  again, step by step: sim --seed {}\n", seed, outcome.error().message(), seed);
    std::fflush(stdout);
  }

  void Report() const {
    if (!arguments_.plant.empty()) return;
    const Coverage& all = coverage_;
    fmt::print(
        "{} seeds, {} failed; {} crash states, {} looks, {:.0f} simulated hours\n"
        "  {} commits ({} failed), {} samples, {} histograms, {} refused, {} blocks at ends of lives\n"
        "  {} deletes, {} snapshots, {} halts, {} operations failed, {} damaged disks\n",
        done_, failed_, all.crash_states, all.looks, static_cast<double>(all.simulated_ms) / 3'600'000, all.commits,
        all.commits_failed, all.samples, all.histograms, all.refused, all.blocks, all.deletes, all.snapshots, all.halts,
        all.operations_failed, all.damages);
  }

  const Arguments& arguments_;
  std::vector<std::uint64_t> seeds_;
  std::atomic<std::size_t> next_{0};
  std::atomic<std::uint64_t> failed_{0};
  std::mutex mutex_;
  std::map<std::uint64_t, std::string> found_;
  std::uint64_t done_ = 0;
  Coverage coverage_;
};

#ifdef BARO_PLANTED_FAULTS
// Whether each fault that was asked for is found.
bool FindPlanted(const Arguments& arguments) {
  bool all_found = true;
  bool is_known = false;
  for (const auto& [fault, name] : base::kPlantedFaultNames) {
    if (arguments.plant != "all" && arguments.plant != name) continue;
    is_known = true;
    base::planted_fault.store(fault, std::memory_order_relaxed);
    Runner runner(arguments);
    if (runner.Run()) {
      fmt::print("{}: not found in {} seeds\n", name, arguments.seeds);
      all_found = false;
    } else {
      const auto& [seed, message] = *runner.found().begin();
      fmt::print("{}: found by seed {}: {}\n", name, seed, message);
    }
    std::fflush(stdout);
  }
  if (!is_known) fmt::print("no fault is called {}\n", arguments.plant);
  return is_known && all_found;
}
#else
bool FindPlanted(const Arguments& /*arguments*/) {
  fmt::print("this program has no faults planted: sim_planted has\n");
  return false;
}
#endif

}  // namespace
}  // namespace baro::sim

int main(int argc, char** argv) {
  const auto arguments = baro::sim::Parse(std::span(argv, static_cast<std::size_t>(argc)));
  if (!arguments) {
    fmt::print(stderr, "{}", baro::sim::kUsage);
    return 2;
  }
  if (!arguments->plant.empty()) return baro::sim::FindPlanted(*arguments) ? 0 : 1;
  return baro::sim::Runner(*arguments).Run() ? 0 : 1;
}
