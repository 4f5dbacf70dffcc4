// Whatever happens to a cluster and to the connections to it: in the end the targets are those of a list of its last
// state.
#include <charconv>
#include <random>

#include "scraper/kubernetes/kubernetes_fixture.h"

namespace baro::scraper {
namespace {

using namespace std::chrono_literals;

constexpr const char* kPods = "/api/v1/pods";
constexpr const char* kServices = "/api/v1/services";
constexpr const char* kEndpoints = "/api/v1/endpoints";
constexpr const char* kSlices = "/apis/discovery.k8s.io/v1/endpointslices";
constexpr const char* kNodes = "/api/v1/nodes";
constexpr const char* kNamespaces = "/api/v1/namespaces";
constexpr const char* kAll[] = {kPods, kServices, kEndpoints, kSlices, kNodes, kNamespaces};

/// Objects that change, a log of what changed, and watches that are told it from where they say.
class ChangingCluster : public KubernetesTest {
 protected:
  struct Event {
    int version;
    std::string type;
    std::string object;
  };
  struct Collection {
    std::map<std::string, std::string> objects;
    std::vector<Event> log;
    int known_from = 0;  // older versions are gone
  };

  void Seed(unsigned seed) { random_.seed(seed); }
  int Pick(int n) { return static_cast<int>(random_() % static_cast<unsigned>(n)); }

  /// Fields of an object with random labels; the others follow.
  std::string Object(const std::string& name, bool is_namespaced, const std::string& more) {
    return fmt::format(R"({{"metadata":{{"name":"{}",{}"resourceVersion":"{}","labels":{{"l":"{}"{}}}}}{}}})", name,
                       is_namespaced ? R"("namespace":"n",)" : "", version_, Pick(3),
                       Pick(2) == 0 ? R"(,"kubernetes.io/service-name":"s1")" : "", more);
  }
  std::string Port() { return fmt::format(R"({{"name":"p","port":{0},"containerPort":{0}}})", 80 + Pick(3)); }
  std::string Ref() {
    return Pick(4) == 0 ? fmt::format(R"("targetRef":{{"kind":"Node","name":"o{}"}})", Pick(4))
                        : fmt::format(R"("nodeName":"o{}","targetRef":{{"kind":"Pod","namespace":"n","name":"o{}"}})",
                                      Pick(4), Pick(4));
  }

  std::string Make(const std::string& path, const std::string& name) {
    const std::string ip = fmt::format("1.1.1.{}", Pick(3));
    if (path == kPods) {
      return Object(name, true,
                    fmt::format(R"(,"spec":{{"nodeName":"o{}","containers":[{{"name":"c","ports":[{},{}]}}]}},
                                   "status":{{"podIP":"{}","phase":"{}"}})",
                                Pick(4), Port(), Port(), Pick(4) == 0 ? "" : ip, Pick(2) == 0 ? "Running" : "Pending"));
    }
    if (path == kServices) {
      return Object(
          name, true,
          fmt::format(R"(,"spec":{{"type":"ClusterIP","ipFamilyPolicy":"{}","ipFamilies":["IPv{}"],"ports":[{}]}})",
                      Pick(2) == 0 ? "PreferDualStack" : "SingleStack", Pick(2) == 0 ? 4 : 6, Port()));
    }
    if (path == kEndpoints) {
      return Object(name, true,
                    fmt::format(R"(,"subsets":[{{"addresses":[{{"ip":"{}",{}}},{{"ip":"9.9.9.9",{}}}],"ports":[{}]}}])",
                                ip, Ref(), Ref(), Port()));
    }
    if (path == kSlices) {
      return Object(name, true,
                    fmt::format(R"(,"addressType":"IPv4","endpoints":[{{"addresses":["{}"],{}}}],"ports":[{}])", ip,
                                Ref(), Port()));
    }
    return Object(name, false, R"(,"status":{"addresses":[{"type":"InternalIP","address":"7.7.7.7"}]})");
  }

  void ChangeOne(const std::string& path) {
    Collection& collection = collections_[path];
    const std::string name =
        path == kNamespaces ? "n" : fmt::format("{}{}", path == kServices || path == kEndpoints ? "s" : "o", Pick(4));
    ++version_;
    const bool is_there = collection.objects.contains(name);
    if (is_there && Pick(3) == 0) {
      collection.log.push_back({version_, "DELETED", Make(path, name)});
      collection.objects.erase(name);
    } else {
      const std::string object = Make(path, name);
      collection.log.push_back({version_, is_there ? "MODIFIED" : "ADDED", object});
      collection.objects[name] = object;
    }
  }

