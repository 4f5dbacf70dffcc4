#include "scraper/discovery/dns_source.h"

#include <algorithm>

#include <fmt/format.h>

#include "scraper/discovery/target_list.h"
#include "scraper/target_file.h"

namespace baro::scraper {
namespace {

using base::MutexLock;
using net::DnsType;

DnsType TypeOf(std::string_view name) {
  struct Row {
    std::string_view name;
    DnsType type;
  };
  constexpr Row kRows[] = {
      {"A", DnsType::kA}, {"AAAA", DnsType::kAaaa}, {"SRV", DnsType::kSrv}, {"MX", DnsType::kMx}, {"NS", DnsType::kNs}};
  const auto* const row =
      std::ranges::find_if(kRows, [&](const Row& known) { return net::EqualsIgnoringCase(known.name, name); });
  BARO_ASSERT(row != std::end(kRows));
  return row->type;
}

/// The label that has the host of a record of that type.
std::string_view TargetLabelOf(DnsType type) {
  switch (type) {
    case DnsType::kSrv:
      return "__meta_dns_srv_record_target";
    case DnsType::kMx:
      return "__meta_dns_mx_record_target";
    case DnsType::kNs:
      return "__meta_dns_ns_record_target";
    default:
      return "";
  }
}

}  // namespace

base::Result<std::shared_ptr<TargetSource>> DnsSource::Make(const DiscoveryOptions& options,
                                                            const DiscoveryContext& context) {
  if (context.dns == nullptr) return base::Fail(base::Code::kUnsupported, "there is no client for DNS");
  return std::shared_ptr<TargetSource>(new DnsSource(options, context));
}

DnsSource::DnsSource(const DiscoveryOptions& options, const DiscoveryContext& context)
    : type_(TypeOf(options.record.Text("type"))),
      port_(fmt::format("{}", options.record.Get<std::int64_t>("port"))),
      client_(*context.dns),
      executor_(context.executor),
      metrics_(context.metrics),
      log_(context.log.With("discovery", "dns")) {
  const MutexLock lock(mutex_);
  for (const std::string& name : options.record.Get<std::vector<std::string>>("names")) names_[name] = {};
}

void DnsSource::Refresh(Done done) {
  std::vector<std::string> names;
  std::uint64_t refresh = 0;
  {
    const MutexLock lock(mutex_);
    refresh = ++refresh_;
    done_ = std::move(done);
    waiting_ = names_.size();
    for (const auto& [name, known] : names_) names.push_back(name);
  }
  for (const std::string& name : names) {
    client_.Lookup(name, type_, [self = shared_from_this(), refresh, name](const auto& records) {
      self->Take(refresh, name, records);
    });
  }
}

// Lookups end by themselves, soon; nobody hears them then.
void DnsSource::Cancel() {
  const MutexLock lock(mutex_);
  ++refresh_;
  if (!done_) return;
  executor_.Post(
      [done = std::exchange(done_, nullptr)] { done(base::Fail(base::Code::kCancelled, "the refresh was ended")); });
}

void DnsSource::Take(std::uint64_t refresh, const std::string& name,
                     const base::Result<std::vector<net::DnsRecord>>& records) {
  Done done;
  base::Result<std::vector<TargetGroup>> groups;
  std::string new_error;
  {
    const MutexLock lock(mutex_);
    if (refresh != refresh_) return;  // nor are the metrics touched: they may be gone
    metrics_.sd_dns_lookups_total.Add();
    if (!records) metrics_.sd_dns_lookup_failures_total.Add();
    Name& known = names_[name];
    if (records) {
      known = {.group = GroupOf(name, *records), .error = ""};
    } else if (known.error != records.error().message()) {
      known.error = records.error().message();
      new_error = known.error;
    }
    if (--waiting_ == 0) {
      done = std::exchange(done_, nullptr);
      groups = Collect();
    }
  }
  // When all names fail, the discovery says so as a whole.
  if (!new_error.empty() && (!done || groups)) {
    log_.Warn("name cannot be looked up; it keeps its targets", {{"err", new_error}});
  }
  if (done) done(std::move(groups));
}

base::Result<std::vector<TargetGroup>> DnsSource::Collect() {
  const bool has_good = std::ranges::any_of(names_, [](const auto& entry) { return entry.second.error.empty(); });
  if (!has_good) return base::Error(base::Code::kIo, names_.begin()->second.error);
  std::vector<TargetGroup> groups;
  std::size_t targets = 0;
  for (const auto& [name, known] : names_) {
    groups.push_back(known.group);
    groups.back().source = name;
    targets += known.group.targets.size();
  }
  if (targets > kDiscoveredTargetsMax) {
    return base::Error(base::Code::kLimitExceeded, fmt::format("more than {} targets", kDiscoveredTargetsMax));
  }
  return groups;
}

TargetGroup DnsSource::GroupOf(const std::string& name, const std::vector<net::DnsRecord>& records) const {
  TargetGroup group{.source = name};
  const std::string target_label(TargetLabelOf(type_));
  for (const net::DnsRecord& record : records) {
    const bool is_srv = type_ == DnsType::kSrv;
    const std::string port = is_srv ? fmt::format("{}", record.port) : port_;
    LabelMap labels{{"__address__", JoinHostPort(record.value, port)}, {"__meta_dns_name", name}};
    if (!target_label.empty()) labels[target_label] = record.value + ".";  // as it stands in the record
    if (is_srv) labels["__meta_dns_srv_record_port"] = port;
    group.targets.push_back(std::move(labels));
  }
  return group;
}

}  // namespace baro::scraper
