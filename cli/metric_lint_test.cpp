#include "cli/metric_lint.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace baro::cli {
namespace {

std::vector<std::string> RemarksOn(std::string_view text) {
  const auto lint = LintMetrics(text);
  if (!lint) return {lint.error().message()};
  std::vector<std::string> remarks;
  for (const MetricRemark& remark : lint->remarks) remarks.push_back(remark.family + " " + remark.text);
  return remarks;
}

TEST(MetricLint, HasNothingToSayOfWhatFollowsTheConventions) {
  EXPECT_THAT(RemarksOn("# HELP http_requests_total Requests.\n# TYPE http_requests_total counter\n"
                        "http_requests_total{code=\"200\"} 1\nhttp_requests_total{code=\"500\"} 2\n"
                        "# HELP request_duration_seconds Time.\n# TYPE request_duration_seconds histogram\n"
                        "request_duration_seconds_bucket{le=\"1\"} 1\nrequest_duration_seconds_bucket{le=\"+Inf\"} 1\n"
                        "request_duration_seconds_sum 1\nrequest_duration_seconds_count 1\n"
                        "# HELP gc_seconds Pauses.\n# TYPE gc_seconds summary\ngc_seconds{quantile=\"0.5\"} 1\n"
                        "gc_seconds_sum 1\ngc_seconds_count 2\n"),
              testing::IsEmpty());
}

TEST(MetricLint, NamesWhatGoesAgainstTheConventions) {
  struct Row {
    std::string_view name;
    std::string_view type;
    std::string_view labels;
    std::string_view remark;  // "": none
  };
  constexpr Row kRows[] = {
      {"a", "counter", "", "is a counter and should end in '_total'"},
      {"a_total", "gauge", "", "is no counter and should not end in '_total'"},
      {"a_total", "untyped", "", ""},
      {"a_bucket", "gauge", "", "is no histogram and should not end in '_bucket'"},
      {"a_count", "gauge", "", "is neither histogram nor summary and should not end in '_count'"},
      {"a_sum", "gauge", "", "is neither histogram nor summary and should not end in '_sum'"},
      {"a_sum", "untyped", "", ""},
      {"a", "gauge", "{le=\"1\"}", "is no histogram and should not have the label 'le'"},
      {"a", "gauge", "{quantile=\"1\"}", "is no summary and should not have the label 'quantile'"},
      {"a", "gauge", "{someLabel=\"1\"}", "should have its label 'someLabel' named in snake_case"},
      {"job:a", "gauge", "", "has a ':' in its name, which is for recording rules"},
      {"someName", "gauge", "", "should be named in snake_case, not in camelCase"},
      {"some_gauge", "gauge", "", "should not have its type, 'gauge', in its name"},
      {"some_gauge", "untyped", "", ""},
      {"a_milliseconds", "gauge", "",
       "should have its values in \"seconds\", the base unit, and not in \"milliseconds\""},
      {"a_kilobytes_used", "gauge", "", "should have its values in \"bytes\", the base unit, and not in \"kilobytes\""},
      {"a_minutes_total", "counter", "",
       "should have its values in \"seconds\", the base unit, and not in \"minutes\""},
      {"a_ms", "gauge", "", "should not have a unit abbreviated to 'ms' in its name"},
      {"a_kb_total", "counter", "", "should not have a unit abbreviated to 'kb' in its name"},
  };
  for (const auto& [name, type, labels, remark] : kRows) {
    const std::string text = fmt::format("# HELP {0} h\n# TYPE {0} {1}\n{0}{2} 1\n", name, type, labels);
    const auto remarks = RemarksOn(text);
    if (remark.empty()) {
      EXPECT_THAT(remarks, testing::IsEmpty()) << text;
    } else {
      EXPECT_THAT(remarks, testing::ElementsAre(fmt::format("{} {}", name, remark))) << text;
    }
  }
}

TEST(MetricLint, MissesHelpAndSeesTwins) {
  EXPECT_THAT(RemarksOn("a 1\n"), testing::ElementsAre("a has no HELP text"));
  EXPECT_THAT(RemarksOn("# HELP a h\na{x=\"1\",y=\"2\"} 1\na{y=\"2\",x=\"1\"} 1\n"),
              testing::ElementsAre("a has a series that stands there more than once"));
  EXPECT_THAT(RemarksOn("a b c\n"), testing::ElementsAre(testing::HasSubstr("line 1")));
}

TEST(MetricLint, CountsSeriesByFamily) {
  const auto lint =
      LintMetrics("# TYPE h histogram\nh_bucket{le=\"1\"} 1\nh_sum 1\nh_count 1\na 1\nb 1\nb{x=\"y\"} 1\n");
  ASSERT_TRUE(lint);
  EXPECT_EQ(lint->samples_count, 6U);
  std::string sizes;
  for (const FamilySize& size : lint->sizes) sizes += fmt::format("{}={} ", size.family, size.series_count);
  EXPECT_EQ(sizes, "h=3 b=2 a=1 ");
}

}  // namespace
}  // namespace baro::cli
