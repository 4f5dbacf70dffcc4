#include "query/engine.h"

#include <algorithm>
#include <atomic>

#include <fmt/format.h>

#include "base/clock.h"
#include "base/freed_memory.h"
#include "query/exec/admission.h"
#include "query/exec/answer.h"
#include "query/exec/context.h"
#include "query/exec/evaluate.h"
#include "query/exec/explain.h"
#include "query/exec/text_place.h"
#include "query/parser.h"
#include "tsdb/reader.h"

namespace baro::query {

using exec::StepGrid;

// Queries that held this much take so long that giving memory back costs nothing beside it.
constexpr std::size_t kLargeBytes = std::size_t{64} << 20;

struct Engine::State {
  explicit State(const EngineOptions& options)
      : memory({.bytes_max = options.memory_bytes_total_max}, exec::BudgetOf::kAllQueries, nullptr),
        admission(options.concurrency_max, &memory),
        subquery_step_ms(options.subquery_step.count()) {}

  exec::Budget memory;
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
      const auto* matrix = As<MatrixSelector>(&StripParens(root));
      const Extension extension = matrix != nullptr ? matrix->selector->extension : Extension::kNone;
      return BARO_TRY(exec::AnswerColumns(context, *columns, extension));
    }
    case ValueType::kVector: {
      exec::Vector vector = BARO_TRY(exec::EvalVector(context, root, grid));
      BARO_TRY(exec::FinishNames(vector));
      BARO_TRY(context.Check());
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
  BARO_TRY(context.Check());
  return exec::AnswerMatrix(context, vector, grid);
}

base::Result<> CheckType(const Expr& root, bool is_range) {
  if (!is_range || root.type == ValueType::kScalar || root.type == ValueType::kVector) return {};
  return base::Fail(base::Code::kInvalidArgument,
                    fmt::format("invalid expression type \"{}\" for range query, must be Scalar or instant Vector",
                                ValueTypeDescription(root.type)));
}

// Which operator it was that met a limit. Other failures say what they are about by themselves.
base::Error WithOperator(base::Error error, const Expr* failed, std::string_view text) {
  constexpr std::size_t kBytesMax = 80;
  const bool is_limit = error.code() == base::Code::kLimitExceeded || error.code() == base::Code::kUnavailable ||
                        error.code() == base::Code::kTimeout;
  if (!is_limit || failed == nullptr) return error;
  const exec::TextPlace place = exec::PlaceOf(text, failed->span);
  return {error.code(), fmt::format("{}; reached at {}:{} in {}", error.message(), place.line, place.column,
                                    exec::Excerpt(text, failed->span, kBytesMax))};
}

// One query that has a place among the running ones.
class Run {
 public:
  Run(const QueryRequest& request, const EngineOptions& options, const EngineResources& resources,
      const QueryOptions& query, const Limits& limits, StopWatch& watch)
      : request_(request), options_(options), resources_(resources), query_(query), limits_(limits), watch_(watch) {}

  // `explanation`: null, or what is to be filled; only with does_analyze is there an answer then.
  base::Result<QueryResult> Do(std::int64_t subquery_step_ms, exec::Budget& all_queries, Explanation* explanation) {
    result_.stats.queue_time = watch_.Lap();
    const Ast ast = BARO_TRY(ParseQuery(request_.text, MakeParseOptions(options_.features)));
    BARO_TRY(CheckType(ast.root(), request_.is_range));
    const QueryRange& range = request_.range;
    const exec::Plan plan = BARO_TRY(exec::Plan::Make(ast, {.start_ms = range.start_ms,
                                                            .end_ms = range.end_ms,
                                                            .step_ms = range.step_ms,
                                                            .subquery_step_ms = subquery_step_ms}));
    if (explanation != nullptr && !request_.does_analyze) {
      exec::DescribeOperators(ast, plan, nullptr, *explanation);
      return std::move(result_);
    }
    const auto reader = resources_.source->OpenReader();
    exec::Context context(Setup(*reader, plan, all_queries));
    result_.stats.preparation_time = watch_.Lap();
    if (explanation == nullptr) {
      BARO_TRY(Evaluate(context, ast.root()));
      return std::move(result_);
    }
    exec::Trace trace(ast.size(), resources_.clock, context.budget());
    context.SetTrace(&trace);
    auto evaluated = Evaluate(context, ast.root());
    exec::DescribeOperators(ast, plan, &trace, *explanation);
    if (!evaluated) explanation->run->error = std::move(evaluated).error();
    return std::move(result_);
  }

  /// What it cost, up to where it came.
  const QueryStats& stats() const { return result_.stats; }

