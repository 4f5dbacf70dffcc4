#include "scraper/providers/aws_api.h"
#include "scraper/providers/provider_fixture.h"

namespace baro::scraper {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

constexpr const char* kInstances = R"(<?xml version="1.0"?>
<DescribeInstancesResponse xmlns="http://ec2.amazonaws.com/doc/2016-11-15/"><reservationSet>
 <item><ownerId>123456789012</ownerId><instancesSet><item>
   <instanceId>i-1</instanceId><imageId>ami-1</imageId>
   <instanceState><code>16</code><name>running</name></instanceState>
   <privateDnsName>ip-10-0-0-1.internal</privateDnsName><dnsName>ec2-203.example</dnsName>
   <instanceType>t4g.nano</instanceType><placement><availabilityZone>eu-1a</availabilityZone></placement>
   <platform>windows</platform><subnetId>subnet-1</subnetId><vpcId>vpc-1</vpcId>
   <privateIpAddress>10.0.0.1</privateIpAddress><ipAddress>203.0.113.1</ipAddress>
   <architecture>arm64</architecture><instanceLifecycle>spot</instanceLifecycle>
   <networkInterfaceSet>
    <item><subnetId>subnet-1</subnetId><attachment><deviceIndex>1</deviceIndex></attachment><ipv6AddressesSet>
      <item><ipv6Address>2001:db8::1</ipv6Address><isPrimaryIpv6>true</isPrimaryIpv6></item>
      <item><ipv6Address>2001:db8::2</ipv6Address><isPrimaryIpv6>false</isPrimaryIpv6></item></ipv6AddressesSet></item>
    <item><subnetId>subnet-2</subnetId></item></networkInterfaceSet>
   <tagSet><item><key>Name</key><value>web</value></item><item><key>aws:x-y</key><value>z</value></item></tagSet>
 </item><item><instanceId>i-2</instanceId><instanceState><name>terminated</name></instanceState></item>
 </instancesSet></item>
</reservationSet><nextToken>more==</nextToken></DescribeInstancesResponse>)";

constexpr const char* kOnlyV6 = R"(<DescribeInstancesResponse><reservationSet><item><ownerId>1</ownerId><instancesSet>
 <item><instanceId>i-3</instanceId><vpcId>vpc-1</vpcId><subnetId>subnet-3</subnetId><networkInterfaceSet><item>
 <subnetId>subnet-3</subnetId><ipv6AddressesSet><item><ipv6Address>2001:db8::3</ipv6Address></item></ipv6AddressesSet>
 </item></networkInterfaceSet></item></instancesSet></item></reservationSet></DescribeInstancesResponse>)";

class AwsTest : public ProviderTest {
 protected:
  static Values Options() {
    return {{"endpoint", ""},     {"region", "eu-1"},
            {"access_key", "AK"}, {"secret_key", Secret("SK")},
            {"profile", ""},      {"role_arn", ""},
            {"external_id", ""},  {"filters", std::vector<DiscoveryRecord>{Filter("tag:env", {"a b", "c"})}}};
  }
  static std::string Url(const std::string& origin, const std::string& more = "") {
    return origin + "/?Action=DescribeInstances&Version=2016-11-15" + more +
           "&Filter.1.Name=tag%3Aenv&Filter.1.Value.1=a%20b&Filter.1.Value.2=c";
  }
  /// The key that the last request was signed with.
  std::string Signer() const {
    const std::string text(servers_->requests.back().first.headers.Get("Authorization"));
    const std::size_t begin = text.find('=') + 1;
    return text.substr(begin, text.find('/') - begin);
  }
};

