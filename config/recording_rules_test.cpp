#include "config/recording_rules.h"

#include <gtest/gtest.h>

#include "base/sim_file_system.h"

namespace baro::config {
namespace {

base::Result<std::vector<RecordingRuleGroup>> Load(std::string_view text) {
  base::SimFileSystem files;
  EXPECT_TRUE(base::WriteFileAtomically(files, "rules.yml", base::AsBytes(text)));
  return LoadRecordingRules(files, "rules.yml");
}

TEST(RecordingRules, ReadsGroupsAndLeavesAlertsOut) {
  const auto groups = Load(R"(groups:
  - name: a
    interval: 30s
    labels: {team: x, kind: y}
    rules:
      - record: job:up:sum
        expr: sum by (job) (up)
        labels: {kind: z}
      - alert: Down
        expr: up == 0
        for: 5m
        annotations: {summary: down}
  - name: b
)");
  ASSERT_TRUE(groups) << groups.error().message();
  ASSERT_EQ(groups->size(), 2U);
  EXPECT_EQ((*groups)[0].interval, std::chrono::seconds(30));
  ASSERT_EQ((*groups)[0].rules.size(), 1U);
  EXPECT_EQ((*groups)[0].rules[0].record, "job:up:sum");
  EXPECT_EQ((*groups)[0].rules[0].labels, (std::map<std::string, std::string>{{"team", "x"}, {"kind", "z"}}));
  EXPECT_EQ((*groups)[1].interval.count(), 0);
}

TEST(RecordingRules, SaysWhatIsWrongAndWhere) {
  struct Row {
    const char* text;
    const char* want;
  };
  constexpr Row kRows[] = {
      {"groups: [{name: a, rules: [{record: x, expr: 'sum('}]}]", "rules.yml:1:"},
      {"groups: [{name: a, rules: [{record: x, alert: y, expr: up}]}]", "record or alert"},
      {"groups: [{name: a, rules: [{expr: up}]}]", "record or alert"},
      {"groups: [{name: a, rules: [{record: x}]}]", "needs expr"},
      {"groups: [{name: a}, {name: a}]", "is there twice"},
      {"groups: [{rules: []}]", "needs a name"},
      {"groups: [{name: a, intervall: 5s}]", "intervall"},
      {"groups: [{name: a, rules: [{record: x, expr: up, labels: {__name__: y}}]}]", "invalid label name"},
      {"groups: [{name: a, rules: [{record: x, expr: up, for: 5m}]}]", "invalid field for in a recording rule"},
      {"groups: [{name: a, rules: [{record: x, expr: up, keep_firing_for: 5m}]}]", "invalid field keep_firing_for"},
      {"groups: [{name: a, rules: [{record: x, expr: up, annotations: {a: b}}]}]", "invalid field annotations"},
      {"groups: [{name: a, rules: [{alert: x, expr: up, annotations: {'': b}}]}]", "invalid annotation name"},
      {"groups: [{name: a, rules: [{record: 'sum{a=\"b\"}', expr: up}]}]", "braces in the name"},
      {"groups: [{name: a, rules: [{record: '', expr: up}]}]", "record or alert"},
      {"groups: [{name: a, rules: [{record: x, expr: ''}]}]", "needs expr"},
  };
  for (const auto& [text, want] : kRows) {
    const auto groups = Load(text);
    ASSERT_FALSE(groups) << text;
    EXPECT_NE(groups.error().message().find(want), std::string::npos) << groups.error().message();
  }
}

}  // namespace
}  // namespace baro::config
