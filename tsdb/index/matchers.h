// What all readers ask of a selection's matchers.
#pragma once

#include <set>
#include <span>
#include <string>
#include <vector>

#include "base/result.h"
#include "model/matcher.h"

namespace baro::tsdb {

/// Refuses a selection that would be all series by accident: some matcher must not match the empty string.
/// Errors   kInvalidArgument.
base::Result<> CheckSelective(std::span<const model::Matcher> matchers);

/// The first `limit` of a sorted set (0: all of it).
std::vector<std::string> FirstOf(const std::set<std::string, std::less<>>& sorted, std::size_t limit);

}  // namespace baro::tsdb
