#include "scraper/providers/provider_fixture.h"

namespace baro::scraper {
namespace {

using testing::HasSubstr;

constexpr const char* kToken = "https://login.microsoftonline.com/T/oauth2/v2.0/token";
constexpr const char* kMachineToken =
    "http://169.254.169.254/metadata/identity/oauth2/token?resource=https%3A%2F%2Fmanagement.core.windows.net%2F&"
    "api-version=2018-02-01";
constexpr const char* kCompute = "https://management.azure.com/subscriptions/S/providers/Microsoft.Compute/";
constexpr const char* kGroup = "https://management.azure.com/subscriptions/S/resourceGroups/";
constexpr const char* kExpand = "&$expand=IPConfigurations%2FPublicIPAddress";

std::string Id(const std::string& group, const std::string& rest) {
  return "/subscriptions/S/resourceGroups/" + group + "/providers/" + rest;
}

std::string Machine(const std::string& name, const std::string& more, const std::string& interfaces) {
  return fmt::format(
      R"({{"id": "{}", "name": "{}", "type": "Microsoft.Compute/virtualMachines", "location": "westeurope",
                         {} "networkProfile": {{"networkInterfaces": [{}]}}}}}})",
      Id("G1", "Microsoft.Compute/virtualMachines/" + name), name, more, interfaces);
}

std::string Interface(const std::string& name) {
  return fmt::format(R"({{"id": "{}"}})", Id("g1", "Microsoft.Network/networkInterfaces/" + name));
}

class AzureTest : public ProviderTest {
 protected:
  static Values Options() {
    return {{"environment", "AzurePublicCloud"},
            {"subscription_id", "S"},
            {"tenant_id", "T"},
            {"client_id", "C"},
            {"client_secret", Secret("s&1")},
            {"authentication_method", "OAuth"},
            {"resource_group", ""}};
  }
  static std::string InterfaceUrl(const std::string& name) {
    return fmt::format("{}g1/providers/Microsoft.Network/networkInterfaces/{}?api-version=2023-05-01{}", kGroup, name,
                       kExpand);
  }
  /// The usual: one machine.
  void SayOne(const std::string& machines_url, const std::string& sets_url) {
    Say(machines_url, fmt::format(R"({{"value": [{}]}})", Machine("m", R"("properties": {)", Interface("n"))));
    Say(sets_url, R"({"value": []})");
    SayInterface("n");
  }
  void SayInterface(const std::string& name) {
    Say(InterfaceUrl(name), R"({"properties": {"primary": true, "ipConfigurations": [
      {"properties": {"privateIPAddress": "10.0.0.9"}}]}})");
  }
  std::string Asked() const { return servers_->requests[0].first.url + " " + servers_->requests[0].first.body; }
};

const std::string kMachines = std::string(kCompute) + "virtualMachines?api-version=2023-09-01";
const std::string kSets = std::string(kCompute) + "virtualMachineScaleSets?api-version=2023-09-01";

