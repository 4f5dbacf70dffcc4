#include "query/ast_json.h"
#include "query/parser.h"
#include "query/printer.h"
#include "server/api/api.h"
#include "server/api/envelope.h"
#include "server/api/json.h"
#include "server/api/params.h"
#include "server/api/query_request.h"
#include "server/api/result_json.h"

namespace baro::server {
namespace {

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

/// The answer, and what it cost.
net::HttpResponse Answer(QueryMetrics& metrics, base::Result<query::QueryResult> result, const ResultOptions& options) {
  if (!result) {
    metrics.CountError(ApiErrorType(result.error().code()));
    return QueryError(result.error());
  }
  metrics.Observe(result->stats);
  return QueryResponse(*std::move(result), options);
}

net::HttpResponse Instant(ApiState& state, QueryMetrics& metrics, const net::HttpRequest& request,
                          const base::CancelToken& cancel) {
  const auto asked = ReadQuery(request, cancel);
  if (!asked) return ApiError(asked.error());
  const auto time = TimeParam(request, "time", base::ToMs(state.clock().Now()));
  if (!time) return ApiError(time.error());
  return Answer(metrics, state.engine().Instant(asked->text, *time, asked->options), asked->result);
}

net::HttpResponse Range(ApiState& state, QueryMetrics& metrics, const net::HttpRequest& request,
                        const base::CancelToken& cancel) {
  const auto asked = ReadQuery(request, cancel);
  if (!asked) return ApiError(asked.error());
  const auto range = ReadRange(request);
  if (!range) return ApiError(range.error());
  return Answer(metrics, state.engine().Range(asked->text, *range, asked->options), asked->result);
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