TEST_F(AwsTest, Ec2) {
  const std::string origin = "https://ec2.eu-1.amazonaws.com";
  Say(origin + "/?Action=DescribeAvailabilityZones&Version=2016-11-15",
      "<R><availabilityZoneInfo><item><zoneName>eu-1a</zoneName><zoneId>euz1-az1</zoneId></item>"
      "</availabilityZoneInfo></R>");
  Say(Url(origin), kInstances);
  Say(Url(origin, "&NextToken=more%3D%3D"), kOnlyV6);
  EXPECT_EQ(Discover("ec2", Options()),
            "__address__=\"10.0.0.1:80\" __meta_ec2_ami=\"ami-1\" __meta_ec2_architecture=\"arm64\" "
            "__meta_ec2_availability_zone=\"eu-1a\" __meta_ec2_availability_zone_id=\"euz1-az1\" "
            "__meta_ec2_default_ipv6_address=\"2001:db8::1\" __meta_ec2_instance_id=\"i-1\" "
            "__meta_ec2_instance_lifecycle=\"spot\" __meta_ec2_instance_state=\"running\" "
            "__meta_ec2_instance_type=\"t4g.nano\" __meta_ec2_ipv6_addresses=\",2001:db8::1,2001:db8::2,\" "
            "__meta_ec2_owner_id=\"123456789012\" __meta_ec2_platform=\"windows\" "
            "__meta_ec2_primary_ipv6_addresses=\",,2001:db8::1,\" __meta_ec2_primary_subnet_id=\"subnet-1\" "
            "__meta_ec2_private_dns_name=\"ip-10-0-0-1.internal\" __meta_ec2_private_ip=\"10.0.0.1\" "
            "__meta_ec2_public_dns_name=\"ec2-203.example\" __meta_ec2_public_ip=\"203.0.113.1\" "
            "__meta_ec2_region=\"eu-1\" __meta_ec2_subnet_id=\",subnet-1,subnet-2,\" __meta_ec2_tag_Name=\"web\" "
            "__meta_ec2_tag_aws_x_y=\"z\" __meta_ec2_vpc_id=\"vpc-1\"\n"
            "__address__=\"[2001:db8::3]:80\" __meta_ec2_default_ipv6_address=\"2001:db8::3\" "
            "__meta_ec2_instance_id=\"i-3\" __meta_ec2_ipv6_addresses=\",2001:db8::3,\" __meta_ec2_owner_id=\"1\" "
            "__meta_ec2_primary_subnet_id=\"subnet-3\" __meta_ec2_region=\"eu-1\" __meta_ec2_subnet_id=\",subnet-3,\" "
            "__meta_ec2_vpc_id=\"vpc-1\"\n");
  EXPECT_EQ(Signer(), "AK");
  EXPECT_THAT(std::string(servers_->requests.back().first.headers.Get("Authorization")), HasSubstr("/eu-1/ec2/"));
}

TEST_F(AwsTest, ZonesAreNotNeededAndTheEndpointIsWhereItSays) {
  Values options = Options();
  options["endpoint"] = "http://local:4566/";
  Say(Url("http://local:4566"), kOnlyV6);
  EXPECT_THAT(Discover("ec2", options), HasSubstr("__meta_ec2_instance_id=\"i-3\""));
  servers_->requests.clear();
  Say(Url("http://local:4566"), "<Response><Errors/></Response>", 403);
  EXPECT_EQ(Discover("ec2", options), "reservations: the server answered HTTP status 403");
}

TEST_F(AwsTest, KeysAndRegionComeFromEnvironmentAndFiles) {
  Values options = Options();
  options["access_key"] = "";
  options["secret_key"] = Secret("");
  options["region"] = "";
  environment_ = {{"AWS_REGION", "us-9"},
                  {"AWS_ACCESS_KEY_ID", "ENV"},
                  {"AWS_SECRET_ACCESS_KEY", "s"},
                  {"AWS_SESSION_TOKEN", "tok"},
                  {"HOME", "home"}};
  Say(Url("https://ec2.us-9.amazonaws.com"), kOnlyV6);
  EXPECT_THAT(Discover("ec2", options), HasSubstr("__meta_ec2_region=\"us-9\""));
  EXPECT_EQ(Signer(), "ENV");
  EXPECT_EQ(servers_->requests.back().first.headers.Get("X-Amz-Security-Token"), "tok");

  ASSERT_TRUE(files_.CreateDirectories("home/.aws"));
  ASSERT_TRUE(base::WriteFileAtomically(
      files_, "home/.aws/credentials",
      base::AsBytes(std::string_view(
          "[default]\naws_access_key_id=NO\n\n[ops]\n aws_access_key_id = OPS\naws_secret_access_key = t\n"))));
  ASSERT_TRUE(base::WriteFileAtomically(files_, "home/.aws/config",
                                        base::AsBytes(std::string_view("[profile ops]\nregion = ap-2\n"))));
  options["profile"] = "ops";
  environment_.erase("AWS_REGION");
  Say(Url("https://ec2.ap-2.amazonaws.com"), kOnlyV6);
  EXPECT_THAT(Discover("ec2", options), HasSubstr("__meta_ec2_region=\"ap-2\""));
  EXPECT_EQ(Signer(), "OPS");
}