TEST_F(AzureTest, MachinesAndThoseOfScaleSetsWithAllLabels) {
  Say(kToken, R"({"access_token": "AT", "token_type": "Bearer"})");
  const std::string full = R"("tags": {"env": "prod", "team-x": "y"}, "properties": {
    "osProfile": {"computerName": "m1-host"}, "storageProfile": {"osDisk": {"osType": "Linux"}},
    "hardwareProfile": {"vmSize": "Standard_B1s"},)";
  Say(kMachines, fmt::format(R"({{"value": [{}], "nextLink": "https://management.azure.com/more?x=1"}})",
                             Machine("m1", full, Interface("n1"))));
  Say("https://management.azure.com/more?x=1",
      fmt::format(R"({{"value": [{}, {}, {}]}})", Machine("off", R"("properties": {)", Interface("off")),
                  Machine("gone", R"("properties": {)", Interface("gone")),
                  Machine("two", R"("properties": {)", Interface("second") + "," + Interface("n2"))));
  Say(kSets, fmt::format(R"({{"value": [{{"id": "{}", "name": "set"}}]}})",
                         Id("G 2", "Microsoft.Compute/virtualMachineScaleSets/set")));
  Say(std::string(kGroup) +
          "G%202/providers/Microsoft.Compute/virtualMachineScaleSets/set/virtualMachines?api-version=2023-09-01",
      fmt::format(R"({{"value": [{{"id": "{}", "name": "set_0", "instanceId": "0", "location": "westeurope",
          "properties": {{"networkProfile": {{"networkInterfaces": [{{"id": "{}", "properties": {{"primary": false}}}},
                                                                    {{"id": "{}", "properties": {{"primary": true}}}}]
          }}}}}}]}})",
                  Id("G 2", "Microsoft.Compute/virtualMachineScaleSets/set/virtualMachines/0"),
                  Id("G 2", "x/virtualMachineScaleSets/set/virtualMachines/0/networkInterfaces/other"),
                  Id("G 2", "x/virtualMachineScaleSets/set/virtualMachines/0/networkInterfaces/sn")));
  Say(InterfaceUrl("n1"), R"({"properties": {"primary": true, "ipConfigurations": [
    {"properties": {"privateIPAddress": "10.0.0.1", "publicIPAddress": {"properties": {"ipAddress": "203.0.113.1"}}}},
    {"properties": {"privateIPAddress": "10.0.0.2"}}]}})");
  Say(InterfaceUrl("off"), R"({"properties": {"ipConfigurations": []}})");
  Say(InterfaceUrl("gone"), R"({"error": {"code": "ResourceNotFound"}})", 404);
  Say(InterfaceUrl("second"), R"({"properties": {"primary": false, "ipConfigurations": []}})");
  Say(InterfaceUrl("n2"), R"({"properties": {"primary": true, "ipConfigurations": [
    {"properties": {"privateIPAddress": "10.0.0.4", "publicIPAddress": {"id": "x"}}}]}})");
  Say(std::string(kGroup) +
          "G%202/providers/Microsoft.Compute/virtualMachineScaleSets/set/virtualMachines/0/"
          "networkInterfaces/sn?api-version=2018-10-01" +
          kExpand,
      R"({"properties": {"primary": true, "ipConfigurations": [{"properties": {"privateIPAddress": "10.0.0.3"}}]}})");
  EXPECT_EQ(Discover("azure", Options()),
            "__address__=\"10.0.0.1:80\" __meta_azure_machine_computer_name=\"m1-host\" "
            "__meta_azure_machine_id=\"/subscriptions/S/resourceGroups/G1/providers/Microsoft.Compute/virtualMachines/"
            "m1\" __meta_azure_machine_location=\"westeurope\" __meta_azure_machine_name=\"m1\" "
            "__meta_azure_machine_os_type=\"Linux\" __meta_azure_machine_private_ip=\"10.0.0.1\" "
            "__meta_azure_machine_public_ip=\"203.0.113.1\" __meta_azure_machine_resource_group=\"G1\" "
            "__meta_azure_machine_size=\"Standard_B1s\" __meta_azure_machine_tag_env=\"prod\" "
            "__meta_azure_machine_tag_team_x=\"y\" __meta_azure_subscription_id=\"S\" __meta_azure_tenant_id=\"T\"\n"
            "__address__=\"10.0.0.4:80\" "
            "__meta_azure_machine_id=\"/subscriptions/S/resourceGroups/G1/providers/Microsoft.Compute/virtualMachines/"
            "two\" __meta_azure_machine_location=\"westeurope\" __meta_azure_machine_name=\"two\" "
            "__meta_azure_machine_private_ip=\"10.0.0.4\" __meta_azure_machine_resource_group=\"G1\" "
            "__meta_azure_subscription_id=\"S\" __meta_azure_tenant_id=\"T\"\n"
            "__address__=\"10.0.0.3:80\" "
            "__meta_azure_machine_id=\"/subscriptions/S/resourceGroups/G 2/providers/Microsoft.Compute/"
            "virtualMachineScaleSets/set/virtualMachines/0\" __meta_azure_machine_location=\"westeurope\" "
            "__meta_azure_machine_name=\"set_0\" __meta_azure_machine_private_ip=\"10.0.0.3\" "
            "__meta_azure_machine_resource_group=\"G 2\" __meta_azure_machine_scale_set=\"set\" "
            "__meta_azure_subscription_id=\"S\" __meta_azure_tenant_id=\"T\"\n");
  EXPECT_EQ(servers_->requests[0].first.body,
            "client_id=C&grant_type=client_credentials&"
            "scope=https%3A%2F%2Fmanagement.core.windows.net%2F%2F.default&client_secret=s%261");
  EXPECT_EQ(servers_->requests[0].second.redirects_max, 0U);
  for (std::size_t i = 1; i < servers_->requests.size(); ++i) {
    EXPECT_EQ(servers_->requests[i].first.headers.Get("Authorization"), "Bearer AT");
  }
}

