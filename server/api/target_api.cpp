#include <algorithm>
#include <map>
#include <set>

#include <fmt/format.h>

#include "base/duration_text.h"
#include "query/parser.h"
#include "server/api/api.h"
#include "server/api/envelope.h"
#include "server/api/json.h"
#include "server/api/params.h"
#include "server/api/time_text.h"

namespace baro::server {
namespace {

std::string_view HealthName(scraper::TargetHealth health) {
  constexpr std::string_view kNames[] = {"unknown", "up", "down"};
  return kNames[static_cast<std::size_t>(health)];
}

std::string Lower(std::string_view text) {
  std::string lower(text);
  std::ranges::transform(lower, lower.begin(), [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return lower;
}

void AppendActive(JsonWriter& json, const std::string& job, const scraper::TargetStatus& status,
                  const OwnAddress& own) {
  json.BeginObject();
  json.Key("discoveredLabels").Labels(status.target.discovered_labels);
  json.Key("labels").Labels(status.target.labels);
  json.Key("scrapePool").String(job);
  json.Key("scrapeUrl").String(status.target.url);
  json.Key("globalUrl").String(GlobalUrl(status.target.url, own));
  json.Key("lastError").String(status.last_error);
  json.Key("lastScrape").String(Rfc3339(status.last_scrape));
  json.Key("lastScrapeDuration").Number(std::chrono::duration<double>(status.last_duration).count());
  json.Key("health").String(HealthName(status.health));
  json.Key("scrapeInterval").String(base::FormatDuration(status.target.interval));
  json.Key("scrapeTimeout").String(base::FormatDuration(status.target.timeout));
  json.Key("lastSamples").Uint(status.last_samples);
  json.Key("lastBodyBytes").Uint(status.last_body_bytes);
  json.EndObject();
}

net::HttpResponse Targets(ApiState& state, const net::HttpRequest& request) {
  const std::string wanted = Lower(request.params.Get("state"));
  const bool with_active = wanted.empty() || wanted == "any" || wanted == "active";
  const bool with_dropped = wanted.empty() || wanted == "any" || wanted == "dropped";
  const std::string_view pool = request.params.Get("scrapePool");
  const std::vector<scraper::JobStatus> jobs = state.scraping().status();
  const auto is_wanted = [&](const scraper::JobStatus& job) { return pool.empty() || job.job_name == pool; };

  std::string data;
  JsonWriter json(data);
  json.BeginObject().Key("activeTargets").BeginArray();
  for (const auto& job : jobs) {
    if (!with_active || !is_wanted(job)) continue;
    for (const auto& status : job.active) AppendActive(json, job.job_name, status, state.own_address());
  }
  json.EndArray().Key("droppedTargets").BeginArray();
  for (const auto& job : jobs) {
    if (!with_dropped || !is_wanted(job)) continue;
    for (const auto& dropped : job.dropped) {
      json.BeginObject().Key("discoveredLabels").Labels(dropped.discovered_labels);
      json.Key("scrapePool").String(job.job_name).EndObject();
    }
  }
  json.EndArray();
  if (with_dropped) {
    json.Key("droppedTargetCounts").BeginObject();
    for (const auto& job : jobs) {
      if (is_wanted(job)) json.Key(job.job_name).Uint(job.dropped_count);
    }
    json.EndObject();
  }
  json.EndObject();
  return ApiSuccess(std::move(data));
}

net::HttpResponse ScrapePools(ApiState& state) {
  std::string data;
  JsonWriter json(data);
  json.BeginObject().Key("scrapePools").BeginArray();
  for (const auto& job : state.scraping().status()) json.String(job.job_name);
  json.EndArray().EndObject();
  return ApiSuccess(std::move(data));
}

void AppendMetadata(JsonWriter& json, const model::Metadata& metadata) {
  json.Key("type").String(model::MetricTypeName(metadata.type));
  json.Key("help").String(metadata.help);
  json.Key("unit").String(metadata.unit);
}

net::HttpResponse TargetMetadata(ApiState& state, const net::HttpRequest& request) {
  const auto limit = LimitParam(request);
  if (!limit) return ApiError(limit.error());
  std::vector<model::Matcher> matchers;
  if (const std::string_view selector = request.params.Get("match_target"); !selector.empty()) {
    const auto parsed = query::ParseMetricSelector(selector);
    if (!parsed) return ApiError(parsed.error().WithContext("invalid parameter \"match_target\""));
    auto compiled = CompileMatchers(*parsed);
    if (!compiled) return ApiError(compiled.error().WithContext("invalid parameter \"match_target\""));
    matchers = *std::move(compiled);
  }
  const std::string_view metric = request.params.Get("metric");
  std::string data;
  JsonWriter json(data);
  json.BeginArray();
  std::size_t shown = 0;
  for (const scraper::TargetMetadata& entry : state.scraping().metadata()) {
    if ((!metric.empty() && entry.metric != metric) || !model::MatchesAll(matchers, entry.target)) continue;
    if (*limit > 0 && shown == *limit) break;
    ++shown;
    json.BeginObject().Key("target").Labels(entry.target);
    if (metric.empty()) json.Key("metric").String(entry.metric);
    AppendMetadata(json, entry.metadata);
    json.EndObject();
  }
  json.EndArray();
  return ApiSuccess(std::move(data));
}

net::HttpResponse Metadata(ApiState& state, const net::HttpRequest& request, const base::CancelToken& cancel) {
  const auto limit = LimitParam(request);
  if (!limit) return ApiError(limit.error());
  const auto per_metric = LimitParam(request, "limit_per_metric");
  if (!per_metric) return ApiError(per_metric.error());
  const std::string_view metric = request.params.Get("metric");

  const auto range = RangeParams(request);
  if (!range) return ApiError(range.error());
  // What memory has is asked in any case; blocks only if the request names a time.
  const bool asks_history = !request.params.Get("start").empty() || !request.params.Get("end").empty();
  const model::TimeRange stored_range = asks_history ? *range : model::TimeRange{.min_ms = model::kMaxTimestampMs};
  const auto stored = state.storage().OpenReader()->Metadata({.family = metric, .range = stored_range}, cancel);
  if (!stored) return ApiError(stored.error());

  using Key = std::tuple<model::MetricType, std::string, std::string>;
  std::map<std::string, std::set<Key>> by_metric;
  const auto add = [&](const std::string& family, const model::Metadata& metadata) {
    const auto found = by_metric.find(family);
    if (found == by_metric.end() && *limit > 0 && by_metric.size() == *limit) return;
    auto& known = by_metric[family];
    if (*per_metric > 0 && known.size() == *per_metric) return;
    known.emplace(metadata.type, metadata.help, metadata.unit);
  };
  std::set<std::string, std::less<>> scraped;
  for (const scraper::TargetMetadata& entry : state.scraping().metadata()) {
    if (!metric.empty() && entry.metric != metric) continue;
    scraped.insert(entry.metric);
    add(entry.metric, entry.metadata);
  }
  for (const tsdb::FamilyMetadata& entry : *stored) {
    if (asks_history || !scraped.contains(entry.family)) add(entry.family, entry.metadata);
  }
  std::string data;
  JsonWriter json(data);
  json.BeginObject();
  for (const auto& [name, entries] : by_metric) {
    json.Key(name).BeginArray();
    for (const auto& [type, help, unit] : entries) {
      json.BeginObject();
      AppendMetadata(json, {.type = type, .help = help, .unit = unit});
      json.EndObject();
    }
    json.EndArray();
  }
  json.EndObject();
  return ApiSuccess(std::move(data));
}

}  // namespace

void AddTargetRoutes(ApiRoutes& routes, ApiState& state) {
  routes.AddRead("targets", false, "What is scraped, and how it goes.",
                 {{"state", false, false, "active, dropped or any"}, {"scrapePool", false, false, "one job's only"}},
                 [&state](const auto& request, const auto&) { return Targets(state, request); });
  routes.AddRead("scrape_pools", false, "Names of jobs.", {},
                 [&state](const auto&, const auto&) { return ScrapePools(state); });
  routes.AddRead("targets/metadata", false, "What targets say of their metrics.",
                 {{"match_target", false, false, "selector over the targets' labels"},
                  {"metric", false, false, "one metric's only"},
                  {"limit", false, false, "most entries"}},
                 [&state](const auto& request, const auto&) { return TargetMetadata(state, request); });
  routes.AddRead("metadata", false, "What is known of metrics: what targets say, and what was sent in.",
                 {{"metric", false, false, "one metric's only"},
                  {"limit", false, false, "most metrics"},
                  {"limit_per_metric", false, false, "most entries per metric"},
                  {"start", false, false, "also what was known from then on"},
                  {"end", false, false, "also what was known until then"}},
                 [&state](const auto& request, const auto& cancel) { return Metadata(state, request, cancel); });
}

}  // namespace baro::server
