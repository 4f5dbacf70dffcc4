#include <algorithm>
#include <iostream>
#include <iterator>

#include <fmt/format.h>

#include "cli/commands.h"
#include "cli/fetch.h"
#include "cli/input.h"
#include "cli/metric_lint.h"
#include "scraper/openmetrics_validator.h"

namespace baro::cli {
namespace {

void PrintSizes(const std::vector<FamilySize>& sizes, std::ostream& out) {
  std::size_t total = 0;
  std::size_t width = std::string_view("Metric").size();
  for (const FamilySize& size : sizes) {
    total += size.series_count;
    width = std::max(width, size.family.size());
  }
  const auto print = [&](std::string_view name, std::size_t count) {
    out << fmt::format("{:<{}}    {:<11}    {:.2f}%\n", name, width, count,
                       100.0 * static_cast<double>(count) / static_cast<double>(std::max<std::size_t>(total, 1)));
  };
  out << fmt::format("{:<{}}    Cardinality    Percentage\n", "Metric", width);
  for (const FamilySize& size : sizes) print(size.family, size.series_count);
  print("Total", total);
}

int LintText(const std::string& text, const MetricsCheck& check, Terminal terminal) {
  const auto lint = LintMetrics(text);
  if (!lint) {
    terminal.err << "  FAILED: " << lint.error().message() << "\n";
    return kExitFailed;
  }
  if (check.is_extended) PrintSizes(lint->sizes, terminal.out);
  if (check.is_linting && !lint->remarks.empty()) {
    for (const MetricRemark& remark : lint->remarks) terminal.err << remark.family << " " << remark.text << "\n";
    return kExitRemarks;
  }
  if (!check.is_extended) terminal.out << fmt::format("  SUCCESS: {} samples\n", lint->samples_count);
  return kExitGood;
}

}  // namespace

int CheckServer(const std::string& url, std::string_view path, Terminal terminal) {
  const std::string base_url = ServerUrl(url);
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

int CheckMetrics(const MetricsCheck& check, Terminal terminal) {
  const auto text = ReadInput(terminal.in);
  if (!text) {
    terminal.err << "  FAILED: " << text.error().message() << "\n";
    return kExitFailed;
  }
  if (check.is_openmetrics) {
    if (const auto valid = scraper::ValidateOpenMetrics(*text); !valid) {
      terminal.err << "  FAILED: " << valid.error().message() << "\n";
      return kExitFailed;
    }
    terminal.out << "  SUCCESS: valid OpenMetrics\n";
    return kExitGood;
  }
  return LintText(*text, check, terminal);
}

}  // namespace baro::cli
