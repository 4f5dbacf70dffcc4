#include "scraper/kubernetes/kubernetes_discovery.h"

#include "scraper/kubernetes/kubernetes_fixture.h"
#include "scraper/kubernetes/objects_for_tests.h"

namespace baro::scraper {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

constexpr const char* kPods = "/api/v1/pods";

class KubernetesWatch : public KubernetesTest {
 protected:
  static std::string Pod(const std::string& name, const std::string& ip, const std::string& version = "101") {
    return fmt::format(
        R"({{"metadata":{{"name":"{}","namespace":"n","resourceVersion":"{}"}},"spec":{{"containers":[{{"name":"c",
        "ports":[
        {{"containerPort":80}}]}}]}},"status":{{"podIP":"{}"}}}})",
        name, version, ip);
  }
  void Event(const std::string& type, const std::string& object) {
    ASSERT_TRUE(api_->SayEvent(Url(kPods), type, object)) << "no watch is open";
    executor_.RunReady();
  }
  std::string Status(int code, const std::string& reason, const std::string& message) {
    return fmt::format(R"({{"kind":"Status","status":"Failure","message":"{}","reason":"{}","code":{}}})", message,
                       reason, code);
  }
  /// Of the last watch that was asked for.
  std::string LastVersion() const {
    const auto urls = Urls(true);
    if (urls.empty()) return "";
    const std::string& url = urls.back();
    const std::size_t from = url.find("resourceVersion=") + 16;
    return url.substr(from, url.find('&', from) - from);
  }
};

TEST_F(KubernetesWatch, FollowsAListWithAWatch) {
  List(kPods, Pod("a", "1.1.1.1") + "," + Pod("b", "2.2.2.2"));
  StartRole("pod");
  EXPECT_EQ(Addresses(), "1.1.1.1:80 2.2.2.2:80 ");
  ASSERT_EQ(Urls(true).size(), 1U);
  EXPECT_THAT(Urls(true)[0],
              testing::StartsWith(Url("/api/v1/pods?watch=true&allowWatchBookmarks=true&resourceVersion=100"
                                      "&timeoutSeconds=")));
  Event("ADDED", Pod("c", "3.3.3.3"));
  Event("MODIFIED", Pod("a", "1.1.1.9"));
  Event("DELETED", Pod("b", "2.2.2.2"));
  executor_.RunFor(3s);
  EXPECT_EQ(Addresses(), "1.1.1.9:80 3.3.3.3:80 ");
  EXPECT_EQ(updates_, 2) << "what comes together is told together";
  EXPECT_EQ(discovery_->status().targets, 2U);
  EXPECT_EQ(metrics_.sd_kubernetes_events_total.With({"pod", "add"}).value(), 1);
  EXPECT_EQ(metrics_.sd_kubernetes_events_total.With({"pod", "update"}).value(), 1);
  EXPECT_EQ(metrics_.sd_kubernetes_events_total.With({"pod", "delete"}).value(), 1);
}

TEST_F(KubernetesWatch, TellsNothingWhenNothingThatMattersChanged) {
  List(kPods, Pod("a", "1.1.1.1"));
  StartRole("pod");
  Event("MODIFIED", Pod("a", "1.1.1.1", "150"));
  Event("DELETED", Pod("never-seen", "1.1.1.1", "151"));
  executor_.RunFor(10s);
  EXPECT_EQ(updates_, 1);
  api_->EndWatch(Url(kPods));
  executor_.RunFor(2s);
  EXPECT_EQ(LastVersion(), "151");
}

TEST_F(KubernetesWatch, ABurstIsToldAtMostEveryTwoSeconds) {
  List(kPods, "");
  StartRole("pod");
  EXPECT_EQ(updates_, 1) << "an empty cluster is told too";
  for (int i = 0; i < 100; ++i) {
    Event("ADDED", Pod(fmt::format("p{:02}", i), "1.1.1.1"));
    executor_.RunFor(100ms);
  }
  executor_.RunFor(5s);
  EXPECT_LE(updates_, 7);
  EXPECT_EQ(discovery_->status().targets, 100U);
}

