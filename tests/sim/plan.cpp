#include "tests/sim/plan.h"

#include <array>

namespace baro::sim {
namespace {

using std::chrono::hours;
using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;

template <typename T, std::size_t n>
T Choose(base::Random& random, const std::array<T, n>& values) {
  return values[random.Below(n)];
}

milliseconds Times(milliseconds time, std::uint64_t by) { return time * static_cast<std::int64_t>(by); }
milliseconds Part(milliseconds time, std::uint64_t of) { return time / static_cast<std::int64_t>(of); }

void ChooseRules(base::Random& random, Plan& plan) {
  auto rules = std::make_shared<tsdb::StorageRules>();
  const auto range = plan.options.block_range;
  const auto match = [](const char* name) {
    return std::vector{model::Matcher::Make(model::MatchType::kEqual, "__name__", name).value()};
  };
  if (random.OneIn(4)) {
    rules->retention.push_back({.matchers = match("m0"), .time = Times(range, 1 + random.Below(4))});
    rules->retention.push_back({.matchers = match("m1"), .time = Times(range, 1 + random.Below(30))});
  }
  if (range == minutes(10) && random.OneIn(2)) {
    rules->downsampling.push_back({.after = Times(range, 1 + random.Below(4)), .resolution = minutes(5)});
    if (random.OneIn(2)) rules->downsampling.front().matchers = match("m0");
    if (random.OneIn(2)) {
      rules->downsampling.push_back({.after = Times(range, 5 + random.Below(10)), .resolution = hours(1)});
    }
  }
  if (!rules->empty()) plan.options.retention.rules = std::move(rules);
}

}  // namespace

Plan MakePlan(base::Random& random) {
  Plan plan;
  const bool is_chaos = random.OneIn(4);  // everything is tiny
  tsdb::StorageOptions& options = plan.options;
  options.directory = "d/data";
  options.block_range = Choose<milliseconds>(
      random, std::array<milliseconds, 6>{seconds(8), seconds(20), seconds(60), minutes(10), minutes(10), hours(2)});
  plan.interval = std::max<milliseconds>(milliseconds(250), Part(options.block_range, 4 + random.Below(60)));
  options.block_range_max = options.block_range * Choose<std::int64_t>(random, std::array<std::int64_t, 3>{3, 9, 27});
  options.lateness_max = Part(options.block_range, 1 + random.Below(4));
  options.segment_bytes = is_chaos ? 200 + random.Below(800)
                                   : Choose<std::uint64_t>(random, std::array<std::uint64_t, 3>{1500, 8000, 128 << 20});
  options.head_file_bytes = Choose<std::uint64_t>(random, std::array<std::uint64_t, 3>{200, 2000, 256 << 10});
  options.sync_interval =
      Choose<milliseconds>(random, std::array<milliseconds, 3>{milliseconds(200), seconds(1), seconds(10)});
  options.retention_interval =
      Choose<milliseconds>(random, std::array<milliseconds, 3>{seconds(1), seconds(10), minutes(1)});
  options.retention.time = random.OneIn(2) ? milliseconds(0) : Times(options.block_range, 2 + random.Below(20));
  if (random.OneIn(6)) options.retention.bytes = 3000 + random.Below(100'000);
  options.scrub_interval = random.OneIn(2) ? milliseconds(0) : milliseconds(minutes(1));
  if (is_chaos) options.exemplars_max = 1 + random.Below(10);
  ChooseRules(random, plan);

  plan.series = is_chaos ? 1 + random.Below(4) : 1 + random.Below(24);
  plan.steps_max = 20 + random.Below(130);
  plan.lives = 1 + random.Below(4);
  plan.has_histograms = random.OneIn(3);
  plan.has_exemplars = random.OneIn(3);
  plan.has_deletes = random.OneIn(2);
  plan.has_churn = random.OneIn(2);
  plan.has_snapshots = random.OneIn(4);

  plan.halts = random.OneIn(2);
  plan.fails = random.OneIn(3);
  plan.fills_up = random.OneIn(5);
  plan.is_damaged = random.OneIn(6);
  plan.states = 64;
  return plan;
}

}  // namespace baro::sim
