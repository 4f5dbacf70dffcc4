// fuzz: scraper
// The cache against the plain parser: the input's first byte chooses the format, the rest is a sequence of expositions,
// parted by 0xfe bytes, that one target sends. After each, both must tell the same samples or the same error.
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string_view>

#include "scraper/expo/naive_scrape.h"
#include "scraper/exposition.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace baro::scraper;
  if (size == 0) return 0;
  std::string_view rest(reinterpret_cast<const char*>(data) + 1, size - 1);
  ExpositionCache cache(data[0]);
  expo::RecordingResolver resolver;
  bool changes_format = (data[0] & 4) != 0;
  ExpositionCache::Options options = {
      .format = (data[0] & 1) != 0 ? ExpositionFormat::kOpenMetrics : ExpositionFormat::kText,
      .honor_timestamps = (data[0] & 2) == 0};
  while (true) {
    const std::string_view body = rest.substr(0, rest.find('\xfe'));
    // The same body twice: the second time it is predicted.
    for (int i = 0; i < 2; ++i) {
      const expo::ScrapedSamples want = expo::NaiveScrape(body, options);
      const expo::ScrapedSamples got = expo::CachedScrape(cache, resolver, body, options);
      if (got.error != want.error || got.samples != want.samples || !got.problem.empty()) {
        std::fprintf(stderr, "cache: %s%s, plain: %s\n", got.error.c_str(), got.problem.c_str(), want.error.c_str());
        std::abort();
      }
    }
    if (body.size() == rest.size()) return 0;
    rest.remove_prefix(body.size() + 1);
    if (changes_format) {
      options.format =
          options.format == ExpositionFormat::kText ? ExpositionFormat::kOpenMetrics : ExpositionFormat::kText;
    }
  }
}
