#include "scraper/kubernetes/parse_object.h"

#include <cctype>

namespace baro::scraper {
namespace {

ContainerPort ReadPort(JsonCursor& json) {
  ContainerPort port;
  json.Object([&](std::string_view field) {
    if (field == "name") port.name = json.Text();
    if (field == "protocol") port.protocol = json.Text();
    if (field == "containerPort") port.number = json.Integer();
  });
  return port;
}

void ReadContainers(JsonCursor& json, std::vector<Container>& containers) {
  json.Array([&] {
    Container container;
    json.Object([&](std::string_view field) {
      if (field == "name") container.name = json.Text();
      if (field == "image") container.image = json.Text();
      if (field == "ports") json.Array([&] { container.ports.push_back(ReadPort(json)); });
    });
    container.ports.shrink_to_fit();
    containers.push_back(std::move(container));
  });
  containers.shrink_to_fit();
}

void ReadContainerIds(JsonCursor& json, TextPairs& ids) {
  json.Array([&] {
    std::string name;
    std::string id;
    json.Object([&](std::string_view field) {
      if (field == "name") name = json.Text();
      if (field == "containerID") id = json.Text();
    });
    if (!id.empty()) ids.Add(name, id);
  });
  ids.ShrinkToFit();
}

/// The state of the condition "Ready".
void ReadReady(JsonCursor& json, std::string& ready) {
  json.Array([&] {
    std::string type;
    std::string status;
    json.Object([&](std::string_view field) {
      if (field == "type") type = json.Text();
      if (field == "status") status = json.Text();
    });
    if (type != "Ready" || !ready.empty()) return;
    for (char& c : status) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    ready = std::move(status);
  });
}

void ReadStatus(JsonCursor& json, PodObject& pod) {
  json.Object([&](std::string_view field) {
    if (field == "podIP") pod.pod_ip = json.Text();
    if (field == "hostIP") pod.host_ip = json.Text();
    if (field == "phase") pod.phase = json.Text();
    if (field == "conditions") ReadReady(json, pod.ready);
    if (field == "containerStatuses") ReadContainerIds(json, pod.container_ids);
    if (field == "initContainerStatuses") ReadContainerIds(json, pod.init_container_ids);
  });
}

}  // namespace

void ReadField(JsonCursor& json, std::string_view field, PodObject& pod) {
  if (field == "status") ReadStatus(json, pod);
  if (field != "spec") return;
  json.Object([&](std::string_view inner) {
    if (inner == "nodeName") pod.node_name = json.Text();
    if (inner == "containers") ReadContainers(json, pod.containers);
    if (inner == "initContainers") ReadContainers(json, pod.init_containers);
  });
}

}  // namespace baro::scraper
