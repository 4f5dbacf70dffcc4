#include <openssl/pem.h>
#include <openssl/rsa.h>

#include "net/jwt.h"
#include "scraper/discovery/target_list.h"
#include "scraper/providers/provider_fixture.h"

namespace baro::scraper {
namespace {

using testing::HasSubstr;
using testing::Not;

/// A fresh RSA key as PEM.
std::string MakeKey() {
  EVP_PKEY* const key = EVP_RSA_gen(2048);
  BIO* const memory = BIO_new(BIO_s_mem());
  PEM_write_bio_PrivateKey(memory, key, nullptr, nullptr, 0, nullptr, nullptr);
  char* data = nullptr;
  const long size = BIO_get_mem_data(memory, &data);
  std::string pem(data, static_cast<std::size_t>(size));
  BIO_free(memory);
  EVP_PKEY_free(key);
  return pem;
}

constexpr const char* kList = "https://compute.googleapis.com/compute/v1/projects/p/zones/eu-a/instances";
constexpr const char* kMachineToken =
    "http://169.254.169.254/computeMetadata/v1/instance/service-accounts/default/token?scopes="
    "https%3A%2F%2Fwww.googleapis.com%2Fauth%2Fcompute.readonly";

class GceTest : public ProviderTest {
 protected:
  static Values Options() { return {{"project", "p"}, {"zone", "eu-a"}, {"filter", ""}, {"tag_separator", ","}}; }
  void Keep(const std::string& path, const std::string& text) {
    ASSERT_TRUE(base::WriteFileAtomically(files_, path, base::AsBytes(std::string_view(text))));
  }
  std::string LastHeader(const char* name) const {
    return std::string(servers_->requests.back().first.headers.Get(name));
  }
};

TEST_F(GceTest, InstancesOfAllPagesWithAllLabels) {
  Values options = Options();
  options["filter"] = "labels.env = \"a b\"";
  options["tag_separator"] = ";";
  options["port"] = std::int64_t{9100};
  Say(kMachineToken, R"({"access_token": "MT", "expires_in": 3599, "token_type": "Bearer"})");
  const std::string url = std::string(kList) + "?filter=labels.env%20%3D%20%22a%20b%22";
  Say(url, R"({"nextPageToken": "n=1", "items": [{"id": "18446744073709551615", "name": "web-1", "status": "RUNNING",
    "zone": "https://c/zones/eu-a", "machineType": "https://c/machineTypes/e2", "labels": {"env": "prod", "a-b": ""},
    "tags": {"items": ["http", "web"], "fingerprint": "x"},
    "metadata": {"items": [{"key": "ssh-keys", "value": "k"}, {"key": "null", "value": null}]},
    "networkInterfaces": [{"name": "nic0", "network": "https://c/n/default", "subnetwork": "https://c/s/default",
       "networkIP": "10.0.0.1", "accessConfigs": [{"type": "ONE_TO_ONE_NAT", "natIP": "203.0.113.1"}]},
      {"name": "nic-1", "networkIP": "10.1.0.1", "accessConfigs": []}]}]})");
  Say(url + "&pageToken=n%3D1", R"({"items": [{"id": "2", "name": "none", "networkInterfaces": []},
    {"id": "3", "name": "out", "networkInterfaces": [{"networkIP": "10.0.0.3",
      "accessConfigs": [{"type": "DIRECT_IPV6", "natIP": "203.0.113.3"}]}]}]})");
  EXPECT_EQ(Discover("gce", options),
            "__address__=\"10.0.0.1:9100\" __meta_gce_instance_id=\"18446744073709551615\" "
            "__meta_gce_instance_name=\"web-1\" __meta_gce_instance_status=\"RUNNING\" "
            "__meta_gce_interface_ipv4_nic0=\"10.0.0.1\" __meta_gce_interface_ipv4_nic_1=\"10.1.0.1\" "
            "__meta_gce_label_env=\"prod\" __meta_gce_machine_type=\"https://c/machineTypes/e2\" "
            "__meta_gce_metadata_ssh_keys=\"k\" __meta_gce_network=\"https://c/n/default\" "
            "__meta_gce_private_ip=\"10.0.0.1\" __meta_gce_project=\"p\" __meta_gce_public_ip=\"203.0.113.1\" "
            "__meta_gce_subnetwork=\"https://c/s/default\" __meta_gce_tags=\";http;web;\" "
            "__meta_gce_zone=\"https://c/zones/eu-a\"\n"
            "__address__=\"10.0.0.3:9100\" __meta_gce_instance_id=\"3\" __meta_gce_instance_name=\"out\" "
            "__meta_gce_interface_ipv4_=\"10.0.0.3\" __meta_gce_private_ip=\"10.0.0.3\" __meta_gce_project=\"p\"\n");
  EXPECT_EQ(servers_->requests[0].first.headers.Get("Metadata-Flavor"), "Google");
  EXPECT_EQ(LastHeader("Authorization"), "Bearer MT");
}

