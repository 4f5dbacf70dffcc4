// Warnings and infos of one query.
//
// Source   Words and grouping: util/annotations of Prometheus 3.14, docs/querying.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "query/ast.h"
#include "query/value.h"

namespace baro::query::exec {

/// What was repaired in the buckets of a classic histogram, over all of its steps.
struct MonotonicityReport {
  double lowest_bound = 0;
  double highest_bound = 0;
  double largest_difference = 0;
  std::int64_t first_ms = 0;
  std::int64_t last_ms = 0;
  std::size_t samples = 0;

  void Merge(const MonotonicityReport& other);
};

/// Collects annotations; of equal texts one is kept, at the place where it was seen last.
///
/// Threads  Confined to the query's thread.
class Annotations {
 public:
  /// `text` without "PromQL warning: "; `span` is where in the query.
  void Warn(std::string_view text, TextSpan span);
  void Inform(std::string_view text, TextSpan span);

  /// What storage said; taken as it is, without a place.
  void WarnFromStorage(std::string_view text);

  /// "input to histogram_quantile needed to be fixed for monotonicity", merged over all steps.
  void InformMonotonicity(std::string_view metric_name, TextSpan span, const MonotonicityReport& report);

  /// How often anything was said here, also if it was said before.
  std::uint64_t said() const { return said_; }

  /// The annotations with line and column in `query`, sorted by text.
  std::vector<Annotation> Warnings(std::string_view query) const;
  std::vector<Annotation> Infos(std::string_view query) const;

 private:
  struct Repair {
    TextSpan span;
    MonotonicityReport report;
  };

  std::uint64_t said_ = 0;
  std::map<std::string, TextSpan, std::less<>> warnings_;
  std::map<std::string, TextSpan, std::less<>> infos_;
  std::map<std::string, Repair, std::less<>> repairs_;
  std::vector<std::string> storage_warnings_;
};

/// ` for metric name "x"`, or nothing if the name is empty.
std::string ForMetric(std::string_view metric_name);

/// RFC 3339 in UTC with as many digits of the second's fraction as needed.
std::string FormatTime(std::int64_t time_ms);

}  // namespace baro::query::exec
