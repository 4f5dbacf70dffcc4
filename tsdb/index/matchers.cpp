#include "tsdb/index/matchers.h"

#include <algorithm>
#include <iterator>

namespace baro::tsdb {

base::Result<> CheckSelective(std::span<const model::Matcher> matchers) {
  const auto refuses_empty = [](const model::Matcher& matcher) { return !matcher.MatchesEmpty(); };
  if (std::ranges::any_of(matchers, refuses_empty)) return {};
  return base::Fail(base::Code::kInvalidArgument,
                    "selecting series: at least one matcher must not match the empty string, such as job=\"node\"");
}

std::vector<std::string> FirstOf(const std::set<std::string, std::less<>>& sorted, std::size_t limit) {
  const std::size_t count = limit == 0 ? sorted.size() : std::min(limit, sorted.size());
  return {sorted.begin(), std::next(sorted.begin(), static_cast<std::ptrdiff_t>(count))};
}

}  // namespace baro::tsdb
