// /api/v1/query_explain: the plan of a query, and with analyze=true what each operator did.
//
// Format   docs/queries.md, "Explain".
#include "query/explain.h"

#include "server/api/api.h"
#include "server/api/envelope.h"
#include "server/api/json.h"
#include "server/api/params.h"
#include "server/api/query_request.h"

namespace baro::server {
namespace {

const std::vector<net::ParamRule> kParams = {
    {"query", true, false, "PromQL expression"},
    {"time", false, false, "of an instant query: seconds or RFC 3339; now"},
    {"start", false, false, "of a range query: first step"},
    {"end", false, false, "of a range query: last step"},
    {"step", false, false, "of a range query: resolution"},
    {"analyze", false, false, "true: evaluate it, and tell what each operator did"},
    {"format", false, false, "json or text; what Accept asks for"},
    {"timeout", false, false, "longest time for this query"},
    {"limit", false, false, "as of query; without effect here"},
    {"lookback_delta", false, false, "overrides --query.lookback-delta"},
    {"stats", false, false, "as of query; without effect here"}};

double Ms(std::chrono::nanoseconds time) { return std::chrono::duration<double, std::milli>(time).count(); }

void AppendCost(JsonWriter& json, const query::OperatorCost& cost) {
  json.Key("cost").BeginObject();
  json.Key("runs").Uint(cost.runs);
  json.Key("series").Uint(cost.series);
  json.Key("steps").Uint(cost.steps);
  json.Key("points").Uint(cost.points);
  json.Key("samplesRead").Uint(cost.samples_read);
  json.Key("samplesQueryable").Uint(cost.samples_queryable);
  json.Key("bytes").Uint(cost.bytes);
  json.Key("memoryBytesPeak").Uint(cost.memory_bytes_peak);
  json.Key("timeMs").Number(Ms(cost.total_time));
  json.Key("selfTimeMs").Number(Ms(cost.self_time));
  json.Key("readTimeMs").Number(Ms(cost.read_time));
  json.EndObject();
}

/// Begins an operator's object and its list of children.
void BeginOperator(JsonWriter& json, const query::ExplainedOperator& op) {
  json.BeginObject();
  json.Key("operator").String(op.kind);
  json.Key("name").String(op.name);
  json.Key("type").String(op.type);
  json.Key("start").Uint(op.start).Key("end").Uint(op.end);
  json.Key("line").Uint(op.line).Key("column").Uint(op.column);
  json.Key("facts").BeginObject();
  for (const auto& [name, value] : op.facts) json.Key(name).String(value);
  json.EndObject();
  if (op.cost) AppendCost(json, *op.cost);
  json.Key("children").BeginArray();
}

void AppendTree(JsonWriter& json, const std::vector<query::ExplainedOperator>& operators) {
  std::size_t open = 0;
  for (const query::ExplainedOperator& op : operators) {
    for (; open > op.depth; --open) json.EndArray().EndObject();
    BeginOperator(json, op);
    ++open;
  }
  for (; open > 0; --open) json.EndArray().EndObject();
}

void AppendRun(JsonWriter& json, const query::AnalyzedRun& run) {
  json.Key("run").BeginObject();
  if (run.error) {
    json.Key("error").BeginObject();
    json.Key("type").String(ApiErrorType(run.error->code())).Key("message").String(run.error->message());
    json.EndObject();
  }
  json.Key("series").Uint(run.series).Key("points").Uint(run.points);
  json.Key("memoryBytesPeak").Uint(run.stats.memory_bytes_peak);
  std::string stats;
  AppendStatsJson(stats, run.stats);
  json.Key("stats").Raw(stats);
  const auto list = [&json](std::string_view name, const std::vector<query::Annotation>& annotations) {
    json.Key(name).BeginArray();
    for (const query::Annotation& annotation : annotations) json.String(annotation.ToString());
    json.EndArray();
  };
  list("warnings", run.warnings);
  list("infos", run.infos);
  json.EndObject();
}

std::string ExplanationJson(const query::Explanation& explanation) {
  std::string data;
  JsonWriter json(data);
  const auto seconds = [](std::int64_t ms) { return static_cast<double>(ms) / 1000; };
  json.BeginObject().Key("query").String(explanation.query);
  json.Key("start").Number(seconds(explanation.range.start_ms));
  json.Key("end").Number(seconds(explanation.range.end_ms));
  json.Key("step").Number(seconds(explanation.range.step_ms));
  json.Key("plan");
  AppendTree(json, explanation.operators);
  json.Key("operatorsLeftOut").Uint(explanation.operators_left_out);
  if (explanation.run) AppendRun(json, *explanation.run);
  json.EndObject();
  return data;
}

base::Result<bool> WantsText(const net::HttpRequest& request) {
  const std::string_view format = request.params.Get("format");
  if (format.empty()) return request.headers.Get("Accept").starts_with("text/plain");
  if (format == "text" || format == "json") return format == "text";
  return base::Fail(base::Code::kInvalidArgument, "invalid parameter \"format\": want json or text");
}

base::Result<query::QueryRequest> ReadRequest(ApiState& state, const net::HttpRequest& request) {
  query::QueryRequest asked{.text = request.params.Get("query")};
  for (const std::string_view name : {"start", "end", "step"}) {
    if (!request.params.Get(name).empty()) asked.is_range = true;
  }
  if (asked.is_range) {
    asked.range = BARO_TRY(ReadRange(request));
  } else {
    asked.range.start_ms = BARO_TRY(TimeParam(request, "time", base::ToMs(state.clock().Now())));
    asked.range.end_ms = asked.range.start_ms;
  }
  const std::string_view analyze = request.params.Get("analyze");
  if (!analyze.empty() && analyze != "true" && analyze != "false") {
    return base::Fail(base::Code::kInvalidArgument, "invalid parameter \"analyze\": want true or false");
  }
  asked.does_analyze = analyze == "true";
  return asked;
}

net::HttpResponse Explain(ApiState& state, QueryMetrics& metrics, const net::HttpRequest& request,
                          const base::CancelToken& cancel) {
  const auto asked = ReadQuery(request, cancel);
  if (!asked) return ApiError(asked.error());
  const auto wanted = ReadRequest(state, request);
  if (!wanted) return ApiError(wanted.error());
  const auto wants_text = WantsText(request);
  if (!wants_text) return ApiError(wants_text.error());
  const auto explanation = state.engine().Explain(*wanted, asked->options);
  if (!explanation) return QueryError(explanation.error());
  if (explanation->run && explanation->run->error) {
    metrics.CountError(ApiErrorType(explanation->run->error->code()));
  } else if (explanation->run) {
    metrics.Observe(explanation->run->stats);
  }
  if (*wants_text) return net::HttpResponse::Text(200, query::ExplanationText(*explanation));
  return ApiSuccess(ExplanationJson(*explanation));
}

}  // namespace

void AddExplainRoutes(ApiRoutes& routes, ApiState& state, QueryMetrics& metrics) {
  routes.AddRead(
      "query_explain", true, "The plan of an expression, and what each operator costs.", kParams,
      [&state, &metrics](const auto& request, const auto& cancel) { return Explain(state, metrics, request, cancel); });
}

}  // namespace baro::server