TEST_F(AwsTest, TheMachinesRoleAndAnotherRole) {
  Values options = Options();
  options["access_key"] = "";
  options["secret_key"] = Secret("");
  options["region"] = "";
  EXPECT_THAT(Discover("ec2", options), StartsWith("aws_token: ")) << "nothing is given: the machine is asked";
  const std::string metadata = "http://169.254.169.254/latest/";
  Say(metadata + "api/token", "TOKEN");
  Say(metadata + "meta-data/placement/region", "eu-7");
  Say(metadata + "meta-data/iam/security-credentials/", "machine\n");
  Say(metadata + "meta-data/iam/security-credentials/machine",
      R"({"Code": "Success", "AccessKeyId": "MAC", "SecretAccessKey": "s", "Token": "mt"})");
  Say(Url("https://ec2.eu-7.amazonaws.com"), kOnlyV6);
  servers_->requests.clear();
  EXPECT_THAT(Discover("ec2", options), HasSubstr("__meta_ec2_region=\"eu-7\""));
  EXPECT_EQ(servers_->requests[0].first.method, net::Method::kPut);
  EXPECT_EQ(servers_->requests[1].first.headers.Get("X-aws-ec2-metadata-token"), "TOKEN");
  EXPECT_EQ(Signer(), "MAC");

  options["role_arn"] = "arn:aws:iam::1:role/r";
  options["external_id"] = "x";
  Say("https://sts.eu-7.amazonaws.com/?Action=AssumeRole&Version=2011-06-15&RoleArn=arn%3Aaws%3Aiam%3A%3A1%3Arole%2Fr&"
      "RoleSessionName=barograph&ExternalId=x",
      "<AssumeRoleResponse><AssumeRoleResult><Credentials><AccessKeyId>LENT</AccessKeyId>"
      "<SecretAccessKey>k</SecretAccessKey><SessionToken>lt</SessionToken></Credentials></AssumeRoleResult>"
      "</AssumeRoleResponse>");
  EXPECT_THAT(Discover("ec2", options), HasSubstr("__meta_ec2_region=\"eu-7\""));
  EXPECT_EQ(Signer(), "LENT");
  EXPECT_EQ(servers_->requests.back().first.headers.Get("X-Amz-Security-Token"), "lt");
}

