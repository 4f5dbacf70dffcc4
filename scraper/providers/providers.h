// The tables of this folder, by file.
#pragma once

#include <span>

#include "scraper/discovery/api_provider.h"

namespace baro::scraper {

extern const std::span<const ApiProvider> kAwsApiProviders;
extern const std::span<const ApiProvider> kAzureProviders;
extern const std::span<const ApiProvider> kDigitaloceanProviders;
extern const std::span<const ApiProvider> kDockerProviders;
extern const std::span<const ApiProvider> kDockerSwarmProviders;
extern const std::span<const ApiProvider> kEcsProviders;
extern const std::span<const ApiProvider> kElasticacheProviders;
extern const std::span<const ApiProvider> kEurekaProviders;
extern const std::span<const ApiProvider> kGceProviders;
extern const std::span<const ApiProvider> kHetznerProviders;
extern const std::span<const ApiProvider> kIonosProviders;
extern const std::span<const ApiProvider> kKumaProviders;
extern const std::span<const ApiProvider> kLinodeProviders;
extern const std::span<const ApiProvider> kMarathonProviders;
extern const std::span<const ApiProvider> kMskProviders;
extern const std::span<const ApiProvider> kNomadProviders;
extern const std::span<const ApiProvider> kOciProviders;
extern const std::span<const ApiProvider> kOpenstackProviders;
extern const std::span<const ApiProvider> kOutscaleProviders;
extern const std::span<const ApiProvider> kOvhcloudProviders;
extern const std::span<const ApiProvider> kPuppetdbProviders;
extern const std::span<const ApiProvider> kRdsProviders;
extern const std::span<const ApiProvider> kScalewayProviders;
extern const std::span<const ApiProvider> kStackitProviders;
extern const std::span<const ApiProvider> kTritonProviders;
extern const std::span<const ApiProvider> kUyuniProviders;
extern const std::span<const ApiProvider> kVultrProviders;

}  // namespace baro::scraper
