// Label sets on the command line.
#pragma once

#include <span>
#include <string>

#include <nlohmann/json.hpp>

#include "base/result.h"
#include "model/labels.h"

namespace baro::cli {

/// From `name=value` arguments, or from one that is a JSON object.
/// Errors   kInvalidArgument, with what was expected.
base::Result<model::Labels> ParseLabelArguments(std::span<const std::string> arguments);

/// {"name":"value",…}, by name.
nlohmann::ordered_json LabelsJson(const model::Labels& labels);

}  // namespace baro::cli
