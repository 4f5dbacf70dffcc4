#include "net/asio/resolver.h"

#include <cstring>
#include <deque>
#include <string_view>
#include <thread>

#include <fmt/format.h>
#include <netdb.h>

#include "base/mutex.h"
#include "net/asio/remote_event.h"

namespace baro::net::asio {

using boost::asio::ip::tcp;

/// What is asked, and the answer. Shared by the Lookup and the thread that asks for it.
struct Resolver::Question {
  std::string host;
  std::uint16_t port = 0;
  std::shared_ptr<RemoteEvent> answered;
  base::Mutex mutex;  // leaf
  std::optional<base::Result<Endpoints>> answer BARO_GUARDED_BY(mutex);
};

struct Resolver::Queue {
  base::Mutex mutex;  // leaf
  std::deque<std::weak_ptr<Question>> waiting BARO_GUARDED_BY(mutex);
  int thread_count BARO_GUARDED_BY(mutex) = 0;
};

namespace {

constexpr int kThreadsMax = 8;

// RFC 6761, section 6.3: these names mean this machine, whoever is asked.
bool IsLocalhost(std::string_view host) {
  if (host.ends_with('.')) host.remove_suffix(1);
  return host == "localhost" || host.ends_with(".localhost");
}

base::Result<Endpoints> Ask(const std::string& host, std::uint16_t port) {
  addrinfo hints{};
  hints.ai_family = AF_UNSPEC;
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_ADDRCONFIG;
  addrinfo* found = nullptr;
  const int status = getaddrinfo(host.c_str(), nullptr, &hints, &found);
  if (status != 0) {
    // A minimal container has no /etc/hosts, and its name server need not know.
    if (IsLocalhost(host)) {
      return Endpoints{{boost::asio::ip::address_v4::loopback(), port},
                       {boost::asio::ip::address_v6::loopback(), port}};
    }
    return base::Fail(base::Code::kIo, fmt::format("look up {:?}: {}", host, gai_strerror(status)));
  }
  Endpoints endpoints;
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

void RunQueue(const std::shared_ptr<Resolver::Queue>& queue) {
  while (true) {
    std::weak_ptr<Resolver::Question> next;
    {
      const base::MutexLock lock(queue->mutex);
      if (queue->waiting.empty()) {
        --queue->thread_count;
        return;
      }
      next = std::move(queue->waiting.front());
      queue->waiting.pop_front();
    }
    const auto question = next.lock();
    if (!question) continue;  // nobody waits any more
    auto answer = Ask(question->host, question->port);
    {
      const base::MutexLock lock(question->mutex);
      question->answer = std::move(answer);
    }
    question->answered->Set();
  }
}

}  // namespace

Resolver::Resolver() : queue_(std::make_shared<Queue>()) {}

Resolver::~Resolver() {
  const base::MutexLock lock(queue_->mutex);
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
  auto question = std::make_shared<Question>();
  question->host = std::move(host);
  question->port = port;
  question->answered = std::make_shared<RemoteEvent>(context);
  bool needs_thread = false;
  {
    const base::MutexLock lock(queue_->mutex);
    queue_->waiting.push_back(question);
    needs_thread = queue_->thread_count < kThreadsMax;
    if (needs_thread) ++queue_->thread_count;
  }
  // Detached: a lookup can hang for as long as resolv.conf says, and stopping must not wait for it. The thread owns a
  // share of the queue and of its question, and nothing else.
  if (needs_thread) std::thread(RunQueue, queue_).detach();
  return std::make_unique<Lookup>(std::move(question));
}

Resolver::Lookup::~Lookup() { question_->answered->Detach(); }

boost::asio::awaitable<base::Result<Endpoints>> Resolver::Lookup::Wait() {
  co_await question_->answered->local().Wait();
  if (is_cancelled_) co_return base::Fail(base::Code::kCancelled, "name lookup cancelled");
  const base::MutexLock lock(question_->mutex);
  co_return *std::move(question_->answer);
}

void Resolver::Lookup::Cancel() {
  is_cancelled_ = true;
  question_->answered->local().Set();
}

}  // namespace baro::net::asio
