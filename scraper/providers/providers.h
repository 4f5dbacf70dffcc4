// The tables of this folder, by file.
#pragma once

#include <span>

#include "scraper/discovery/api_provider.h"

namespace baro::scraper {

extern const std::span<const ApiProvider> kDockerProviders;
extern const std::span<const ApiProvider> kDockerSwarmProviders;

}  // namespace baro::scraper
