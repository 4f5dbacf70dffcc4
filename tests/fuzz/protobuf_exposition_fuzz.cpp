// fuzz: scraper
// Protobuf expositions of one target, one after the other: what the cache makes of each, with its memory of those
// before, must be what one without memory makes of it. The input's first byte chooses options; each body stands behind
// its size in two bytes.
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string_view>

#include "scraper/expo/naive_scrape.h"
#include "scraper/exposition.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace baro::scraper;
  if (size == 0) return 0;
  const ExpositionCache::Options options = {.format = ExpositionFormat::kProtobuf,
                                            .honor_timestamps = (data[0] & 1) == 0,
                                            .native_histograms = (data[0] & 2) != 0,
                                            .classic_besides_native = (data[0] & 4) != 0};
  std::string_view rest(reinterpret_cast<const char*>(data) + 1, size - 1);
  ExpositionCache cache(data[0]);
  expo::RecordingResolver resolver;
  while (rest.size() >= 2) {
    const std::size_t want_size =
        static_cast<std::uint8_t>(rest[0]) * std::size_t{256} + static_cast<std::uint8_t>(rest[1]);
    const std::string_view body = rest.substr(2, want_size);
    rest.remove_prefix(2 + body.size());
    // The same body twice: the second time it is predicted.
    for (int i = 0; i < 2; ++i) {
      ExpositionCache fresh(data[0]);
      expo::RecordingResolver fresh_resolver;
      const expo::ScrapedSamples want = expo::CachedScrape(fresh, fresh_resolver, body, options);
      const expo::ScrapedSamples got = expo::CachedScrape(cache, resolver, body, options);
      if (got.error != want.error || got.samples != want.samples || !got.problem.empty() || !want.problem.empty()) {
        std::fprintf(stderr, "with memory: %s %s, without: %s %s\n", got.error.c_str(), got.problem.c_str(),
                     want.error.c_str(), want.problem.c_str());
        std::abort();
      }
    }
  }
  return 0;
}