TEST_F(KubernetesWatch, ReadsListsInPages) {
  api_->At(ListUrl(kPods)).body = ListOf(Pod("a", "1.1.1.1"), "100", "to/ken=");
  api_->At(ListUrl(kPods, "&continue=to%2Fken%3D")).body = ListOf(Pod("b", "2.2.2.2"), "100", "third");
  StartRole("pod");
  EXPECT_EQ(updates_, 0) << "half a list is none";
  api_->At(ListUrl(kPods, "&continue=third")).body = ListOf(Pod("c", "3.3.3.3"), "100");
  executor_.RunFor(10s);
  EXPECT_EQ(Addresses(), "1.1.1.1:80 2.2.2.2:80 3.3.3.3:80 ");
  EXPECT_EQ(Urls(false).size(), 4U) << "the page that failed is asked for again, not those before it";
}

TEST_F(KubernetesWatch, PagesThatTheServerForgotAreReadInOnePiece) {
  api_->At(ListUrl(kPods)).body = ListOf(Pod("gone", "1.1.1.1"), "100", "t");
  api_->At(ListUrl(kPods, "&continue=t")) = {.status = 410, .body = Status(410, "Expired", "too old"), .headers = {}};
  api_->At(Url(kPods) + "?").body = ListOf(Pod("a", "2.2.2.2"), "200");
  StartRole("pod");
  EXPECT_EQ(Addresses(), "2.2.2.2:80 ");
  EXPECT_EQ(LastVersion(), "200");
  EXPECT_EQ(discovery_->status().failures_in_a_row, 0U);
}

TEST_F(KubernetesWatch, AWatchThatEndsGoesOnFromWhereItWas) {
  List(kPods, Pod("a", "1.1.1.1"));
  StartRole("pod");
  Event("ADDED", Pod("b", "2.2.2.2", "120"));
  Event("BOOKMARK", R"({"kind":"Pod","metadata":{"resourceVersion":"130"}})");
  executor_.RunFor(5min);
  ASSERT_TRUE(api_->EndWatch(Url(kPods)));
  executor_.RunFor(100ms);
  EXPECT_EQ(LastVersion(), "130");
  Event("ADDED", Pod("c", "3.3.3.3", "140"));
  ASSERT_TRUE(api_->CutWatch(Url(kPods)));
  executor_.RunFor(2s);
  EXPECT_EQ(LastVersion(), "140");
  EXPECT_EQ(Urls(false).size(), 1U) << "nothing is listed again";
  EXPECT_EQ(Failures("kubernetes"), 0) << "a connection that was of use may end";
  executor_.RunFor(3s);
  EXPECT_EQ(Addresses(), "1.1.1.1:80 2.2.2.2:80 3.3.3.3:80 ");
}

TEST_F(KubernetesWatch, AQuietWatchMayBeCutByWhatStandsBetween) {
  List(kPods, Pod("a", "1.1.1.1"));
  StartRole("pod");
  executor_.RunFor(40s);
  ASSERT_TRUE(api_->CutWatch(Url(kPods)));
  executor_.RunFor(2s);
  EXPECT_EQ(Failures("kubernetes"), 0);
  Event("ADDED", Pod("b", "2.2.2.2", "140"));
  executor_.RunFor(5s);
  EXPECT_EQ(Addresses(), "1.1.1.1:80 2.2.2.2:80 ");
  executor_.RunFor(20s);
  ASSERT_TRUE(api_->EndWatch(Url(kPods)));
  executor_.RunFor(2s);
  ASSERT_TRUE(api_->CutWatch(Url(kPods)));
  executor_.RunFor(2s);
  EXPECT_EQ(Failures("kubernetes"), 1) << "one that is cut at once is of no use";
}