 private:
  exec::Context::Setup Setup(const tsdb::Reader& reader, const exec::Plan& plan, exec::Budget& all_queries) const {
    return {.reader = &reader,
            .plan = &plan,
            .pool = resources_.pool,
            .clock = resources_.clock,
            .cancel = query_.cancel,
            .deadline = limits_.deadline,
            .timeout = limits_.timeout,
            .lookback_ms = limits_.lookback_ms,
            .features = options_.features,
            .memory_bytes_max = options_.memory_bytes_max,
            .samples_max = options_.samples_max,
            .all_queries = &all_queries};
  }

  base::Result<> Evaluate(exec::Context& context, const Expr& root) {
    auto value = Value(context, root);
    result_.stats.evaluation_time = watch_.Lap();
    for (const std::string& damage : context.TakeDamage()) context.annotations().WarnFromStorage(damage);
    result_.warnings = context.annotations().Warnings(request_.text);
    result_.infos = context.annotations().Infos(request_.text);
    result_.stats.samples_read = context.samples_read();
    result_.stats.samples_queryable = context.samples_queryable();
    result_.stats.samples_peak = context.query_budget().samples_peak();
    result_.stats.memory_bytes_peak = context.query_budget().bytes_peak();
    result_.stats.sort_time = watch_.Lap();
    result_.stats.total_time = watch_.Total();
    if (!value) return WithOperator(std::move(value).error(), context.failed(), request_.text);
    result_.value = *std::move(value);
    return {};
  }

  base::Result<QueryValue> Value(exec::Context& context, const Expr& root) const {
    const QueryRange& range = request_.range;
    if (!request_.is_range) return EvalInstant(context, root, range.start_ms);
    const auto steps = static_cast<std::size_t>((range.end_ms - range.start_ms) / range.step_ms) + 1;
    return EvalRange(context, root, {.start_ms = range.start_ms, .step_ms = range.step_ms, .count = steps});
  }

  const QueryRequest& request_;
  const EngineOptions& options_;
  const EngineResources& resources_;
  const QueryOptions& query_;
  const Limits& limits_;
  StopWatch& watch_;
  QueryResult result_;
};

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

void SizeOfValue(const QueryValue& value, AnalyzedRun& run) {
  const SeriesTable* table = nullptr;
  if (const auto* vector = std::get_if<VectorResult>(&value)) table = &vector->series;
  if (const auto* matrix = std::get_if<MatrixResult>(&value)) table = &matrix->series;
  run.series = table == nullptr ? 0 : table->size();
  run.points = table == nullptr ? 1 : table->point_count();
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

std::uint64_t Engine::memory_bytes() const { return state_->memory.bytes(); }

base::Result<QueryResult> Engine::Instant(std::string_view text, std::int64_t time_ms, const QueryOptions& options) {
  return Execute({.text = text, .range = {.start_ms = time_ms, .end_ms = time_ms, .step_ms = 0}}, options, nullptr);
}

base::Result<QueryResult> Engine::Range(std::string_view text, const QueryRange& range, const QueryOptions& options) {
  return Execute({.text = text, .range = range, .is_range = true}, options, nullptr);
}

base::Result<Explanation> Engine::Explain(const QueryRequest& request, const QueryOptions& options) {
  Explanation explanation{.query = std::string(request.text), .range = request.range};
  if (request.does_analyze) explanation.run.emplace();
  QueryResult result = BARO_TRY(Execute(request, options, &explanation));
  if (!explanation.run) return explanation;
  AnalyzedRun& run = *explanation.run;
  run.stats = result.stats;
  run.warnings = std::move(result.warnings);
  run.infos = std::move(result.infos);
  if (!run.error) SizeOfValue(result.value, run);
  return explanation;
}

base::Result<QueryResult> Engine::Execute(const QueryRequest& request, const QueryOptions& options,
                                          Explanation* explanation) {
  if (request.is_range) BARO_TRY(CheckRange(request.range, options_.steps_max));
  StopWatch watch(resources_.clock);
  const Limits limits = MakeLimits(options_, resources_, options);
  BARO_TRY(state_->admission.Enter(options.cancel, resources_.clock,
                                   {.deadline = limits.deadline, .timeout = limits.timeout}));
  const Place place(state_->admission);
  QueryObserver* const observer = resources_.observer;
  const std::uint64_t number = observer == nullptr ? 0 : observer->QueryBegan(request, options);
  Run run(request, options_, resources_, options, limits, watch);
  auto result = run.Do(state_->subquery_step_ms.load(std::memory_order_relaxed), state_->memory, explanation);
  // Before the next one gets its place: else what the allocator keeps of this one comes on top of what that one holds.
  if (run.stats().memory_bytes_peak >= kLargeBytes) base::ReturnFreedMemory();
  if (observer != nullptr) {
    const base::Error* error = result ? nullptr : &result.error();
    if (result && explanation != nullptr && explanation->run && explanation->run->error) {
      error = &*explanation->run->error;
    }
    observer->QueryEnded(number, request, options, run.stats(), error);
  }
  return result;
}

}  // namespace baro::query