TEST_F(AwsTest, ContainersHaveKeysOfTheirOwn) {
  Values options = Options();
  options["access_key"] = "";
  options["secret_key"] = Secret("");
  environment_ = {{"AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "/v2/credentials/9"}, {"AWS_PROFILE", "prod"}};
  EXPECT_THAT(Discover("ec2", options), HasSubstr("profile \"prod\" has no aws_access_key_id"))
      << "what the machine has may be another account's";
  Say(Url("https://ec2.eu-1.amazonaws.com"), kOnlyV6);
  constexpr const char* kKeys = R"({"AccessKeyId": "BOX", "SecretAccessKey": "s", "Token": "bt"})";
  environment_ = {{"AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "/v2/credentials/9"}};
  Say("http://169.254.170.2/v2/credentials/9", kKeys);
  EXPECT_THAT(Discover("ec2", options), HasSubstr("i-3"));
  EXPECT_EQ(Signer(), "BOX");
  EXPECT_EQ(servers_->requests.back().first.headers.Get("X-Amz-Security-Token"), "bt");

  environment_ = {{"AWS_CONTAINER_CREDENTIALS_FULL_URI", "http://169.254.170.23/v1/credentials"},
                  {"AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", "pod-token"}};
  ASSERT_TRUE(base::WriteFileAtomically(files_, "pod-token", base::AsBytes(std::string_view("PT\n"))));
  Say("http://169.254.170.23/v1/credentials", kKeys);
  servers_->requests.clear();
  EXPECT_THAT(Discover("ec2", options), HasSubstr("i-3"));
  EXPECT_EQ(servers_->requests[0].first.headers.Get("Authorization"), "PT");
  EXPECT_EQ(servers_->requests[0].second.redirects_max, 0U);

  servers_->requests.clear();
  environment_["AWS_CONTAINER_CREDENTIALS_FULL_URI"] = "http://elsewhere/";
  EXPECT_EQ(Discover("ec2", options),
            "aws_container_keys: AWS_CONTAINER_CREDENTIALS_FULL_URI is neither https nor on this machine");
  EXPECT_TRUE(servers_->requests.empty());
}

TEST_F(AwsTest, WebIdentitiesAreExchangedForKeys) {
  Values options = Options();
  options["access_key"] = "";
  options["secret_key"] = Secret("");
  environment_ = {{"AWS_WEB_IDENTITY_TOKEN_FILE", "web-token"}, {"AWS_ROLE_ARN", "arn:r"}, {"HOME", "home"}};
  ASSERT_TRUE(base::WriteFileAtomically(files_, "web-token", base::AsBytes(std::string_view("W=T\n"))));
  Say("https://sts.eu-1.amazonaws.com/",
      "<R><AssumeRoleWithWebIdentityResult><Credentials><AccessKeyId>WEB</AccessKeyId><SecretAccessKey>k"
      "</SecretAccessKey><SessionToken>wt</SessionToken></Credentials></AssumeRoleWithWebIdentityResult></R>");
  Say(Url("https://ec2.eu-1.amazonaws.com"), kOnlyV6);
  EXPECT_THAT(Discover("ec2", options), HasSubstr("i-3"));
  EXPECT_EQ(Signer(), "WEB");
  const auto& [request, limits] = servers_->requests[0];
  EXPECT_EQ(request.method, net::Method::kPost);
  EXPECT_EQ(request.body,
            "Action=AssumeRoleWithWebIdentity&Version=2011-06-15&RoleArn=arn%3Ar&RoleSessionName=barograph&"
            "WebIdentityToken=W%3DT");
  EXPECT_FALSE(request.headers.Has("Authorization"));
  EXPECT_EQ(limits.redirects_max, 0U);
}

TEST_F(AwsTest, Ec2AndLightsailAreRolesOfAws) {
  Values options = Options();
  options["role"] = "ec2";
  Say(Url("https://ec2.eu-1.amazonaws.com"), kOnlyV6);
  EXPECT_THAT(Discover("aws", options), HasSubstr("__meta_ec2_instance_id=\"i-3\""));
  options["role"] = "lightsail";
  Say("https://lightsail.eu-1.amazonaws.com/", R"({"instances": [{"name": "n", "privateIpAddress": "172.26.0.1"}]})");
  EXPECT_THAT(Discover("aws", options), HasSubstr("__meta_lightsail_instance_name=\"n\""));
}

TEST_F(AwsTest, RegionsInChinaHaveADomainOfTheirOwn) {
  Values options = Options();
  options["region"] = "cn-north-1";
  options["role_arn"] = "r";
  Say("https://sts.cn-north-1.amazonaws.com.cn/?Action=AssumeRole&Version=2011-06-15&RoleArn=r&"
      "RoleSessionName=barograph",
      "<R><AssumeRoleResult><Credentials><AccessKeyId>LENT</AccessKeyId><SecretAccessKey>k</SecretAccessKey>"
      "<SessionToken>lt</SessionToken></Credentials></AssumeRoleResult></R>");
  Say(Url("https://ec2.cn-north-1.amazonaws.com.cn"), kOnlyV6);
  EXPECT_THAT(Discover("ec2", options), HasSubstr("__meta_ec2_region=\"cn-north-1\""));
  EXPECT_EQ(Signer(), "LENT");
}

TEST_F(AwsTest, Lightsail) {
  Say("https://lightsail.eu-1.amazonaws.com/", R"({"instances": [{"name": "n", "blueprintId": "debian_12",
    "bundleId": "nano", "supportCode": "1/i-1", "location": {"availabilityZone": "eu-1a"}, "state": {"name": "running"},
    "privateIpAddress": "172.26.0.1", "publicIpAddress": "203.0.113.2", "ipv6Addresses": ["2001:db8::9"],
    "tags": [{"key": "team-x", "value": "y"}, {"key": "flag"}]}, {"name": "pending"}]})");
  EXPECT_EQ(Discover("lightsail", Options()),
            "__address__=\"172.26.0.1:80\" __meta_lightsail_availability_zone=\"eu-1a\" "
            "__meta_lightsail_blueprint_id=\"debian_12\" __meta_lightsail_bundle_id=\"nano\" "
            "__meta_lightsail_instance_name=\"n\" __meta_lightsail_instance_state=\"running\" "
            "__meta_lightsail_instance_support_code=\"1/i-1\" __meta_lightsail_ipv6_addresses=\",2001:db8::9,\" "
            "__meta_lightsail_private_ip=\"172.26.0.1\" __meta_lightsail_public_ip=\"203.0.113.2\" "
            "__meta_lightsail_region=\"eu-1\" __meta_lightsail_tag_team_x=\"y\"\n");
  EXPECT_EQ(servers_->requests.back().first.body, "{}");
  EXPECT_EQ(servers_->requests.back().first.headers.Get("X-Amz-Target"), "Lightsail_20161128.GetInstances");
}

TEST(AwsFiles, ValuesOfSections) {
  const std::string text = "# no\n[a]\nx = 1\nxy=2\n[ b ]\r\nx=3\r\n";
  EXPECT_EQ(IniValue(text, "a", "x"), "1");
  EXPECT_EQ(IniValue(text, "a", "xy"), "2");
  EXPECT_EQ(IniValue(text, "b", "x"), "3");
  EXPECT_EQ(IniValue(text, "b", "xy"), "");
  EXPECT_EQ(IniValue("", "b", "xy"), "");
}

}  // namespace
}  // namespace baro::scraper
