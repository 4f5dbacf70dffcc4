// Instances of Amazon EC2 and Lightsail.
//
// Source   Amazon EC2 API 2016-11-15 (Query, XML), Amazon Lightsail API 2016-11-28 (JSON).
#include <charconv>
#include <map>
#include <set>

#include <fmt/format.h>

#include "scraper/providers/aws_api.h"
#include "scraper/providers/providers.h"

namespace baro::scraper {
namespace {

using enum LabelShape;

base::Result<> PrepareZones(const ApiScope& scope, net::FetchRequest& request) {
  return SignForAws(scope, "ec2", request);
}

base::Result<> PrepareInstances(const ApiScope& scope, net::FetchRequest& request) {
  std::size_t number = 0;
  for (const DiscoveryRecord& filter : scope.record.Get<std::vector<DiscoveryRecord>>("filters")) {
    ++number;
    request.url += fmt::format("&Filter.{}.Name={}", number, net::UrlEncode(filter.Text("name")));
    std::size_t value_number = 0;
    for (const std::string& value : filter.Get<std::vector<std::string>>("values")) {
      request.url += fmt::format("&Filter.{}.Value.{}={}", number, ++value_number, net::UrlEncode(value));
    }
  }
  return SignForAws(scope, "ec2", request);
}

base::Result<> PrepareLightsail(const ApiScope& scope, net::FetchRequest& request) {
  return SignAwsJson(scope, "lightsail", "Lightsail_20161128.GetInstances", Json::object(), request);
}

constexpr ApiCall kEc2Calls[] = {{.name = "zones",
                                  .path = "/?Action=DescribeAvailabilityZones&Version=2016-11-15",
                                  .items = "availabilityZoneInfo.item",
                                  .form = AnswerForm::kXml,
                                  .is_optional = true,  // only a label, for which there may be no right
                                  .prepare = PrepareZones},
                                 {.name = "reservations",
                                  .path = "/?Action=DescribeInstances&Version=2016-11-15",
                                  .items = "reservationSet.item",
                                  .paging = Paging::kCursor,
                                  .next = "nextToken",
                                  .parameter = "NextToken",
                                  .form = AnswerForm::kXml,
                                  .prepare = PrepareInstances}};
constexpr ApiCall kLightsailCalls[] = {{.name = "instances",
                                        .path = "/",
                                        .items = "instances",
                                        .paging = Paging::kCursor,
                                        .next = "nextPageToken",
                                        .parameter = "pageToken",
                                        .method = net::Method::kPost,
                                        .prepare = PrepareLightsail}};

constexpr LabelRow kEc2Labels[] = {{"__meta_ec2_instance_id", "instanceId"},
                                   {"__meta_ec2_ami", "imageId"},
                                   {"__meta_ec2_architecture", "architecture"},
                                   {"__meta_ec2_availability_zone", "placement.availabilityZone"},
                                   {"__meta_ec2_instance_lifecycle", "instanceLifecycle"},
                                   {"__meta_ec2_instance_state", "instanceState.name"},
                                   {"__meta_ec2_instance_type", "instanceType"},
                                   {"__meta_ec2_platform", "platform"},
                                   {"__meta_ec2_private_dns_name", "privateDnsName"},
                                   {"__meta_ec2_private_ip", "privateIpAddress"},
                                   {"__meta_ec2_public_ip", "ipAddress"},
                                   {"__meta_ec2_vpc_id", "vpcId"}};

constexpr LabelRow kLightsailLabels[] = {{"__meta_lightsail_availability_zone", "location.availabilityZone"},
                                         {"__meta_lightsail_blueprint_id", "blueprintId"},
                                         {"__meta_lightsail_bundle_id", "bundleId"},
                                         {"__meta_lightsail_instance_name", "name"},
                                         {"__meta_lightsail_instance_state", "state.name"},
                                         {"__meta_lightsail_instance_support_code", "supportCode"},
                                         {"__meta_lightsail_ipv6_addresses", "ipv6Addresses", kList},
                                         {"__meta_lightsail_private_ip", "privateIpAddress"},
                                         {"__meta_lightsail_public_ip", "publicIpAddress"}};

/// What an instance's network interfaces in a VPC have.
struct Interfaces {
  std::vector<std::string> subnets;    ///< each once
  std::vector<std::string> addresses;  ///< IPv6
  std::vector<std::string> primary;    ///< IPv6, by the index of the device; "" where there is none
};

constexpr std::size_t kDevicesMax = 256;  // more than any instance has

std::size_t DeviceIndex(const Json& interface, TargetList& list) {
  const std::string text = list.Text(interface, "attachment.deviceIndex");
  std::size_t index = 0;
  std::from_chars(text.data(), text.data() + text.size(), index);
  if (index >= kDevicesMax) list.Fail(fmt::format("attachment.deviceIndex: {} is not below {}", text, kDevicesMax));
  return std::min(index, kDevicesMax - 1);
}

Interfaces InterfacesOf(const Json& instance, TargetList& list) {
  Interfaces found;
  std::set<std::string> seen;
  for (const Json& interface : ItemsAt(instance, "networkInterfaceSet.item")) {
    const std::string subnet = list.Text(interface, "subnetId");
    if (subnet.empty()) continue;
    if (seen.insert(subnet).second) found.subnets.push_back(subnet);
    for (const Json& address : ItemsAt(interface, "ipv6AddressesSet.item")) {
      found.addresses.push_back(list.Text(address, "ipv6Address"));
      if (list.Text(address, "isPrimaryIpv6") != "true") continue;
      const std::size_t device = DeviceIndex(interface, list);
      if (found.primary.size() <= device) found.primary.resize(device + 1);
      found.primary[device] = found.addresses.back();
    }
  }
  return found;
}

std::string DefaultAddress(const Interfaces& interfaces) {
  for (const auto* const list : {&interfaces.primary, &interfaces.addresses}) {
    for (const std::string& address : *list) {
      if (!address.empty()) return address;
    }
  }
  return "";
}

class Ec2Maker {
 public:
  Ec2Maker(const ApiScope& scope, TargetList& list, std::string region)
      : scope_(scope), list_(list), region_(std::move(region)) {
    for (const Json& zone : scope.answers.Of("zones")) zones_[list.Text(zone, "zoneName")] = list.Text(zone, "zoneId");
  }

