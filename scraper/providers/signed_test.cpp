// Tables of Oracle Cloud and STACKIT, whose requests or tokens are signed with a private key.
#include <memory>

#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>

#include "scraper/discovery/target_list.h"
#include "scraper/providers/provider_fixture.h"

namespace baro::scraper {
namespace {

using testing::HasSubstr;
using testing::MatchesRegex;
using testing::StartsWith;

using KeyPtr = std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)>;

std::string PemOf(EVP_PKEY* key) {
  const std::unique_ptr<BIO, decltype(&BIO_free)> memory(BIO_new(BIO_s_mem()), &BIO_free);
  PEM_write_bio_PrivateKey(memory.get(), key, nullptr, nullptr, 0, nullptr, nullptr);
  char* text = nullptr;
  const auto size = BIO_get_mem_data(memory.get(), &text);
  return {text, static_cast<std::size_t>(size)};
}

class SignedTest : public ProviderTest {
 protected:
  static void SetUpTestSuite() { key_ = EVP_RSA_gen(2048); }
  static void TearDownTestSuite() { EVP_PKEY_free(std::exchange(key_, nullptr)); }

  void SetUp() override { Put("/key.pem", PemOf(key_)); }
  void Put(const std::string& path, const std::string& text) {
    ASSERT_TRUE(base::WriteFileAtomically(files_, path, base::AsBytes(text)));
  }

  /// Whether the Base64 is a signature of the text with the suite's key and SHA-256.
  static bool Verifies(const std::string& base64, const std::string& text) {
    std::string signature(base64.size(), '\0');
    EVP_DecodeBlock(reinterpret_cast<unsigned char*>(signature.data()),
                    reinterpret_cast<const unsigned char*>(base64.data()), static_cast<int>(base64.size()));
    signature.resize(256);
    const std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> context(EVP_MD_CTX_new(), &EVP_MD_CTX_free);
    return EVP_DigestVerifyInit(context.get(), nullptr, EVP_sha256(), nullptr, key_) == 1 &&
           EVP_DigestVerify(context.get(), reinterpret_cast<const unsigned char*>(signature.data()), signature.size(),
                            reinterpret_cast<const unsigned char*>(text.data()), text.size()) == 1;
  }

  static inline EVP_PKEY* key_ = nullptr;
};

class OciTest : public SignedTest {
 protected:
  static constexpr const char* kCore = "https://iaas.eu-frankfurt-1.oraclecloud.com/20160918";
  static constexpr const char* kIdentity = "https://identity.eu-frankfurt-1.oci.oraclecloud.com/20160918";
  static constexpr const char* kList =
      "/compartments?compartmentId=ten&accessLevel=ACCESSIBLE&compartmentIdInSubtree=true&limit=100";

  Values Options(std::vector<std::string> compartments = {}) {
    return {{"auth", "api_key"},
            {"tenancy", "ten"},
            {"user", "usr"},
            {"fingerprint", "aa:bb"},
            {"key_file", "/key.pem"},
            {"key_passphrase", net::SecretSource()},
            {"region", "eu-frankfurt-1"},
            {"compartments", std::move(compartments)}};
  }
  void SayIn(const std::string& compartment, std::string instances, std::string attachments) {
    Say(fmt::format("{}/instances?compartmentId={}&limit=100", kCore, compartment), std::move(instances));
    Say(fmt::format("{}/vnicAttachments?compartmentId={}&limit=100", kCore, compartment), std::move(attachments));
  }
};

constexpr const char* kInstance = R"({"id": "i1", "displayName": "web", "lifecycleState": "RUNNING", "shape": "VM.S",
  "availabilityDomain": "AD-1", "faultDomain": "FD-1", "region": "fra", "compartmentId": "c1", "imageId": "img",
  "freeformTags": {"env": "prod", "a b": "x"}, "definedTags": {"Ops": {"cost": 7, "on": true, "team": "t", "many": [1],
  "part": 0.5}}})";
constexpr const char* kAttachments = R"([
  {"instanceId": "i1", "vnicId": "v0", "lifecycleState": "DETACHED"},
  {"instanceId": "i1", "vnicId": "v2", "lifecycleState": "ATTACHED"},
  {"instanceId": "i1", "vnicId": "v1", "lifecycleState": "ATTACHED"},
  {"instanceId": "elsewhere", "vnicId": "v9", "lifecycleState": "ATTACHED"}])";

