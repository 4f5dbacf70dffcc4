#include "cli/fetch.h"

#include <optional>

#include "base/executor.h"
#include "base/mutex.h"
#include "net/http_client.h"
#include "net/io_threads.h"

namespace baro::cli {

std::string ServerUrl(std::string typed) {
  if (typed.find("://") == std::string::npos) typed.insert(0, "http://");
  while (typed.ends_with('/')) typed.pop_back();
  return typed;
}

base::Result<net::FetchResponse> FetchOnce(net::FetchRequest request, std::chrono::milliseconds timeout) {
  base::ThreadExecutor executor(1);
  net::IoThreads threads(1);
  const auto client = net::HttpClient::Make({}, {.threads = &threads, .executor = &executor, .user_agent = "barotool"});
  if (!client) return std::unexpected(client.error());
  base::Mutex mutex;
  base::CondVar answered;
  std::optional<base::Result<net::FetchResponse>> answer;
  (*client)->Fetch(std::move(request), {.timeout = timeout}, [&](base::Result<net::FetchResponse> response) {
    const base::MutexLock lock(mutex);
    answer = std::move(response);
    answered.NotifyAll();
  });
  const base::MutexLock lock(mutex);
  while (!answer) answered.Wait(mutex);
  return *std::move(answer);
}

}  // namespace baro::cli
