#include "server/journal/active_queries.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fmt/format.h>

#include "base/bytes.h"
#include "base/random.h"
#include "base/sim_clock.h"
#include "base/sim_file_system.h"
#include "server/journal/query_journal.h"

namespace baro::server {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

constexpr const char* kPath = "data/queries.running";

class ActiveQueriesTest : public testing::Test {
 protected:
  ActiveQueriesTest() { EXPECT_TRUE(files_.CreateDirectories("data")); }

  ActiveQueries Open() { return {files_, kPath, clock_, log_}; }
  static RunningQuery Query(std::string text, std::string client = "10.0.0.7") {
    return {.start_ms = 1000, .end_ms = 2000, .step_ms = 100, .client = std::move(client), .text = std::move(text)};
  }
  static std::vector<std::string> Texts(const std::vector<RunningQuery>& queries) {
    std::vector<std::string> texts;
    for (const RunningQuery& query : queries) texts.push_back(query.text);
    return texts;
  }

  base::SimFileSystem files_;
  base::SimClock clock_;
  std::string logged_;
  base::Logger log_{base::MakeFunctionSink(base::LogLevel::kDebug, base::LogFormat::kLogfmt,
                                           [this](std::string_view line) { logged_ += std::string(line) + "\n"; })};
};

TEST_F(ActiveQueriesTest, NamesWhatHadNotEndedWhenTheProcessDied) {
  {
    ActiveQueries active = Open();
    EXPECT_TRUE(active.unfinished().empty());
    const std::uint64_t first = active.Begin(Query("up"));
    active.Begin(Query("sum(\n  rate(x[5m])\n)"));
    active.Begin(Query("+ 1 2 3\n- 2\n", ""));  // looks like records
    active.End(first);
    EXPECT_THAT(Texts(active.Running()), ElementsAre("sum(\n  rate(x[5m])\n)", "+ 1 2 3\n- 2\n"));
    files_.Kill();
  }
  {
    const ActiveQueries active = Open();
    ASSERT_THAT(Texts(active.unfinished()), ElementsAre("sum(\n  rate(x[5m])\n)", "+ 1 2 3\n- 2\n"));
    const RunningQuery& query = active.unfinished()[0];
    EXPECT_EQ(query.began_ms, base::ToMs(clock_.Now()));
    EXPECT_EQ(query.start_ms, 1000);
    EXPECT_EQ(query.end_ms, 2000);
    EXPECT_EQ(query.step_ms, 100);
    EXPECT_EQ(query.client, "10.0.0.7");
    EXPECT_EQ(active.unfinished()[1].client, "-");
    LogUnfinished(active, log_);
    EXPECT_THAT(logged_, HasSubstr("it may be what ended it\" query=\"sum("));
  }
  EXPECT_TRUE(Open().unfinished().empty()) << "each death is told once";
}

TEST_F(ActiveQueriesTest, KeepsTheBeginningOfLongQueries) {
  {
    ActiveQueries active = Open();
    active.Begin(Query(std::string(100'000, 'x')));
    files_.Kill();
  }
  const ActiveQueries active = Open();
  ASSERT_EQ(active.unfinished().size(), 1U);
  EXPECT_EQ(active.unfinished()[0].text, std::string(ActiveQueries::kTextBytesMax, 'x'));
  EXPECT_EQ(active.unfinished()[0].text_bytes, 100'000U);
}

TEST_F(ActiveQueriesTest, StaysSmall) {
  std::vector<std::string> want;
  {
    ActiveQueries active = Open();
    base::SeededRandom random(7);
    std::vector<std::pair<std::uint64_t, std::string>> running;
    for (int i = 0; i < 20'000; ++i) {
      const std::string text = fmt::format("q{}{}", i, std::string(random.Below(300), '+'));
      running.emplace_back(active.Begin(Query(text)), text);
      while (running.size() > random.Below(30)) {
        const std::size_t victim = random.Below(running.size());
        active.End(running[victim].first);
        running.erase(running.begin() + static_cast<std::ptrdiff_t>(victim));
      }
      ASSERT_LT(files_.FileSize(kPath).value_or(0), 300'000U);
    }
    for (const auto& [number, text] : running) want.push_back(text);
    files_.Kill();
  }
  EXPECT_EQ(Texts(Open().unfinished()), want);
}

TEST_F(ActiveQueriesTest, ReadsUpToWhereTheFileIsWhole) {
  const std::string whole =
      "barograph running queries 1\n+ 1 5 1 2 3 a 2 2\nup\n+ 2 6 1 2 3 b 9 4\nx\ny\n\n- 1\n+ 3 7 1 2 3 c 1 1\nz\n";
  const auto all = ReadRunningQueries(whole);
  ASSERT_TRUE(all);
  EXPECT_THAT(Texts(*all), ElementsAre("x\ny\n", "z"));
  // Cut anywhere it is an earlier state, or nothing at all; any changed byte is no crash.
  for (std::size_t size = 0; size < whole.size(); ++size) {
    const auto cut = ReadRunningQueries(std::string_view(whole).substr(0, size));
    if (size < 28) {
      EXPECT_FALSE(cut) << size;
      continue;
    }
    ASSERT_TRUE(cut) << size;
    for (const std::string& text : Texts(*cut)) {
      EXPECT_TRUE(text == "up" || text == "x\ny\n" || text == "z") << size << " " << text;
    }
  }
  for (std::size_t at = 0; at < whole.size(); ++at) {
    for (const char byte : {'\0', '\n', '9', '-', '\xff'}) {
      std::string changed = whole;
      changed[at] = byte;
      static_cast<void>(ReadRunningQueries(changed));
    }
  }
  EXPECT_FALSE(ReadRunningQueries("barograph running queries 2\n"));
  EXPECT_TRUE(ReadRunningQueries("barograph running queries 1\n+ 1 5 1 2 3 a 2 18446744073709551615\nup\n")->empty());
}

TEST_F(ActiveQueriesTest, IsNoReasonToRefuseQueries) {
  ASSERT_TRUE(base::WriteFileAtomically(files_, kPath, base::AsBytes(std::string_view("[something else"))));
  {
    ActiveQueries active = Open();
    EXPECT_THAT(logged_, HasSubstr("cannot tell which queries ran"));
    active.End(active.Begin(Query("up")));
  }
  logged_.clear();
  ActiveQueries nowhere(files_, "missing/queries.running", clock_, log_);
  EXPECT_THAT(logged_, HasSubstr("not written down any more"));
  const std::uint64_t number = nowhere.Begin(Query("up"));
  EXPECT_EQ(nowhere.Running().size(), 1U);
  nowhere.End(number);
  EXPECT_TRUE(nowhere.Running().empty());
}

}  // namespace
}  // namespace baro::server
