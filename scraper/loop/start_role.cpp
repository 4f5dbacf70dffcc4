#include "scraper/loop/start_role.h"

#include "model/names.h"
#include "scraper/target.h"

namespace baro::scraper {
namespace {

constexpr std::string_view kCreated = "_created";

// The name without the first of the suffixes that it has.
std::string_view StemOf(std::string_view name, std::initializer_list<std::string_view> suffixes) {
  for (const std::string_view suffix : suffixes) {
    if (name.ends_with(suffix)) return name.substr(0, name.size() - suffix.size());
  }
  return name;
}

// Does not depend on the order of labels.
std::uint64_t KeyOf(std::string_view stem, const SampleLine& line, std::string_view but) {
  std::uint64_t key = Fnv1a(stem);
  for (const ExpositionLabel& label : line.labels) {
    if (label.name == but || label.value.empty()) continue;
    key += Fnv1a(label.value, Fnv1a("=", Fnv1a(label.name)));
  }
  return key;
}

StartRole RoleIn(const SampleLine& line, std::initializer_list<std::string_view> suffixes, std::string_view but) {
  StartRole role;
  role.is_created = line.name.ends_with(kCreated);
  role.may_have_start = !role.is_created;
  const std::string_view stem = role.is_created ? StemOf(line.name, {kCreated}) : StemOf(line.name, suffixes);
  role.key = KeyOf(stem, line, but);
  return role;
}

}  // namespace

StartRole StartRoleOf(const SampleLine& line) {
  switch (line.type) {
    case model::MetricType::kCounter:
      return RoleIn(line, {"_total"}, {});
    case model::MetricType::kHistogram:
      return RoleIn(line, {"_bucket", "_count", "_sum"}, model::kBucketLabel);
    case model::MetricType::kSummary:
      return RoleIn(line, {"_count", "_sum"}, model::kQuantileLabel);
    case model::MetricType::kUnknown:
    case model::MetricType::kGauge:
    case model::MetricType::kGaugeHistogram:
    case model::MetricType::kInfo:
    case model::MetricType::kStateSet:
      return {};
  }
  return {};
}

}  // namespace baro::scraper
