#include "scraper/discovery/xml_answer.h"

#include <algorithm>

#include <fmt/format.h>
#include <pugixml.hpp>

#include "scraper/discovery/json_answer.h"

namespace baro::scraper {
namespace {

using base::Code;
using base::Fail;

std::string LocalName(std::string_view name) {
  const std::size_t colon = name.rfind(':');
  return std::string(colon == std::string_view::npos ? name : name.substr(colon + 1));
}

void AddChild(Json& parent, const std::string& name, Json value) {
  const auto found = parent.find(name);
  if (found == parent.end()) {
    parent[name] = std::move(value);
  } else if (found->is_array()) {
    found->push_back(std::move(value));
  } else {
    Json list = Json::array({std::move(*found), std::move(value)});
    *found = std::move(list);
  }
}

// NOLINTNEXTLINE(misc-no-recursion): no deeper than kAnswerDepthMax
base::Result<Json> Convert(const pugi::xml_node& node, std::size_t depth) {
  if (depth > kAnswerDepthMax) {
    return Fail(Code::kLimitExceeded, fmt::format("the answer is nested deeper than {} levels", kAnswerDepthMax));
  }
  Json object = Json::object();
  for (const pugi::xml_attribute& attribute : node.attributes()) {
    AddChild(object, "@" + LocalName(attribute.name()), attribute.value());
  }
  std::string text;
  for (const pugi::xml_node& child : node.children()) {
    if (child.type() == pugi::node_element) {
      AddChild(object, LocalName(child.name()), BARO_TRY(Convert(child, depth + 1)));
    } else {
      text += child.value();
    }
  }
  if (object.empty()) return Json(std::move(text));
  if (text.find_first_not_of(" \t\r\n") != std::string::npos) object["#text"] = std::move(text);
  return object;
}

}  // namespace

std::size_t CountXmlValues(std::string_view text) {
  return static_cast<std::size_t>(std::ranges::count(text, '<') + std::ranges::count(text, '='));
}

base::Result<Json> ParseXmlAnswer(std::string_view text) {
  if (text.size() > kAnswerBytesMax) {
    return Fail(Code::kLimitExceeded,
                fmt::format("the answer has {} bytes, the limit is {}", text.size(), kAnswerBytesMax));
  }
  if (CountXmlValues(text) > kAnswerValuesMax) {  // before anything is built of them
    return Fail(Code::kLimitExceeded, fmt::format("the answer has more than {} values", kAnswerValuesMax));
  }
  pugi::xml_document document;
  const pugi::xml_parse_result parsed = document.load_buffer(text.data(), text.size());
  if (!parsed) {
    return Fail(Code::kInvalidArgument,
                fmt::format("not valid XML at byte {}: {}", parsed.offset, parsed.description()));
  }
  const pugi::xml_node root = document.document_element();
  if (!root) return Fail(Code::kInvalidArgument, "not valid XML: there is no element");
  return Convert(root, 1);
}

}  // namespace baro::scraper
