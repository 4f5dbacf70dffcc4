#include <fmt/format.h>

#include "query/ast_json.h"
#include "query/parser.h"
#include "query/printer.h"
#include "server/api/api.h"
#include "server/api/envelope.h"
#include "server/api/json.h"
#include "server/api/params.h"
#include "server/api/result_json.h"

namespace baro::server {
namespace {

using base::Code;
using base::Fail;

constexpr std::int64_t kStepsMax = 11'000;

const std::vector<net::ParamRule> kInstantParams = {
    {"query", true, false, "PromQL expression"},
    {"time", false, false, "evaluation time: seconds or RFC 3339; now"},
    {"timeout", false, false, "longest time for this query"},
    {"limit", false, false, "most series in the answer"},
    {"lookback_delta", false, false, "overrides --query.lookback-delta"},
    {"stats", false, false, "true or all: with costs of the query"}};

const std::vector<net::ParamRule> kRangeParams = {{"query", true, false, "PromQL expression"},
                                                  {"start", true, false, "first step: seconds or RFC 3339"},
                                                  {"end", true, false, "last step: seconds or RFC 3339"},
                                                  {"step", true, false, "resolution: seconds or a duration"},
                                                  {"timeout", false, false, "longest time for this query"},
                                                  {"limit", false, false, "most series in the answer"},
                                                  {"lookback_delta", false, false, "overrides --query.lookback-delta"},
                                                  {"stats", false, false, "true or all: with costs of the query"}};

struct Asked {
  std::string_view text;
  query::QueryOptions options;
  ResultOptions result;
};

/// The parameters that both kinds of queries have.
base::Result<Asked> ReadQuery(const net::HttpRequest& request, const base::CancelToken& cancel) {
  Asked asked{.text = request.params.Get("query")};
  asked.options.cancel = cancel;
  asked.options.timeout = BARO_TRY(DurationParam(request, "timeout"));
  const auto lookback = BARO_TRY(DurationParam(request, "lookback_delta"));
  if (lookback && lookback->count() > 0) asked.options.lookback = lookback;
  asked.result.series_max = BARO_TRY(LimitParam(request));
  asked.result.with_stats = !request.params.Get("stats").empty();
  return asked;
}

/// A fault of the query's text is a fault of the parameter.
net::HttpResponse QueryError(const base::Error& error) {
  if (error.code() != Code::kInvalidArgument || error.message().starts_with("invalid parameter"))
    return ApiError(error);
  return ApiError(error.WithContext("invalid parameter \"query\""));
}

base::Result<query::QueryRange> ReadRange(const net::HttpRequest& request) {
  for (const std::string_view name : {"start", "end", "step"}) {
    if (request.params.Get(name).empty()) {
      return Fail(Code::kInvalidArgument, fmt::format("invalid parameter \"{}\": it is missing", name));
    }
  }
  query::QueryRange range;
  range.start_ms = BARO_TRY(TimeParam(request, "start", 0));
  range.end_ms = BARO_TRY(TimeParam(request, "end", 0));
  if (range.end_ms < range.start_ms) {
    return Fail(Code::kInvalidArgument, "invalid parameter \"end\": end timestamp must not be before start time");
  }
  range.step_ms = BARO_TRY(DurationParam(request, "step"))->count();
  if (range.step_ms <= 0) {
    return Fail(
        Code::kInvalidArgument,
        "invalid parameter \"step\": zero or negative query resolution step widths are not accepted. Try a positive "
        "integer");
  }
  // Unsigned: the whole range of times is wider than a signed difference.
  const auto span = static_cast<std::uint64_t>(range.end_ms) - static_cast<std::uint64_t>(range.start_ms);
  if (span / static_cast<std::uint64_t>(range.step_ms) > kStepsMax) {
    return Fail(
        Code::kInvalidArgument,
        fmt::format("exceeded maximum resolution of {} points per timeseries. Try decreasing the query resolution "
                    "(?step=XX)",
                    kStepsMax));
  }
  return range;
}

/// The answer, and what it cost.
net::HttpResponse Answer(ApiState& state, QueryMetrics& metrics, base::Result<query::QueryResult> result,
                         const ResultOptions& options) {
  metrics.SetConcurrency(state.engine().active_queries(), state.engine().options().concurrency_max);
  if (!result) return QueryError(result.error());
  metrics.Observe(result->stats);
  return QueryResponse(*std::move(result), options);
}

net::HttpResponse Instant(ApiState& state, QueryMetrics& metrics, const net::HttpRequest& request,
                          const base::CancelToken& cancel) {
  const auto asked = ReadQuery(request, cancel);
  if (!asked) return ApiError(asked.error());
  const auto time = TimeParam(request, "time", base::ToMs(state.clock().Now()));
  if (!time) return ApiError(time.error());
  return Answer(state, metrics, state.engine().Instant(asked->text, *time, asked->options), asked->result);
}

net::HttpResponse Range(ApiState& state, QueryMetrics& metrics, const net::HttpRequest& request,
                        const base::CancelToken& cancel) {
  const auto asked = ReadQuery(request, cancel);
  if (!asked) return ApiError(asked.error());
  const auto range = ReadRange(request);
  if (!range) return ApiError(range.error());
  return Answer(state, metrics, state.engine().Range(asked->text, *range, asked->options), asked->result);
}

net::HttpResponse Format(const net::HttpRequest& request) {
  const auto ast = query::ParseQuery(request.params.Get("query"), query::ParseOptions::Everything());
  if (!ast) return QueryError(ast.error());
  std::string data;
  AppendJsonString(data, query::PrettyPrint(ast->root()));
  return ApiSuccess(std::move(data));
}

net::HttpResponse Parse(const net::HttpRequest& request) {
  const auto ast = query::ParseQuery(request.params.Get("query"), query::ParseOptions::Everything());
  if (!ast) return QueryError(ast.error());
  return ApiSuccess(query::AstToJson(ast->root()));
}

}  // namespace

void AddQueryRoutes(ApiRoutes& routes, ApiState& state, QueryMetrics& metrics) {
  routes.AddRead(
      "query", true, "Evaluates an expression at one time.", kInstantParams,
      [&state, &metrics](const auto& request, const auto& cancel) { return Instant(state, metrics, request, cancel); });
  routes.AddRead(
      "query_range", true, "Evaluates an expression over a range of time.", kRangeParams,
      [&state, &metrics](const auto& request, const auto& cancel) { return Range(state, metrics, request, cancel); });
  routes.AddRead("format_query", true, "Prints an expression in canonical form.", {{"query", true, false, "PromQL"}},
                 [](const auto& request, const auto&) { return Format(request); });
  routes.AddRead("parse_query", true, "The syntax tree of an expression.", {{"query", true, false, "PromQL"}},
                 [](const auto& request, const auto&) { return Parse(request); });
}

}  // namespace baro::server
