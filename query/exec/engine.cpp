#include "query/engine.h"

#include <algorithm>
#include <atomic>

#include <fmt/format.h>

#include "base/clock.h"
#include "query/exec/admission.h"
#include "query/exec/answer.h"
#include "query/exec/context.h"
#include "query/exec/evaluate.h"
#include "query/parser.h"
#include "tsdb/reader.h"

namespace baro::query {

using exec::StepGrid;

struct Engine::State {
  explicit State(const EngineOptions& options)
      : admission(options.concurrency_max), subquery_step_ms(options.subquery_step.count()) {}

  exec::Admission admission;
  // Relaxed: a query takes the step of before or of after a reload; nothing else depends on it.
  std::atomic<std::int64_t> subquery_step_ms;
};

namespace {

// Measures phases; all zero without a clock.
class StopWatch {
 public:
  explicit StopWatch(const base::Clock* clock) : clock_(clock), start_(Now()), lap_(start_) {}

  std::chrono::nanoseconds Lap() {
    const base::MonotonicTime before = lap_;
    lap_ = Now();
    return lap_ - before;
  }
  std::chrono::nanoseconds Total() const { return Now() - start_; }

 private:
  base::MonotonicTime Now() const { return clock_ == nullptr ? base::MonotonicTime{} : clock_->Monotonic(); }

  const base::Clock* clock_;
  base::MonotonicTime start_;
  base::MonotonicTime lap_;
};

// A place among the running queries, given back at the end.
class Place {
 public:
  explicit Place(exec::Admission& admission) : admission_(admission) {}
  ~Place() { admission_.Leave(); }
  Place(const Place&) = delete;
  Place& operator=(const Place&) = delete;

