// YAML as JSON.
#pragma once

#include <string>

#include "config/yaml/normal_form.h"

namespace YAML {
class Node;
}

namespace baro::config {

/// `node` as JSON text. A plain scalar is null, a truth value or a number if YAML's core schema has it as one, a quoted
/// one is text. What cannot be JSON (a key that is no scalar, numbers without end) becomes text or null.
std::string JsonText(const YAML::Node& node);

/// The same values as they are shown: names of fields sorted.
NormalForm JsonForm(const YAML::Node& node);

}  // namespace baro::config
