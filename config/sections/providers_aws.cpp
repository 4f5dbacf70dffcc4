// Discoveries of Amazon's services; `aws` is all of them behind a field `role`.
#include <algorithm>
#include <array>

#include "config/sections/provider_table.h"

namespace baro::config {
namespace {

using enum FieldType;

constexpr std::string_view kRoles[] = {"ec2", "ecs", "elasticache", "lightsail", "msk", "rds"};

constexpr ProviderField kFilterFields[] = {{"name", kText}, {"values", kTextList}};
constexpr ProviderField kFilledFilterFields[] = {{"name", kText}, {"values", kTextList, "", Need::kFilled}};

constexpr ProviderField kCommonFields[] = {{"endpoint", kText, "", Need::kShown},
                                           {"region", kText, "", Need::kShown},
                                           {"access_key", kText},
                                           {"secret_key", kSecret},
                                           {"profile", kText},
                                           {"role_arn", kText},
                                           {"external_id", kText},
                                           {"refresh_interval", kDuration, "60s"},
                                           {"port", kInteger, "80", Need::kShown}};

/// What all of them have, then what only some know.
template <std::size_t N>
constexpr auto CommonAnd(const ProviderField (&own)[N]) {
  std::array<ProviderField, std::size(kCommonFields) + N> all;
  std::ranges::copy(own, std::ranges::copy(kCommonFields, all.begin()).out);
  return all;
}

constexpr ProviderField kFilters = {.name = "filters", .type = kRecordList, .fields = kFilterFields};

constexpr auto kEc2Fields =
    CommonAnd({ProviderField{.name = "filters", .type = kRecordList, .fields = kFilledFilterFields}});
constexpr auto kEcsFields =
    CommonAnd({ProviderField{"clusters", kTextList}, ProviderField{"request_concurrency", kInteger, "20"}});
constexpr auto kClusterFields =
    CommonAnd({ProviderField{"clusters", kTextList}, ProviderField{"request_concurrency", kInteger, "10"}});
constexpr auto kRdsFields =
    CommonAnd({ProviderField{"clusters", kTextList}, ProviderField{"request_concurrency", kInteger, "10"}, kFilters});
constexpr auto kAwsFields =
    CommonAnd({ProviderField{.name = "role", .type = kChoice, .need = Need::kFilled, .choices = kRoles},
               ProviderField{"clusters", kTextList}, kFilters});

constexpr Provider kTable[] = {
    {.kind = "aws", .fields = kAwsFields},          {.kind = "ec2", .fields = kEc2Fields},
    {.kind = "ecs", .fields = kEcsFields},          {.kind = "elasticache", .fields = kClusterFields},
    {.kind = "lightsail", .fields = kCommonFields}, {.kind = "msk", .fields = kClusterFields},
    {.kind = "rds", .fields = kRdsFields}};

}  // namespace

constinit const std::span<const Provider> kAwsProviders = kTable;

}  // namespace baro::config
