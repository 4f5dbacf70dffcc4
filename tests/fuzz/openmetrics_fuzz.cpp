// fuzz: scraper
// OpenMetrics: what the specification takes, the scraping parser takes, too; nothing falls over.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "scraper/exposition_reader.h"
#include "scraper/openmetrics_validator.h"

namespace {

bool IsReadable(std::string_view body) {
  baro::scraper::ExpositionReader reader(body, baro::scraper::ExpositionFormat::kOpenMetrics);
  while (true) {
    const auto next = reader.Next();
    if (!next) return false;
    if ((*next)->kind == baro::scraper::ExpositionEvent::Kind::kEnd) return true;
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view body(reinterpret_cast<const char*>(data), size);
  const bool is_valid = baro::scraper::ValidateOpenMetrics(body).has_value();
  if (is_valid && !IsReadable(body)) std::abort();
  return 0;
}
