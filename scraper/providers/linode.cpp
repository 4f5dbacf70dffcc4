// Instances of Linode.
//
// Source   Linode API 4. All lists are read in each refresh; Prometheus asks for events first, and leaves it if there
//          are none.
#include <charconv>
#include <map>

#include <fmt/format.h>

#include "scraper/providers/providers.h"

namespace baro::scraper {
namespace {

using enum LabelShape;

base::Result<> AddRegionFilter(const ApiScope& scope, net::FetchRequest& request) {
  const std::string& region = scope.record.Text("region");
  if (!region.empty()) {
    request.headers.Add("X-Filter", Json({{"region", region}}).dump(-1, ' ', true, Json::error_handler_t::replace));
  }
  return {};
}

constexpr ApiCall Pages(std::string_view name, std::string_view path) {
  return {.name = name,
          .path = path,
          .items = "data",
          .paging = Paging::kPages,
          .next = "pages",
          .parameter = "page",
          .prepare = AddRegionFilter};
}
constexpr ApiCall kCalls[] = {Pages("instances", "/v4/linode/instances?page_size=500"),
                              Pages("addresses", "/v4/networking/ips?page_size=500"),
                              Pages("ranges", "/v4/networking/ipv6/ranges?page_size=500")};

constexpr LabelRow kLabels[] = {{"__meta_linode_instance_id", "id"},
                                {"__meta_linode_instance_label", "label"},
                                {"__meta_linode_image", "image"},
                                {"__meta_linode_region", "region"},
                                {"__meta_linode_type", "type"},
                                {"__meta_linode_status", "status"},
                                {"__meta_linode_group", "group"},
                                {"__meta_linode_gpus", "specs.gpus", kNumber},
                                {"__meta_linode_hypervisor", "hypervisor"},
                                {"__meta_linode_specs_vcpus", "specs.vcpus", kNumber},
                                {"__meta_linode_tags", "tags", kList}};

struct Address {
  std::string address;
  std::string name;  ///< of its reverse lookup
  bool is_public = false;
};

/// What an instance's addresses are.
struct Addresses {
  Address public_v4;
  Address private_v4;
  Address public_v6;
  std::vector<std::string> others;
  std::vector<std::string> v6_ranges;
};

std::string Bytes(const Json& instance, std::string_view path, TargetList& list) {
  const std::string text = list.Text(instance, path);
  std::uint64_t megabytes = 0;
  std::from_chars(text.data(), text.data() + text.size(), megabytes);
  return fmt::format("{}", megabytes << 20U);
}

class TargetMaker {
 public:
  TargetMaker(const ApiScope& scope, TargetList& list) : scope_(scope), list_(list) {
    for (const Json& item : scope.answers.Of("addresses")) {
      Address address{.address = list.Text(item, "address"), .name = list.Text(item, "rdns")};
      if (address.name == "null") address.name.clear();
      address.is_public = list.Text(item, "public") == "true";
      const std::string key = address.address;
      known_.try_emplace(key, std::move(address));
    }
    for (const Json& range : scope.answers.Of("ranges")) ranges_[list.Text(range, "route_target")].push_back(&range);
  }

  void Run() {
    for (const Json& instance : scope_.answers.Of("instances")) {
      if (list_.failed()) return;
      if (!ItemsAt(instance, "ipv4").empty()) AddInstance(instance);
    }
  }

 private:
  Addresses AddressesOf(const Json& instance) {
    Addresses found;
    for (const std::string& text : list_.Texts(instance, "ipv4")) {
      const auto known = known_.find(text);
      if (known == known_.end()) continue;
      Address& slot = known->second.is_public ? found.public_v4 : found.private_v4;
      if (slot.address.empty()) {
        slot = known->second;
      } else {
        found.others.push_back(text);
      }
    }
    const std::string v6 = list_.Text(instance, "ipv6");
    const std::string own = v6.substr(0, v6.find('/'));
    if (own.empty()) return found;
    if (const auto known = known_.find(own); known != known_.end()) found.public_v6 = known->second;
    const auto ranges = ranges_.find(own);
    if (ranges == ranges_.end()) return found;
    for (const Json* const range : ranges->second) {
      found.v6_ranges.push_back(fmt::format("{}/{}", list_.Text(*range, "range"), list_.Text(*range, "prefix")));
    }
    return found;
  }

  void AddInstance(const Json& instance) {
    const Addresses addresses = AddressesOf(instance);
    const std::string& separator = scope_.record.Text("tag_separator");
    LabelMap labels;
    list_.Apply(kLabels, instance, labels, separator);
    const auto add = [&labels](const char* name, const Address& address) {
      labels[fmt::format("__meta_linode_{}", name)] = address.address;
      labels[fmt::format("__meta_linode_{}_rdns", name)] = address.name;
    };
    add("public_ipv4", addresses.public_v4);
    add("private_ipv4", addresses.private_v4);
    add("public_ipv6", addresses.public_v6);
    labels["__meta_linode_extra_ips"] = JoinList(addresses.others, separator);
    labels["__meta_linode_ipv6_ranges"] = JoinList(addresses.v6_ranges, separator);
    labels["__meta_linode_backups"] = list_.Text(instance, "backups.enabled") == "true" ? "enabled" : "disabled";
    labels["__meta_linode_specs_disk_bytes"] = Bytes(instance, "specs.disk", list_);
    labels["__meta_linode_specs_memory_bytes"] = Bytes(instance, "specs.memory", list_);
    labels["__meta_linode_specs_transfer_bytes"] = Bytes(instance, "specs.transfer", list_);
    list_.Add(std::move(labels), addresses.public_v4.address, scope_.Port());
  }

  const ApiScope& scope_;
  TargetList& list_;
  std::map<std::string, Address> known_;
  std::map<std::string, std::vector<const Json*>> ranges_;  // by where they lead
};

void MakeTargets(const ApiScope& scope, TargetList& list) { TargetMaker(scope, list).Run(); }

constexpr ApiProvider kTable[] = {
    {.kind = "linode", .group = "Linode", .base = "https://api.linode.com", .calls = kCalls, .targets = MakeTargets}};

}  // namespace

constinit const std::span<const ApiProvider> kLinodeProviders = kTable;

}  // namespace baro::scraper
