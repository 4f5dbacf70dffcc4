// Checks of relabelling rules.
#pragma once

#include "base/result.h"
#include "model/relabel.h"

namespace baro::model::internal {

/// Whether the fields of the rule go together.
/// Errors   kInvalidArgument: names the action and the field.
base::Result<> CheckRelabelConfig(const RelabelConfig& config);

}  // namespace baro::model::internal
