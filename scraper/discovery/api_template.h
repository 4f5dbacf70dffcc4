// Texts with values in them: "/v1/service/{item.Name}".
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"
#include "scraper/discovery/api_provider.h"

namespace baro::scraper {

enum class Encoding : bool { kNone, kUrl };

/// Fills a template, see ApiCall::path.
/// Errors   kInvalidArgument: a value that is missing in an answer, or is no scalar.
base::Result<std::string> FillTemplate(std::string_view text, const ApiScope& scope, Encoding encoding);

}  // namespace baro::scraper