 private:
  exec::Admission& admission_;
};

struct Limits {
  std::chrono::milliseconds timeout{0};
  std::optional<base::MonotonicTime> deadline;
  std::int64_t lookback_ms = 0;
};

Limits MakeLimits(const EngineOptions& engine, const EngineResources& resources, const QueryOptions& query) {
  Limits limits;
  limits.timeout = engine.timeout;
  if (query.timeout && (limits.timeout.count() == 0 || *query.timeout < limits.timeout)) {
    limits.timeout = *query.timeout;
  }
  if (limits.timeout.count() > 0 && resources.clock != nullptr) {
    limits.deadline = resources.clock->Monotonic() + limits.timeout;
  }
  limits.lookback_ms = engine.lookback.count();
  if (query.lookback && query.lookback->count() > 0) limits.lookback_ms = query.lookback->count();
  return limits;
}

ParseOptions MakeParseOptions(const EngineFeatures& features) {
  ParseOptions options;
  options.experimental_functions = features.experimental_functions;
  options.extended_range_selectors = features.extended_range_selectors;
  options.binop_fill_modifiers = features.binop_fill_modifiers;
  return options;
}

base::Result<QueryValue> EvalInstant(exec::Context& context, const Expr& root, std::int64_t time_ms) {
  const StepGrid grid{.start_ms = time_ms, .step_ms = 0, .count = 1};
  switch (root.type) {
    case ValueType::kScalar: {
      const auto values = BARO_TRY(exec::EvalScalar(context, root, grid));
      return ScalarResult{.timestamp_ms = time_ms, .value = values[0]};
    }
    case ValueType::kString:
      return StringResult{.timestamp_ms = time_ms, .value = std::string(exec::EvalString(root))};
    case ValueType::kMatrix: {
      const auto columns = BARO_TRY(exec::OpenColumns(context, root, grid));
      return BARO_TRY(exec::AnswerColumns(context, *columns));
    }
    case ValueType::kVector: {
      exec::Vector vector = BARO_TRY(exec::EvalVector(context, root, grid));
      BARO_TRY(exec::FinishNames(vector));
      return exec::AnswerVector(vector, time_ms);
    }
  }
  return base::Fail(base::Code::kUnsupported, "expression of unknown type");
}

base::Result<QueryValue> EvalRange(exec::Context& context, const Expr& root, const StepGrid& grid) {
  if (root.type == ValueType::kScalar) {
    const auto values = BARO_TRY(exec::EvalScalar(context, root, grid));
    return exec::AnswerScalars(values, grid);
  }
  exec::Vector vector = BARO_TRY(exec::EvalVector(context, root, grid));
  BARO_TRY(exec::FinishNames(vector));
  return exec::AnswerMatrix(vector, grid);
}

struct Request {
  std::string_view text;
  QueryRange range;  // an instant query has start = end and step 0
  bool is_range = false;
};

base::Result<> CheckType(const Expr& root, bool is_range) {
  if (!is_range || root.type == ValueType::kScalar || root.type == ValueType::kVector) return {};
  return base::Fail(base::Code::kInvalidArgument,
                    fmt::format("invalid expression type \"{}\" for range query, must be Scalar or instant Vector",
                                ValueTypeDescription(root.type)));
}

// Shape: a place among the running queries is taken.
base::Result<QueryResult> Run(const Request& request, const EngineOptions& options, const EngineResources& resources,
                              const QueryOptions& query, const Limits& limits, std::int64_t subquery_step_ms,
                              StopWatch& watch) {
  QueryResult result;
  result.stats.queue_time = watch.Lap();
  const Ast ast = BARO_TRY(ParseQuery(request.text, MakeParseOptions(options.features)));
  BARO_TRY(CheckType(ast.root(), request.is_range));
  const exec::Plan plan = BARO_TRY(exec::Plan::Make(ast, {.start_ms = request.range.start_ms,
                                                          .end_ms = request.range.end_ms,
                                                          .step_ms = request.range.step_ms,
                                                          .subquery_step_ms = subquery_step_ms}));
  const auto reader = resources.source->OpenReader();
  exec::Context context({.reader = reader.get(),
                         .plan = &plan,
                         .pool = resources.pool,
                         .clock = resources.clock,
                         .cancel = query.cancel,
                         .deadline = limits.deadline,
                         .timeout = limits.timeout,
                         .lookback_ms = limits.lookback_ms,
                         .features = options.features,
                         .memory_bytes_max = options.memory_bytes_max,
                         .samples_max = options.samples_max,
                         .is_range_query = request.is_range});
  result.stats.preparation_time = watch.Lap();
  if (request.is_range) {
    const QueryRange& range = request.range;
    const auto steps = static_cast<std::size_t>((range.end_ms - range.start_ms) / range.step_ms) + 1;
    result.value = BARO_TRY(
        EvalRange(context, ast.root(), {.start_ms = range.start_ms, .step_ms = range.step_ms, .count = steps}));
  } else {
    result.value = BARO_TRY(EvalInstant(context, ast.root(), request.range.start_ms));
  }
  result.stats.evaluation_time = watch.Lap();
  for (const std::string& damage : context.TakeDamage()) context.annotations().WarnFromStorage(damage);
  result.warnings = context.annotations().Warnings(request.text);
  result.infos = context.annotations().Infos(request.text);
  result.stats.samples_read = context.samples_read();
  result.stats.samples_queryable = context.samples_queryable();
  result.stats.samples_peak = context.budget().samples_peak();
  result.stats.memory_bytes_peak = context.budget().bytes_peak();
  result.stats.sort_time = watch.Lap();
  result.stats.total_time = watch.Total();
  return result;
}

base::Result<> CheckRange(const QueryRange& range, std::size_t steps_max) {
  if (range.step_ms <= 0) {
    return base::Fail(base::Code::kInvalidArgument,
                      fmt::format("zero or negative query resolution step widths are not accepted: got {} ms, try a "
                                  "positive number",
                                  range.step_ms));
  }
  if (range.end_ms < range.start_ms) {
    return base::Fail(base::Code::kInvalidArgument,
                      fmt::format("end timestamp must not be before start time: start {} ms, end {} ms", range.start_ms,
                                  range.end_ms));
  }
  const std::uint64_t span = static_cast<std::uint64_t>(range.end_ms) - static_cast<std::uint64_t>(range.start_ms);
  const std::uint64_t steps = span / static_cast<std::uint64_t>(range.step_ms);
  if (span > static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max()) ||
      (steps_max > 0 && steps > steps_max)) {
    return base::Fail(base::Code::kInvalidArgument,
                      fmt::format("exceeded maximum resolution of {} points per timeseries: needed {}; try decreasing "
                                  "the query resolution (?step=XX)",
                                  steps_max, steps));
  }
  return {};
}

}  // namespace

Engine::Engine(EngineOptions options, EngineResources resources)
    : options_(options), resources_(resources), state_(std::make_unique<State>(options)) {
  BARO_ASSERT(resources_.source != nullptr);
}

Engine::~Engine() = default;

void Engine::SetSubqueryStep(std::chrono::milliseconds step) {
  state_->subquery_step_ms.store(std::max<std::int64_t>(step.count(), 1), std::memory_order_relaxed);
}

std::size_t Engine::active_queries() const { return state_->admission.active(); }

base::Result<QueryResult> Engine::Instant(std::string_view text, std::int64_t time_ms, const QueryOptions& options) {
  return Execute(text, {.start_ms = time_ms, .end_ms = time_ms, .step_ms = 0}, false, options);
}

base::Result<QueryResult> Engine::Range(std::string_view text, const QueryRange& range, const QueryOptions& options) {
  BARO_TRY(CheckRange(range, options_.steps_max));
  return Execute(text, range, true, options);
}

base::Result<QueryResult> Engine::Execute(std::string_view text, const QueryRange& range, bool is_range,
                                          const QueryOptions& options) {
  StopWatch watch(resources_.clock);
  const Limits limits = MakeLimits(options_, resources_, options);
  BARO_TRY(state_->admission.Enter(options.cancel, resources_.clock, limits.deadline));
  const Place place(state_->admission);
  return Run({.text = text, .range = range, .is_range = is_range}, options_, resources_, options, limits,
             state_->subquery_step_ms.load(std::memory_order_relaxed), watch);
}

}  // namespace baro::query