TEST_F(GceTest, AServiceAccountsKeySignsForAToken) {
  const std::string pem = MakeKey();
  const Json file = {{"type", "service_account"},
                     {"client_email", "me@p.iam"},
                     {"private_key_id", "k1"},
                     {"token_uri", "https://t/token"},
                     {"private_key", pem}};
  Keep("key.json", file.dump());
  environment_["GOOGLE_APPLICATION_CREDENTIALS"] = "key.json";
  const auto now = base::ToMs(clock_.Now()) / 1000;
  Say("https://t/token", R"({"access_token": "ST"})");
  Say(kList, R"({"items": [{"name": "a", "networkInterfaces": [{"networkIP": "10.0.0.1"}]}]})");
  EXPECT_THAT(Discover("gce", Options()), HasSubstr("__meta_gce_instance_name=\"a\""));
  EXPECT_EQ(LastHeader("Authorization"), "Bearer ST");
  const auto& [request, limits] = servers_->requests[0];
  const auto signed_claims = net::SignJwt(fmt::format(R"({{"aud":"https://t/token","exp":{},"iat":{},"iss":"me@p.iam",)"
                                                      R"("scope":"https://www.googleapis.com/auth/compute.readonly"}})",
                                                      now + 3600, now),
                                          pem, "RS256", "k1");
  ASSERT_TRUE(signed_claims);
  EXPECT_EQ(request.body,
            "grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Ajwt-bearer&assertion=" + *signed_claims);
  EXPECT_EQ(request.method, net::Method::kPost);
  EXPECT_EQ(limits.redirects_max, 0U);
}

TEST_F(GceTest, AUsersFileIsFoundWhereItsToolKeepsIt) {
  environment_["HOME"] = "home";
  ASSERT_TRUE(files_.CreateDirectories("home/.config/gcloud"));
  Keep("home/.config/gcloud/application_default_credentials.json",
       R"({"type": "authorized_user", "client_id": "c", "client_secret": "s&", "refresh_token": "r"})");
  Say("https://oauth2.googleapis.com/token", R"({"access_token": "UT"})");
  Say(kList, R"({})");
  EXPECT_EQ(Discover("gce", Options()), "");
  EXPECT_EQ(servers_->requests[0].first.body,
            "grant_type=refresh_token&client_id=c&client_secret=s%26&refresh_token=r");
  EXPECT_EQ(LastHeader("Authorization"), "Bearer UT");
}

TEST_F(GceTest, BadCredentialsAreNamedButNotShown) {
  environment_["GOOGLE_APPLICATION_CREDENTIALS"] = "key.json";
  EXPECT_THAT(Discover("gce", Options()), HasSubstr("key_token: "));
  struct Row {
    const char* file;
    const char* error;
  };
  for (const Row& row :
       {Row{"PRIVATE", "key_token: not a JSON object: key.json"},
        Row{"[\"PRIVATE\"]", "key_token: not a JSON object: key.json"},
        Row{"{}", "key_token: the file of credentials has no \"type\""},
        Row{R"({"type": "external_account", "x": "PRIVATE"})",
            "key_token: credentials of type \"external_account\": want service_account or authorized_user: key.json"},
        Row{R"({"type": "service_account", "token_uri": "https://t/", "client_email": "e", "private_key": "PRIVATE"})",
            "key_token: the key is no PEM of a private key without password"}}) {
    Keep("key.json", row.file);
    EXPECT_EQ(Discover("gce", Options()), row.error);
  }
  EXPECT_TRUE(servers_->requests.empty());
  for (const std::string& line : log_) EXPECT_THAT(line, Not(HasSubstr("PRIVATE")));
}

TEST_F(GceTest, AFailureInTheMiddleKeepsTheLastGoodAnswer) {
  using namespace std::chrono_literals;
  Say(kMachineToken, R"({"access_token": "MT"})");
  Say(kList, R"({"items": [{"name": "a", "networkInterfaces": [{"networkIP": "10.0.0.1"}]}]})");
  ASSERT_THAT(Discover("gce", Options()), HasSubstr("10.0.0.1"));
  Say(kList, R"({"items": [], "nextPageToken": "2"})");
  executor_.RunFor(61s);
  EXPECT_EQ(discovery_->status().last_error, "instances: connection refused");
  EXPECT_THAT(Targets(), HasSubstr("10.0.0.1"));
  Say(kMachineToken, R"({"error": "no such account"})");
  executor_.RunFor(61s);
  EXPECT_EQ(discovery_->status().last_error, "instances: the server of tokens answered without an access_token");
  EXPECT_THAT(Targets(), HasSubstr("10.0.0.1"));
}

TEST_F(GceTest, AnotherHostMayStandForTheMetadata) {
  environment_["GCE_METADATA_HOST"] = "127.0.0.1:8080";
  std::string url = kMachineToken;
  url.replace(url.find("169.254.169.254"), 15, "127.0.0.1:8080");
  Say(url, R"({"access_token": "ET"})");
  Say(kList, "{}");
  EXPECT_EQ(Discover("gce", Options()), "");
  EXPECT_EQ(LastHeader("Authorization"), "Bearer ET");
}

}  // namespace
}  // namespace baro::scraper
