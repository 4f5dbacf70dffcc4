#include "remote/write/series_labels.h"

#include <gtest/gtest.h>

#include "remote/testing/write_request.pb.h"

namespace baro::remote {
namespace {

using Pairs = std::vector<std::pair<std::string, std::string>>;

std::string Fields(const Pairs& labels) {
  testing::TimeSeries series;
  for (const auto& [name, value] : labels) {
    auto* label = series.add_labels();
    label->set_name(name);
    label->set_value(value);
  }
  return series.SerializeAsString();
}

TEST(LabelsParser, JudgesAsPrometheusDoes) {
  const Pairs many(kLabelsMax + 1, {"a", "b"});
  const struct {
    std::string_view what;
    Pairs labels;
    LabelsVerdict want;
  } kRows[] = {
      {"a plain series", {{"__name__", "up"}, {"job", "x"}}, LabelsVerdict::kGood},
      {"another order", {{"job", "x"}, {"__name__", "up"}}, LabelsVerdict::kGood},
      {"a value that is empty", {{"__name__", "up"}, {"job", ""}}, LabelsVerdict::kGood},
      {"names in UTF-8", {{"__name__", "höhe in m"}, {"größe", "ü"}}, LabelsVerdict::kGood},
      {"no labels", {}, LabelsVerdict::kInvalid},
      {"no name", {{"job", "x"}}, LabelsVerdict::kInvalid},
      {"an empty name", {{"__name__", ""}, {"job", "x"}}, LabelsVerdict::kInvalid},
      {"an empty label name", {{"__name__", "up"}, {"", "x"}}, LabelsVerdict::kInvalid},
      {"a label twice", {{"__name__", "up"}, {"a", "x"}, {"b", "x"}, {"a", "x"}}, LabelsVerdict::kInvalid},
      {"a name that is no UTF-8", {{"__name__", "up"}, {"\xff", "x"}}, LabelsVerdict::kInvalid},
      {"a value that is no UTF-8", {{"__name__", "up"}, {"a", "\xc3\x28"}}, LabelsVerdict::kInvalid},
      {"too many labels", many, LabelsVerdict::kOverLimit},
      {"a long name", {{"__name__", "up"}, {std::string(kLabelNameBytesMax + 1, 'a'), "x"}}, LabelsVerdict::kOverLimit},
      {"a long value",
       {{"__name__", "up"}, {"a", std::string(kLabelValueBytesMax + 1, 'a')}},
       LabelsVerdict::kOverLimit},
  };
  LabelsParser parser;
  for (const auto& [what, labels, want] : kRows) {
    EXPECT_EQ(parser.Parse(Fields(labels), /*needs_name=*/true), want) << what;
    EXPECT_EQ(parser.problem().empty(), want == LabelsVerdict::kGood) << what;
  }
}

TEST(LabelsParser, SortsAndLeavesOutWhatIsEmpty) {
  LabelsParser parser;
  const std::string fields = Fields({{"z", "1"}, {"__name__", "up"}, {"m", ""}, {"a", "2"}});
  ASSERT_EQ(parser.Parse(fields, true), LabelsVerdict::kGood);
  EXPECT_EQ(parser.labels(), model::Labels::FromPairs({{"__name__", "up"}, {"a", "2"}, {"z", "1"}}));
}

TEST(LabelsParser, RefusesWhatIsNoLabelMessage) {
  LabelsParser parser;
  for (const std::string_view bytes : {"\x0a\x01\x0a", "\x0a\x02\x08\x01", "\x0a\x7f", "\x0a\x03\x12\x05x"}) {
    EXPECT_EQ(parser.Parse(bytes, true), LabelsVerdict::kMalformed);
  }
}

TEST(LabelsParser, NeedsNoNameForExemplars) {
  LabelsParser parser;
  EXPECT_EQ(parser.Parse(Fields({{"trace_id", "1"}}), /*needs_name=*/false), LabelsVerdict::kGood);
  EXPECT_EQ(parser.Parse("", /*needs_name=*/false), LabelsVerdict::kGood);
}

}  // namespace
}  // namespace baro::remote
