// EXPLAIN: the plan of a query as a tree of operators, and with ANALYZE what each of them did.
//
// Format   docs/queries.md, "Explain".
// Threads  Values and pure functions.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "query/engine.h"

namespace baro::query {

/// Operators of a plan that are shown; nobody reads more.
inline constexpr std::size_t kExplainedOperatorsMax = 1000;
/// Levels that are shown: readers of JSON do not like to nest deeply.
inline constexpr std::size_t kExplainedDepthMax = 200;

/// What an operator did.
struct OperatorCost {
  std::uint64_t runs = 0;                  ///< evaluations; 0: it was not needed, or is a part of the one above it
  std::uint64_t series = 0;                ///< of the result, whether or not they have points
  std::uint64_t steps = 0;                 ///< times at which it was evaluated
  std::uint64_t points = 0;                ///< floats and histograms in the result
  std::uint64_t samples_read = 0;          ///< decoded from storage by this operator
  std::uint64_t samples_queryable = 0;     ///< seen by its windows and steps together
  std::uint64_t bytes = 0;                 ///< of the columns that were read and made
  std::uint64_t memory_bytes_peak = 0;     ///< of columns that it held at once
  std::chrono::nanoseconds self_time{0};   ///< of the query's thread, without the operators below
  std::chrono::nanoseconds total_time{0};  ///< with them
  std::chrono::nanoseconds read_time{0};   ///< decoding, summed over threads; part of the time of who asked for it
};

struct ExplainedOperator {
  std::size_t depth = 0;    ///< 0: the root. Children follow their parent.
  std::string kind;         ///< "aggregation", "range function", "selector", …
  std::string name;         ///< "sum by (job)", "rate()", "up{job=\"x\"}"
  std::string_view type;    ///< of its value: "vector", "scalar", …; static
  std::uint32_t start = 0;  ///< bytes of the query's text: [start, end)
  std::uint32_t end = 0;
  std::size_t line = 1;  ///< of `start`, 1-based
  std::size_t column = 1;
  /// What the planner found out: "range" "5m", "offset" "1h", "evaluated" "once", …
  std::vector<std::pair<std::string_view, std::string>> facts;
  std::optional<OperatorCost> cost;  ///< with ANALYZE
};

/// What came of a query that was analysed.
struct AnalyzedRun {
  QueryStats stats;
  std::size_t series = 0;  ///< of the answer
  std::size_t points = 0;
  std::optional<base::Error> error;  ///< why there is no answer; costs are up to there
  std::vector<Annotation> warnings;
  std::vector<Annotation> infos;
};

struct Explanation {
  std::string query;
  QueryRange range;                          ///< of an instant query: start = end, step 0
  std::vector<ExplainedOperator> operators;  ///< root first
  std::size_t operators_left_out = 0;        ///< beyond kExplainedOperatorsMax and kExplainedDepthMax
  std::optional<AnalyzedRun> run;            ///< with ANALYZE
};

/// The tree as lines of text, with a table of costs behind it if there are any.
std::string ExplanationText(const Explanation& explanation);

}  // namespace baro::query
