#include "scraper/providers/providers.h"

namespace baro::scraper {

std::vector<const ApiProvider*> AllApiProviders() {
  std::vector<const ApiProvider*> all;
  for (const auto& tables : {kDockerProviders, kDockerSwarmProviders}) {
    for (const ApiProvider& provider : tables) all.push_back(&provider);
  }
  return all;
}

}  // namespace baro::scraper
