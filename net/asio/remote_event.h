// Wakes a coroutine from another thread, whichever of the two ends first.
#pragma once

#include <memory>
#include <optional>

#include "base/mutex.h"
#include "net/asio/event.h"

namespace baro::net::asio {

/// An Event that any thread may set. Who sets it holds it by shared_ptr, and may do so after the waiting coroutine, its
/// loop and the whole of IoThreads are gone.
class RemoteEvent : public std::enable_shared_from_this<RemoteEvent> {
 public:
  explicit RemoteEvent(boost::asio::io_context& context) : context_(&context), event_(std::in_place, context) {}

  /// Threads  Any.
  void Set();

  /// Threads  The loop's, before Detach().
  Event& local() { return *event_; }

  /// To be called by the waiting side when it stops waiting for good, while the loop exists: see Attachment.
  /// Threads  The loop's.
  void Detach();

 private:
  base::Mutex mutex_;  // leaf but for asio's own
  boost::asio::io_context* context_ BARO_GUARDED_BY(mutex_);
  std::optional<Event> event_;  // the loop's thread only
};

/// Detaches at the end of the scope, also when the coroutine's frame is destroyed unfinished.
class Attachment {
 public:
  explicit Attachment(std::shared_ptr<RemoteEvent> event) : event_(std::move(event)) {}
  ~Attachment() { event_->Detach(); }
  Attachment(const Attachment&) = delete;
  Attachment& operator=(const Attachment&) = delete;

 private:
  std::shared_ptr<RemoteEvent> event_;
};

}  // namespace baro::net::asio