TEST_F(AzureTest, OneResourceGroupOfAnotherCloud) {
  Values options = Options();
  options["resource_group"] = "G 1";
  options["environment"] = "azureChinaCloud";
  Say("https://login.chinacloudapi.cn/T/oauth2/v2.0/token", R"({"access_token": "AT"})");
  const std::string list =
      "https://management.chinacloudapi.cn/subscriptions/S/resourceGroups/G%201/providers/Microsoft.Compute/";
  Say(list + "virtualMachines?api-version=2023-09-01", R"({"value": []})");
  Say(list + "virtualMachineScaleSets?api-version=2023-09-01", R"({"value": []})");
  EXPECT_EQ(Discover("azure", options), "");
  EXPECT_THAT(Asked(), HasSubstr("scope=https%3A%2F%2Fmanagement.core.chinacloudapi.cn%2F.default"));
  options["environment"] = "Elsewhere";
  EXPECT_EQ(
      Discover("azure", options),
      "form_token: environment: want AzurePublicCloud, AzureUSGovernment or AzureChinaCloud, found \"Elsewhere\"");
}

TEST_F(AzureTest, ManagedIdentitiesOfMachinesAndAppService) {
  Values options = Options();
  options["authentication_method"] = "ManagedIdentity";
  Say(std::string(kMachineToken) + "&client_id=C", R"({"access_token": "MT"})");
  SayOne(kMachines, kSets);
  EXPECT_THAT(Discover("azure", options), HasSubstr("10.0.0.9:80"));
  EXPECT_EQ(servers_->requests[0].first.headers.Get("Metadata"), "true");
  EXPECT_EQ(servers_->requests[1].first.headers.Get("Authorization"), "Bearer MT");

  environment_ = {{"IDENTITY_ENDPOINT", "http://127.0.0.1:42/msi/token"}, {"IDENTITY_HEADER", "h"}};
  options["client_id"] = "";
  Say("http://127.0.0.1:42/msi/token?resource=https%3A%2F%2Fmanagement.core.windows.net%2F&api-version=2019-08-01",
      R"({"access_token": "AS"})");
  servers_->requests.clear();
  EXPECT_THAT(Discover("azure", options), HasSubstr("10.0.0.9:80"));
  EXPECT_EQ(servers_->requests[0].first.headers.Get("X-IDENTITY-HEADER"), "h");

  environment_ = {{"MSI_ENDPOINT", "http://x"}};
  EXPECT_EQ(Discover("azure", options),
            "machine_token: managed identities are supported on virtual machines and App Service, not here");
}

