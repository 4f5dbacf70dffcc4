// What `check rules` and `check config` say and how they end.
#include <sstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/sim_file_system.h"
#include "cli/commands.h"
#include "cli/lint.h"

namespace baro::cli {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

constexpr const char* kTwice =
    "groups:\n- name: a\n  labels: {team: x}\n  rules:\n  - {record: m, expr: up}\n  - {alert: m, expr: up, labels: "
    "{team: x}}\n- name: b\n  rules:\n  - {record: m, expr: up, labels: {team: x}}\n  - {record: m, expr: up}\n";
constexpr const char* kFields = "groups: [{name: a, owner: me, rules: [{record: m, expr: up, runbook: x}]}]\n";

class CheckFilesTest : public ::testing::Test {
 protected:
  void Put(const std::string& path, std::string_view text) {
    EXPECT_TRUE(base::WriteFileAtomically(files_, path, base::AsBytes(text)));
  }

  int Rules(RuleCheck check, const std::string& input = "") {
    std::istringstream in(input);
    return CheckRules(check, files_, NewTerminal(in));
  }
  int Config(ConfigCheck check) {
    std::istringstream in;
    check.files = {"/p.yml"};
    return CheckConfig(check, files_, NewTerminal(in));
  }

  std::string out() const { return out_.str(); }
  std::string err() const { return err_.str(); }

 private:
  Terminal NewTerminal(std::istream& in) {
    out_.str("");
    err_.str("");
    return {.in = in, .out = out_, .err = err_};
  }

