// fuzz: scraper
// Any answer of an HTTP discovery is refused with a message, or gives groups within bounds, each with its URL.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "base/result.h"
#include "scraper/target_file.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace baro::scraper;
  const auto groups = ParseHttpTargets(std::string_view(reinterpret_cast<const char*>(data), size), "http://sd/");
  if (!groups) {
    BARO_ASSERT(!groups.error().message().empty());
    return 0;
  }
  std::size_t targets = 0;
  for (const TargetGroup& group : *groups) {
    BARO_ASSERT(group.labels.at("__meta_url") == "http://sd/");
    for (const auto& target : group.targets) BARO_ASSERT(target.contains("__address__"));
    targets += group.targets.size();
  }
  BARO_ASSERT(targets <= kDiscoveredTargetsMax);
  return 0;
}
