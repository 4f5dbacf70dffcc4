#include "scraper/discover_once.h"

#include <gtest/gtest.h>

#include "base/metrics.h"
#include "base/sim_clock.h"
#include "base/sim_file_system.h"
#include "scraper/discovery/consul_options_for_tests.h"

namespace baro::scraper {
namespace {

TEST(DiscoverOnce, EndsWhenEachProviderHasAnswered) {
  base::SimFileSystem files;
  ASSERT_TRUE(base::WriteFileAtomically(files, "t.json", base::AsBytes(R"([{"targets": ["b:1", "c:1"]}])")));
  base::ThreadExecutor executor(1);
  ScrapeJobOptions job{.job_name = "j"};
  job.static_groups = {{.source = "static", .targets = {{{"__address__", "a:1"}}}, .labels = {}}};
  job.file_discoveries = {{.files = {"t.json"}}, {.files = {"none.json"}}};
  base::Registry registry;
  const auto told = DiscoverOnce(job,
                                 {.clock = base::RealClock(),
                                  .executor = executor,
                                  .files = files,
                                  .registry = registry,
                                  .make_fetcher = {},
                                  .log = {}},
                                 std::chrono::hours(1));
  executor.Stop();
  ASSERT_TRUE(told) << told.error().message();
  ASSERT_EQ(told->groups.size(), 2U);
  EXPECT_EQ(told->groups[0].targets[0].at("__address__"), "a:1");
  EXPECT_EQ(told->groups[1].targets.size(), 2U);
  EXPECT_EQ(told->providers.size(), 2U);
}

/// One service is known, all others cannot be asked; questions for news are never answered.
class FakeConsul : public net::HttpFetcher {
 public:
  explicit FakeConsul(base::Executor& executor) : executor_(executor) {}

  CallId Fetch(net::FetchRequest request, net::FetchOptions /*options*/, net::FetchCallback callback) override {
    const bool is_good = request.url.find("/good?") != std::string::npos;
    if (is_good && request.url.find("index=0&") == std::string::npos) return CallId{1};
    executor_.Post([is_good, callback = std::move(callback)] {
      if (!is_good) return callback(base::Fail(base::Code::kIo, "refused"));
      net::FetchResponse answer{.status = 200, .body = R"([{"Node": {"Address": "a"}, "Service": {"Port": 1}}])"};
      answer.headers.Add("X-Consul-Index", "5");
      callback(std::move(answer));
    });
    return CallId{1};
  }
  void Cancel(CallId /*id*/) override {}

 private:
  base::Executor& executor_;
};

base::Result<DiscoveredGroups> AskConsul(const base::Clock& clock, std::vector<std::string> services) {
  base::Registry registry;
  base::SimFileSystem files;
  base::ThreadExecutor executor(1);
  DiscoveryOptions options = ConsulOptions();
  options.record.values["services"] = std::move(services);
  ScrapeJobOptions job{.job_name = "j"};
  job.other_discoveries = {options};
  const auto make = [&executor](const net::HttpClientOptions&) -> base::Result<std::shared_ptr<net::HttpFetcher>> {
    return std::make_shared<FakeConsul>(executor);
  };
  auto told = DiscoverOnce(
      job,
      {.clock = clock, .executor = executor, .files = files, .registry = registry, .make_fetcher = make, .log = {}},
      std::chrono::hours(1));
  executor.Stop();
  return told;
}

// The clock stands: no error becomes old enough to be an answer.
TEST(DiscoverOnce, AnErrorDoesNotHideWhatIsToldAMomentLater) {
  const base::SimClock clock;
  const auto told = AskConsul(clock, {"bad", "good"});
  ASSERT_TRUE(told) << told.error().message();
  ASSERT_EQ(told->groups.size(), 2U);
  EXPECT_EQ(told->groups[1].targets.size(), 1U);
}

/// Each look at it takes a tenth of a second.
class PassingClock : public base::SimClock {
 public:
  base::MonotonicTime Monotonic() const override {
    time_.Advance(std::chrono::milliseconds(100));
    return time_.Monotonic();
  }

 private:
  mutable base::SimClock time_;
};

TEST(DiscoverOnce, AnErrorThatStaysIsTheAnswer) {
  const PassingClock clock;
  const auto told = AskConsul(clock, {"bad"});
  ASSERT_TRUE(told) << told.error().message();
  EXPECT_TRUE(told->groups.empty());
  ASSERT_EQ(told->providers.size(), 1U);
  EXPECT_EQ(told->providers[0].last_error, "bad: refused");
}

}  // namespace
}  // namespace baro::scraper
