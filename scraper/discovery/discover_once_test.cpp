#include "scraper/discover_once.h"

#include <gtest/gtest.h>

#include "base/sim_file_system.h"

namespace baro::scraper {
namespace {

TEST(DiscoverOnce, EndsWhenEachProviderHasAnswered) {
  base::SimFileSystem files;
  ASSERT_TRUE(base::WriteFileAtomically(files, "t.json", base::AsBytes(R"([{"targets": ["b:1", "c:1"]}])")));
  base::ThreadExecutor executor(1);
  ScrapeJobOptions job{.job_name = "j"};
  job.static_groups = {{.source = "static", .targets = {{{"__address__", "a:1"}}}, .labels = {}}};
  job.file_discoveries = {{.files = {"t.json"}}, {.files = {"none.json"}}};
  const auto told = DiscoverOnce(
      job, {.clock = base::RealClock(), .executor = executor, .files = files, .make_fetcher = {}, .log = {}},
      std::chrono::hours(1));
  executor.Stop();
  ASSERT_TRUE(told) << told.error().message();
  ASSERT_EQ(told->groups.size(), 2U);
  EXPECT_EQ(told->groups[0].targets[0].at("__address__"), "a:1");
  EXPECT_EQ(told->groups[1].targets.size(), 2U);
  EXPECT_EQ(told->providers.size(), 2U);
}

}  // namespace
}  // namespace baro::scraper
