// Rule files, judged: those that `check config` found and those that `check rules` is given.
#pragma once

#include <string>
#include <vector>

#include "base/file_system.h"
#include "cli/lint.h"
#include "config/diagnostics.h"

namespace baro::cli {

struct RuleJudging {
  LintChoice lint;
  config::UnknownFields unknown_fields = config::UnknownFields::kProblem;
};

/// Judges each of the files, and tells about it as promtool does.
CheckOutcome CheckRuleFiles(base::FileSystem& files, const std::vector<std::string>& paths, const RuleJudging& judging,
                            Terminal terminal);

/// Judges what comes on the standard input.
CheckOutcome CheckRuleInput(const RuleJudging& judging, Terminal terminal);

}  // namespace baro::cli
