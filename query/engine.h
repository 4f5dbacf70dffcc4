// The query engine: PromQL text in, columns out.
//
//     Engine engine({}, {.source = storage, .pool = &pool, .clock = clock});
//     auto result = engine.Range("sum by (job) (rate(http_requests_total[5m]))", {.start_ms = a, .end_ms = b,
//                                .step_ms = 15'000}, {.cancel = request_token});
//
// Source   Behaviour: Prometheus 3.14. Where it differs on purpose, docs/compatibility.md says so.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/cancel.h"
#include "base/result.h"
#include "query/value.h"

namespace baro::base {
class Clock;
class ComputePool;
}  // namespace baro::base

namespace baro::tsdb {
class ReaderSource;
}  // namespace baro::tsdb

namespace baro::query {

/// What may be switched on beyond the default language. Names as in Prometheus' --enable-feature.
struct EngineFeatures {
  bool experimental_functions = false;    ///< promql-experimental-functions
  bool extended_range_selectors = false;  ///< promql-extended-range-selectors: anchored, smoothed
  bool binop_fill_modifiers = false;      ///< promql-binop-fill-modifiers
  bool delayed_name_removal = false;      ///< promql-delayed-name-removal
  bool type_and_unit_labels = false;      ///< type-and-unit-labels: judge counters by `__type__`
  bool use_start_timestamps = false;      ///< use-start-timestamps: what rate() and its kin, and start_timestamp(), see
};

/// Limits and defaults of an engine. A limit of 0 is none.
struct EngineOptions {
  std::chrono::milliseconds timeout{120'000};             ///< --query.timeout
  std::size_t samples_max = 50'000'000;                   ///< --query.max-samples, resident at once
  std::chrono::milliseconds lookback{300'000};            ///< --query.lookback-delta
  std::size_t concurrency_max = 20;                       ///< --query.max-concurrency; others wait
  std::size_t memory_bytes_max = std::size_t{512} << 20;  ///< --query.max-memory: columns of one query
  std::size_t memory_bytes_total_max = 0;                 ///< --query.max-memory-total: columns of all queries together
  std::size_t steps_max = 11'000;                         ///< of a range query
  std::chrono::milliseconds subquery_step{60'000};        ///< of `[1h:]`: the global evaluation_interval
  EngineFeatures features;
};

/// Who asked, for those who write it down.
struct QueryOrigin {
  std::string client_ip;
  std::string method;  ///< of HTTP
  std::string path;    ///< of the API; empty: nobody from outside
};

/// What one query may ask for.
struct QueryOptions {
  base::CancelToken cancel;                           ///< pulled when nobody waits for the answer any more
  std::optional<std::chrono::milliseconds> lookback;  ///< overrides the engine's
  std::optional<std::chrono::milliseconds> timeout;   ///< shortens the engine's, never lengthens it
  QueryOrigin origin;
};

/// The times of a range query: start, start + step, … up to and including end.
/// Unit     milliseconds since the Unix epoch; the step in milliseconds.
struct QueryRange {
  std::int64_t start_ms = 0;
  std::int64_t end_ms = 0;
  std::int64_t step_ms = 0;
};

/// What a query cost.
struct QueryStats {
  std::chrono::nanoseconds queue_time{0};        ///< waiting for other queries: execQueueTime
  std::chrono::nanoseconds preparation_time{0};  ///< parsing, planning, opening the reader: queryPreparationTime
  std::chrono::nanoseconds evaluation_time{0};   ///< selecting and computing: innerEvalTime
  std::chrono::nanoseconds sort_time{0};         ///< ordering and building the answer: resultSortTime
  std::chrono::nanoseconds total_time{0};        ///< all of it: execTotalTime
  std::uint64_t samples_read = 0;                ///< decoded from storage, each once per selector
  std::uint64_t samples_queryable = 0;           ///< seen by windows and steps together: totalQueryableSamples
  std::uint64_t samples_peak = 0;                ///< most at once: peakSamples
  std::uint64_t memory_bytes_peak = 0;           ///< columns held at once
};

struct Explanation;  // query/explain.h

/// A query with its times.
struct QueryRequest {
  std::string_view text;
  QueryRange range;  ///< of an instant query: start = end, step 0
  bool is_range = false;
  bool does_analyze = false;  ///< of an explanation: evaluate it and measure
};

/// Is told of each query that has its turn.
///
/// Threads  From many at once; the two calls of one query come from one thread.
class QueryObserver {
 public:
  virtual ~QueryObserver() = default;
  /// Returns a number for QueryEnded().
  virtual std::uint64_t QueryBegan(const QueryRequest& request, const QueryOptions& options) = 0;
  /// `error`: null if there is an answer; kInvalidArgument if the text was none.
  virtual void QueryEnded(std::uint64_t number, const QueryRequest& request, const QueryOptions& options,
                          const QueryStats& stats, const base::Error* error) = 0;
};

/// What an engine works with; all are borrowed and outlive it.
struct EngineResources {
  const tsdb::ReaderSource* source = nullptr;
  base::ComputePool* pool = nullptr;   ///< null: everything runs on the caller's thread
  const base::Clock* clock = nullptr;  ///< for time-outs and timings; null: no time-outs, timings are zero
  QueryObserver* observer = nullptr;   ///< null: nobody is told
};

using QueryValue = std::variant<ScalarResult, StringResult, VectorResult, MatrixResult>;

/// An answer.
struct QueryResult {
  QueryValue value;
  std::vector<Annotation> warnings;
  std::vector<Annotation> infos;
  QueryStats stats;
};

/// Evaluates PromQL.
///
/// Threads  Safe to share. A query runs on the thread that asks and on the pool; it may be called from a pool task.
/// Errors   kInvalidArgument: the text or the times are wrong (`line:col: parse error: …`). kTimeout. kCancelled.
///          kLimitExceeded: names the limit and the operator. kUnavailable: other queries hold the memory.
///          kUnprocessable: the data does not allow it, e.g. an ambiguous match. kUnsupported: the language has it,
///          this engine does not; names it. kCorruption, kIo, …: from storage.
class Engine {
 public:
  Engine(EngineOptions options, EngineResources resources);
  ~Engine();
  Engine(const Engine&) = delete;
  Engine& operator=(const Engine&) = delete;

  /// The value of the expression at one time.
  base::Result<QueryResult> Instant(std::string_view text, std::int64_t time_ms, const QueryOptions& options = {});

  /// The value at each step; the expression must be a scalar or an instant vector. The result is a MatrixResult.
  base::Result<QueryResult> Range(std::string_view text, const QueryRange& range, const QueryOptions& options = {});

  /// The plan of a query, and with `does_analyze` what each operator did. A query that fails while it is evaluated is
  /// explained up to there, with its error.
  /// Errors   what is found before: kInvalidArgument, and kTimeout, kCancelled of the queue.
  base::Result<Explanation> Explain(const QueryRequest& request, const QueryOptions& options = {});

  const EngineOptions& options() const { return options_; }

  /// The step of subqueries that name none follows the configuration, which may be reloaded.
  void SetSubqueryStep(std::chrono::milliseconds step);

  /// Queries running and waiting.
  std::size_t active_queries() const;
  /// Bytes of columns that all queries hold now.
  std::uint64_t memory_bytes() const;

 private:
  struct State;

  base::Result<QueryResult> Execute(const QueryRequest& request, const QueryOptions& options, Explanation* explanation);

  EngineOptions options_;
  EngineResources resources_;
  std::unique_ptr<State> state_;
};

}  // namespace baro::query
