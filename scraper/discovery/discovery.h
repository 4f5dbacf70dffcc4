// Where targets come from: a provider tells its groups of targets, whole, whenever they change.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "scraper/options.h"
#include "scraper/scrape_status.h"

namespace baro::scraper {

/// All groups of the provider; called on the executor, one call at a time.
using DiscoveryUpdate = std::function<void(std::vector<TargetGroup>)>;

/// Threads  Start() and Stop() by one thread, status() from any. After Stop() no update comes that had not begun.
class Discovery {
 public:
  virtual ~Discovery() = default;
  /// Tells the first groups soon, and changes from then on. A refresh that fails keeps what was told before.
  virtual void Start(DiscoveryUpdate update) = 0;
  virtual void Stop() = 0;
  /// How it goes: the last success, and what is wrong since.
  virtual DiscoveryStatus status() const = 0;
};

}  // namespace baro::scraper