TEST_F(OciTest, AllLabels) {
  SayIn("c1", fmt::format("[{}]", kInstance), kAttachments);
  Say(std::string(kCore) + "/vnics/v1", R"({"id": "v1", "isPrimary": true, "privateIp": "10.0.0.4",
      "publicIp": "203.0.113.4", "hostnameLabel": "web", "ipv6Addresses": ["2001:db8::2", "2001:db8::1"]})");
  Say(std::string(kCore) + "/vnics/v2", R"({"id": "v2", "isPrimary": false, "privateIp": "10.0.0.5"})");
  EXPECT_EQ(Discover("oci", Options({"c1"})),
            "__address__=\"10.0.0.4:80\" __meta_oci_availability_domain=\"AD-1\" __meta_oci_compartment_id=\"c1\" "
            "__meta_oci_defined_tag_Ops_cost=\"7\" __meta_oci_defined_tag_Ops_on=\"true\" "
            "__meta_oci_defined_tag_Ops_part=\"0.5\" __meta_oci_defined_tag_Ops_team=\"t\" "
            "__meta_oci_fault_domain=\"FD-1\" __meta_oci_hostname_label=\"web\" __meta_oci_image_id=\"img\" "
            "__meta_oci_instance_id=\"i1\" __meta_oci_instance_name=\"web\" __meta_oci_instance_shape=\"VM.S\" "
            "__meta_oci_instance_state=\"RUNNING\" __meta_oci_ipv6_addresses=\",2001:db8::1,2001:db8::2,\" "
            "__meta_oci_private_ip=\"10.0.0.4\" __meta_oci_public_ip=\"203.0.113.4\" __meta_oci_region=\"fra\" "
            "__meta_oci_tag_a_b=\"x\" __meta_oci_tag_env=\"prod\" __meta_oci_tenancy_id=\"ten\" "
            "__meta_oci_vnic_id=\"v1\"\n");
  const net::FetchRequest& request = servers_->requests.at(0).first;
  EXPECT_EQ(request.headers.Get("Date"), "Tue, 14 Nov 2023 22:13:20 GMT");
  const std::string authorization(request.headers.Get("Authorization"));
  const std::string before =
      "Signature version=\"1\",keyId=\"ten/usr/aa:bb\",algorithm=\"rsa-sha256\",headers=\"date (request-target) host\","
      "signature=\"";
  ASSERT_THAT(authorization, StartsWith(before));
  EXPECT_TRUE(Verifies(authorization.substr(before.size(), authorization.size() - before.size() - 1),
                       "date: Tue, 14 Nov 2023 22:13:20 GMT\n"
                       "(request-target): get /20160918/instances?compartmentId=c1&limit=100\n"
                       "host: iaas.eu-frankfurt-1.oraclecloud.com"));
}

TEST_F(OciTest, AllCompartmentsOfTheTenancyInPages) {
  Say(std::string(kIdentity) + kList, R"([{"id": "c1", "lifecycleState": "ACTIVE"},
      {"id": "c2", "lifecycleState": "DELETED"}])");
  servers_->At(std::string(kIdentity) + kList).headers.Add("opc-next-page", "p/2");
  Say(std::string(kIdentity) + kList + "&page=p%2F2", R"([{"id": "c3", "lifecycleState": "ACTIVE"}])");
  SayIn("ten", "[]", "[]");
  SayIn("c1", fmt::format("[{}]", kInstance), kAttachments);
  SayIn("c3", R"([{"id": "i3", "compartmentId": "c3"}, {"compartmentId": "c3"}])",
        R"([{"instanceId": "i3", "vnicId": "v3", "lifecycleState": "ATTACHED"}])");
  Say(std::string(kCore) + "/vnics/v1", R"({"id": "v1", "isPrimary": true, "ipv6Addresses": ["2001:db8::1"]})");
  Say(std::string(kCore) + "/vnics/v2", "{}", 404);
  Say(std::string(kCore) + "/vnics/v3", R"({"id": "v3", "isPrimary": true, "publicIp": "203.0.113.9"})");
  Discover("oci", Options());
  EXPECT_EQ(discovery_->status().last_error, "");
  EXPECT_EQ(Addresses(), "[2001:db8::1]:80 203.0.113.9:80 ");
}

TEST_F(OciTest, WhatIsNotSaid) {
  Values values = Options({"c1"});
  values["auth"] = "instance_principal";
  EXPECT_EQ(Discover("oci", values), "auth instance_principal is not supported yet: api_key is");
  values["auth"] = "api_key";
  values["key_file"] = "/none.pem";
  EXPECT_THAT(Discover("oci", values), HasSubstr("/none.pem"));
  Put("/none.pem", "no key");
  EXPECT_EQ(Discover("oci", values), "instances: the key is no PEM of a private key, or has a passphrase");
  values["region"] = "uk-gov-london-1";
  values["key_file"] = "/key.pem";
  Discover("oci", values);
  EXPECT_THAT(servers_->requests.back().first.url, StartsWith("https://iaas.uk-gov-london-1.oraclegovcloud.uk/"));
}

class StackitTest : public SignedTest {
 protected:
  static constexpr const char* kServers = "https://iaas.api.eu01.stackit.cloud/v1/projects/p1/servers?details=true";
  static constexpr const char* kToken = "https://service-account.api.stackit.cloud/token";

