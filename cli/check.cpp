#include <iostream>
#include <iterator>

#include <fmt/format.h>

#include "cli/commands.h"
#include "cli/fetch.h"
#include "scraper/exposition_reader.h"
#include "scraper/openmetrics_validator.h"

namespace baro::cli {
namespace {

constexpr std::size_t kInputBytesMax = 256 * 1024 * 1024;

/// All of the input, or nothing when it is too long.
std::optional<std::string> ReadAll(std::istream& in) {
  std::string text;
  char buffer[64 * 1024];
  while (in.read(buffer, sizeof buffer) || in.gcount() > 0) {
    text.append(buffer, static_cast<std::size_t>(in.gcount()));
    if (text.size() > kInputBytesMax) return std::nullopt;
  }
  return text;
}

/// Reads the exposition as a scrape would; the number of samples.
base::Result<std::size_t> CountSamples(const std::string& text) {
  scraper::ExpositionReader reader(text, scraper::ExpositionFormat::kText);
  std::size_t samples = 0;
  for (;;) {
    const auto* const event = BARO_TRY(reader.Next());
    if (event->kind == scraper::ExpositionEvent::Kind::kEnd) return samples;
    if (event->kind == scraper::ExpositionEvent::Kind::kSample) ++samples;
  }
}

}  // namespace

int CheckServer(const std::string& url, std::string_view path, Terminal terminal) {
  std::string base_url = url;
  while (base_url.ends_with('/')) base_url.pop_back();
  const auto answer = FetchOnce({.url = base_url + std::string(path)}, std::chrono::seconds(10));
  if (!answer) {
    terminal.err << "  FAILED: " << answer.error().message() << "\n";
    return kExitFailed;
  }
  if (answer->status != 200) {
    terminal.err << fmt::format("  FAILED: {}{} answered {}: {}\n", base_url, path, answer->status, answer->body);
    return kExitFailed;
  }
  terminal.out << "  SUCCESS: " << answer->body << "\n";
  return kExitGood;
}

int CheckMetrics(bool openmetrics, Terminal terminal) {
  const auto text = ReadAll(terminal.in);
  if (!text) {
    terminal.err << fmt::format("  FAILED: the input is larger than {} bytes\n", kInputBytesMax);
    return kExitFailed;
  }
  if (openmetrics) {
    if (const auto valid = scraper::ValidateOpenMetrics(*text); !valid) {
      terminal.err << "  FAILED: " << valid.error().message() << "\n";
      return kExitFailed;
    }
    terminal.out << "  SUCCESS: valid OpenMetrics\n";
    return kExitGood;
  }
  const auto samples = CountSamples(*text);
  if (!samples) {
    terminal.err << "  FAILED: " << samples.error().message() << "\n";
    return kExitFailed;
  }
  terminal.out << fmt::format("  SUCCESS: {} samples\n", *samples);
  return kExitGood;
}

}  // namespace baro::cli
