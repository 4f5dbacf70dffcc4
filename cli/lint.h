// What `check` is asked to remark on beyond what makes a file invalid, and how a check ends.
//
// Source   promtool's --lint and --lint-fatal, and its exit status.
#pragma once

#include <iosfwd>
#include <string_view>

#include "cli/commands.h"

namespace baro::cli {

/// Threads  Values.
struct LintChoice {
  bool duplicate_rules = false;
  bool scrape_intervals = false;  ///< intervals from which on every sample is too old for a query

  friend bool operator==(const LintChoice&, const LintChoice&) = default;
};

/// What a list of rule lints asks for: all, duplicate-rules, none, separated by commas. Others are told on `out`.
LintChoice ParseRuleLint(std::string_view text, std::ostream& out);

/// As above for configurations, which also have too-long-scrape-interval; `none` among them turns all off.
LintChoice ParseConfigLint(std::string_view text, std::ostream& out);

/// What a check found.
struct CheckOutcome {
  bool has_errors = false;
  bool has_remarks = false;

  void Add(const CheckOutcome& other) {
    has_errors |= other.has_errors;
    has_remarks |= other.has_remarks;
  }
  /// Remarks count only if they are to be fatal.
  int ExitStatus(bool is_lint_fatal) const {
    if (has_errors) return kExitFailed;
    return has_remarks && is_lint_fatal ? kExitRemarks : kExitGood;
  }
};

}  // namespace baro::cli
