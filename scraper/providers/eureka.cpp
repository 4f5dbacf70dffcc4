// Instances of applications that a Eureka server knows.
//
// Source   Eureka REST operations, GET /apps.
#include "scraper/providers/providers.h"

namespace baro::scraper {
namespace {

using enum LabelShape;

constexpr ApiCall kCalls[] = {
    {.name = "applications", .path = "/apps", .items = "application", .form = AnswerForm::kXml}};

constexpr LabelRow kLabels[] = {{"instance", "instanceId"},
                                {"__meta_eureka_app_instance_hostname", "hostName"},
                                {"__meta_eureka_app_instance_homepage_url", "homePageUrl"},
                                {"__meta_eureka_app_instance_statuspage_url", "statusPageUrl"},
                                {"__meta_eureka_app_instance_healthcheck_url", "healthCheckUrl"},
                                {"__meta_eureka_app_instance_ip_addr", "ipAddr"},
                                {"__meta_eureka_app_instance_vip_address", "vipAddress"},
                                {"__meta_eureka_app_instance_secure_vip_address", "secureVipAddress"},
                                {"__meta_eureka_app_instance_status", "status"},
                                {"__meta_eureka_app_instance_country_id", "countryId", kNumber},
                                {"__meta_eureka_app_instance_id", "instanceId"},
                                {"__meta_eureka_app_instance_datacenterinfo_name", "dataCenterInfo.name"}};

/// The text of an element, which may have attributes.
std::string ElementText(const Json& element, TargetList& list) {
  return list.Text(element, element.is_object() ? "#text" : "");
}

void AddPort(const Json& instance, std::string_view path, const std::string& label, TargetList& list,
             LabelMap& labels) {
  const Json* const port = FindJson(instance, path);
  if (port == nullptr) return;
  const std::string enabled = list.Text(*port, "@enabled");
  labels[label] = ElementText(*port, list);
  labels[label + "_enabled"] = enabled.empty() ? "false" : enabled;
}

/// A label for each child element; attributes are none.
void AddMetadata(const Json& instance, std::string_view path, const std::string& label, TargetList& list,
                 LabelMap& labels) {
  const Json* const metadata = FindJson(instance, path);
  if (metadata == nullptr || !metadata->is_object()) return;
  for (const auto& [name, value] : metadata->items()) {
    if (name.starts_with('@') || name.starts_with('#')) continue;
    labels[label + CleanLabelName(name)] = ElementText(value, list);
  }
}

void MakeTargets(const ApiScope& scope, TargetList& list) {
  for (const Json& application : scope.answers.Of("applications")) {
    const std::string name = list.Text(application, "name");
    for (const Json& instance : ItemsAt(application, "instance")) {
      LabelMap labels{{"__meta_eureka_app_name", name}};
      list.Apply(kLabels, instance, labels);
      AddPort(instance, "port", "__meta_eureka_app_instance_port", list, labels);
      AddPort(instance, "securePort", "__meta_eureka_app_instance_secure_port", list, labels);
      AddMetadata(instance, "dataCenterInfo.metadata", "__meta_eureka_app_instance_datacenterinfo_metadata_", list,
                  labels);
      AddMetadata(instance, "metadata", "__meta_eureka_app_instance_metadata_", list, labels);
      const Json* const port = FindJson(instance, "port");
      list.Add(std::move(labels), list.Text(instance, "hostName"), port == nullptr ? "80" : ElementText(*port, list));
    }
  }
}

constexpr ApiProvider kTable[] = {
    {.kind = "eureka", .group = "eureka", .base = "{server}", .calls = kCalls, .targets = MakeTargets}};

}  // namespace

constinit const std::span<const ApiProvider> kEurekaProviders = kTable;

}  // namespace baro::scraper
