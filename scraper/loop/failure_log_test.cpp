#include "scraper/loop/failure_log.h"

#include <gtest/gtest.h>

#include "base/sim_clock.h"
#include "base/sim_file_system.h"

namespace baro::scraper {
namespace {

class FailureLogTest : public testing::Test {
 protected:
  std::string Read(const std::string& path) { return base::ReadFile(files_, path, 1 << 20).value_or("none"); }
  void Use(const std::set<std::string>& paths) {
    auto opened = log_.Open(paths);
    ASSERT_TRUE(opened) << opened.error().message();
    log_.Use(*std::move(opened));
  }

  base::SimClock clock_{base::FromMs(1'700'000'000'000)};
  base::SimFileSystem files_;
  FailureLog log_{files_, clock_, {}};
};

TEST_F(FailureLogTest, WritesALineOfJsonForEachFailure) {
  Use({"failures.json"});
  log_.Write("failures.json", {.job_name = "a \"b\"", .target = "http://x/metrics", .error = "line\nend \xff"});
  log_.Write("failures.json", {.job_name = "j", .target = "http://y/", .error = "refused"});
  log_.Write("other.json", {.job_name = "j", .target = "http://y/", .error = "refused"});
  log_.Write("", {.job_name = "j", .target = "http://y/", .error = "refused"});
  EXPECT_EQ(Read("failures.json"),
            "{\"time\":\"2023-11-14T22:13:20.000Z\",\"level\":\"ERROR\",\"msg\":\"line\\nend \xef\xbf\xbd\","
            "\"job_name\":\"a \\\"b\\\"\",\"target\":\"http://x/metrics\"}\n"
            "{\"time\":\"2023-11-14T22:13:20.000Z\",\"level\":\"ERROR\",\"msg\":\"refused\",\"job_name\":\"j\","
            "\"target\":\"http://y/\"}\n");
}

TEST_F(FailureLogTest, AReloadOpensFilesAnewAndLetsGoOfOthers) {
  Use({"a", "b"});
  log_.Write("a", {.error = "1"});
  ASSERT_TRUE(files_.Rename("a", "a.old"));
  Use({"a"});
  log_.Write("a", {.error = "2"});
  log_.Write("b", {.error = "3"});
  EXPECT_NE(Read("a.old").find("\"1\""), std::string::npos);
  EXPECT_NE(Read("a").find("\"2\""), std::string::npos);
  EXPECT_EQ(Read("b"), "");
}

TEST_F(FailureLogTest, AFileThatCannotBeOpenedIsNamed) {
  const auto opened = log_.Open({"no/such/folder/file"});
  ASSERT_FALSE(opened);
  EXPECT_NE(opened.error().message().find("scrape_failure_log_file: "), std::string::npos);
  EXPECT_NE(opened.error().message().find("no/such/folder/file"), std::string::npos);
}

}  // namespace
}  // namespace baro::scraper
