#include "query/parser.h"
#include "server/api/api.h"
#include "server/api/envelope.h"
#include "server/api/json.h"
#include "server/api/params.h"

namespace baro::server {
namespace {

// The matchers of all selectors of the query.
base::Result<std::vector<std::vector<model::Matcher>>> SelectorsOf(std::string_view query) {
  const auto ast = BARO_TRY(query::ParseQuery(query, query::ParseOptions::Everything()));
  std::vector<std::vector<model::Matcher>> lists;
  for (const query::VectorSelector* selector : query::Selectors(ast.root())) {
    auto matchers = BARO_TRY(CompileMatchers(selector->matchers));
    // info()'s second argument may have none that chooses anything.
    const bool is_selective =
        std::ranges::any_of(matchers, [](const model::Matcher& matcher) { return !matcher.MatchesEmpty(); });
    if (is_selective) lists.push_back(std::move(matchers));
  }
  return lists;
}

void AppendExemplar(JsonWriter& json, const model::Exemplar& exemplar) {
  json.BeginObject().Key("labels").Labels(exemplar.labels);
  std::string value;
  AppendJsonValue(value, exemplar.value);
  json.Key("value").Raw(value);
  std::string time;
  AppendJsonTime(time, *exemplar.timestamp_ms);
  json.Key("timestamp").Raw(time).EndObject();
}

net::HttpResponse QueryExemplars(ApiState& state, const net::HttpRequest& request, const base::CancelToken& cancel) {
  const auto range = RangeParams(request);
  if (!range) return ApiError(range.error());
  const auto selectors = SelectorsOf(request.params.Get("query"));
  if (!selectors) return ApiError(selectors.error());
  const auto found = state.storage().SelectExemplars(*selectors, *range, cancel);
  if (!found) return ApiError(found.error());
  std::string data;
  JsonWriter json(data);
  json.BeginArray();
  for (const tsdb::SeriesExemplars& series : *found) {
    json.BeginObject().Key("seriesLabels").Labels(series.labels).Key("exemplars").BeginArray();
    for (const model::Exemplar& exemplar : series.exemplars) AppendExemplar(json, exemplar);
    json.EndArray().EndObject();
  }
  json.EndArray();
  return ApiSuccess(std::move(data));
}

}  // namespace

void AddExemplarRoutes(ApiRoutes& routes, ApiState& state) {
  routes.AddRead("query_exemplars", true, "Exemplars of the series that a query selects.",
                 {{"query", true, false, "PromQL expression"},
                  {"start", false, false, "only exemplars from then on"},
                  {"end", false, false, "only exemplars until then"}},
                 [&state](const auto& request, const auto& cancel) { return QueryExemplars(state, request, cancel); });
}

}  // namespace baro::server
