// Telling work that nobody waits for it any more.
#pragma once

#include <atomic>
#include <memory>

namespace baro::base {

/// A flag that many copies share: whoever holds one may pull it or look at it.
///
/// Threads  Safe to share. Cancelled() is one relaxed load: look at it in every long loop.
class CancelToken {
 public:
  /// A token that nobody has pulled.
  CancelToken() : state_(std::make_shared<std::atomic<bool>>(false)) {}

  // Relaxed: the flag orders nothing; who sees it late only works a little longer.
  void Cancel() const { state_->store(true, std::memory_order_relaxed); }
  bool Cancelled() const { return state_->load(std::memory_order_relaxed); }

 private:
  std::shared_ptr<std::atomic<bool>> state_;
};

}  // namespace baro::base
