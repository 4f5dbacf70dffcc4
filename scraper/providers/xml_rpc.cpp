#include "scraper/providers/xml_rpc.h"

#include <fmt/format.h>

namespace baro::scraper {
namespace {

using base::Code;
using base::Fail;

std::string Escaped(std::string_view text) {
  std::string escaped;
  for (const char c : text) {
    switch (c) {
      case '<':
        escaped += "&lt;";
        break;
      case '>':
        escaped += "&gt;";
        break;
      case '&':
        escaped += "&amp;";
        break;
      default:
        escaped += c;
    }
  }
  return escaped;
}

// NOLINTNEXTLINE(misc-no-recursion): lists of texts and numbers
std::string ValueOf(const Json& parameter) {
  if (parameter.is_number_integer()) return fmt::format("<value><int>{}</int></value>", parameter.get<std::int64_t>());
  if (!parameter.is_array()) {
    return fmt::format("<value><string>{}</string></value>", Escaped(parameter.get_ref<const std::string&>()));
  }
  std::string items;
  for (const Json& item : parameter) items += ValueOf(item);
  return fmt::format("<value><array><data>{}</data></array></value>", items);
}

base::Result<Json> ReadValue(const Json& value);

// NOLINTNEXTLINE(misc-no-recursion): no deeper than the answer is (kAnswerDepthMax)
base::Result<Json> ReadStruct(const Json& members) {
  Json object = Json::object();
  for (const Json& member : ItemsAt(members, "member")) {
    const Json* const name = FindJson(member, "name");
    const Json* const value = FindJson(member, "value");
    if (name == nullptr || !name->is_string() || value == nullptr) {
      return Fail(Code::kInvalidArgument, "a member of a struct has no name or value");
    }
    object[name->get_ref<const std::string&>()] = BARO_TRY(ReadValue(*value));
  }
  return object;
}

// NOLINTNEXTLINE(misc-no-recursion): as above
base::Result<Json> ReadArray(const Json& array) {
  Json list = Json::array();
  const Json* const data = FindJson(array, "data");
  if (data == nullptr) return Fail(Code::kInvalidArgument, "an array has no data");
  for (const Json& item : ItemsAt(*data, "value")) list.push_back(BARO_TRY(ReadValue(item)));
  return list;
}

// NOLINTNEXTLINE(misc-no-recursion): as above
base::Result<Json> ReadValue(const Json& value) {
  if (value.is_string()) return value;  // without a type it is a text
  if (!value.is_object() || value.size() != 1) return Fail(Code::kInvalidArgument, "a value is of no or several types");
  const std::string& type = value.begin().key();
  const Json& content = value.begin().value();
  if (type == "struct") return ReadStruct(content);
  if (type == "array") return ReadArray(content);
  if (!content.is_string()) return Fail(Code::kInvalidArgument, fmt::format("a value of type {} is no text", type));
  if (type == "boolean") return Json(content == "1");
  if (type == "nil") return Json();
  return content;
}

}  // namespace

std::string XmlRpcCall(std::string_view method, std::span<const Json> parameters) {
  std::string text;
  for (const Json& parameter : parameters) text += fmt::format("<param>{}</param>", ValueOf(parameter));
  return fmt::format("<?xml version=\"1.0\"?><methodCall><methodName>{}</methodName><params>{}</params></methodCall>",
                     method, text);
}

base::Result<Json> ReadXmlRpcAnswer(const Json& document) {
  if (const Json* const fault = FindJson(document, "fault.value")) {
    TargetList reader;
    const Json read = BARO_TRY(ReadValue(*fault));
    return Fail(Code::kIo, fmt::format("the server says: {} (fault {})", reader.Text(read, "faultString"),
                                       reader.Text(read, "faultCode")));
  }
  const Json* const value = FindJson(document, "params.param.value");
  if (value == nullptr) return Fail(Code::kInvalidArgument, "expected an answer of XML-RPC");
  return ReadValue(*value);
}

}  // namespace baro::scraper
