#include "cli/lint.h"

#include <algorithm>
#include <ostream>

#include <fmt/format.h>

namespace baro::cli {
namespace {

template <typename Use>
void ForEachOption(std::string_view text, const Use& use) {
  while (!text.empty()) {
    const std::size_t end = std::min(text.find(','), text.size());
    use(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
}

}  // namespace

LintChoice ParseRuleLint(std::string_view text, std::ostream& out) {
  LintChoice choice;
  ForEachOption(text, [&](std::string_view option) {
    if (option == "all" || option == "duplicate-rules") {
      choice.duplicate_rules = true;
    } else if (option != "none") {
      out << fmt::format("WARNING: unknown lint option: \"{}\"\n", option);
    }
  });
  return choice;
}

LintChoice ParseConfigLint(std::string_view text, std::ostream& out) {
  LintChoice choice;
  bool is_off = false;
  ForEachOption(text, [&](std::string_view option) {
    is_off |= option == "none";
    choice.scrape_intervals |= option == "all" || option == "too-long-scrape-interval";
    if (option != "too-long-scrape-interval") choice.duplicate_rules |= ParseRuleLint(option, out).duplicate_rules;
  });
  return is_off ? LintChoice{} : choice;
}

}  // namespace baro::cli
