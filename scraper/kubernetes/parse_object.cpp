#include "scraper/kubernetes/parse_object.h"

namespace baro::scraper {
namespace {

void ReadOwner(JsonCursor& json, ControllerRef& controller) {
  ControllerRef owner;
  bool is_controller = false;
  json.Object([&](std::string_view field) {
    if (field == "kind") owner.kind = json.Text();
    if (field == "name") owner.name = json.Text();
    if (field == "controller") is_controller = json.Bool();
  });
  const bool has_one = !controller.kind.empty() || !controller.name.empty();
  if (is_controller && !has_one) controller = std::move(owner);
}

void ReadNodeStatus(JsonCursor& json, NodeObject& node) {
  const auto read_list = [&](TextPairs& pairs, std::string_view value_field) {
    json.Array([&] {
      std::string type;
      std::string value;
      json.Object([&](std::string_view field) {
        if (field == "type") type = json.Text();
        if (field == value_field) value = json.Text();
      });
      pairs.Add(type, value);
    });
    pairs.ShrinkToFit();
  };
  json.Object([&](std::string_view field) {
    if (field == "conditions") read_list(node.conditions, "status");
    if (field == "addresses") read_list(node.addresses, "address");
    if (field != "daemonEndpoints") return;
    json.Object([&](std::string_view daemon) {
      if (daemon != "kubeletEndpoint") return;
      json.Object([&](std::string_view endpoint) {
        if (endpoint == "Port") node.kubelet_port = json.Integer();
      });
    });
  });
}

IngressRule ReadRule(JsonCursor& json) {
  IngressRule rule;
  json.Object([&](std::string_view field) {
    if (field == "host") rule.host = json.Text();
    if (field != "http") return;
    json.Object([&](std::string_view inner) {
      if (inner != "paths") return;
      json.Array([&] {
        std::string path;
        json.Object([&](std::string_view of_path) {
          if (of_path == "path") path = json.Text();
        });
        rule.paths.push_back(path.empty() ? "/" : std::move(path));
      });
    });
  });
  if (rule.paths.empty()) rule.paths.emplace_back("/");
  return rule;
}

void ReadTls(JsonCursor& json, std::vector<std::string>& hosts) {
  json.Object([&](std::string_view field) {
    if (field == "hosts") json.Array([&] { hosts.push_back(json.Text()); });
  });
}

}  // namespace

void ReadPairs(JsonCursor& json, TextPairs& pairs) {
  json.Object([&](std::string_view name) { pairs.Add(name, json.Text()); });
  pairs.ShrinkToFit();
}

void ReadMeta(JsonCursor& json, ObjectMeta& meta, MetaExtras& extras) {
  json.Object([&](std::string_view field) {
    if (field == "name") meta.name = json.Text();
    if (field == "namespace") meta.name_space = json.Text();
    if (field == "labels") ReadPairs(json, meta.labels);
    if (field == "annotations") ReadPairs(json, meta.annotations);
    if (field == "resourceVersion") extras.version = json.Text();
    if (field == "uid") extras.uid = json.Text();
    if (field == "ownerReferences") json.Array([&] { ReadOwner(json, extras.controller); });
  });
}

TargetRef ReadTargetRef(JsonCursor& json) {
  TargetRef ref;
  json.Object([&](std::string_view field) {
    if (field == "kind") ref.kind = json.Text();
    if (field == "namespace") ref.name_space = json.Text();
    if (field == "name") ref.name = json.Text();
  });
  return ref;
}

EndpointPort ReadEndpointPort(JsonCursor& json) {
  EndpointPort port;
  json.Object([&](std::string_view field) {
    if (field == "name") port.name = json.OptionalText();
    if (field == "protocol") port.protocol = json.OptionalText();
    if (field == "appProtocol") port.app_protocol = json.OptionalText();
    if (field == "port") port.number = json.OptionalInteger();
  });
  return port;
}

void ReadField(JsonCursor&, std::string_view, NamespaceObject&) {}
void ReadField(JsonCursor&, std::string_view, OwnedObject&) {}

void ReadField(JsonCursor& json, std::string_view field, NodeObject& node) {
  if (field == "status") ReadNodeStatus(json, node);
  if (field != "spec") return;
  json.Object([&](std::string_view inner) {
    if (inner == "providerID") node.provider_id = json.Text();
  });
}

void ReadField(JsonCursor& json, std::string_view field, IngressObject& ingress) {
  if (field != "spec") return;
  json.Object([&](std::string_view inner) {
    if (inner == "ingressClassName") ingress.class_name = json.OptionalText();
    if (inner == "rules") json.Array([&] { ingress.rules.push_back(ReadRule(json)); });
    if (inner == "tls") json.Array([&] { ReadTls(json, ingress.tls_hosts); });
  });
}

}  // namespace baro::scraper
