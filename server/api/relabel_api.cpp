// Relabelling, step by step: what each rule of a job does to a label set.
//
// Format   targets/relabel_steps is Prometheus'; debug/relabel is ours, see docs/scraping.md.
#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "server/api/api.h"
#include "server/api/envelope.h"
#include "server/api/json.h"

namespace baro::server {
namespace {

using base::Code;
using base::Fail;

base::Result<scraper::ScrapeJobOptions> JobParam(ApiState& state, const net::HttpRequest& request) {
  const std::string_view name = request.params.Get("scrapePool");
  if (name.empty()) return Fail(Code::kInvalidArgument, "no scrapePool parameter provided");
  auto job = state.scraping().job(name);
  if (!job) {
    return Fail(Code::kInvalidArgument,
                fmt::format("error retrieving scrape config: there is no scrape pool \"{}\"", name));
  }
  return *std::move(job);
}

/// The parameter `labels`, {"name":"value",…}.
base::Result<model::Labels> LabelsParam(const net::HttpRequest& request) {
  const std::string_view text = request.params.Get("labels");
  if (text.empty()) return Fail(Code::kInvalidArgument, "no labels parameter provided");
  const nlohmann::json json = nlohmann::json::parse(text, nullptr, /*allow_exceptions=*/false);
  if (!json.is_object()) {
    return Fail(Code::kInvalidArgument, "error parsing labels: expected a JSON object of names and values");
  }
  model::LabelsBuilder builder;
  for (const auto& [name, value] : json.items()) {
    if (!value.is_string()) {
      return Fail(Code::kInvalidArgument,
                  fmt::format("error parsing labels: the value of \"{}\" is no string: {:.100}", name, value.dump()));
    }
    builder.Set(name, value.get_ref<const std::string&>());
  }
  return builder.Build();
}

/// Fields as the configuration file has them. Source  Prometheus' JSON of a rule.
void AppendRule(JsonWriter& json, const model::RelabelConfig& rule) {
  json.BeginObject();
  if (!rule.source_labels.empty()) {
    json.Key("source_labels").BeginArray();
    for (const std::string& name : rule.source_labels) json.String(name);
    json.EndArray();
  }
  json.Key("separator").String(rule.separator);
  json.Key("regex").String(rule.regex);
  if (rule.modulus != 0) json.Key("modulus").Uint(rule.modulus);
  if (!rule.target_label.empty()) json.Key("target_label").String(rule.target_label);
  json.Key("replacement").String(rule.replacement);
  json.Key("action").String(model::RelabelActionName(rule.action));
  json.EndObject();
}

/// One step for each rule; those behind the one that dropped the set have no labels.
net::HttpResponse RelabelSteps(ApiState& state, const net::HttpRequest& request) {
  const auto job = JobParam(state, request);
  if (!job) return ApiError(job.error());
  const auto labels = LabelsParam(request);
  if (!labels) return ApiError(labels.error());
  const auto relabeler = model::Relabeler::Compile(job->relabel);
  if (!relabeler) return ApiError(relabeler.error());
  const std::vector<model::RelabelStep> steps = relabeler->Explain(*labels);

  std::string data;
  JsonWriter json(data);
  json.BeginObject().Key("steps").BeginArray();
  for (std::size_t i = 0; i < job->relabel.size(); ++i) {
    const bool is_kept = i < steps.size() && steps[i].is_kept;
    json.BeginObject().Key("rule");
    AppendRule(json, job->relabel[i]);
    json.Key("output").Labels(is_kept ? steps[i].labels : model::Labels());
    json.Key("keep").Bool(is_kept).EndObject();
  }
  json.EndArray().EndObject();
  return ApiSuccess(std::move(data));
}

void AppendChanges(JsonWriter& json, const std::vector<model::LabelChange>& changes) {
  json.BeginArray();
  for (const model::LabelChange& change : changes) {
    json.BeginObject().Key("name").String(change.name);
    json.Key("before").String(change.before).Key("after").String(change.after).EndObject();
  }
  json.EndArray();
}

void AppendSteps(JsonWriter& json, std::span<const model::RelabelConfig> rules, const model::Labels& input,
                 const std::vector<model::RelabelStep>& steps) {
  json.BeginArray();
  const model::Labels* before = &input;
  for (const model::RelabelStep& step : steps) {
    json.BeginObject().Key("index").Uint(step.rule_index).Key("rule");
    AppendRule(json, rules[step.rule_index]);
    json.Key("keep").Bool(step.is_kept).Key("changes");
    AppendChanges(json, model::ChangesBetween(*before, step.labels));
    json.EndObject();
    before = &step.labels;
  }
  json.EndArray();
}

/// What becomes of a target behind its rules: its labels and URL, or why it is none.
void AppendTarget(JsonWriter& json, const scraper::ScrapeJobOptions& job, const model::Relabeler& relabeler,
                  const model::Labels& discovered) {
  const auto made = scraper::MakeTarget(job, relabeler, discovered);
  if (!made) {
    json.Key("error").String(made.error().message());
  } else if (const auto* target = std::get_if<scraper::Target>(&*made)) {
    json.Key("labels").Labels(target->labels).Key("scrapeUrl").String(target->url);
  }
}

/// `rules`: target (the default) or metric.
net::HttpResponse DebugRelabel(ApiState& state, const net::HttpRequest& request) {
  const auto job = JobParam(state, request);
  if (!job) return ApiError(job.error());
  const auto labels = LabelsParam(request);
  if (!labels) return ApiError(labels.error());
  const std::string_view which = request.params.Get("rules");
  const bool is_target = which.empty() || which == "target";
  if (!is_target && which != "metric") {
    return ApiError({Code::kInvalidArgument,
                     fmt::format("invalid parameter \"rules\": expected target or metric, found \"{}\"", which)});
  }
  const auto& rules = is_target ? job->relabel : job->metric_relabel;
  const auto relabeler = model::Relabeler::Compile(rules);
  if (!relabeler) return ApiError(relabeler.error());
  const std::vector<model::RelabelStep> steps = relabeler->Explain(*labels);
  const bool is_kept = steps.empty() || steps.back().is_kept;

  std::string data;
  JsonWriter json(data);
  json.BeginObject().Key("input").Labels(*labels).Key("steps");
  AppendSteps(json, rules, *labels, steps);
  json.Key("keep").Bool(is_kept);
  if (is_kept) json.Key("output").Labels(steps.empty() ? *labels : steps.back().labels);
  if (is_kept && is_target) {
    json.Key("target").BeginObject();
    AppendTarget(json, *job, *relabeler, *labels);
    json.EndObject();
  }
  json.EndObject();
  return ApiSuccess(std::move(data));
}

net::HttpResponse ScrapePoolConfig(ApiState& state, const net::HttpRequest& request) {
  const auto job = JobParam(state, request);
  if (!job) return ApiError(job.error());
  std::string data;
  JsonWriter(data).BeginObject().Key("yaml").String(job->shown_yaml).EndObject();
  return ApiSuccess(std::move(data));
}

}  // namespace

void AddRelabelRoutes(ApiRoutes& routes, ApiState& state) {
  const net::ParamRule pool = {"scrapePool", false, false, "name of the job"};
  const net::ParamRule labels = {"labels", false, false, "label set as a JSON object"};
  routes.AddRead("scrape_pools/config", false, "The configuration of a job, with all defaults.", {pool},
                 [&state](const auto& request, const auto&) { return ScrapePoolConfig(state, request); });
  routes.AddRead("targets/relabel_steps", false, "What each rule of a job makes of a discovered label set.",
                 {pool, labels}, [&state](const auto& request, const auto&) { return RelabelSteps(state, request); });
  routes.AddRead("debug/relabel", false, "What each rule of a job changes in a label set, and what becomes of it.",
                 {pool, labels, {"rules", false, false, "target or metric"}},
                 [&state](const auto& request, const auto&) { return DebugRelabel(state, request); });
}

}  // namespace baro::server
