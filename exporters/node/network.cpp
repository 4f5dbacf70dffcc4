#include <charconv>

#include <fmt/format.h>

#include "exporters/node/collectors.h"

namespace baro::exporters {
namespace {

constexpr std::string_view kReceiveColumns[] = {"bytes", "packets", "errs",       "drop",
                                                "fifo",  "frame",   "compressed", "multicast"};
constexpr std::string_view kTransmitColumns[] = {"bytes", "packets", "errs",    "drop",
                                                 "fifo",  "colls",   "carrier", "compressed"};

void AddTraffic(FamilySet& out, std::string_view direction, std::string_view column, const std::string& device,
                double value) {
  out.Counter(fmt::format("node_network_{}_{}_total", direction, column),
              fmt::format("Network device statistic {}_{}.", direction, column), {{"device", device}}, value);
}

/// A property of a device in /sys/class/net, and the metric that shows it.
struct DeviceProperty {
  std::string_view file;
  std::string_view name;
  base::MetricKind kind;
};
using enum base::MetricKind;
constexpr DeviceProperty kProperties[] = {
    {"addr_assign_type", "address_assign_type", kGauge},
    {"carrier", "carrier", kGauge},
    {"carrier_changes", "carrier_changes_total", kCounter},
    {"carrier_up_count", "carrier_up_changes_total", kCounter},
    {"carrier_down_count", "carrier_down_changes_total", kCounter},
    {"dev_id", "device_id", kGauge},
    {"dormant", "dormant", kGauge},
    {"flags", "flags", kGauge},
    {"ifindex", "iface_id", kGauge},
    {"iflink", "iface_link", kGauge},
    {"link_mode", "iface_link_mode", kGauge},
    {"mtu", "mtu_bytes", kGauge},
    {"name_assign_type", "name_assign_type", kGauge},
    {"netdev_group", "net_dev_group", kGauge},
    {"speed", "speed_bytes", kGauge},
    {"tx_queue_len", "transmit_queue_length", kGauge},
    {"type", "protocol_type", kGauge},
};

std::string Property(const NodeContext& context, const std::string& device, std::string_view file) {
  // Reading some of these fails while a device is down; they are then absent.
  const auto text = context.Sys(fmt::format("class/net/{}/{}", device, file));
  return text ? std::string(Trim(*text)) : std::string();
}

/// Decimal, or hexadecimal with 0x.
bool ParseProperty(std::string_view text, double& value) {
  const bool is_hex = text.starts_with("0x");
  if (is_hex) text.remove_prefix(2);
  std::int64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number, is_hex ? 16 : 10);
  if (error != std::errc() || end != text.data() + text.size()) return false;
  value = static_cast<double>(number);
  return true;
}

}  // namespace

base::Result<> CollectNetworkTraffic(const NodeContext& context, FamilySet& out) {
  const std::string text = BARO_TRY(context.Proc("net/dev"));
  ForEachLine(text, [&](std::string_view line) {
    const std::size_t colon = line.rfind(':');  // an alias has a colon in its name
    if (colon == std::string_view::npos) return;
    const std::string device(Trim(line.substr(0, colon)));
    const auto words = Words(line.substr(colon + 1));
    if (words.size() < 16) return;
    for (std::size_t i = 0; i < 8; ++i) {
      AddTraffic(out, "receive", kReceiveColumns[i], device, ToNumber(words[i]));
      AddTraffic(out, "transmit", kTransmitColumns[i], device, ToNumber(words[i + 8]));
    }
    const std::string dropped = Property(context, device, "statistics/rx_nohandler");
    if (!dropped.empty()) AddTraffic(out, "receive", "nohandler", device, ToNumber(dropped));
  });
  return {};
}

base::Result<> CollectNetworkDevices(const NodeContext& context, FamilySet& out) {
  for (const std::string& device : BARO_TRY(context.files.ListDirectory(context.options.sys + "/class/net"))) {
    const std::string state = Property(context, device, "operstate");
    if (state.empty()) continue;  // no device: a control file of bonding, for example
    out.Gauge("node_network_up", "1 if the device's state is up.", {{"device", device}}, state == "up" ? 1 : 0);
    out.Gauge("node_network_info", "What is known of a network device; always 1.",
              {{"device", device},
               {"address", Property(context, device, "address")},
               {"broadcast", Property(context, device, "broadcast")},
               {"duplex", Property(context, device, "duplex")},
               {"operstate", state},
               {"ifalias", Property(context, device, "ifalias")}},
              1);
    for (const DeviceProperty& property : kProperties) {
      double value = 0;
      if (!ParseProperty(Property(context, device, property.file), value)) continue;
      if (property.file == "speed") value *= 1e6 / 8;  // megabits a second
      out.Add(fmt::format("node_network_{}", property.name), property.kind,
              fmt::format("Network device property: {}", property.name), {{"device", device}}, value);
    }
  }
  return {};
}

}  // namespace baro::exporters
