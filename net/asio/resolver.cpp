#include "net/asio/resolver.h"

#include <deque>
#include <mutex>
#include <thread>

#include <fmt/format.h>
#include <netdb.h>
#include <boost/asio/post.hpp>

#include "net/asio/event.h"

namespace baro::net::asio {

using boost::asio::ip::tcp;
using Endpoints = base::Result<std::vector<tcp::endpoint>>;

namespace {

constexpr int kThreadsMax = 8;

Endpoints Ask(const std::string& host, std::uint16_t port) {
  addrinfo hints{};
  hints.ai_family = AF_UNSPEC;
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_ADDRCONFIG;
  addrinfo* found = nullptr;
  const int status = getaddrinfo(host.c_str(), nullptr, &hints, &found);
  if (status != 0) {
    return base::Fail(base::Code::kIo, fmt::format("look up {:?}: {}", host, gai_strerror(status)));
  }
  std::vector<tcp::endpoint> endpoints;
  for (const addrinfo* item = found; item != nullptr; item = item->ai_next) {
    tcp::endpoint endpoint;
    if (item->ai_addrlen > endpoint.capacity()) continue;
    std::memcpy(endpoint.data(), item->ai_addr, item->ai_addrlen);
    endpoint.resize(item->ai_addrlen);
    endpoint.port(port);
    endpoints.push_back(endpoint);
  }
  freeaddrinfo(found);
  if (endpoints.empty()) return base::Fail(base::Code::kIo, fmt::format("look up {:?}: no address", host));
  return endpoints;
}

}  // namespace

// Lives on the loop; reached from the asking thread only by posting while `Shared::context` is set.
class Resolver::Lookup::Waker {
 public:
  explicit Waker(boost::asio::io_context& context) : event(context) {}
  Event event;
  bool is_cancelled = false;
};

struct Resolver::Lookup::Shared {
  std::string host;
  std::uint16_t port = 0;
  std::mutex mutex;                            // leaf
  boost::asio::io_context* context = nullptr;  // guarded; null once nobody waits any more
  std::weak_ptr<Waker> waker;
  std::optional<Endpoints> answer;  // guarded
};

struct Resolver::Queue {
  std::mutex mutex;  // leaf
  std::deque<std::shared_ptr<Lookup::Shared>> waiting;
  int thread_count = 0;
};

namespace {

void Answer(Resolver::Lookup::Shared& lookup) {
  {
    const std::lock_guard lock(lookup.mutex);
    if (lookup.context == nullptr) return;  // nobody waits: do not ask
  }
  auto answer = Ask(lookup.host, lookup.port);
  const std::lock_guard lock(lookup.mutex);
  if (lookup.context == nullptr) return;
  lookup.answer = std::move(answer);
  // Posted under the lock: ~Lookup() takes it before the loop can end.
  boost::asio::post(*lookup.context, [waker = lookup.waker] {
    if (const auto waiting = waker.lock()) waiting->event.Set();
  });
}

void RunQueue(const std::shared_ptr<Resolver::Queue>& queue) {
  while (true) {
    std::shared_ptr<Resolver::Lookup::Shared> lookup;
    {
      const std::lock_guard lock(queue->mutex);
      if (queue->waiting.empty()) {
        --queue->thread_count;
        return;
      }
      lookup = std::move(queue->waiting.front());
      queue->waiting.pop_front();
    }
    Answer(*lookup);
  }
}

}  // namespace

Resolver::Resolver() : queue_(std::make_shared<Queue>()) {}

Resolver::~Resolver() {
  const std::lock_guard lock(queue_->mutex);
  queue_->waiting.clear();
}

std::optional<tcp::endpoint> Resolver::Literal(const std::string& host, std::uint16_t port) {
  boost::system::error_code error;
  const auto address = boost::asio::ip::make_address(host, error);
  if (error) return std::nullopt;
  return tcp::endpoint(address, port);
}

std::unique_ptr<Resolver::Lookup> Resolver::Start(boost::asio::io_context& context, std::string host,
                                                  std::uint16_t port) {
  auto shared = std::make_shared<Lookup::Shared>();
  shared->host = std::move(host);
  shared->port = port;
  auto lookup = std::make_unique<Lookup>(context, shared);
  bool needs_thread = false;
  {
    const std::lock_guard lock(queue_->mutex);
    queue_->waiting.push_back(std::move(shared));
    needs_thread = queue_->thread_count < kThreadsMax;
    if (needs_thread) ++queue_->thread_count;
  }
  // Detached: a lookup can hang for as long as resolv.conf says, and stopping the server must not wait for it. The
  // thread holds the queue, and a Lookup that has ended is no longer touched.
  if (needs_thread) std::thread(RunQueue, queue_).detach();
  return lookup;
}

Resolver::Lookup::Lookup(boost::asio::io_context& context, std::shared_ptr<Shared> shared)
    : shared_(std::move(shared)), waker_(std::make_shared<Waker>(context)) {
  shared_->context = &context;
  shared_->waker = waker_;
}

Resolver::Lookup::~Lookup() {
  const std::lock_guard lock(shared_->mutex);
  shared_->context = nullptr;
}

boost::asio::awaitable<Endpoints> Resolver::Lookup::Wait() {
  co_await waker_->event.Wait();
  if (waker_->is_cancelled) co_return base::Fail(base::Code::kCancelled, "name lookup cancelled");
  const std::lock_guard lock(shared_->mutex);
  co_return *std::move(shared_->answer);
}

void Resolver::Lookup::Cancel() {
  waker_->is_cancelled = true;
  waker_->event.Set();
}

}  // namespace baro::net::asio
