// The fields that a table of configuration gives are those that the discovery of that kind reads.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include "base/sim_file_system.h"
#include "config/config.h"
#include "scraper/discover_once.h"
#include "scraper/served_discoveries.h"

namespace baro::config {
namespace {

/// Every cloud at once, in which there is hardly anything.
class EmptyClouds : public net::HttpFetcher {
 public:
  explicit EmptyClouds(base::Executor& executor) : executor_(executor) {}

  CallId Fetch(net::FetchRequest request, net::FetchOptions /*options*/, net::FetchCallback callback) override {
    net::FetchResponse answer{.status = 200, .body = std::string(Body(request.url))};
    answer.headers.Add("X-Subject-Token", "t");
    executor_.Post([answer = std::move(answer), callback = std::move(callback)]() mutable { callback(answer); });
    return CallId{1};
  }
  void Cancel(CallId /*id*/) override {}

 private:
  struct Row {
    std::string_view part;  ///< of the URL
    std::string_view body;
  };
  static std::string_view Body(std::string_view url) {
    constexpr Row kRows[] = {{"DescribeDBClusters",
                              "<R><DescribeDBClustersResult><DBClusters><DBCluster><DBClusterArn>a</DBClusterArn>"
                              "</DBCluster></DBClusters></DescribeDBClustersResult></R>"},
                             {"Action=", "<R/>"},
                             {"/auth/tokens",
                              R"({"token": {"catalog": [
              {"type": "compute", "endpoints": [{"interface": "public", "region": "r", "url": "http://c"}]},
              {"type": "network", "endpoints": [{"interface": "public", "region": "r", "url": "http://n"}]},
              {"type": "load-balancer", "endpoints": [{"interface": "public", "region": "r", "url": "http://l"}]}]}})"},
                             {"token", R"({"access_token": "t"})"},
                             {"", "{}"}};
    for (const Row& row : kRows) {
      if (url.find(row.part) != std::string_view::npos) return row.body;
    }
    return "";
  }

  base::Executor& executor_;
};

/// "ok", or what is wrong.
std::string Discover(const std::string& kind, const std::string& item) {
  const std::string text =
      fmt::format("scrape_configs:\n  - job_name: a\n    {}_sd_configs:\n      - {{{}}}\n", kind, item);
  auto config = ParseConfig(text, "p.yml", base::RealFileSystem(), {});
  if (!config) return config.error().message();
  if (!scraper::IsServedDiscovery(kind)) return "not served";
  base::SimFileSystem files;
  base::Registry registry;
  base::ThreadExecutor executor(1);
  auto clouds = std::make_shared<EmptyClouds>(executor);
  const auto told = scraper::DiscoverOnce(config->jobs[0],
                                          {.clock = base::RealClock(),
                                           .executor = executor,
                                           .files = files,
                                           .registry = registry,
                                           .make_fetcher = [&clouds](const auto&) { return clouds; },
                                           .environment = {},
                                           .log = {}},
                                          std::chrono::hours(1));
  executor.Stop();
  if (!told) return told.error().message();
  return told->providers[0].last_error.empty() ? "ok" : told->providers[0].last_error;
}

TEST(CloudDiscovery, HasTheFieldsThatItsTableReads) {
  const std::string aws = "region: r, access_key: a, secret_key: s, filters: [{name: n, values: [v]}]";
  const std::string keys = "region: r, access_key: a, secret_key: s, profile: p, role_arn: '', external_id: e";
  for (const char* const role : {"ec2", "ecs", "elasticache", "lightsail", "msk", "rds"}) {
    EXPECT_EQ(Discover("aws", fmt::format("role: {}, {}", role, aws)), "ok") << role;
    EXPECT_EQ(Discover(role, keys), "ok") << role;
  }
  for (const char* const kind : {"ecs", "elasticache"}) {
    EXPECT_EQ(Discover(kind, keys + ", clusters: [], request_concurrency: 3"), "ok") << kind;
  }
  EXPECT_EQ(Discover("rds", aws + ", clusters: [a]"), "ok");
  EXPECT_EQ(Discover("msk", keys + ", clusters: [a]"), "ok");
  EXPECT_EQ(Discover("gce", "project: p, zone: z, filter: f, tag_separator: ';'"), "ok");
  for (const char* const method : {"SDK", "ManagedIdentity"}) {
    EXPECT_EQ(Discover("azure", fmt::format("subscription_id: s, authentication_method: {}", method)), "ok") << method;
  }
  EXPECT_EQ(Discover("azure", "subscription_id: s, tenant_id: t, client_id: c, client_secret: x, resource_group: g"),
            "ok");
  for (const char* const role : {"instance", "hypervisor", "loadbalancer"}) {
    EXPECT_EQ(Discover("openstack", fmt::format("role: {}, region: r, identity_endpoint: 'http://k', username: u, "
                                                "password: p, domain_name: d, project_name: q, all_tenants: true",
                                                role)),
              "ok")
        << role;
  }
}

}  // namespace
}  // namespace baro::config
