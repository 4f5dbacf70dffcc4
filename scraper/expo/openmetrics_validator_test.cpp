#include "scraper/openmetrics_validator.h"

#include <gtest/gtest.h>

namespace baro::scraper {
namespace {

// The project's own examples; the suite `openmetrics` of tests/conformance has the specification's 211.
TEST(OpenMetricsValidator, TakesWellFormedFamilies) {
  for (const std::string_view body : {
           "# EOF\n",
           "a 1\nb 2\n# EOF\n",
           "# TYPE a counter\n# HELP a x\na_total{x=\"1\"} 1\na_created{x=\"1\"} 5\na_total{x=\"2\"} 1\n# EOF\n",
           "# TYPE a histogram\na_bucket{le=\"1\"} 1 # {id=\"x\"} 0.5\na_bucket{le=\"+Inf\"} 2\na_count 2\na_sum 3\n# "
           "EOF\n",
           "# TYPE a histogram\na_bucket{le=\"+Inf\"} 2 1\na_bucket{le=\"+Inf\"} 3 2\n# EOF\n",
           "# TYPE a gaugehistogram\na_bucket{le=\"-1\"} 1\na_bucket{le=\"+Inf\"} 2\na_gcount 2\na_gsum -3\n# EOF\n",
           "# TYPE a summary\na{quantile=\"0.5\"} NaN\na_count 2\na_sum 3\n# EOF\n",
           "# TYPE a stateset\na{a=\"x\"} 0\na{a=\"y\"} 1\n# TYPE b info\nb_info{v=\"1\"} 1\n# EOF\n",
           "# TYPE a_s gauge\n# UNIT a_s s\na_s 1 1\na_s 2 2\n# EOF\n",
       }) {
    const auto verdict = ValidateOpenMetrics(body);
    EXPECT_TRUE(verdict) << body << "\n" << verdict.error().message();
  }
}

TEST(OpenMetricsValidator, NamesTheBrokenRuleAndItsLine) {
  struct Row {
    std::string_view body;
    std::string_view want;
  };
  constexpr Row kRows[] = {
      {"a 1\na 2\n# EOF\n", "line 2: the same sample for the second time"},
      {"a{x=\"1\"} 1\na{x=\"2\"} 1\na{x=\"1\"} 1\n# EOF\n", "line 3: samples of one metric are not together"},
      {"a 1\nb 1\na{x=\"1\"} 1\n# EOF\n", "line 4: name \"a\" clashes"},
      {"a 1 2\na 1 1\n# EOF\n", "line 2: timestamps of a metric go backwards"},
      {"a 1 2\na 1\n# EOF\n", "line 2: samples with and without timestamp in one metric"},
      {"# TYPE a counter\na_total -1\n# EOF\n", "line 2: counter value -1 is not a number from 0 on"},
      {"# TYPE a counter\na_total 1\n# HELP a x\n# EOF\n", "line 3: metadata of \"a\" behind its samples"},
      {"# TYPE a gauge\n# TYPE a gauge\n# EOF\n", "line 2: TYPE of \"a\" for the second time"},
      {"# TYPE a gauge\na 1 # {} 1\n# EOF\n", "line 2: exemplars belong to counter totals and histogram buckets only"},
      {"# TYPE a histogram\na_bucket{le=\"1\"} 1\n# EOF\n", "line 3: histogram without a bucket le=\"+Inf\""},
      {"# TYPE a histogram\na_bucket{le=\"1\"} 1\na_bucket{le=\"1.0\"} 1\n# EOF\n", "line 3: le 1 does not follow 1"},
      {"# TYPE a histogram\na_bucket{le=\"1\"} 2\na_bucket{le=\"+Inf\"} 1\n# EOF\n",
       "line 3: buckets are cumulative: 1 follows 2"},
      {"# TYPE a histogram\na_bucket{le=\"+Inf\"} 1\na_count 2\na_sum 1\n# EOF\n",
       "line 5: histogram count 2 differs from bucket le=\"+Inf\" with 1"},
      {"# TYPE a info\na_info 2\n# EOF\n", "line 2: info value is 2, not 1"},
      {"# TYPE a stateset\na{b=\"x\"} 1\n# EOF\n", "line 2: a state of a stateset needs the label \"a\""},
      {"# TYPE a_s info\n# UNIT a_s s\n# EOF\n", "line 3: info \"a_s\" has a unit"},
      {"a{x=\"1\",} 1\n# EOF\n", "line 1, column 9: found \"}\", expected a label behind the comma"},
  };
  for (const auto& [body, want] : kRows) {
    const auto verdict = ValidateOpenMetrics(body);
    ASSERT_FALSE(verdict) << body;
    EXPECT_EQ(verdict.error().message().substr(0, want.size()), want) << body << verdict.error().message();
  }
}

}  // namespace
}  // namespace baro::scraper
