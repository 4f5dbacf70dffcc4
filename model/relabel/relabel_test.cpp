#include "model/relabel.h"

#include <gtest/gtest.h>

#include <fmt/format.h>

namespace baro::model {
namespace {

using enum RelabelAction;

std::string Relabeled(const RelabelConfig& config, const Labels& labels) {
  auto relabeler = Relabeler::Compile(std::span(&config, 1));
  if (!relabeler) return relabeler.error().message();
  const auto out = relabeler->Apply(labels);
  return out.has_value() ? out->ToString() : "dropped";
}

TEST(Relabel, DoesWhatEachActionSays) {
  const Labels labels = Labels::FromPairs({{"a", "foo"}, {"b", "bar"}, {"c", "Baz"}});
  const std::string same = labels.ToString();
  struct Row {
    RelabelConfig config;
    std::string want;
  };
  const Row rows[] = {
      {{.source_labels = {"a"}, .regex = "f(.*)", .target_label = "d", .replacement = "ch${1}-ch${1}"},
       R"({a="foo", b="bar", c="Baz", d="choo-choo"})"},
      {{.source_labels = {"a", "b"}, .regex = "f(.*);(.*)r", .target_label = "a", .replacement = "b${1}${2}m"},
       R"({a="boobam", b="bar", c="Baz"})"},
      {{.source_labels = {"a"}, .regex = "no", .target_label = "d"}, same},
      {{.source_labels = {"a"}, .target_label = "d"}, R"({a="foo", b="bar", c="Baz", d="foo"})"},
      {{.source_labels = {"none"}, .target_label = "a"}, R"({b="bar", c="Baz"})"},
      {{.target_label = "a", .replacement = ""}, R"({b="bar", c="Baz"})"},
      {{.target_label = "d", .replacement = "x$$y"}, R"({a="foo", b="bar", c="Baz", d="x$y"})"},
      {{.source_labels = {"a"}, .regex = "(f)oo", .target_label = "${1}_x", .replacement = "v"},
       R"({a="foo", b="bar", c="Baz", f_x="v"})"},
      {{.source_labels = {"a"}, .regex = ".*(x)?", .target_label = "${1}", .replacement = "v"},
       same},  // no name: nothing is set
      {{.source_labels = {"a"}, .regex = "f.."}, "relabel rule 1: relabel action replace requires 'target_label'"},
      {{.source_labels = {"a"}, .regex = "f", .action = kKeep}, "dropped"},
      {{.source_labels = {"a"}, .regex = "f.*", .action = kKeep}, same},
      {{.source_labels = {"a"}, .regex = ".*o.*", .action = kDrop}, "dropped"},
      {{.source_labels = {"none"}, .regex = "", .action = kDrop}, "dropped"},
      {{.source_labels = {"a"}, .target_label = "b", .action = kKeepEqual}, "dropped"},
      {{.source_labels = {"a"}, .target_label = "a", .action = kDropEqual}, "dropped"},
      {{.source_labels = {"a"}, .target_label = "b", .action = kDropEqual}, same},
      {{.regex = "(b.*)", .replacement = "bar_${1}", .action = kLabelMap},
       R"({a="foo", b="bar", bar_b="bar", c="Baz"})"},
      {{.regex = "[ab]", .action = kLabelDrop}, R"({c="Baz"})"},
      {{.regex = "[ab]", .action = kLabelKeep}, R"({a="foo", b="bar"})"},
      {{.source_labels = {"c"}, .target_label = "c", .action = kLowercase}, R"({a="foo", b="bar", c="baz"})"},
      {{.source_labels = {"c", "b"}, .separator = "ß", .target_label = "c", .action = kUppercase},
       R"({a="foo", b="bar", c="BAZßBAR"})"},
  };
  for (const auto& [config, want] : rows)
    EXPECT_EQ(Relabeled(config, labels), want) << RelabelActionName(config.action);
}

TEST(Relabel, HashesAsPrometheusDoes) {
  // MD5("") = d41d8cd98f00b204e9800998ecf8427e, MD5("abc") = 900150983cd24fb0d6963f7d28e17f72 (RFC 1321, A.5).
  const RelabelConfig config{.source_labels = {"a"}, .modulus = 1'000'000, .target_label = "h", .action = kHashMod};
  EXPECT_EQ(Relabeled(config, {}), fmt::format(R"({{h="{}"}})", 0xe9800998ecf8427eU % 1'000'000));
  EXPECT_EQ(Relabeled(config, Labels::FromPairs({{"a", "abc"}})),
            fmt::format(R"({{a="abc", h="{}"}})", 0xd6963f7d28e17f72U % 1'000'000));
}

TEST(Relabel, LabelMapDoesNotMapWhatItSet) {
  EXPECT_EQ(Relabeled({.regex = "(a+)", .replacement = "a$1", .action = kLabelMap},
                      Labels::FromPairs({{"a", "1"}, {"aa", "2"}})),
            R"({a="1", aa="1", aaa="2"})");
  EXPECT_EQ(Relabeled({.regex = "(a+)", .replacement = "a$1", .action = kLabelMap}, {}), "{}");
}

TEST(Relabel, RefusesFieldsThatDoNotGoTogether) {
  struct Row {
    RelabelConfig config;
    std::string_view want;
  };
  const Row rows[] = {
      {{.target_label = "a", .action = kHashMod},
       "relabel rule 1: relabel action hashmod requires a 'modulus' above 0"},
      {{.modulus = 2, .action = kHashMod}, "relabel rule 1: relabel action hashmod requires 'target_label'"},
      {{.action = kLowercase}, "relabel rule 1: relabel action lowercase requires 'target_label'"},
      {{.target_label = "a", .replacement = "x", .action = kUppercase},
       "relabel rule 1: relabel action uppercase does not take 'replacement': only 'source_labels', 'separator' and "
       "'target_label'"},
      {{.regex = "x", .target_label = "a", .action = kKeepEqual},
       "relabel rule 1: relabel action keepequal does not take 'regex': only 'source_labels' and 'target_label'"},
      {{.source_labels = {"a"}, .action = kLabelDrop},
       "relabel rule 1: relabel action labeldrop does not take 'source_labels': only 'regex'"},
      {{.target_label = "a", .action = kLabelKeep},
       "relabel rule 1: relabel action labelkeep does not take 'target_label': only 'regex'"},
      {{.target_label = "a-b", .name_scheme = NameScheme::kLegacy},
       R"(relabel rule 1: relabel action replace: 'target_label' "a-b" is no valid label name)"},
      {{.target_label = "${1}-b", .name_scheme = NameScheme::kLegacy},
       R"(relabel rule 1: relabel action replace: 'target_label' "${1}-b" is no valid label name)"},
      {{.target_label = "\xff"},
       R"(relabel rule 1: relabel action replace: 'target_label' "\xff" is no valid label name)"},
      {{.replacement = "-", .action = kLabelMap, .name_scheme = NameScheme::kLegacy},
       R"(relabel rule 1: relabel action labelmap: 'replacement' "-" makes no valid label name)"},
      {{.regex = "(", .target_label = "a"}, R"(relabel rule 1: invalid regular expression "(": missing ): ()"},
      {{.target_label = "a-b"}, R"({"a-b"="x"})"},
  };
  for (const auto& [config, want] : rows) {
    RelabelConfig changed = config;
    if (want.starts_with("{")) {
      changed.replacement = "x";
      EXPECT_EQ(Relabeled(changed, {}), want);
    } else {
      EXPECT_EQ(Relabeled(changed, {}), want);
    }
  }
}

TEST(Relabel, ExplainsEachStep) {
  const RelabelConfig configs[] = {{.target_label = "b", .replacement = "2"},
                                   {.source_labels = {"b"}, .regex = "2", .action = kDrop},
                                   {.target_label = "never", .replacement = "x"}};
  const auto relabeler = Relabeler::Compile(configs);
  const Labels before = Labels::FromPairs({{"a", "1"}});
  const Labels after = Labels::FromPairs({{"a", "1"}, {"b", "2"}});
  EXPECT_EQ(relabeler->Explain(before),
            (std::vector<RelabelStep>{{.rule_index = 0, .is_kept = true, .labels = after},
                                      {.rule_index = 1, .is_kept = false, .labels = after}}));
  EXPECT_FALSE(relabeler->Apply(before).has_value());
  EXPECT_EQ(Relabeler().Apply(before), before);
}

TEST(Relabel, TellsWhatChanged) {
  const Labels before = Labels::FromPairs({{"b", "same"}, {"c", "1"}, {"d", "gone"}});
  const Labels after = Labels::FromPairs({{"a", "new"}, {"b", "same"}, {"c", "2"}});
  EXPECT_EQ(ChangesBetween(before, after),
            (std::vector<LabelChange>{{"a", "", "new"}, {"c", "1", "2"}, {"d", "gone", ""}}));
  EXPECT_TRUE(ChangesBetween(before, before).empty());
}

TEST(Relabel, ReadsActionsInAnyCase) {
  EXPECT_EQ(ParseRelabelAction("HashMod"), kHashMod);
  EXPECT_EQ(ParseRelabelAction("nothing"), std::nullopt);
}

}  // namespace
}  // namespace baro::model
