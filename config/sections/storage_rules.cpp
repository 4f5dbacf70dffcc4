// storage.tsdb.retention.rules and storage.tsdb.downsampling.
//
// Format   docs/storage.md. Prometheus has nothing of the kind; the fields stand beside its own.
#include "config/sections/sections.h"
#include "query/parser.h"

namespace baro::config {
namespace {

model::MatchType TypeOf(query::MatchOp op) {
  switch (op) {
    case query::MatchOp::kEqual:
      return model::MatchType::kEqual;
    case query::MatchOp::kNotEqual:
      return model::MatchType::kNotEqual;
    case query::MatchOp::kRegex:
      return model::MatchType::kRegex;
    case query::MatchOp::kNotRegex:
      return model::MatchType::kNotRegex;
  }
  return model::MatchType::kEqual;
}

// Adds the matchers of a series selector. What is wrong with it is reported at `match`.
void ReadSelector(Mapping& rule, const std::string& text, std::vector<model::Matcher>& matchers) {
  const auto selector = query::ParseMetricSelector(text);
  if (!selector) {
    rule.Fail("match",
              fmt::format("expected a series selector such as {{job=\"node\"}}: {}", selector.error().message()));
    return;
  }
  for (const query::LabelMatcher& matcher : *selector) {
    auto compiled = model::Matcher::Make(TypeOf(matcher.op), matcher.name, matcher.value);
    if (!compiled) return rule.Fail("match", compiled.error().message());
    matchers.push_back(*std::move(compiled));
  }
}

void ReadPositive(Mapping& rule, std::string_view field, std::chrono::milliseconds& time) {
  if (!rule.Duration(field, time) || time.count() <= 0) {
    rule.Fail(field, fmt::format("the rule needs a field \"{}\", a duration greater than 0", field));
  }
}

}  // namespace

void ReadRetentionRules(Mapping& retention, std::vector<tsdb::RetentionRule>& rules) {
  retention.Children("rules", [&rules](Mapping& fields) {
    tsdb::RetentionRule rule;
    std::string match;
    if (fields.Text("match", match)) {
      ReadSelector(fields, match, rule.matchers);
    } else {
      fields.Fail("match", "the rule needs a field \"match\", the selector of its series");
    }
    ReadPositive(fields, "time", rule.time);
    rules.push_back(std::move(rule));
  });
}

void ReadDownsampling(Mapping& tsdb, std::chrono::milliseconds out_of_order_window,
                      std::vector<tsdb::DownsamplingRule>& rules) {
  tsdb.Children("downsampling", [&rules, out_of_order_window](Mapping& fields) {
    tsdb::DownsamplingRule rule;
    std::string match;
    if (fields.Text("match", match)) ReadSelector(fields, match, rule.matchers);
    ReadPositive(fields, "after", rule.after);
    if (rule.after.count() > 0 && rule.after <= out_of_order_window) {
      fields.Fail("after",
                  "must be longer than storage.tsdb.out_of_order_time_window, or late samples would come into "
                  "times that have aggregates already");
    }
    ReadPositive(fields, "resolution", rule.resolution);
    const bool is_known = rule.resolution == std::chrono::minutes(5) || rule.resolution == std::chrono::hours(1);
    if (rule.resolution.count() > 0 && !is_known) fields.Fail("resolution", "expected 5m or 1h");
    rules.push_back(std::move(rule));
  });
}

}  // namespace baro::config