  Values Options() {
    return {{"project", "p1"},
            {"region", "eu01"},
            {"endpoint", ""},
            {"service_account_key", net::SecretSource()},
            {"private_key", net::SecretSource()},
            {"service_account_key_path", ""},
            {"private_key_path", ""},
            {"credentials_file_path", ""}};
  }
  static std::string AccountKey(const std::string& private_key = "") {
    Json key = {{"credentials", {{"kid", "k1"}, {"iss", "sa@x"}, {"sub", "s1"}, {"aud", "https://aud"}}}};
    if (!private_key.empty()) key["credentials"]["privateKey"] = private_key;
    return key.dump();
  }
};

TEST_F(StackitTest, AllLabels) {
  Say(kServers, R"({"items": [
    {"id": "s1", "name": "web", "status": "ACTIVE", "powerStatus": "RUNNING", "availabilityZone": "eu01-1",
     "machineType": "c1.2", "labels": {"env": "prod", "n": 7, "a/b": ""},
     "nics": [{"networkName": "my net", "ipv4": "10.0.0.4"},
              {"networkName": "pub", "ipv4": "10.1.0.4", "publicIp": "203.0.113.4"}, {"networkName": "none"}]},
    {"id": "s2", "name": "inside", "nics": [{"networkName": "a", "ipv4": "10.0.0.5"}]},
    {"id": "s3", "nics": [{"networkName": "a"}]}, {"id": "s4"}]})");
  EXPECT_EQ(Discover("stackit", Options()),
            "__address__=\"203.0.113.4:80\" __meta_stackit_availability_zone=\"eu01-1\" __meta_stackit_id=\"s1\" "
            "__meta_stackit_label_env=\"prod\" __meta_stackit_labelpresent_a_b=\"true\" "
            "__meta_stackit_labelpresent_env=\"true\" __meta_stackit_name=\"web\" "
            "__meta_stackit_power_status=\"RUNNING\" __meta_stackit_private_ipv4_my_net=\"10.0.0.4\" "
            "__meta_stackit_private_ipv4_pub=\"10.1.0.4\" __meta_stackit_project=\"p1\" "
            "__meta_stackit_public_ipv4=\"203.0.113.4\" __meta_stackit_status=\"ACTIVE\" "
            "__meta_stackit_type=\"c1.2\"\n"
            "__address__=\"10.0.0.5:80\" __meta_stackit_id=\"s2\" __meta_stackit_name=\"inside\" "
            "__meta_stackit_private_ipv4_a=\"10.0.0.5\" __meta_stackit_project=\"p1\"\n");
  EXPECT_EQ(servers_->requests.size(), 1U) << "without a key there is no token";
  Values values = Options();
  values["endpoint"] = "http://own/";
  Say("http://own/v1/projects/p1/servers?details=true", "{}");
  EXPECT_EQ(Discover("stackit", values), "");
}

TEST_F(StackitTest, TokensAreAskedForWithASignedAssertion) {
  Say(kToken, R"({"access_token": "t0", "expires_in": 600})");
  Say(kServers, R"({"items": []})");
  Values values = Options();
  values["service_account_key"] = Secret(AccountKey(PemOf(key_)));
  EXPECT_EQ(Discover("stackit", values), "");
  ASSERT_EQ(servers_->requests.size(), 2U);
  EXPECT_EQ(servers_->requests[0].second.redirects_max, 0U);
  EXPECT_THAT(
      servers_->requests[0].first.body,
      MatchesRegex("grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Ajwt-bearer&assertion=[-_.A-Za-z0-9]+"));
  EXPECT_EQ(servers_->requests[1].first.headers.Get("Authorization"), "Bearer t0");

  // From files: the account's key, and the private key by way of the file of credentials.
  Put("/account.json", AccountKey());
  ASSERT_TRUE(files_.CreateDirectories("/home/.stackit"));
  Put("/home/.stackit/credentials.json", R"({"STACKIT_PRIVATE_KEY_PATH": "/key.pem"})");
  values = Options();
  values["service_account_key_path"] = "/account.json";
  environment_["HOME"] = "/home";
  EXPECT_EQ(Discover("stackit", values), "");
  environment_["STACKIT_TOKEN_BASEURL"] = "http://tokens/";
  EXPECT_EQ(Discover("stackit", values), "token: connection refused");
  Say("http://tokens/", "{}");
  EXPECT_EQ(Discover("stackit", values), "servers: the server of tokens answered without an access_token");
}

TEST_F(StackitTest, KeysThatAreNone) {
  Values values = Options();
  values["service_account_key"] = Secret("{");
  EXPECT_THAT(Discover("stackit", values), StartsWith("token: service account key: not valid JSON"));
  values["service_account_key"] = Secret(AccountKey());
  EXPECT_THAT(Discover("stackit", values), HasSubstr(".stackit/credentials.json"));
  values["private_key_path"] = "/key.pem";
  values["service_account_key"] = Secret(R"({"credentials": {"iss": {}}})");
  EXPECT_THAT(Discover("stackit", values), HasSubstr("credentials.iss: expected a text"));
}

}  // namespace
}  // namespace baro::scraper