  void Run() {
    for (const Json& reservation : scope_.answers.Of("reservations")) {
      const std::string owner = list_.Text(reservation, "ownerId");
      for (const Json& instance : ItemsAt(reservation, "instancesSet.item")) AddInstance(instance, owner);
    }
  }

 private:
  void AddInstance(const Json& instance, const std::string& owner) {
    const bool has_vpc = !list_.Text(instance, "vpcId").empty();
    const Interfaces interfaces = has_vpc ? InterfacesOf(instance, list_) : Interfaces();
    const std::string own_v6 = DefaultAddress(interfaces);
    const std::string private_v4 = list_.Text(instance, "privateIpAddress");
    if (private_v4.empty() && own_v6.empty()) return;
    LabelMap labels{{"__meta_ec2_region", region_},
                    {"__meta_ec2_owner_id", owner},
                    {"__meta_ec2_default_ipv6_address", own_v6},
                    {"__meta_ec2_primary_ipv6_addresses", JoinList(interfaces.primary)},
                    {"__meta_ec2_ipv6_addresses", JoinList(interfaces.addresses)}};
    list_.Apply(kEc2Labels, instance, labels);
    if (const auto zone = zones_.find(labels["__meta_ec2_availability_zone"]); zone != zones_.end()) {
      labels["__meta_ec2_availability_zone_id"] = zone->second;
    }
    if (labels.contains("__meta_ec2_public_ip")) labels["__meta_ec2_public_dns_name"] = list_.Text(instance, "dnsName");
    if (has_vpc) {
      labels["__meta_ec2_primary_subnet_id"] = list_.Text(instance, "subnetId");
      labels["__meta_ec2_subnet_id"] = interfaces.subnets.empty() ? ",," : JoinList(interfaces.subnets);
    }
    AddAwsTags(ItemsAt(instance, "tagSet.item"), AwsTagNames::kLower, "__meta_ec2_tag_", list_, labels);
    list_.Add(std::move(labels), private_v4.empty() ? own_v6 : private_v4, scope_.Port());
  }

  const ApiScope& scope_;
  TargetList& list_;
  const std::string region_;
  std::map<std::string, std::string> zones_;  // ids by names
};

void MakeEc2(const ApiScope& scope, TargetList& list) {
  auto region = AwsRegion(scope);
  if (!region) return list.Fail(region.error().message());
  Ec2Maker(scope, list, *std::move(region)).Run();
}

void MakeLightsail(const ApiScope& scope, TargetList& list) {
  const auto region = AwsRegion(scope);
  if (!region) return list.Fail(region.error().message());
  for (const Json& instance : scope.answers.Of("instances")) {
    const std::string address = list.Text(instance, "privateIpAddress");
    if (address.empty()) continue;
    LabelMap labels{{"__meta_lightsail_region", *region}};
    list.Apply(kLightsailLabels, instance, labels);
    AddAwsTags(ItemsAt(instance, "tags"), AwsTagNames::kLower, "__meta_lightsail_tag_", list, labels);
    list.Add(std::move(labels), address, scope.Port());
  }
}

// The base is replaced by the region's own when a request is signed.
constexpr ApiProvider kEc2 = {.kind = "ec2",
                              .group = "ec2",
                              .base = "https://ec2.amazonaws.com",
                              .login = AwsLogin,
                              .calls = kEc2Calls,
                              .targets = MakeEc2};
constexpr ApiProvider kLightsail = {.kind = "lightsail",
                                    .group = "lightsail",
                                    .base = "https://lightsail.amazonaws.com",
                                    .login = AwsLogin,
                                    .calls = kLightsailCalls,
                                    .targets = MakeLightsail};
constexpr ApiProvider kTable[] = {kEc2, AwsRole(kEc2), kLightsail, AwsRole(kLightsail)};

}  // namespace

const std::span<const ApiProvider> kAwsApiProviders = kTable;

}  // namespace baro::scraper
