#include "scraper/kubernetes/parse_object.h"

namespace baro::scraper {
namespace {

void ReadAddresses(JsonCursor& json, std::vector<EndpointAddress>& addresses) {
  json.Array([&] {
    EndpointAddress address;
    json.Object([&](std::string_view field) {
      if (field == "ip") address.ip = json.Text();
      if (field == "hostname") address.hostname = json.Text();
      if (field == "nodeName") address.node_name = json.OptionalText();
      if (field == "targetRef") address.target = ReadTargetRef(json);
    });
    addresses.push_back(std::move(address));
  });
}

EndpointSubset ReadSubset(JsonCursor& json) {
  EndpointSubset subset;
  json.Object([&](std::string_view field) {
    if (field == "addresses") ReadAddresses(json, subset.ready);
    if (field == "notReadyAddresses") ReadAddresses(json, subset.not_ready);
    if (field == "ports") json.Array([&] { subset.ports.push_back(ReadEndpointPort(json)); });
  });
  return subset;
}

void ReadConditions(JsonCursor& json, SliceEndpoint& endpoint) {
  json.Object([&](std::string_view field) {
    if (field == "ready") endpoint.is_ready = json.OptionalBool();
    if (field == "serving") endpoint.is_serving = json.OptionalBool();
    if (field == "terminating") endpoint.is_terminating = json.OptionalBool();
  });
}

SliceEndpoint ReadEndpoint(JsonCursor& json) {
  SliceEndpoint endpoint;
  json.Object([&](std::string_view field) {
    if (field == "addresses") json.Array([&] { endpoint.addresses.push_back(json.Text()); });
    if (field == "conditions") ReadConditions(json, endpoint);
    if (field == "hostname") endpoint.hostname = json.OptionalText();
    if (field == "nodeName") endpoint.node_name = json.OptionalText();
    if (field == "zone") endpoint.zone = json.OptionalText();
    if (field == "targetRef") endpoint.target = ReadTargetRef(json);
    if (field == "deprecatedTopology") ReadPairs(json, endpoint.topology);
  });
  return endpoint;
}

}  // namespace

void ReadField(JsonCursor& json, std::string_view field, EndpointsObject& endpoints) {
  if (field == "subsets") json.Array([&] { endpoints.subsets.push_back(ReadSubset(json)); });
}

void ReadField(JsonCursor& json, std::string_view field, EndpointSliceObject& slice) {
  if (field == "addressType") slice.address_type = json.Text();
  if (field == "endpoints") json.Array([&] { slice.endpoints.push_back(ReadEndpoint(json)); });
  if (field == "ports") json.Array([&] { slice.ports.push_back(ReadEndpointPort(json)); });
}

}  // namespace baro::scraper