TEST_F(AzureTest, WorkloadIdentities) {
  Values options = Options();
  options["authentication_method"] = "WorkloadIdentity";
  EXPECT_EQ(Discover("azure", options), "form_token: the variable AZURE_CLIENT_ID is not set");
  environment_ = {{"AZURE_CLIENT_ID", "WC"}, {"AZURE_TENANT_ID", "WT"}, {"AZURE_FEDERATED_TOKEN_FILE", "federated"}};
  ASSERT_TRUE(base::WriteFileAtomically(files_, "federated", base::AsBytes(std::string_view("F.T\n"))));
  Say("https://login.microsoftonline.com/WT/oauth2/v2.0/token", R"({"access_token": "WI"})");
  SayOne(kMachines, kSets);
  EXPECT_THAT(Discover("azure", options), HasSubstr("10.0.0.9:80"));
  EXPECT_EQ(servers_->requests[0].first.body,
            "client_id=WC&grant_type=client_credentials&"
            "scope=https%3A%2F%2Fmanagement.core.windows.net%2F%2F.default&client_assertion_type="
            "urn%3Aietf%3Aparams%3Aoauth%3Aclient-assertion-type%3Ajwt-bearer&client_assertion=F.T");
}

TEST_F(AzureTest, TheSdksWayTakesTheFirstThatThereIs) {
  Values options = Options();
  options["authentication_method"] = "SDK";
  SayOne(kMachines, kSets);
  const auto first = [&](std::map<std::string, std::string> environment) {
    environment_ = std::move(environment);
    servers_->requests.clear();
    Discover("azure", options);
    return Asked();
  };
  ASSERT_TRUE(base::WriteFileAtomically(files_, "federated", base::AsBytes(std::string_view("F.T"))));
  EXPECT_THAT(first({{"AZURE_CLIENT_ID", "EC"},
                     {"AZURE_TENANT_ID", "ET"},
                     {"AZURE_CLIENT_SECRET", "es"},
                     {"AZURE_FEDERATED_TOKEN_FILE", "federated"}}),
              testing::AllOf(HasSubstr("/ET/oauth2"), HasSubstr("client_id=EC"), HasSubstr("client_secret=es")));
  EXPECT_THAT(first({{"AZURE_CLIENT_ID", "EC"}, {"AZURE_FEDERATED_TOKEN_FILE", "federated"}}),
              testing::AllOf(HasSubstr("/T/oauth2"), HasSubstr("client_assertion=F.T")));
  EXPECT_EQ(first({{"AZURE_CLIENT_ID", "EC"}}), std::string(kMachineToken) + "&client_id=EC ");
}

TEST_F(AzureTest, AFailureInTheMiddleKeepsTheLastGoodAnswer) {
  using namespace std::chrono_literals;
  Say(kToken, R"({"access_token": "AT"})");
  SayOne(kMachines, kSets);
  ASSERT_THAT(Discover("azure", Options()), HasSubstr("10.0.0.9:80"));
  Say(InterfaceUrl("n"), R"({"error": {}})", 429);
  executor_.RunFor(61s);
  EXPECT_EQ(discovery_->status().last_error, "interfaces: the server answered HTTP status 429");
  EXPECT_THAT(Targets(), HasSubstr("10.0.0.9:80"));
  Say(kMachines, R"({"value": [], "nextLink": "https://evil/more"})");
  executor_.RunFor(61s);
  EXPECT_EQ(discovery_->status().last_error, "all_machines: the next page is said to be at evil, another server");
}

TEST_F(AzureTest, AnswersOfAnotherFormAreErrors) {
  Say(kToken, R"({"access_token": "AT"})");
  SayOne(kMachines, kSets);
  Say(InterfaceUrl("n"), R"({"properties": {"primary": true, "ipConfigurations": [{"properties": {}}]}})");
  EXPECT_EQ(Discover("azure", Options()), "machine m has no private address");
  Say(kSets, R"({"value": [{"id": "/odd", "name": "x"}]})");
  EXPECT_EQ(Discover("azure", Options()), "sets: not the id of a resource in a group: \"/odd\"");
}

}  // namespace
}  // namespace baro::scraper
