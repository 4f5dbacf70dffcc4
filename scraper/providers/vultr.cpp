// Instances of Vultr.
//
// Source   Vultr API 2.
#include "scraper/providers/providers.h"

namespace baro::scraper {
namespace {

using enum LabelShape;

constexpr ApiCall kCalls[] = {{.name = "instances",
                               .path = "/v2/instances?per_page=100",
                               .items = "instances",
                               .paging = Paging::kCursor,
                               .next = "meta.links.next",
                               .parameter = "cursor"}};

constexpr LabelRow kLabels[] = {{"__meta_vultr_instance_id", "id"},
                                {"__meta_vultr_instance_label", "label"},
                                {"__meta_vultr_instance_os", "os"},
                                {"__meta_vultr_instance_os_id", "os_id", kNumber},
                                {"__meta_vultr_instance_region", "region"},
                                {"__meta_vultr_instance_plan", "plan"},
                                {"__meta_vultr_instance_main_ip", "main_ip"},
                                {"__meta_vultr_instance_main_ipv6", "v6_main_ip"},
                                {"__meta_vultr_instance_internal_ip", "internal_ip"},
                                {"__meta_vultr_instance_features", "features", kList},
                                {"__meta_vultr_instance_tags", "tags", kList},
                                {"__meta_vultr_instance_hostname", "hostname"},
                                {"__meta_vultr_instance_server_status", "server_status"},
                                {"__meta_vultr_instance_vcpu_count", "vcpu_count", kNumber},
                                {"__meta_vultr_instance_ram_mb", "ram", kNumber},
                                {"__meta_vultr_instance_allowed_bandwidth_gb", "allowed_bandwidth", kNumber},
                                {"__meta_vultr_instance_disk_gb", "disk", kNumber}};

constexpr ApiProvider kTable[] = {{.kind = "vultr",
                                   .group = "Vultr",
                                   .base = "https://api.vultr.com",
                                   .calls = kCalls,
                                   .labels = kLabels,
                                   .host = "main_ip"}};

}  // namespace

constinit const std::span<const ApiProvider> kVultrProviders = kTable;

}  // namespace baro::scraper