  base::SimFileSystem files_;
  std::ostringstream out_;
  std::ostringstream err_;
};

TEST_F(CheckFilesTest, GoodRulesAreCounted) {
  Put("/a.yml", "groups: [{name: a, rules: [{record: m, expr: up}, {alert: A, expr: up == 0, for: 5m}]}]\n");
  Put("/b.yml", "");
  EXPECT_EQ(Rules({.files = {"/a.yml", "/b.yml"}, .is_lint_fatal = true}), kExitGood);
  EXPECT_EQ(out(), "Checking /a.yml\n  SUCCESS: 2 rules found\n\nChecking /b.yml\n  SUCCESS: 0 rules found\n\n");
  EXPECT_EQ(err(), "");
}

TEST_F(CheckFilesTest, RulesThatAreThereTwiceAreARemark) {
  Put("/a.yml", kTwice);
  const struct Row {
    std::string lint;
    bool is_fatal;
    int status;
    bool is_told;
  } rows[] = {{"duplicate-rules", false, kExitGood, true},
              {"duplicate-rules", true, kExitRemarks, true},
              {"all", true, kExitRemarks, true},
              {"none", true, kExitGood, false},
              {"", true, kExitGood, false},
              {"none,all", true, kExitRemarks, true}};
  for (const Row& row : rows) {
    EXPECT_EQ(Rules({.files = {"/a.yml"}, .lint = row.lint, .is_lint_fatal = row.is_fatal}), row.status) << row.lint;
    EXPECT_EQ(err().empty(), !row.is_told) << row.lint;
  }
  Rules({.files = {"/a.yml"}});
  EXPECT_EQ(err(),
            "  FAILED:\nlint error 1 duplicate rule(s) found.\nMetric: m\nLabel(s):\n\tteam: x\n"
            "Might cause inconsistency while recording expressions\n\n");
  EXPECT_EQ(out(), "Checking /a.yml\n");
}

TEST_F(CheckFilesTest, AnErrorCountsMoreThanARemark) {
  Put("/a.yml", kTwice);
  Put("/b.yml", "groups: [{name: a, rules: [{record: m, expr: 'up{'}]}]\n");
  EXPECT_EQ(Rules({.files = {"/b.yml", "/a.yml"}, .is_lint_fatal = true}), kExitFailed);
  EXPECT_THAT(err(), HasSubstr("/b.yml:1:"));
  EXPECT_THAT(err(), HasSubstr("duplicate rule(s)"));
  EXPECT_EQ(Rules({.files = {"/none.yml"}}), kExitFailed);
  EXPECT_THAT(err(), HasSubstr("/none.yml"));
}

TEST_F(CheckFilesTest, UnknownFieldsArePassedOverOnDemand) {
  Put("/a.yml", kFields);
  EXPECT_EQ(Rules({.files = {"/a.yml"}}), kExitFailed);
  EXPECT_THAT(err(), HasSubstr("runbook: unknown field"));
  EXPECT_EQ(Rules({.files = {"/a.yml"}, .ignores_unknown_fields = true}), kExitGood);
}

TEST_F(CheckFilesTest, RulesMayComeOnTheStandardInput) {
  EXPECT_EQ(Rules({.is_lint_fatal = true}, kTwice), kExitRemarks);
  EXPECT_THAT(out(), HasSubstr("Checking standard input\n"));
  EXPECT_EQ(Rules({}, "groups: 7"), kExitFailed);
  EXPECT_THAT(err(), HasSubstr("standard input:1:"));
}

TEST_F(CheckFilesTest, WhatIsNotKnownOfLintsIsTold) {
  Put("/a.yml", "");
  EXPECT_EQ(Rules({.files = {"/a.yml"}, .lint = "all,too-long-scrape-interval", .is_lint_fatal = true}), kExitGood);
  EXPECT_THAT(out(), HasSubstr("WARNING: unknown lint option: \"too-long-scrape-interval\"\n"));
}

TEST_F(CheckFilesTest, AConfigurationIsJudgedWithItsRules) {
  Put("/p.yml", "rule_files: [a.yml]\nscrape_configs: [{job_name: j, scrape_interval: 5m}]\n");
  Put("/a.yml", kTwice);
  EXPECT_EQ(Config({}), kExitGood);
  EXPECT_THAT(out(), HasSubstr("  SUCCESS: 1 rule files found\n SUCCESS: /p.yml is valid"));
  EXPECT_THAT(err(), HasSubstr("duplicate rule(s)"));
  EXPECT_THAT(err(), Not(HasSubstr("too long")));
  EXPECT_EQ(Config({.is_lint_fatal = true}), kExitRemarks);
  EXPECT_EQ(Config({.lint = "none", .is_lint_fatal = true}), kExitGood);
  EXPECT_EQ(Config({.is_syntax_only = true, .lint = "all", .is_lint_fatal = true}), kExitGood);
  EXPECT_THAT(out(), HasSubstr(" SUCCESS: /p.yml is valid prometheus config file syntax\n\n"));
  EXPECT_THAT(out(), Not(HasSubstr("rule files found")));
  EXPECT_EQ(err(), "");
}

TEST_F(CheckFilesTest, IntervalsAsLongAsQueriesLookBackAreARemark) {
  Put("/p.yml", "scrape_configs: [{job_name: j, scrape_interval: 5m}, {job_name: k, scrape_interval: 4m59s}]\n");
  const std::string remark =
      "  FAILED: too long scrape interval found, data point will be marked as stale - job: j, interval: 5m\n";
  EXPECT_EQ(Config({.lint = "too-long-scrape-interval", .is_lint_fatal = true}), kExitRemarks);
  EXPECT_EQ(err(), remark);
  EXPECT_EQ(Config({.lint = "all"}), kExitGood);
  EXPECT_EQ(err(), remark);
  EXPECT_EQ(Config({.lint = "all", .is_lint_fatal = true, .lookback = std::chrono::minutes(6)}), kExitGood);
  EXPECT_EQ(Config({.lint = "all", .is_lint_fatal = true, .lookback = std::chrono::minutes(0)}), kExitGood);
  EXPECT_EQ(Config({.is_lint_fatal = true}), kExitGood);
}

TEST_F(CheckFilesTest, UnknownFieldsOfAConfigurationStayWrong) {
  Put("/p.yml", "rule_files: [a.yml]\n");
  Put("/a.yml", kFields);
  EXPECT_EQ(Config({}), kExitFailed);
  EXPECT_EQ(Config({.ignores_unknown_fields = true}), kExitGood);
  Put("/p.yml", "rule_file: [a.yml]\n");
  EXPECT_EQ(Config({.ignores_unknown_fields = true}), kExitFailed);
}

TEST(Lint, NoneTurnsOffAllOfAConfiguration) {
  std::ostringstream out;
  EXPECT_EQ(ParseConfigLint("all", out), (LintChoice{.duplicate_rules = true, .scrape_intervals = true}));
  EXPECT_EQ(ParseConfigLint("all,none,too-long-scrape-interval", out), LintChoice{});
  EXPECT_EQ(ParseConfigLint("too-long-scrape-interval", out), LintChoice{.scrape_intervals = true});
  EXPECT_EQ(out.str(), "");
  EXPECT_EQ(ParseConfigLint("nonsense,duplicate-rules", out), LintChoice{.duplicate_rules = true});
  EXPECT_EQ(out.str(), "WARNING: unknown lint option: \"nonsense\"\n");
}

}  // namespace
}  // namespace baro::cli
