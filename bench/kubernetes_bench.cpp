// bench: scraper
// Discovery of Kubernetes in a large cluster: what lists, events and telling cost, in time and in memory.
#include <malloc.h>

#include <benchmark/benchmark.h>
#include <fmt/format.h>

#include "scraper/kubernetes/cluster_store.h"

namespace baro::scraper {
namespace {

constexpr int kPods = 100'000;
constexpr int kPodsPerPage = 500;

/// About 7 KiB, as pods of a Deployment have with what the server and its controllers add.
std::string Pod(int number) {
  std::string managed;
  for (int i = 0; i < 40; ++i) {
    managed +=
        fmt::format(R"("f:field-{}":{{".":{{}},"f:mountPath":{{}},"f:name":{{}},"k:{{\"type\":\"x\"}}":{{}}}},)", i);
  }
  std::string env;
  for (int i = 0; i < 10; ++i) env += fmt::format(R"({{"name":"VARIABLE_{}","value":"some value of it"}},)", i);
  return fmt::format(
      R"({{"metadata":{{"name":"web-{0}-x7k2p","generateName":"web-","namespace":"team-{1}",
"uid":"7c5b4f3e-44aa-4d2b-9d3c-{0:012}",
"resourceVersion":"{0}","creationTimestamp":"2026-08-01T10:00:00Z","labels":{{"app.kubernetes.io/name":"web",
"app.kubernetes.io/instance":"web-{1}","app.kubernetes.io/version":"3.14.1","pod-template-hash":"7d9c5b4f6",
"team":"team-{1}"}},
"annotations":{{"prometheus.io/scrape":"true","prometheus.io/port":"8080","checksum/config":
"01ba4719c80b6fe911b091a7c05124b64eeece964e09c058ef8f9805daca546b",
"kubectl.kubernetes.io/restartedAt":"2026-07-01T10:00:00Z"}},
"ownerReferences":[{{"apiVersion":"apps/v1","kind":"ReplicaSet","name":"web-7d9c5b4f6","uid":"u","controller":true}}],
"managedFields":[{{"manager":"kubelet","operation":"Update","fieldsV1":{{{2}"f:end":{{}}}}}}]}},
"spec":{{"volumes":[{{"name":"kube-api-access",
"projected":{{"sources":[{{"serviceAccountToken":{{"path":"token"}}}}]}}}}],
"containers":[{{"name":"web","image":"registry.example/team/web:3.14.1","env":[{3}{{"name":"LAST"}}],
"ports":[{{"name":"http","containerPort":8080,"protocol":"TCP"}}],"resources":{{"limits":{{"cpu":"1","memory":"1Gi"}}}},
"livenessProbe":{{"httpGet":{{"path":"/healthz","port":"http"}},"periodSeconds":10}}}}],"nodeName":"worker-{4}"}},
"status":{{"phase":"Running","hostIP":"10.0.{5}.{6}","podIP":"10.1.{5}.{6}",
"conditions":[{{"type":"Ready","status":"True","lastTransitionTime":"2026-08-01T10:00:00Z"}}],
"containerStatuses":[{{"name":"web",
"containerID":"containerd://01ba4719c80b6fe911b091a7c05124b64eeece964e09c058ef8f9805daca546b",
"image":"registry.example/team/web:3.14.1","ready":true}}]}}}})",
      number, number % 200, managed, env, number % 3000, number / 250 % 250, number % 250);
}

std::string Page(int first) {
  std::string text = R"({"kind":"PodList","apiVersion":"v1","metadata":{"resourceVersion":"1000000","continue":")";
  text += first + kPodsPerPage < kPods ? R"(t"},"items":[)" : R"("},"items":[)";
  for (int i = 0; i < kPodsPerPage; ++i) text += (i == 0 ? "" : ",") + Pod(first + i);
  return text + "]}";
}

DiscoveryRecord PodRole() {
  return {.values = {{"role", std::string("pod")},
                     {"selectors", std::vector<DiscoveryRecord>()},
                     {"attach_metadata.node", false},
                     {"attach_metadata.namespace", false},
                     {"attach_metadata.deployment", false},
                     {"attach_metadata.job", false},
                     {"attach_metadata.cronjob", false}}};
}

void Feed(ResourceSync& sync, std::string_view text) {
  constexpr std::size_t kPieceBytes = 64 * 1024;
  (void)sync.Next();
  for (std::size_t at = 0; at < text.size(); at += kPieceBytes) {
    BARO_ASSERT(sync.Feed(text.substr(at, kPieceBytes)).has_value());
  }
  BARO_ASSERT(!sync.Finish(net::FetchResponse{.status = 200}, std::chrono::seconds(2)).error);
}

std::size_t UsedBytes() { return mallinfo2().uordblks + mallinfo2().hblkhd; }

void BM_ListPods(benchmark::State& state) {
  std::vector<std::string> pages;
  std::size_t bytes = 0;
  for (int first = 0; first < kPods; first += kPodsPerPage) bytes += pages.emplace_back(Page(first)).size();
  for (auto _ : state) {
    const std::size_t before = UsedBytes();
    ClusterStore store(PodRole(), "https://k8s", {});
    ResourceSync sync(store.sources()[0].query, *store.sources()[0].table);
    for (const std::string& page : pages) Feed(sync, page);
    state.counters["JSON MB"] = static_cast<double>(bytes) / 1e6;
    state.counters["kept MB"] = static_cast<double>(UsedBytes() - before) / 1e6;
  }
  state.SetBytesProcessed(static_cast<std::int64_t>(bytes * state.iterations()));
}
BENCHMARK(BM_ListPods)->Unit(benchmark::kMillisecond);

void BM_TellPods(benchmark::State& state) {
  ClusterStore store(PodRole(), "https://k8s", {});
  ResourceSync sync(store.sources()[0].query, *store.sources()[0].table);
  for (int first = 0; first < kPods; first += kPodsPerPage) Feed(sync, Page(first));
  for (auto _ : state) {
    const std::size_t before = UsedBytes();
    const auto groups = store.MakeGroups();
    BARO_ASSERT(groups && groups->size() == kPods);
    state.counters["told MB"] = static_cast<double>(UsedBytes() - before) / 1e6;
  }
}
BENCHMARK(BM_TellPods)->Unit(benchmark::kMillisecond);

void BM_PodEvents(benchmark::State& state) {
  ClusterStore store(PodRole(), "https://k8s", {});
  ResourceSync sync(store.sources()[0].query, *store.sources()[0].table);
  for (int first = 0; first < kPods; first += kPodsPerPage) Feed(sync, Page(first));
  (void)sync.Next();
  std::string events;
  for (int i = 0; i < 1000; ++i) {
    events += fmt::format("{{\"type\":\"MODIFIED\",\"object\":{}}}\n", Pod(i * 97 % kPods));
  }
  for (auto _ : state) BARO_ASSERT(sync.Feed(events).has_value());
  state.SetItemsProcessed(1000 * state.iterations());
}
BENCHMARK(BM_PodEvents)->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace baro::scraper
