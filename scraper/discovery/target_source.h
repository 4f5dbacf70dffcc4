// Somebody who can be asked where targets are, as an interface: what is left to write for a kind of discovery that asks
// again and again.
#pragma once

#include <functional>
#include <vector>

#include "base/result.h"
#include "scraper/options.h"

namespace baro::scraper {

/// Threads  Refresh() by one thread at a time, not before the last one is done; Cancel() from any.
class TargetSource {
 public:
  using Done = std::function<void(base::Result<std::vector<TargetGroup>>)>;

  virtual ~TargetSource() = default;

  /// Asks for all target groups. `done` is called once, on the executor, never from inside; it keeps the source alive.
  virtual void Refresh(Done done) = 0;

  /// Ends a refresh early: its `done` gets an error soon.
  virtual void Cancel() = 0;
};

}  // namespace baro::scraper
