// From an object's JSON to what is kept of it.
#pragma once

#include <string>
#include <string_view>
#include <utility>

#include "base/result.h"
#include "scraper/kubernetes/json_cursor.h"
#include "scraper/kubernetes/objects.h"

namespace baro::scraper {

/// What stands in an object's metadata beside that which all objects keep.
struct MetaExtras {
  std::string version;  ///< resourceVersion: of the object, and a place from which a watch goes on
  std::string uid;
  ControllerRef controller;
};

void ReadMeta(JsonCursor& json, ObjectMeta& meta, MetaExtras& extras);

/// Each reads one field of an object, if it is one that matters.
void ReadField(JsonCursor& json, std::string_view field, NamespaceObject& name_space);
void ReadField(JsonCursor& json, std::string_view field, OwnedObject& owned);
void ReadField(JsonCursor& json, std::string_view field, NodeObject& node);
void ReadField(JsonCursor& json, std::string_view field, PodObject& pod);
void ReadField(JsonCursor& json, std::string_view field, ServiceObject& service);
void ReadField(JsonCursor& json, std::string_view field, EndpointsObject& endpoints);
void ReadField(JsonCursor& json, std::string_view field, EndpointSliceObject& slice);
void ReadField(JsonCursor& json, std::string_view field, IngressObject& ingress);

/// A reference to the object behind an address.
TargetRef ReadTargetRef(JsonCursor& json);
/// A port of endpoints or of an endpoint slice.
EndpointPort ReadEndpointPort(JsonCursor& json);
/// The fields of a mapping whose values are texts.
void ReadPairs(JsonCursor& json, TextPairs& pairs);

template <typename Object>
struct ParsedObject {
  Object object;
  std::string version;
};

/// Errors   kInvalidArgument: not JSON, or another form; it has no name. kLimitExceeded: nested too deep.
template <typename Object>
base::Result<ParsedObject<Object>> ParseObject(std::string_view text) {
  JsonCursor json(text);
  Object object;
  MetaExtras extras;
  json.Object([&](std::string_view field) {
    if (field == "metadata") {
      ReadMeta(json, object.meta, extras);
    } else {
      ReadField(json, field, object);
    }
  });
  BARO_TRY(json.Finish());
  if (object.meta.name.empty()) return base::Fail(base::Code::kInvalidArgument, "an object without a name");
  if constexpr (requires { object.controller; }) object.controller = std::move(extras.controller);
  if constexpr (requires { object.uid; }) object.uid = std::move(extras.uid);
  return ParsedObject<Object>{.object = std::move(object), .version = std::move(extras.version)};
}

}  // namespace baro::scraper
