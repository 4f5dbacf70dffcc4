// What tests of Kubernetes' discovery stand on: an API server that lists what it is told to, and whose watches say what
// the test says.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "scraper/discovery/discovery_fixture.h"
#include "scraper/discovery/make_discovery.h"

namespace baro::scraper {

/// Answers lists at once; watches stay open until the test ends them. A URL without an answer refuses the connection.
///
/// Threads  Confined to the executor.
class FakeApiServer : public net::HttpFetcher {
 public:
  struct Answer {
    int status = 200;
    std::string body;
    net::HeaderFields headers;
  };

  explicit FakeApiServer(base::SimExecutor& executor) : executor_(executor) {}

  CallId Fetch(net::FetchRequest request, net::FetchOptions options, net::FetchCallback callback) override {
    return Stream(std::move(request), options, [](std::string_view) { return true; }, std::move(callback));
  }

  CallId Stream(net::FetchRequest request, net::FetchOptions options, net::BodySink sink,
                net::FetchCallback callback) override {
    const CallId id{++last_call_};
    const std::string url = request.url;
    calls_[id] = {.url = url, .sink = std::move(sink), .callback = std::move(callback)};
    requests.emplace_back(std::move(request), options);
    const bool is_watch = url.find("watch=true") != std::string::npos;
    const auto found = answers_.find(url);
    if (found != answers_.end()) {
      executor_.Post([this, id, answer = found->second] { Give(id, answer); });
    } else if (!is_watch || refuses_watches) {
      executor_.Post([this, id] { Finish(id, base::Fail(base::Code::kIo, "connection refused")); });
    }
    return id;
  }

  void Cancel(CallId id) override {
    executor_.Post([this, id] { Finish(id, base::Fail(base::Code::kCancelled, "cancelled")); });
  }

  /// What is answered at a URL from now on.
  Answer& At(const std::string& url) { return answers_[url]; }
  void Forget(const std::string& url) { answers_.erase(url); }

  /// Something that the open watch of a collection says. Returns whether there is one.
  bool Say(const std::string& collection, const std::string& text) {
    const auto call = FindWatch(collection);
    if (call == calls_.end()) return false;
    const CallId id = call->first;
    const net::BodySink sink = call->second.sink;
    for (std::size_t at = 0; at < text.size(); at += piece_bytes) {
      if (!sink(text.substr(at, piece_bytes))) {
        Finish(id, base::Fail(base::Code::kCancelled, "the receiver of the body wants no more"));
        return true;
      }
    }
    return true;
  }
  bool SayEvent(const std::string& collection, const std::string& type, const std::string& object) {
    return Say(collection, fmt::format("{{\"type\":\"{}\",\"object\":{}}}\n", type, object));
  }
  bool EndWatch(const std::string& collection,
                base::Result<net::FetchResponse> how = net::FetchResponse{.status = 200}) {
    const auto call = FindWatch(collection);
    if (call == calls_.end()) return false;
    Finish(call->first, std::move(how));
    return true;
  }
  bool CutWatch(const std::string& collection) {
    return EndWatch(collection, base::Fail(base::Code::kIo, "connection reset by peer"));
  }

  /// The open watch of a collection, with its URL.
  std::optional<std::pair<CallId, std::string>> OpenWatch(const std::string& collection) {
    const auto call = FindWatch(collection);
    if (call == calls_.end()) return std::nullopt;
    return std::pair(call->first, call->second.url);
  }

  /// Forgets the calls that wait, for the end of a test: they hold their discovery, which holds this.
  void DropCalls() { std::exchange(calls_, {}).clear(); }
  std::size_t open_calls() const { return calls_.size(); }

  std::vector<std::pair<net::FetchRequest, net::FetchOptions>> requests;
  std::size_t piece_bytes = 1 << 16;  // of bodies
  bool refuses_watches = false;

 private:
  struct Call {
    std::string url;
    net::BodySink sink;
    net::FetchCallback callback;
  };
  using Calls = std::map<CallId, Call>;

  Calls::iterator FindWatch(const std::string& collection) {
    return std::ranges::find_if(
        calls_, [&](const auto& call) { return call.second.url.starts_with(collection + "?watch=true"); });
  }

