#include "scraper/kubernetes/parse_object.h"

namespace baro::scraper {
namespace {

ServicePort ReadPort(JsonCursor& json) {
  ServicePort port;
  json.Object([&](std::string_view field) {
    if (field == "name") port.name = json.Text();
    if (field == "protocol") port.protocol = json.Text();
    if (field == "port") port.number = json.Integer();
  });
  return port;
}

void ReadSpec(JsonCursor& json, ServiceObject& service) {
  std::string policy;
  std::vector<std::string> families;
  json.Object([&](std::string_view field) {
    if (field == "type") service.type = json.Text();
    if (field == "clusterIP") service.cluster_ip = json.Text();
    if (field == "externalName") service.external_name = json.Text();
    if (field == "loadBalancerIP") service.balancer_ip = json.Text();
    if (field == "ipFamilyPolicy") policy = json.Text();
    if (field == "ipFamilies") json.Array([&] { families.push_back(json.Text()); });
    if (field == "ports") json.Array([&] { service.ports.push_back(ReadPort(json)); });
  });
  const bool has_two = policy == "PreferDualStack" || policy == "RequireDualStack";
  if (has_two && !families.empty()) service.primary_family = std::move(families[0]);
}

void ReadBalancer(JsonCursor& json, std::string& ips) {
  json.Object([&](std::string_view field) {
    if (field != "ingress") return;
    json.Array([&] {
      json.Object([&](std::string_view inner) {
        if (inner != "ip") return;
        const std::string ip = json.Text();
        if (!ip.empty()) ips += (ips.empty() ? "" : ",") + ip;
      });
    });
  });
}

}  // namespace

void ReadField(JsonCursor& json, std::string_view field, ServiceObject& service) {
  if (field == "spec") ReadSpec(json, service);
  if (field != "status") return;
  json.Object([&](std::string_view inner) {
    if (inner == "loadBalancer") ReadBalancer(json, service.balancer_ips);
  });
}

}  // namespace baro::scraper
