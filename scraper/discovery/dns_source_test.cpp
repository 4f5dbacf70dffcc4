#include "scraper/discovery/dns_source.h"

#include "scraper/discovery/discovery_fixture.h"
#include "scraper/discovery/make_discovery.h"

namespace baro::scraper {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;

class FakeDns : public net::DnsClient {
 public:
  explicit FakeDns(base::SimExecutor& executor) : executor_(executor) {}
  void Lookup(std::string name, net::DnsType type, net::DnsCallback callback) override {
    types.push_back(type);
    if (is_silent) return late.push_back(std::move(callback));
    const auto found = answers.find(name);
    base::Result<std::vector<net::DnsRecord>> answer = std::vector<net::DnsRecord>();
    if (found != answers.end()) answer = found->second;
    executor_.Post([answer, callback = std::move(callback)] { callback(answer); });
  }

  std::map<std::string, base::Result<std::vector<net::DnsRecord>>> answers;
  std::vector<net::DnsType> types;
  bool is_silent = false;
  std::vector<net::DnsCallback> late;  ///< what waits while it is silent

 private:
  base::SimExecutor& executor_;
};

class DnsDiscoveryTest : public DiscoveryTest {
 protected:
  void StartDns(std::vector<std::string> names, std::string type) {
    DiscoveryOptions options{.kind = "dns"};
    options.record.values = {{"names", std::move(names)},
                             {"type", std::move(type)},
                             {"port", std::int64_t{80}},
                             {"refresh_interval", std::chrono::milliseconds(30s)}};
    DiscoveryContext context = Context();
    context.dns = &dns_;
    auto discovery = MakeDiscovery(options, context);
    ASSERT_TRUE(discovery) << discovery.error().message();
    Start(*std::move(discovery));
    executor_.RunFor(1s);
  }

  FakeDns dns_{executor_};
};

TEST_F(DnsDiscoveryTest, LabelsOfEachType) {
  dns_.answers.emplace("s", std::vector<net::DnsRecord>{{"a.test", 9100}, {"b.test", 9101}});
  StartDns({"s"}, "srv");
  EXPECT_EQ(Targets(),
            "__address__=\"a.test:9100\" __meta_dns_name=\"s\" __meta_dns_srv_record_port=\"9100\" "
            "__meta_dns_srv_record_target=\"a.test.\"\n"
            "__address__=\"b.test:9101\" __meta_dns_name=\"s\" __meta_dns_srv_record_port=\"9101\" "
            "__meta_dns_srv_record_target=\"b.test.\"\n");
  discovery_->Stop();
  dns_.answers.emplace("m", std::vector<net::DnsRecord>{{"mail.test", 0}});
  StartDns({"m"}, "MX");
  EXPECT_EQ(Targets(),
            "__address__=\"mail.test:80\" __meta_dns_mx_record_target=\"mail.test.\" __meta_dns_name=\"m\"\n");
  discovery_->Stop();
  StartDns({"m"}, "NS");
  EXPECT_EQ(Targets(),
            "__address__=\"mail.test:80\" __meta_dns_name=\"m\" __meta_dns_ns_record_target=\"mail.test.\"\n");
  discovery_->Stop();
  dns_.answers.emplace("h", std::vector<net::DnsRecord>{{"fd00::1", 0}});
  StartDns({"h"}, "AAAA");
  EXPECT_EQ(Targets(), "__address__=\"[fd00::1]:80\" __meta_dns_name=\"h\"\n");
  EXPECT_EQ(dns_.types.back(), net::DnsType::kAaaa);
}

TEST_F(DnsDiscoveryTest, ANameThatFailsKeepsItsTargetsAndOthersGoOn) {
  dns_.answers.emplace("a", std::vector<net::DnsRecord>{{"1.1.1.1", 0}});
  dns_.answers.emplace("b", std::vector<net::DnsRecord>{{"2.2.2.2", 0}});
  StartDns({"a", "b", "none"}, "A");
  EXPECT_EQ(Addresses(), "1.1.1.1:80 2.2.2.2:80 ");
  dns_.answers.at("a") = base::Fail(base::Code::kIo, "look up \"a\": refused");
  dns_.answers.at("b") = std::vector<net::DnsRecord>{{"3.3.3.3", 0}};
  executor_.RunFor(5min);
  EXPECT_EQ(Addresses(), "1.1.1.1:80 3.3.3.3:80 ");
  EXPECT_EQ(discovery_->status().last_error, "");
  ASSERT_EQ(log_.size(), 1U);
  EXPECT_THAT(log_[0], HasSubstr("refused"));
  EXPECT_GT(metrics_.sd_dns_lookup_failures_total.value(), 5);
  dns_.answers.at("b") = base::Fail(base::Code::kIo, "look up \"b\": refused");
  dns_.answers.emplace("none", base::Fail(base::Code::kIo, "look up \"none\": refused"));
  executor_.RunFor(30s);
  EXPECT_THAT(discovery_->status().last_error, HasSubstr("refused"));
  EXPECT_EQ(Addresses(), "1.1.1.1:80 3.3.3.3:80 ");
}

TEST_F(DnsDiscoveryTest, StopDoesNotWaitForAnswers) {
  dns_.is_silent = true;
  StartDns({"a"}, "A");
  discovery_->Stop();
  executor_.RunFor(1h);
  EXPECT_EQ(updates_, 0);
  EXPECT_EQ(executor_.waiting_timers(), 0U);
  ASSERT_EQ(dns_.late.size(), 1U);
  std::exchange(dns_.late, {}).front()(std::vector<net::DnsRecord>{{"1.1.1.1", 0}});
  EXPECT_EQ(metrics_.sd_dns_lookups_total.value(), 0) << "a late answer touches nothing that may be gone";
}

TEST_F(DnsDiscoveryTest, IsRefusedWithoutAClient) {
  DiscoveryOptions options{.kind = "dns"};
  options.record.values = {{"names", std::vector<std::string>{"a"}}, {"type", "A"}, {"port", std::int64_t{80}}};
  EXPECT_FALSE(MakeDiscovery(options, Context()));
}

}  // namespace
}  // namespace baro::scraper
