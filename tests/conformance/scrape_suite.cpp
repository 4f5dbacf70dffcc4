// Exposition bodies that Prometheus' own tests parse: both parsers must take them whole and agree.
#include <algorithm>

#include <fmt/format.h>

#include "scraper/exposition.h"
#include "tests/conformance/suite.h"

namespace baro::conformance {
namespace {

class Numberer : public scraper::SeriesResolver {
 public:
  base::Result<scraper::SeriesHandle> Resolve(const scraper::SampleLine&) override {
    return static_cast<scraper::SeriesHandle>(count_++);
  }

 private:
  std::uint32_t count_ = 0;
};

// The lines that are samples, told by their first byte: an independent count.
std::size_t SampleLines(std::string_view body) {
  std::size_t count = 0;
  bool at_start = true;
  for (const char c : body) {
    if (at_start && c != '#' && c != '\n') ++count;
    at_start = c == '\n';
  }
  return count;
}

base::Result<std::size_t> CountSamples(std::string_view body, scraper::ExpositionFormat format) {
  scraper::ExpositionReader reader(body, format);
  std::size_t count = 0;
  while (true) {
    const scraper::ExpositionEvent& event = *BARO_TRY(reader.Next());
    if (event.kind == scraper::ExpositionEvent::Kind::kEnd) return count;
    if (event.kind == scraper::ExpositionEvent::Kind::kSample) ++count;
  }
}

std::string Judge(std::string_view body, scraper::ExpositionFormat format) {
  const std::size_t want = SampleLines(body);
  const base::Result<std::size_t> plain = CountSamples(body, format);
  if (!plain) return plain.error().message();
  if (*plain != want) return fmt::format("{} samples, want {}", *plain, want);
  scraper::ExpositionCache cache;
  Numberer numberer;
  for (const bool is_predicted : {false, true}) {
    const base::Result<> parsed = cache.Parse(body, {.format = format}, numberer);
    if (!parsed) return parsed.error().message();
    if (cache.parsed().samples_count() != want) return fmt::format("cache: {} samples", cache.parsed().samples_count());
    if (is_predicted && cache.parsed().resolved_count() != 0) return "the second time, lines were not predicted";
  }
  return {};
}

}  // namespace

void RunScrape(const std::filesystem::path& data, Report& report) {
  for (const std::filesystem::path& path : SortedEntries(data / "scrape")) {
    const std::string name = path.filename().string();
    const bool is_openmetrics = name.ends_with(".om.txt");
    const std::string reason = Judge(
        ReadFile(path), is_openmetrics ? scraper::ExpositionFormat::kOpenMetrics : scraper::ExpositionFormat::kText);
    reason.empty() ? report.Pass(name) : report.Fail(name, reason);
  }
}

}  // namespace baro::conformance
