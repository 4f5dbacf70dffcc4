// The commands of `barotool`. Each prints to `out`, or problems to `err`, and returns the exit status: 0 good, 1
// failed, 3 there were remarks.
//
// Threads  Confined.
#pragma once

#include <chrono>
#include <iosfwd>
#include <string>
#include <string_view>
#include <vector>

#include "base/file_system.h"

namespace baro::cli {

inline constexpr int kExitGood = 0;
inline constexpr int kExitFailed = 1;
inline constexpr int kExitRemarks = 3;

/// Where a command reads and writes.
struct Terminal {
  std::istream& in;
  std::ostream& out;
  std::ostream& err;
};

/// What `check config` looks at.
struct ConfigCheck {
  std::vector<std::string> files;
  bool is_syntax_only = false;  ///< leaves the files alone that the configuration names
  bool agent_mode = false;
  std::string lint = "duplicate-rules";                          ///< remarks to make: see cli/lint.h
  bool is_lint_fatal = false;                                    ///< remarks end it with kExitRemarks
  bool ignores_unknown_fields = false;                           ///< of rule files
  std::chrono::milliseconds lookback = std::chrono::minutes(5);  ///< of the server's queries, for remarks on intervals
};
/// `check config FILES…`: whether each file is valid, and the files that it names: rules, targets, certificates. What
/// this version of Barograph does not do yet makes no file invalid; it is named.
int CheckConfig(const ConfigCheck& check, base::FileSystem& files, Terminal terminal);

/// What `check rules` looks at.
struct RuleCheck {
  std::vector<std::string> files;        ///< none: the standard input
  std::string lint = "duplicate-rules";  ///< as in ConfigCheck, and the others too
  bool is_lint_fatal = false;
  bool ignores_unknown_fields = false;
};
/// `check rules [FILES…]`: whether rule files are valid.
int CheckRules(const RuleCheck& check, base::FileSystem& files, Terminal terminal);

/// Whose targets `check service-discovery` looks for.
struct DiscoveryCheck {
  std::string config_file;
  std::string job;
  std::chrono::milliseconds timeout = std::chrono::seconds(30);  ///< for the first answer of each discovery
};
/// `check service-discovery FILE JOB`: what the discoveries of the job tell and what relabelling makes of it, as JSON.
int CheckDiscovery(const DiscoveryCheck& check, Terminal terminal);

/// Which label sets `relabel` shows the way of.
struct RelabelRequest {
  std::string config_file;
  std::string job;
  bool of_metrics = false;          ///< metric_relabel_configs instead of relabel_configs
  std::vector<std::string> labels;  ///< `name=value`, or one JSON object; none: the job's discoveries are asked
  std::chrono::milliseconds timeout = std::chrono::seconds(30);
};
/// `relabel FILE [LABELS…]`: what each rule of a job changes, and what becomes of the set.
int RelabelLabels(const RelabelRequest& request, Terminal terminal);

/// What `plan` compares.
struct PlanRequest {
  std::string config_file;
  std::string url = "http://localhost:9090";  ///< of the server
  std::chrono::milliseconds timeout = std::chrono::seconds(30);
  std::size_t targets_max = 20;  ///< of each kind and job in the text
  bool as_json = false;
};
/// `plan FILE`: what the file would add, change and remove on the server. 1 also if the server would refuse it.
int PlanConfig(const PlanRequest& request, Terminal terminal);

/// `check healthy`, `check ready`: asks a running server; `path` is /-/healthy or /-/ready.
int CheckServer(const std::string& url, std::string_view path, Terminal terminal);

/// What `check metrics` looks at.
struct MetricsCheck {
  bool is_openmetrics = false;  ///< all rules of that specification, and nothing else
  bool is_extended = false;     ///< prints how many series each metric has
  bool is_linting = true;       ///< asks for the conventions of names and help texts
};
/// `check metrics`: an exposition on the standard input. Remarks go to `err`, a line each, and end it with
/// kExitRemarks.
int CheckMetrics(const MetricsCheck& check, Terminal terminal);

/// `promql format QUERY`: the canonical form. `promql parse QUERY`: the tree as JSON.
int FormatQuery(const std::string& query, Terminal terminal);
int ParseQuery(const std::string& query, Terminal terminal);

/// What `promql label-matchers` changes in all selectors of a query.
struct MatcherEdit {
  std::string query;
  std::string name;  ///< of the label
  std::string op;    ///< "=", "!=", "=~", "!~"
  std::string value;
};
/// `promql label-matchers set`: the matchers of that label become this one; selectors without any get it.
int SetLabelMatcher(const MatcherEdit& edit, Terminal terminal);
/// `promql label-matchers delete`: no selector has a matcher of that label.
int DeleteLabelMatcher(const MatcherEdit& edit, Terminal terminal);

/// What `query instant` and `query range` ask for. Texts are as the API takes them.
struct QueryRequest {
  std::string server;
  std::string query;
  bool is_range = false;
  std::string time;
  std::string start;
  std::string end;
  std::string step;
  bool as_json = false;
};
/// `query explain`: the plan of a query, as text or as the API's JSON. `does_analyze`: with what each operator costs.
int ExplainQuery(const QueryRequest& request, bool does_analyze, Terminal terminal);

/// Asks a running server and prints the answer, one line per series and point, or the API's JSON.
int RunQuery(const QueryRequest& request, Terminal terminal);

}  // namespace baro::cli