  void Publish() {
    for (const char* const path : kAll) {
      std::string first;
      std::string second;
      for (const auto& [name, object] : collections_[path].objects) {
        std::string& half = Pick(2) == 0 ? first : second;
        half += (half.empty() ? "" : ",") + object;
      }
      const std::string token = fmt::format("t{}", version_);
      api_->At(ListUrl(path)).body = ListOf(first, std::to_string(version_), token);
      api_->At(ListUrl(path, "&continue=" + token)).body = ListOf(second, std::to_string(version_));
    }
  }

  /// Tells each open watch what it does not know yet.
  void Deliver() {
    for (const char* const path : kAll) {
      const auto watch = api_->OpenWatch(Url(path));
      if (!watch) continue;
      const auto& [call, url] = *watch;
      int& told = told_[call];
      if (told == 0) {
        const std::size_t from = url.find("resourceVersion=") + 16;
        std::from_chars(url.data() + from, url.data() + url.size(), told);
      }
      Collection& collection = collections_[path];
      if (told < collection.known_from) {
        api_->SayEvent(Url(path), "ERROR", R"({"code":410,"reason":"Expired","message":"old"})");
        continue;
      }
      for (const Event& event : collection.log) {
        if (event.version <= told) continue;
        told = event.version;
        if (!api_->SayEvent(Url(path), event.type, event.object)) break;
      }
      if (Pick(4) == 0) {
        api_->SayEvent(Url(path), "BOOKMARK", fmt::format(R"({{"metadata":{{"resourceVersion":"{}"}}}})", version_));
      }
    }
  }

  void Disturb() {
    const char* const path = kAll[Pick(6)];
    switch (Pick(5)) {
      case 0:
        api_->CutWatch(Url(path));
        return;
      case 1:
        api_->EndWatch(Url(path));
        return;
      case 2:
        api_->Say(Url(path), R"({"type":"ADDED","object":{"metadata":{"na)");
        api_->CutWatch(Url(path));
        return;
      case 3:
        collections_[path].known_from = version_;
        return;
      default:
        api_->EndWatch(Url(path), net::FetchResponse{.status = 503, .body = "busy"});
    }
  }

  void Live(const std::string& role) {
    for (int i = 0; i < 20; ++i) ChangeOne(kAll[Pick(6)]);
    Publish();
    StartRole(role);
    for (int step = 0; step < 150; ++step) {
      for (int i = Pick(4); i > 0; --i) ChangeOne(kAll[Pick(6)]);
      Publish();
      if (Pick(3) != 0) Deliver();
      if (Pick(4) == 0) Disturb();
      executor_.RunFor(std::chrono::milliseconds(Pick(3000)));
    }
    for (int second = 0; second < 200; ++second) {
      Deliver();
      executor_.RunFor(1s);
    }
  }

  std::mt19937 random_;
  int version_ = 100;
  std::map<std::string, Collection> collections_;
  std::map<net::HttpFetcher::CallId, int> told_;
};

TEST_F(ChangingCluster, EndsWithTheTargetsOfItsLastState) {
  values()["attach_metadata.node"] = true;
  values()["attach_metadata.namespace"] = true;
  unsigned seed = 1;
  for (const char* const role : {"pod", "endpoints", "endpointslice", "service", "node"}) {
    for (int run = 0; run < 4; ++run) {
      SCOPED_TRACE(fmt::format("role {}, seed {}", role, seed));
      Seed(seed++);
      api_->piece_bytes = static_cast<std::size_t>(1 + Pick(300));
      Live(role);
      const std::string followed = Sources() + "\n" + Targets();
      EXPECT_EQ(discovery_->status().last_error, "");
      discovery_->Stop();
      executor_.RunFor(1s);
      groups_.clear();
      StartRole(role);
      ASSERT_EQ(followed, Sources() + "\n" + Targets());
      discovery_->Stop();
      executor_.RunFor(1s);
    }
  }
}

}  // namespace
}  // namespace baro::scraper
