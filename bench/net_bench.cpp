// bench: net
// What a request costs, seen from both sides, over real sockets on this machine. Client and server share its cores, so
// the figures are for the pair; `cpu_us` is the CPU time of the whole process per request.
#include <atomic>
#include <condition_variable>
#include <ctime>
#include <mutex>

#include <benchmark/benchmark.h>

#include "base/cancel.h"
#include "base/compute_pool.h"
#include "base/executor.h"
#include "net/content_decoder.h"
#include "net/http_client.h"
#include "net/http_server.h"
#include "net/io_threads.h"

namespace net = baro::net;
namespace base = baro::base;

namespace {

std::string Exposition() {  // 60 KB, as a node exporter's
  std::string text;
  for (int i = 0; text.size() < 60'000; ++i) {
    text += "node_cpu_seconds_total{cpu=\"" + std::to_string(i % 8) + "\",mode=\"idle\",core=\"" + std::to_string(i) +
            "\"} " + std::to_string(i * 7919 % 100'003) + ".25\n";
  }
  return text;
}

double ProcessCpuSeconds() {
  timespec time{};
  ::clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_nsec) * 1e-9;
}

struct Pair {
  net::IoThreads threads{2};
  base::ComputePool pool{{.threads = 2}};
  base::ThreadExecutor executor{1};
  net::Router router;
  std::unique_ptr<net::HttpServer> server;
  std::shared_ptr<net::HttpClient> client;
  std::string url;

  Pair() {
    const std::string text = Exposition();
    const auto add = [&](const char* path, net::Run run, std::string body) {
      const auto added = router.Add(
          {.methods = {net::Method::kGet}, .path = path, .run = run, .handler = [body](const auto&, const auto&) {
             return net::HttpResponse::Text(200, body);
           }});
      if (!added) std::abort();
    };
    add("/inline", net::Run::kInline, "ok");
    add("/pool", net::Run::kPool, "ok");
    add("/metrics", net::Run::kInline, text);
    auto started = net::HttpServer::Start({.listen_addresses = {"127.0.0.1:0"}},
                                          {.router = &router, .threads = &threads, .pool = &pool});
    auto made = net::HttpClient::Make({}, {.threads = &threads, .executor = &executor});
    if (!started || !made) std::abort();
    server = *std::move(started);
    client = *std::move(made);
    url = "http://" + server->addresses()[0];
  }
};

// Keeps `parallel` calls running until the benchmark has seen enough of them.
void RunCalls(benchmark::State& state, const std::string& path, bool accept_gzip, int parallel) {
  Pair pair;
  std::mutex mutex;
  std::condition_variable changed;
  int running = 0;
  std::int64_t failed = 0;
  std::vector<std::string> memory;
  const double cpu_before = ProcessCpuSeconds();
  for (auto _ : state) {
    std::string reuse;
    {
      std::unique_lock lock(mutex);
      changed.wait(lock, [&] { return running < parallel; });
      ++running;
      if (!memory.empty()) {
        reuse = std::move(memory.back());
        memory.pop_back();
      }
    }
    pair.client->Fetch({.url = pair.url + path, .reuse = std::move(reuse)}, {.accept_gzip = accept_gzip},
                       [&](base::Result<net::FetchResponse> answer) {
                         const std::lock_guard lock(mutex);
                         --running;
                         failed += answer ? 0 : 1;
                         if (answer) memory.push_back(std::move(answer->body));
                         changed.notify_one();
                       });
  }
  std::unique_lock lock(mutex);
  changed.wait(lock, [&] { return running == 0; });
  const auto calls = static_cast<double>(state.iterations());
  state.counters["cpu_us"] = (ProcessCpuSeconds() - cpu_before) * 1e6 / calls;
  state.counters["failed"] = static_cast<double>(failed);
  state.SetItemsProcessed(state.iterations());
}

void BM_SmallAnswerInline(benchmark::State& state) {
  RunCalls(state, "/inline", false, static_cast<int>(state.range(0)));
}
BENCHMARK(BM_SmallAnswerInline)->Arg(1)->Arg(32)->UseRealTime();

void BM_SmallAnswerOnPool(benchmark::State& state) {
  RunCalls(state, "/pool", false, static_cast<int>(state.range(0)));
}
BENCHMARK(BM_SmallAnswerOnPool)->Arg(1)->Arg(32)->UseRealTime();

void BM_Scrape60KbIdentity(benchmark::State& state) {
  RunCalls(state, "/metrics", false, static_cast<int>(state.range(0)));
}
BENCHMARK(BM_Scrape60KbIdentity)->Arg(1)->Arg(8)->UseRealTime();

void BM_Scrape60KbGzip(benchmark::State& state) { RunCalls(state, "/metrics", true, static_cast<int>(state.range(0))); }
BENCHMARK(BM_Scrape60KbGzip)->Arg(1)->Arg(8)->UseRealTime();

}  // namespace
