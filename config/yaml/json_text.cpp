#include "config/yaml/json_text.h"

#include <cmath>
#include <vector>

#include <yaml-cpp/yaml.h>
#include <nlohmann/json.hpp>

#include "base/number_text.h"

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

// NOLINTNEXTLINE(misc-no-recursion): no deeper than ToJson() goes
NormalForm FormOf(const json& value) {
  switch (value.type()) {
    case json::value_t::string:
      return NormalForm::Text(value.get<std::string>());
    case json::value_t::boolean:
      return NormalForm::Plain(value.get<bool>() ? "true" : "false");
    case json::value_t::number_float: {
      std::string text;
      base::AppendFloatG(text, value.get<double>());
      return NormalForm::Plain(std::move(text));
    }
    case json::value_t::array: {
      std::vector<NormalForm> items;
      for (const json& item : value) items.push_back(FormOf(item));
      return NormalForm::List(std::move(items));
    }
    case json::value_t::object: {
      NormalForm map = NormalForm::Map();
      for (const auto& [name, field] : value.items()) map.Set(name, FormOf(field));
      return map;
    }
    case json::value_t::null:
      return {};
    default:
      return NormalForm::Plain(value.dump());  // whole numbers
  }
}

}  // namespace

NormalForm JsonForm(const YAML::Node& node) { return FormOf(ToJson(node, 0)); }

std::string JsonText(const YAML::Node& node) {
  return ToJson(node, 0).dump(-1, ' ', false, json::error_handler_t::replace);
}

}  // namespace baro::config
