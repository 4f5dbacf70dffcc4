#include "net/asio/remote_event.h"

#include <boost/asio/post.hpp>

namespace baro::net::asio {

void RemoteEvent::Set() {
  // Posted under the lock, which Detach() takes too: the loop cannot end in between.
  const base::MutexLock lock(mutex_);
  if (context_ == nullptr) return;
  boost::asio::post(*context_, [self = shared_from_this()] {
    if (self->event_) self->event_->Set();
  });
}

void RemoteEvent::Detach() {
  {
    const base::MutexLock lock(mutex_);
    context_ = nullptr;
  }
  event_.reset();
}

}  // namespace baro::net::asio
