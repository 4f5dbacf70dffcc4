// Selectors of Kubernetes objects, as `selectors` of kubernetes_sd_configs has them.
//
// Source   Kubernetes' documentation, "Labels and Selectors", "Field Selectors", "Syntax and character set".
// Threads  Pure functions.
#pragma once

#include <string_view>

#include "base/result.h"

namespace baro::config {

/// "a=b,c!=d,e in (f,g),h,!i,j>1". Nothing selects everything.
/// Errors   kInvalidArgument: what is wrong with it, and where.
base::Result<> CheckLabelSelector(std::string_view text);

/// "status.phase=Running,metadata.name!=x". Nothing selects everything.
/// Errors   kInvalidArgument: the term that is none.
base::Result<> CheckFieldSelector(std::string_view text);

}  // namespace baro::config
