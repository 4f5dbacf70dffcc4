#include "scraper/discovery/target_budget.h"

#include <fmt/format.h>

#include "scraper/discovery/target_list.h"

namespace baro::scraper {

using base::Code;
using base::Fail;

TargetAmount AmountOf(const std::vector<TargetGroup>& groups) {
  TargetAmount amount;
  for (const TargetGroup& group : groups) {
    amount.targets += group.targets.size();
    amount.bytes += BytesOf(group);
  }
  return amount;
}

base::Result<> TargetBudget::Replace(TargetAmount was, TargetAmount is) {
  const base::MutexLock lock(mutex_);
  const std::size_t targets = used_.targets - was.targets + is.targets;
  const std::size_t bytes = used_.bytes - was.bytes + is.bytes;
  if (targets > limits_.targets && is.targets > was.targets) {
    return Fail(
        Code::kLimitExceeded,
        fmt::format("with it the target files of the job have {} targets, the limit is {}", targets, limits_.targets));
  }
  if (bytes > limits_.bytes && is.bytes > was.bytes) {
    return Fail(Code::kLimitExceeded,
                fmt::format("with it labels of the targets in the files of the job have {} bytes, the limit is {}",
                            bytes, limits_.bytes));
  }
  used_ = {.targets = targets, .bytes = bytes};
  return {};
}

}  // namespace baro::scraper
