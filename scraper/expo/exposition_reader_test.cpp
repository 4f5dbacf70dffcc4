#include "scraper/exposition_reader.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "model/quote.h"

namespace baro::scraper {
namespace {

std::string LabelsText(std::span<const ExpositionLabel> labels) {
  std::string text;
  for (const ExpositionLabel& label : labels) {
    if (!text.empty()) text += ",";
    model::AppendLabelName(text, label.name);
    text += "=" + model::Quoted(label.value);
  }
  return "{" + text + "}";
}

// All events as text, one a line, with the error at the end if there is one.
std::string Read(std::string_view body, ExpositionFormat format = ExpositionFormat::kText) {
  ExpositionReader reader(body, format);
  std::string out;
  while (true) {
    const auto next = reader.Next();
    if (!next) return out + "error: " + next.error().message();
    const ExpositionEvent& event = **next;
    const auto time = [](std::optional<std::int64_t> ms) { return ms ? fmt::format(" @{}", *ms) : std::string(); };
    switch (event.kind) {
      case ExpositionEvent::Kind::kHelp:
        out += fmt::format("help {} {}\n", event.family, model::Quoted(event.text));
        break;
      case ExpositionEvent::Kind::kType:
        out += fmt::format("type {} {}\n", event.family, MetricTypeName(event.type));
        break;
      case ExpositionEvent::Kind::kUnit:
        out += fmt::format("unit {} {}\n", event.family, event.text);
        break;
      case ExpositionEvent::Kind::kEnd:
        return out;
      case ExpositionEvent::Kind::kSample:
        out += fmt::format("{}{} {}{}", event.sample.name, LabelsText(event.sample.labels), event.value,
                           time(event.timestamp_ms));
        if (event.exemplar) {
          out += fmt::format(" # {} {}{}", LabelsText(event.exemplar->labels), event.exemplar->value,
                             time(event.exemplar->timestamp_ms));
        }
        out += "\n";
        break;
    }
  }
}

std::string ReadOpenMetrics(std::string_view body) { return Read(body, ExpositionFormat::kOpenMetrics); }

TEST(ExpositionReader, ReadsTheTextFormatAsLooselyAsPrometheus) {
  struct Row {
    std::string_view body;
    std::string_view want;
  };
  constexpr Row kRows[] = {
      {"", ""},
      {"\n \n\t\n", ""},
      {"a 1", "a{} 1\n"},
      {"  a\t1\t\n", "a{} 1\n"},
      {"a 1 1234 \n", "a{} 1 @1234\n"},
      {"a:b_c1 2\n", "a:b_c1{} 2\n"},
      {"a{} 1\n", "a{} 1\n"},
      {"a { x = \"1\" , y=\"2\", } 1\n", "a{x=\"1\",y=\"2\"} 1\n"},
      {"a{x=\"1\" y=\"2\"} 1\n", "a{x=\"1\",y=\"2\"} 1\n"},
      {"a{x=\"1\"}1\n", "a{x=\"1\"} 1\n"},
      {"a-1\n", "a{} -1\n"},
      {"a{x=\"\"} 1\n", "a{x=\"\"} 1\n"},
      {"a{x=\"q\\\"b\\\\n\\nz\\t\"} 1\n", "a{x=\"q\\\"b\\\\n\\nz\\\\t\"} 1\n"},
      {"a{x=\"two\nlines\"} 1\n", "a{x=\"two\\nlines\"} 1\n"},
      {"{\"a.b\"} 1\n", "a.b{} 1\n"},
      {"{ \"a.b\", \"x y\" = \"1\", z=\"2\" } 1\n", "a.b{\"x y\"=\"1\",z=\"2\"} 1\n"},
      {"{x=\"1\",\"a\\\\b\"} 1\n", "a\\b{x=\"1\"} 1\n"},
      {"# HELP a The \\\\ help\\n of \\\"a\\\"\n", "help a \"The \\\\ help\\n of \\\\\\\"a\\\\\\\"\"\n"},
      {"# HELP a\n# HELP b \n", "help a \"\"\nhelp b \"\"\n"},
      {"# HELP \"a.b\" c\n", "help a.b \"c\"\n"},
      {"# \tTYPE  a  gauge \n", "type a gauge\n"},
      {"# TYPE a untyped\n", "type a unknown\n"},
      {"#\n#a\n# UNIT a b\n# EOF\n# Help x\n# HELPx\n#HELP\n# HELP\na 1\n", "a{} 1\n"},
      {"# TYPE a histogram\na_bucket{le=\"1\"} 2\na_bucket{le=\"+Inf\"} 3\na_bucket{le=\"x\"} 4\n",
       "type a histogram\na_bucket{le=\"1.0\"} 2\na_bucket{le=\"+Inf\"} 3\na_bucket{le=\"x\"} 4\n"},
      {"# TYPE a summary\na{quantile=\"0\",le=\"1\"} 2\n", "type a summary\na{quantile=\"0.0\",le=\"1\"} 2\n"},
      {"# TYPE a gauge\na{quantile=\"0\",le=\"1\"} 2\n", "type a gauge\na{quantile=\"0\",le=\"1\"} 2\n"},
  };
  for (const auto& [body, want] : kRows) EXPECT_EQ(Read(body), want) << body;
}

TEST(ExpositionReader, SaysWhereTheTextFormatIsBroken) {
  struct Row {
    std::string_view body;
    std::string_view want;
  };
  constexpr Row kRows[] = {
      {"a", "line 1, column 2: found the end of the exposition, expected a number that fits in a double"},
      {"a\n", "line 1, column 2: found the end of the line, expected a number that fits in a double"},
      {"ok 1\na true\n", "line 2, column 3: found \"true\", expected a number that fits in a double"},
      {"a 1_2\n", "line 1, column 3: found \"1_2\", expected a number that fits in a double"},
      {"a 1\r\n", "line 1, column 3: found \"1\\r\", expected a number that fits in a double"},
      {"a 1 1_2\n", "line 1, column 6: found \"_2\", expected a line end behind the timestamp"},
      {"a 1 -5\n", "line 1, column 5: found \"-5\", expected a timestamp or a line end"},
      {"a 1 99999999999999999999\n",
       "line 1, column 5: found \"99999999999999999999\", expected a timestamp in "
       "milliseconds that fits in 64 bits"},
      {"a 1 # {x=\"1\"} 1\n", "line 1, column 5: found \"#\", expected a timestamp or a line end"},
      {"a{b='c'} 1\n", "line 1, column 5: found \"'c'}\", expected a label value in double quotes"},
      {"a{b=\"c} 1\n", "line 1, column 5: text in quotes is not closed on its line"},
      {"a{b=\"c\\\nd\"} 1\n", "line 1, column 5: text in quotes is not closed on its line"},
      {"a{=\"c\"} 1\n", "line 1, column 3: found \"=\\\"c\\\"}\", expected a label name or }"},
      {"a{,} 1\n", "line 1, column 3: found \",}\", expected a label name or }"},
      {"a{b=\"1\",,} 1\n", "line 1, column 9: found \",}\", expected a label name or }"},
      {"a{b\"1\"} 1\n", "line 1, column 4: found \"\\\"1\\\"}\", expected = behind the label name"},
      {"a{1=\"1\"} 1\n", "line 1, column 3: found \"1=\\\"1\\\"}\", expected a label name or }"},
      {"a{b=\"\xff\"} 1\n", "line 1, column 6: the value of label \"b\" is not valid UTF-8"},
      {"a{b=\"1\",c=\"2\",b=\"3\"} 1\n", "line 1, column 1: label \"b\" stands twice"},
      {"{b=\"1\"} 1\n", "line 1, column 1: no metric name, neither before the braces nor within"},
      {"a{\"b\"} 1\n", "line 1, column 3: a second metric name"},
      {"{\"\"} 1\n", "line 1, column 2: the metric name is empty"},
      {"{\"a\",\"\"=\"1\"} 1\n", "line 1, column 6: the label name is empty"},
      {"{\"a\xff\"} 1\n", "line 1, column 1: the metric name is not valid UTF-8"},
      {"0a 1\n", "line 1, column 1: found \"0a\", expected a metric name, { or #"},
      {"# TYPE #\n", "line 1, column 8: found \"#\", expected a metric name"},
      {"# HELP \n", "line 1, column 8: found the end of the line, expected a metric name"},
      {"# TYPE a meh\n",
       "line 1, column 10: found \"meh\", expected a type: counter, gauge, histogram, summary or untyped"},
      {"# TYPE a info\n",
       "line 1, column 10: found \"info\", expected a type: counter, gauge, histogram, summary or untyped"},
  };
  for (const auto& [body, want] : kRows) {
    const std::string got = Read(body);
    EXPECT_TRUE(got.ends_with(fmt::format("error: {}", want))) << body << "\n" << got;
  }
  EXPECT_TRUE(Read(std::string_view("\0a 1\n", 5)).starts_with("error"));
}

TEST(ExpositionReader, ReadsOpenMetricsAsLooselyAsPrometheus) {
  struct Row {
    std::string_view body;
    std::string_view want;
  };
  constexpr Row kRows[] = {
      {"# EOF\n", ""},
      {"# EOF", ""},
      {"# HELP a x\\n\\\"y\\\"\\\\\n# TYPE a gaugehistogram\n# UNIT a_s s\n# UNIT b \n# EOF",
       "help a \"x\\n\\\"y\\\"\\\\\"\ntype a gaugehistogram\nunit a_s s\nunit b \n"},
      {"a{x=\"1\",} 1 1.5\n# EOF\n", "a{x=\"1\"} 1 @1500\n"},
      {"a 1 -1\n# EOF\n", "a{} 1 @-1000\n"},
      {"a 1 12345678901234567890.5\n# EOF\n", "a{} 1 @9223372036854775807\n"},
      {"a_total 1 # {} 2\n# EOF\n", "a_total{} 1 # {} 2\n"},
      {"a_total 1 5 # {id=\"x\",\"a.b\"=\"\\\"\"} 2 3.25\n# EOF\n",
       "a_total{} 1 @5000 # {id=\"x\",\"a.b\"=\"\\\"\"} 2 @3250\n"},
      {"{\"a.b\",q=\"0.9\"} 1\n# EOF\n", "a.b{q=\"0.9\"} 1\n"},
      {"# TYPE a histogram\na_bucket{le=\"2\"} 1\n# EOF\n", "type a histogram\na_bucket{le=\"2.0\"} 1\n"},
      {"# TYPE a gaugehistogram\na_bucket{le=\"2\"} 1\n# EOF\n", "type a gaugehistogram\na_bucket{le=\"2\"} 1\n"},
  };
  for (const auto& [body, want] : kRows) EXPECT_EQ(ReadOpenMetrics(body), want) << body;
}

TEST(ExpositionReader, SaysWhereOpenMetricsIsBroken) {
  struct Row {
    std::string_view body;
    std::string_view want;
  };
  constexpr Row kRows[] = {
      {"a 1\n", "line 2, column 1: found the end of the exposition, expected # EOF as the last line"},
      {"# EOF\nx", "line 2, column 1: found \"x\", expected nothing behind # EOF"},
      {"a  1\n# EOF\n", "line 1, column 3: found \" \", expected a number that fits in a double"},
      {"a 1 \n# EOF\n", "line 1, column 5: found the end of the line, expected a timestamp in seconds"},
      {"\n# EOF\n", "expected a metric name, { or #, without blanks before"},
      {"a{x=\"1\" y=\"2\"} 1\n# EOF\n", "line 1, column 8: found \" \", expected , or }"},
      {"a{x=\"a\nb\"} 1\n# EOF\n", "line 1, column 5: text in quotes is not closed on its line"},
      {"# UNIT a s\n# EOF\n", "line 1, column 10: unit \"s\" is not the suffix of the metric name \"a\""},
      {"# TYPE a untyped\n# EOF\n", "line 1, column 10: found \"untyped\""},
      {"# HELP a\n# EOF\n", "line 1, column 9: found the end of the line, expected one blank behind the metric name"},
      {"# FOO\n# EOF\n", "line 1, column 1: found \"#\", expected a sample, # HELP, # TYPE, # UNIT or # EOF"},
      {"a 1 # {x=\"1\"}\n# EOF\n", "expected one blank and the exemplar's value"},
      {"a 1 NaN\n# EOF\n", "line 1, column 5: found \"NaN\", expected a timestamp in seconds"},
  };
  for (const auto& [body, want] : kRows) {
    const std::string got = ReadOpenMetrics(body);
    EXPECT_NE(got.find(want), std::string::npos) << body << "\n" << got;
  }
}

TEST(ExpositionReader, StaysAtItsEnd) {
  ExpositionReader reader("a 1\n", ExpositionFormat::kText);
  ASSERT_EQ((*reader.Next())->kind, ExpositionEvent::Kind::kSample);
  for (int i = 0; i < 3; ++i) EXPECT_EQ((*reader.Next())->kind, ExpositionEvent::Kind::kEnd);
  ExpositionReader broken("a x\n", ExpositionFormat::kText);
  EXPECT_FALSE(broken.Next());
  EXPECT_EQ((*broken.Next())->kind, ExpositionEvent::Kind::kEnd);
}

TEST(ExpositionReader, ChecksManyLabelsForDoubles) {
  std::string body = "a{";
  for (int i = 0; i < 4'000; ++i) body += fmt::format("l{}=\"\",", i);
  EXPECT_EQ(Read(body + "last=\"\"} 1\n").substr(0, 3), "a{l");
  EXPECT_EQ(Read(body + "l7=\"\"} 1\n"), "error: line 1, column 1: label \"l7\" stands twice");
}

}  // namespace
}  // namespace baro::scraper
