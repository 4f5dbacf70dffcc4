// JSON that somebody else sent, read within bounds.
#pragma once

#include <string_view>

#include <nlohmann/json.hpp>

#include "base/result.h"

namespace baro::scraper {

inline constexpr std::size_t kAnswerBytesMax = 32 * 1024 * 1024;
inline constexpr std::size_t kAnswerDepthMax = 64;
inline constexpr std::size_t kAnswerValuesMax = 2'000'000;  ///< some 100 bytes of memory each

/// Errors   kInvalidArgument: not JSON, with line and column. kLimitExceeded: too long, too deep, too many values.
base::Result<nlohmann::json> ParseJsonAnswer(std::string_view text);

/// How many values a document has, of those that ParseJsonAnswer() takes; an upper bound for others.
std::size_t CountValues(std::string_view text);

}  // namespace baro::scraper
