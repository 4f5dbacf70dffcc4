// An HttpServer with all that it stands on, for tests.
#pragma once

#include <condition_variable>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>

#include <gtest/gtest.h>

#include "base/compute_pool.h"
#include "base/metrics.h"
#include "net/http_server.h"
#include "net/io_threads.h"
#include "net/router.h"

namespace baro::net::testing {

/// Something that one thread waits for and another says, once.
class Flag {
 public:
  void Raise() {
    const std::lock_guard lock(mutex_);
    is_raised_ = true;
    changed_.notify_all();
  }
  void Wait() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return is_raised_; });
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  bool is_raised_ = false;
};

struct TestServer {
  // For handlers: declared first, so that they outlive these.
  Flag running;
  Flag release;
  Flag cancelled;

  IoThreads threads{2};
  base::Registry registry;
  Router router;
  base::ComputePool pool;
  std::unique_ptr<HttpServer> server;

  explicit TestServer(base::ComputePool::Options pool_options = {.threads = 2}) : pool(pool_options) {}

  void Add(std::string path, Handler handler, Run run = Run::kPool) {
    AddRoute(
        {.methods = {Method::kGet, Method::kPost}, .path = std::move(path), .run = run, .handler = std::move(handler)});
  }
  void AddRoute(Route route) {
    const auto added = router.Add(std::move(route));
    ASSERT_TRUE(added) << added.error().message();
  }
  void Start(HttpServerOptions options = {}) {
    options.listen_addresses = {"127.0.0.1:0"};
    auto started = HttpServer::Start(std::move(options),
                                     {.router = &router, .threads = &threads, .pool = &pool, .registry = &registry});
    ASSERT_TRUE(started) << started.error().message();
    server = *std::move(started);
  }

  int port() const {
    const std::string& address = server->addresses()[0];
    return std::stoi(address.substr(address.rfind(':') + 1));
  }
  std::string url(std::string_view path, std::string_view scheme = "http") const {
    return std::string(scheme) + "://127.0.0.1:" + std::to_string(port()) + std::string(path);
  }
};

}  // namespace baro::net::testing