TEST_F(KubernetesWatch, ADisconnectInTheMiddleOfALineLosesNothing) {
  List(kPods, "");
  StartRole("pod");
  const std::string event = R"({"type":"ADDED","object":)" + Pod("a", "1.1.1.1", "101") + "}\n" +
                            R"({"type":"ADDED","object":)" + Pod("b", "2.2.2.2", "102") + "}\n";
  ASSERT_TRUE(api_->Say(Url(kPods), event.substr(0, event.size() - 40)));
  ASSERT_TRUE(api_->CutWatch(Url(kPods)));
  executor_.RunFor(5s);
  EXPECT_EQ(LastVersion(), "101");
  EXPECT_EQ(Addresses(), "1.1.1.1:80 ");
  Event("ADDED", Pod("b", "2.2.2.2", "102"));
  executor_.RunFor(5s);
  EXPECT_EQ(Addresses(), "1.1.1.1:80 2.2.2.2:80 ");
  ASSERT_TRUE(api_->Say(Url(kPods), R"({"type":"ADD)"));
  ASSERT_TRUE(api_->EndWatch(Url(kPods))) << "also when it seems to be the whole answer";
  executor_.RunFor(5s);
  EXPECT_EQ(LastVersion(), "102");
}

TEST_F(KubernetesWatch, ReadsBodiesThatComeInAnyPieces) {
  api_->piece_bytes = 3;
  List(kPods, Pod("a", "1.1.1.1") + " , " + Pod("b", "2.2.2.2"));
  StartRole("pod");
  Event("ADDED", Pod("c", "3.3.3.3"));
  executor_.RunFor(3s);
  EXPECT_EQ(Addresses(), "1.1.1.1:80 2.2.2.2:80 3.3.3.3:80 ");
}

TEST_F(KubernetesWatch, AVersionThatIsGoneLeadsToANewList) {
  List(kPods, Pod("a", "1.1.1.1") + "," + Pod("b", "2.2.2.2"));
  StartRole("pod");
  api_->At(ListUrl(kPods)).body = ListOf(Pod("b", "2.2.2.2") + "," + Pod("c", "3.3.3.3"), "500");
  Event("BOOKMARK", R"({"metadata":{"resourceVersion":"110"}})");
  Event("ERROR", Status(410, "Expired", "too old resource version: 110 (400)"));
  executor_.RunFor(3s);
  EXPECT_EQ(Addresses(), "2.2.2.2:80 3.3.3.3:80 ") << "what is not in the new list is gone";
  EXPECT_EQ(LastVersion(), "500");
  EXPECT_EQ(Urls(false).size(), 2U);
  EXPECT_EQ(updates_, 2) << "and there was no moment without targets";
  EXPECT_EQ(Failures("kubernetes"), 0);
}

TEST_F(KubernetesWatch, AnAnswer410LeadsToANewListAtOnceButNotForEver) {
  List(kPods, Pod("a", "1.1.1.1"));
  StartRole("pod");
  Event("BOOKMARK", R"({"metadata":{"resourceVersion":"110"}})");
  ASSERT_TRUE(api_->EndWatch(Url(kPods), net::FetchResponse{.status = 410, .body = Status(410, "Gone", "old")}));
  executor_.RunFor(100ms);
  EXPECT_EQ(Urls(false).size(), 2U);
  for (int i = 0; i < 20; ++i) {
    api_->EndWatch(Url(kPods), net::FetchResponse{.status = 410, .body = Status(410, "Gone", "old")});
    executor_.RunFor(1s);
  }
  EXPECT_LE(Urls(false).size(), 5U) << "a server that forgets at once is asked less and less often";
  EXPECT_GE(Failures("kubernetes"), 2);
  EXPECT_THAT(log_[0], HasSubstr("pods: the server does not know the version that it gave a moment ago"));
  EXPECT_EQ(Addresses(), "1.1.1.1:80 ");
}

TEST_F(KubernetesWatch, AnotherErrorOfTheWatchIsToldAndLeadsToAListWhenItRepeats) {
  List(kPods, Pod("a", "1.1.1.1"));
  StartRole("pod");
  for (int i = 0; i < 3; ++i) {
    Event("ERROR", Status(500, "InternalError", "decoding failed"));
    EXPECT_THAT(discovery_->status().last_error, HasSubstr("pods: the watch ended with status 500: decoding failed"));
    EXPECT_EQ(Urls(false).size(), 1U);
    executor_.RunFor(41s);
  }
  EXPECT_EQ(Urls(false).size(), 2U);
  EXPECT_EQ(Addresses(), "1.1.1.1:80 ");
}

TEST_F(KubernetesWatch, EventsThatCannotBeReadFailTheWatch) {
  List(kPods, Pod("a", "1.1.1.1"));
  StartRole("pod");
  for (const char* const bad :
       {"[]", "nonsense", R"({"type":"ADDED","object":{"metadata":{"name":7}}})", R"({"type":"ADDED","object":{}})",
        R"({"type":"OTHER","object":{"metadata":{"name":"x"}}})", R"({"type":"ADDED","object":{"spec":{]}})",
        R"({"type":"ERROR","object":[]})"}) {
    const double before = Failures("kubernetes");
    ASSERT_TRUE(api_->Say(Url(kPods), bad)) << bad;
    executor_.RunReady();
    EXPECT_EQ(Failures("kubernetes"), before + 1) << bad;
    EXPECT_EQ(Addresses(), "1.1.1.1:80 ");
    executor_.RunFor(2min);
  }
}

TEST_F(KubernetesWatch, AFailureKeepsTheTargetsAndShowsTheirAge) {
  List(kPods, Pod("a", "1.1.1.1"));
  StartRole("pod");
  const auto good = discovery_->status().last_success;
  ASSERT_TRUE(good);
  api_->refuses_watches = true;
  executor_.RunFor(10s);
  ASSERT_TRUE(api_->CutWatch(Url(kPods)));
  executor_.RunFor(3min);
  const auto status = discovery_->status();
  EXPECT_EQ(status.last_success, good);
  EXPECT_THAT(status.last_error, HasSubstr("pods: connection re"));
  EXPECT_EQ(Addresses(), "1.1.1.1:80 ");
  EXPECT_GE(Urls(true).size(), 4U);
  EXPECT_LE(Urls(true).size(), 8U) << "5, 10, 20, 40 and then 60 seconds";
  EXPECT_EQ(log_.size(), 2U) << "each error once";
  api_->refuses_watches = false;
  executor_.RunFor(1min);
  Event("ADDED", Pod("b", "2.2.2.2", "105"));
  EXPECT_EQ(discovery_->status().last_error, "");
  EXPECT_GT(discovery_->status().last_success, good);
  EXPECT_EQ(Urls(false).size(), 1U) << "no list was needed";
}

TEST_F(KubernetesWatch, BookmarksKeepTheAgeYoung) {
  List(kPods, Pod("a", "1.1.1.1"));
  StartRole("pod");
  const auto first = discovery_->status().last_success;
  executor_.RunFor(1min);
  Event("BOOKMARK", R"({"metadata":{"resourceVersion":"110"}})");
  EXPECT_GE(discovery_->status().last_success, *first + 1min);
}

TEST_F(KubernetesWatch, RefusalsAreToldInTheServersWords) {
  api_->At(ListUrl(kPods)) = {.status = 403,
                              .body = Status(403, "Forbidden", "pods is forbidden: User x cannot list resource pods"),
                              .headers = {}};
  StartRole("pod");
  EXPECT_EQ(updates_, 0);
  EXPECT_EQ(discovery_->status().last_error,
            "pods: the server answered HTTP status 403: pods is forbidden: User x cannot list resource pods");
  List(kPods, Pod("a", "1.1.1.1"));
  api_->At(ListUrl(kPods)).status = 200;
  executor_.RunFor(6s);
  EXPECT_EQ(Addresses(), "1.1.1.1:80 ");
}

TEST_F(KubernetesWatch, AServerThatWantsToBeLeftAloneIs) {
  api_->At(ListUrl(kPods)) = {.status = 429, .body = "slow down", .headers = {{"Retry-After", "30"}}};
  StartRole("pod");
  executor_.RunFor(28s);
  EXPECT_EQ(Urls(false).size(), 1U);
  executor_.RunFor(2s);
  EXPECT_EQ(Urls(false).size(), 2U);
}

TEST_F(KubernetesWatch, AWatchThatEndsAtOnceIsNotAskedForAtOnce) {
  List(kPods, Pod("a", "1.1.1.1"));
  StartRole("pod");
  for (int i = 0; i < 1000; ++i) {
    api_->EndWatch(Url(kPods));
    executor_.RunFor(10ms);
  }
  EXPECT_LE(Urls(true).size(), 15U);
}

TEST_F(KubernetesWatch, AListThatIsNoneFails) {
  for (const std::string& body :
       {std::string("<html>"), std::string("{}"), ListOf("7"), ListOf("[]"), ListOf("{}"), std::string("{\"items\":[{"),
        ListOf(std::string(100, '[')), std::string(R"({"metadata":{"resourceVersion":7},"items":[]})")}) {
    SCOPED_TRACE(body);
    api_->At(ListUrl(kPods)).body = body;
    StartRole("pod");
    EXPECT_EQ(updates_, 0);
    EXPECT_EQ(discovery_->status().failures_in_a_row, 1U);
    discovery_->Stop();
    executor_.RunFor(1s);
  }
}

TEST_F(KubernetesWatch, ANamespaceThatIsForbiddenCostsTheOthersNothing) {
  values()["namespaces.names"] = std::vector<std::string>{"n", "m"};
  List("/api/v1/namespaces/n/pods", Pod("a", "1.1.1.1"));
  api_->At(ListUrl("/api/v1/namespaces/m/pods")) = {.status = 403, .body = "no", .headers = {}};
  StartRole("pod");
  EXPECT_EQ(Addresses(), "1.1.1.1:80 ");
  EXPECT_THAT(discovery_->status().last_error,
              HasSubstr("pods of the namespace m: the server answered HTTP status 403"));
  EXPECT_FALSE(discovery_->status().last_success) << "not all is well";
}

TEST_F(KubernetesWatch, JoinedRolesWaitForAllThatTheyJoin) {
  List("/api/v1/endpoints", kEndpointsJson);
  List("/api/v1/services", kServiceJson);
  StartRole("endpoints");
  EXPECT_EQ(updates_, 0) << "the pods are missing";
  List(kPods, kPodJson);
  executor_.RunFor(10s);
  EXPECT_EQ(updates_, 1);
  EXPECT_THAT(Targets(), HasSubstr("__meta_kubernetes_pod_phase=\"Running\""));
  std::string pod = kPodJson;
  pod.replace(pod.find("Running"), 7, "Failed!");
  Event("MODIFIED", pod);
  executor_.RunFor(3s);
  EXPECT_THAT(Targets(), HasSubstr("__meta_kubernetes_pod_phase=\"Failed!\"")) << "each side of a join is followed";
}

TEST_F(KubernetesWatch, StopsInTheMiddle) {
  List(kPods, Pod("a", "1.1.1.1"));
  StartRole("pod");
  Event("ADDED", Pod("b", "2.2.2.2"));
  discovery_->Stop();
  executor_.RunFor(10min);
  EXPECT_EQ(updates_, 1) << "what was to be told is not";
  EXPECT_EQ(api_->open_calls(), 0U);
  EXPECT_EQ(executor_.waiting_timers(), 0U);
}

TEST_F(KubernetesWatch, TooManyTargetsKeepThoseThatWereTold) {
  List(kPods, Pod("a", "1.1.1.1"));
  StartRole("pod");
  std::string ports;
  for (int i = 0; i < 1100; ++i) ports += fmt::format("{}{{\"containerPort\":{}}}", i == 0 ? "" : ",", i);
  for (int i = 0; i < 100; ++i) {
    Event("ADDED", fmt::format(R"({{"metadata":{{"name":"p{}","namespace":"n"}},"spec":{{"containers":[{{"name":"c",
        "ports":[{}]}}]}},"status":{{"podIP":"3.3.3.3"}}}})",
                               i, ports));
  }
  executor_.RunFor(3s);
  EXPECT_EQ(Addresses(), "1.1.1.1:80 ");
  EXPECT_THAT(discovery_->status().last_error, HasSubstr("more than 100000 targets: narrow"));
  for (int i = 0; i < 100; ++i) Event("DELETED", Pod(fmt::format("p{}", i), ""));
  executor_.RunFor(3s);
  EXPECT_EQ(discovery_->status().last_error, "");
}

TEST_F(KubernetesWatch, AnObjectWithoutAnEndIsRefused) {
  List(kPods, "");
  StartRole("pod");
  ASSERT_TRUE(api_->Say(Url(kPods), R"({"type":"ADDED","object":{"a":")"));
  const std::string piece(1 << 16, 'x');
  for (int i = 0; i < 130; ++i) api_->Say(Url(kPods), piece);
  executor_.RunReady();
  EXPECT_THAT(discovery_->status().last_error, HasSubstr("an object has more than 8388608 bytes"));
}

}  // namespace
}  // namespace baro::scraper