  void Give(CallId id, const Answer& answer) {
    const auto found = calls_.find(id);
    if (found == calls_.end()) return;
    net::FetchResponse response{.status = answer.status, .headers = answer.headers};
    if (answer.status / 100 != 2) {
      response.body = answer.body;
      return Finish(id, std::move(response));
    }
    const net::BodySink sink = found->second.sink;
    for (std::size_t at = 0; at < answer.body.size(); at += piece_bytes) {
      if (!sink(answer.body.substr(at, piece_bytes))) {
        return Finish(id, base::Fail(base::Code::kCancelled, "the receiver of the body wants no more"));
      }
    }
    Finish(id, std::move(response));
  }

  void Finish(CallId id, base::Result<net::FetchResponse> answer) {
    auto call = calls_.extract(id);
    if (call) call.mapped().callback(std::move(answer));
  }

  base::SimExecutor& executor_;
  std::map<std::string, Answer> answers_;
  Calls calls_;
  std::uint64_t last_call_ = 0;
};

class KubernetesTest : public DiscoveryTest {
 protected:
  static constexpr const char* kServer = "https://k8s:6443";

  ~KubernetesTest() override {
    if (discovery_) discovery_->Stop();
    api_->DropCalls();
    executor_.RunReady();  // what waits speaks to the server
  }

  DiscoveryContext KubernetesContext() {
    DiscoveryContext context = Context();
    context.make_fetcher =
        [this](const net::HttpClientOptions& http) -> base::Result<std::shared_ptr<net::HttpFetcher>> {
      http_ = http;
      return api_;
    };
    return context;
  }

  void StartRole(const std::string& role) {
    values()["role"] = role;
    auto discovery = MakeDiscovery(options_, KubernetesContext());
    ASSERT_TRUE(discovery) << discovery.error().message();
    Start(*std::move(discovery));
    executor_.RunFor(std::chrono::seconds(1));
  }

  std::map<std::string, DiscoveryValue, std::less<>>& values() { return options_.record.values; }

  static std::string Url(const std::string& path) { return kServer + path; }
  static std::string ListUrl(const std::string& path, const std::string& more = "") {
    return Url(path) + "?limit=500" + more;
  }
  static std::string ListOf(const std::string& items, const std::string& version = "100",
                            const std::string& next = "") {
    return fmt::format(R"({{"kind":"List","apiVersion":"v1","metadata":{{"resourceVersion":"{}"{}}},"items":[{}]}})",
                       version, next.empty() ? "" : fmt::format(R"(,"continue":"{}")", next), items);
  }
  /// What a collection has at version 100.
  void List(const std::string& path, const std::string& items, const std::string& more = "") {
    api_->At(ListUrl(path, more)).body = ListOf(items);
  }

  std::string Sources() const {
    std::string text;
    for (const auto& group : groups_) text += group.source + " ";
    return text;
  }
  /// Requests of lists, or of watches, in the order in which they came.
  std::vector<std::string> Urls(bool of_watches) const {
    std::vector<std::string> urls;
    for (const auto& [request, options] : api_->requests) {
      if ((request.url.find("watch=true") != std::string::npos) == of_watches) urls.push_back(request.url);
    }
    return urls;
  }

  std::shared_ptr<FakeApiServer> api_ = std::make_shared<FakeApiServer>(executor_);
  net::HttpClientOptions http_;
  DiscoveryOptions options_{.kind = "kubernetes",
                            .record = {.values = {{"api_server", std::string(kServer)},
                                                  {"role", std::string("pod")},
                                                  {"kubeconfig_file", std::string()},
                                                  {"namespaces.own_namespace", false},
                                                  {"namespaces.names", std::vector<std::string>()},
                                                  {"selectors", std::vector<DiscoveryRecord>()},
                                                  {"attach_metadata.node", false},
                                                  {"attach_metadata.namespace", false},
                                                  {"attach_metadata.deployment", false},
                                                  {"attach_metadata.job", false},
                                                  {"attach_metadata.cronjob", false}}}};
};

}  // namespace baro::scraper
