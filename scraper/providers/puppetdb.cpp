// Resources that a query of PuppetDB finds.
//
// Source   PuppetDB query API 4.
#include <fmt/format.h>

#include "scraper/providers/providers.h"

namespace baro::scraper {
namespace {

using enum LabelShape;

base::Result<> AddQuery(const ApiScope& scope, net::FetchRequest& request) {
  request.headers.Add("Content-Type", "application/json");
  request.body = Json({{"query", scope.record.Text("query")}}).dump(-1, ' ', false, Json::error_handler_t::replace);
  return {};
}

constexpr ApiCall kCalls[] = {
    {.name = "resources", .path = "/pdb/query/v4", .method = net::Method::kPost, .prepare = AddQuery}};

constexpr LabelRow kLabels[] = {{"__meta_puppetdb_certname", "certname"},
                                {"__meta_puppetdb_resource", "resource"},
                                {"__meta_puppetdb_type", "type"},
                                {"__meta_puppetdb_title", "title"},
                                {"__meta_puppetdb_exported", "exported", kBool},
                                {"__meta_puppetdb_file", "file"},
                                {"__meta_puppetdb_environment", "environment"},
                                {"__meta_puppetdb_tags", "tags", kList}};

/// The text of a scalar; "" of anything else.
std::string ScalarText(const Json& value) {
  if (value.is_object() || value.is_array()) return "";
  TargetList reader;
  return reader.Text(value, "");
}

/// A parameter may be of any form: lists are joined, objects become a label for each field, nulls none.
// NOLINTNEXTLINE(misc-no-recursion): no deeper than the answer may be
void AddParameters(const std::string& prefix, const Json& parameters, LabelMap& labels) {
  for (const auto& [name, value] : parameters.items()) {
    const std::string label = prefix + CleanLabelName(name);
    if (value.is_object()) {
      AddParameters(label + "_", value, labels);
    } else if (value.is_array()) {
      std::string text;
      for (const Json& part : value) text += (&part == &value.front() ? "" : ",") + ScalarText(part);
      labels[label] = std::move(text);
    } else {
      labels[label] = ScalarText(value);
    }
  }
}

void MakeTargets(const ApiScope& scope, TargetList& list) {
  const bool has_parameters = scope.record.Get<bool>("include_parameters");
  for (const Json& resource : scope.answers.Of("resources")) {
    LabelMap labels{{"__meta_puppetdb_query", scope.record.Text("query")}};
    list.Apply(kLabels, resource, labels);
    const Json* const parameters = has_parameters ? FindJson(resource, "parameters") : nullptr;
    if (parameters != nullptr && parameters->is_object()) {
      AddParameters("__meta_puppetdb_parameter_", *parameters, labels);
    }
    list.Add(std::move(labels), list.Text(resource, "certname"), scope.Port());
  }
}

constexpr ApiProvider kTable[] = {
    {.kind = "puppetdb", .group = "puppetdb", .base = "{url}", .calls = kCalls, .targets = MakeTargets}};

}  // namespace

constinit const std::span<const ApiProvider> kPuppetdbProviders = kTable;

}  // namespace baro::scraper
