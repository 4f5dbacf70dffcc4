#include "scraper/providers/providers.h"

namespace baro::scraper {

std::vector<const ApiProvider*> AllApiProviders() {
  std::vector<const ApiProvider*> all;
  for (const auto& tables :
       {kAwsApiProviders,   kAzureProviders,       kDigitaloceanProviders, kDockerProviders,   kDockerSwarmProviders,
        kEcsProviders,      kElasticacheProviders, kEurekaProviders,       kGceProviders,      kHetznerProviders,
        kIonosProviders,    kKumaProviders,        kLinodeProviders,       kMarathonProviders, kMskProviders,
        kNomadProviders,    kOciProviders,         kOpenstackProviders,    kOutscaleProviders, kOvhcloudProviders,
        kPuppetdbProviders, kRdsProviders,         kScalewayProviders,     kStackitProviders,  kTritonProviders,
        kUyuniProviders,    kVultrProviders}) {
    for (const ApiProvider& provider : tables) all.push_back(&provider);
  }
  return all;
}

}  // namespace baro::scraper
