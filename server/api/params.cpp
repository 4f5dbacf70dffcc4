#include "server/api/params.h"

#include <charconv>
#include <cmath>
#include <set>

#include <fmt/format.h>

#include "base/duration_text.h"
#include "base/number_text.h"
#include "base/rfc3339.h"
#include "query/parser.h"

namespace baro::server {
namespace {

using base::Code;
using base::Fail;

// What Go prints for the smallest and largest time that its milliseconds hold; clients send them back.
constexpr std::string_view kMinTimeText = "-292273086-05-16T16:47:06Z";
constexpr std::string_view kMaxTimeText = "292277025-08-18T07:12:54.999999999Z";

base::Error Invalid(std::string_view name, std::string_view why) {
  return {Code::kInvalidArgument, fmt::format("invalid parameter \"{}\": {}", name, why)};
}

}  // namespace

base::Result<std::int64_t> ParseApiTime(std::string_view text) {
  if (text == kMinTimeText) return model::TimeRange{}.min_ms;
  if (text == kMaxTimeText) return model::TimeRange{}.max_ms;
  if (const auto seconds = base::ParseFloat(text)) {
    constexpr double kSecondsMax = 9.2e15;  // milliseconds must fit 63 bits
    if (!(std::fabs(*seconds) <= kSecondsMax)) {
      return Fail(Code::kInvalidArgument,
                  fmt::format("cannot parse \"{}\" to a valid timestamp: it is out of range", text));
    }
    // Fractions are rounded to milliseconds, whole seconds stay exact.
    const double whole = std::trunc(*seconds);
    return static_cast<std::int64_t>(whole) * 1000 + std::llround((*seconds - whole) * 1000);
  }
  if (const auto time = base::ParseRfc3339(text)) return *time;
  return Fail(Code::kInvalidArgument, fmt::format("cannot parse \"{}\" to a valid timestamp", text));
}

base::Result<std::chrono::milliseconds> ParseApiDuration(std::string_view text) {
  if (const auto seconds = base::ParseFloat(text)) {
    const double ms = *seconds * 1000;
    if (!(std::fabs(ms) < 9.2e18)) {
      return Fail(Code::kInvalidArgument,
                  fmt::format("cannot parse \"{}\" to a valid duration. It overflows int64", text));
    }
    return std::chrono::milliseconds(static_cast<std::int64_t>(ms));
  }
  if (const auto duration = base::ParseDuration(text)) return *duration;
  return Fail(Code::kInvalidArgument, fmt::format("cannot parse \"{}\" to a valid duration", text));
}

base::Result<std::int64_t> TimeParam(const net::HttpRequest& request, std::string_view name, std::int64_t initial) {
  const std::string_view text = request.params.Get(name);
  if (text.empty()) return initial;
  const auto time = ParseApiTime(text);
  if (!time) return Invalid(name, time.error().message());
  return *time;
}

base::Result<std::optional<std::chrono::milliseconds>> DurationParam(const net::HttpRequest& request,
                                                                     std::string_view name) {
  const std::string_view text = request.params.Get(name);
  if (text.empty()) return std::nullopt;
  const auto duration = ParseApiDuration(text);
  if (!duration) return Invalid(name, duration.error().message());
  return *duration;
}

base::Result<std::size_t> LimitParam(const net::HttpRequest& request, std::string_view name) {
  const std::string_view text = request.params.Get(name);
  if (text.empty()) return 0;
  std::size_t limit = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), limit);
  if (error != std::errc() || end != text.data() + text.size()) {
    return Invalid(name, fmt::format("\"{}\" is not a whole number of 0 or more", text));
  }
  return limit;
}

base::Result<model::TimeRange> RangeParams(const net::HttpRequest& request) {
  model::TimeRange range;
  range.min_ms = BARO_TRY(TimeParam(request, "start", range.min_ms));
  range.max_ms = BARO_TRY(TimeParam(request, "end", range.max_ms));
  if (range.max_ms < range.min_ms) return Invalid("end", "end timestamp must not be before start time");
  return range;
}

base::Result<std::vector<model::Matcher>> CompileMatchers(const std::vector<query::LabelMatcher>& matchers) {
  std::vector<model::Matcher> compiled;
  for (const query::LabelMatcher& matcher : matchers) {
    const model::MatchType type = matcher.op == query::MatchOp::kEqual      ? model::MatchType::kEqual
                                  : matcher.op == query::MatchOp::kNotEqual ? model::MatchType::kNotEqual
                                  : matcher.op == query::MatchOp::kRegex    ? model::MatchType::kRegex
                                                                            : model::MatchType::kNotRegex;
    compiled.push_back(BARO_TRY(model::Matcher::Make(type, matcher.name, matcher.value)));
  }
  return compiled;
}

base::Result<std::vector<std::vector<model::Matcher>>> SelectorParams(const net::HttpRequest& request) {
  std::vector<std::vector<model::Matcher>> selectors;
  std::set<std::string_view> seen;
  for (const std::string_view text : request.params.All("match[]")) {
    if (!seen.insert(text).second) continue;
    auto parsed = query::ParseMetricSelector(text);
    if (!parsed) return Invalid("match[]", parsed.error().message());
    auto compiled = CompileMatchers(*parsed);
    if (!compiled) return Invalid("match[]", compiled.error().message());
    selectors.push_back(*std::move(compiled));
  }
  return selectors;
}

}  // namespace baro::server
