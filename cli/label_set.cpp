#include "cli/label_set.h"

#include <fmt/format.h>

namespace baro::cli {
namespace {

using base::Code;
using base::Fail;

base::Result<model::Labels> FromJson(const std::string& text) {
  const nlohmann::json json = nlohmann::json::parse(text, nullptr, /*allow_exceptions=*/false);
  if (!json.is_object()) return Fail(Code::kInvalidArgument, fmt::format("{}: expected a JSON object", text));
  model::LabelsBuilder builder;
  for (const auto& [name, value] : json.items()) {
    if (!value.is_string()) return Fail(Code::kInvalidArgument, fmt::format("label \"{}\": expected a text", name));
    builder.Set(name, value.get_ref<const std::string&>());
  }
  return builder.Build();
}

}  // namespace

base::Result<model::Labels> ParseLabelArguments(std::span<const std::string> arguments) {
  if (arguments.size() == 1 && arguments[0].starts_with('{')) return FromJson(arguments[0]);
  model::LabelsBuilder builder;
  for (const std::string& argument : arguments) {
    const std::size_t equals = argument.find('=');
    if (equals == 0 || equals == std::string::npos) {
      return Fail(Code::kInvalidArgument,
                  fmt::format("\"{}\": expected name=value, or all labels as one JSON object", argument));
    }
    builder.Set(argument.substr(0, equals), argument.substr(equals + 1));
  }
  return builder.Build();
}

nlohmann::ordered_json LabelsJson(const model::Labels& labels) {
  nlohmann::ordered_json json = nlohmann::ordered_json::object();
  for (const model::LabelView label : labels) json[std::string(label.name)] = std::string(label.value);
  return json;
}

}  // namespace baro::cli
