#include "config/yaml/json_text.h"

#include <cmath>

#include <yaml-cpp/yaml.h>
#include <nlohmann/json.hpp>

namespace baro::config {
namespace {

using nlohmann::json;

json ScalarJson(const YAML::Node& node) {
  const std::string& text = node.Scalar();
  if (node.Tag() == "!") return text;  // quoted
  if (bool truth = false; YAML::convert<bool>::decode(node, truth) && (text[0] == 't' || text[0] == 'f')) return truth;
  if (std::int64_t number = 0; YAML::convert<std::int64_t>::decode(node, number)) return number;
  if (double number = 0; YAML::convert<double>::decode(node, number) && std::isfinite(number)) return number;
  return text;
}

json ToJson(const YAML::Node& node, int depth) {
  constexpr int kDepthMax = 50;
  if (depth > kDepthMax || !node.IsDefined() || node.IsNull()) return nullptr;
  if (node.IsScalar()) return ScalarJson(node);
  if (node.IsSequence()) {
    json list = json::array();
    for (const auto& item : node) list.push_back(ToJson(item, depth + 1));
    return list;
  }
  json object = json::object();
  for (const auto& entry : node) {
    if (entry.first.IsScalar()) object[entry.first.Scalar()] = ToJson(entry.second, depth + 1);
  }
  return object;
}

}  // namespace

std::string JsonText(const YAML::Node& node) {
  return ToJson(node, 0).dump(-1, ' ', false, json::error_handler_t::replace);
}

}  // namespace baro::config
