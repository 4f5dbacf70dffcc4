// What a finished node must satisfy: number and types of its operands, and features that are switched on.

#include <algorithm>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "model/quote.h"
#include "query/functions.h"
#include "query/parse/literals.h"
#include "query/parse/parser_impl.h"

namespace baro::query {
namespace {

// Insertions, deletions, replacements and swaps of neighbours that make `b` of `a`.
std::size_t EditDistance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> before(b.size() + 1);
  std::vector<std::size_t> row(b.size() + 1);
  std::vector<std::size_t> next(b.size() + 1);
  for (std::size_t j = 0; j <= b.size(); ++j) row[j] = j;
  for (std::size_t i = 1; i <= a.size(); ++i) {
    next[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      next[j] = std::min({row[j] + 1, next[j - 1] + 1, row[j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1)});
      const bool is_swap = i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1];
      if (is_swap) next[j] = std::min(next[j], before[j - 2] + 1);
    }
    std::swap(before, row);
    std::swap(row, next);
  }
  return row[b.size()];
}

// The best word so far, and its cost; words that cost as much as the first one here are not suggested.
struct Suggestion {
  std::string_view word;
  std::size_t cost;
};

// One wrong letter in short words, two in longer ones. Of equals, a word that was begun wins.
Suggestion NoSuggestion(std::string_view typed) { return {"", typed.size() < 4 ? std::size_t{3} : std::size_t{5}}; }

void Consider(std::string_view typed, std::string_view candidate, Suggestion& best) {
  const std::size_t cost =
      2 * EditDistance(typed, candidate) - (candidate.starts_with(typed) && candidate != typed ? 1 : 0);
  if (cost < best.cost) best = {candidate, cost};
}

constexpr std::size_t kSuggestedNameLengthMax = 40;

}  // namespace

std::string Parser::SuggestFunction(std::string_view name) const {
  if (name.size() > kSuggestedNameLengthMax) return "";
  const std::string lower = LowerCase(name);
  Suggestion best = NoSuggestion(lower);
  for (const FunctionSignature& function : Functions()) Consider(lower, function.name, best);
  for (std::size_t i = 0; i < kAggregateOpCount; ++i)
    Consider(lower, AggregateOpText(static_cast<AggregateOp>(i)), best);
  return best.word.empty() ? "" : fmt::format("did you mean {}?", best.word);
}

std::string Parser::SuggestKeyword(std::string_view word) const {
  if (word.size() < 2 || word.size() > kSuggestedNameLengthMax) return "";
  const std::string lower = LowerCase(word);
  Suggestion best = NoSuggestion(lower);
  for (const std::string_view keyword : {"and", "or", "unless", "atan2", "by", "without", "offset", "on", "ignoring",
                                         "group_left", "group_right", "anchored", "smoothed"}) {
    Consider(lower, keyword, best);
  }
  return best.word.empty() ? "" : fmt::format("did you mean {}?", best.word);
}

bool Parser::CheckBinary(BinaryExpr& binary) {
  const std::string_view op = BinaryOpText(binary.op);
  for (const Expr* side : {binary.lhs, binary.rhs}) {
    if (side->type == ValueType::kScalar || side->type == ValueType::kVector) continue;
    return Fail(side->span,
                "binary expression must contain only scalar and instant vector types, got " +
                    std::string(ValueTypeDescription(side->type)),
                HintForArgument(ValueType::kVector, *side));
  }
  const bool both_scalar = binary.lhs->type == ValueType::kScalar && binary.rhs->type == ValueType::kScalar;
  if (both_scalar && IsComparison(binary.op) && !binary.return_bool) {
    return Fail(binary.span, "comparisons between scalars must use BOOL modifier", fmt::format("write {} bool", op));
  }
  if (both_scalar && (binary.op == BinaryOp::kTrimLower || binary.op == BinaryOp::kTrimUpper)) {
    return Fail(binary.span, fmt::format("operator \"{}\" not allowed between scalars", op),
                "it trims histograms: the left side is an instant vector");
  }
  binary.type = both_scalar ? ValueType::kScalar : ValueType::kVector;
  return CheckMatching(binary);
}

bool Parser::CheckMatching(BinaryExpr& binary) {
  VectorMatching& matching = binary.matching;
  if (!binary.matches_vectors()) {
    if (IsSetOperator(binary.op)) {
      return Fail(binary.op_span,
                  fmt::format("set operator \"{}\" not allowed in binary scalar expression", BinaryOpText(binary.op)));
    }
    if (!matching.labels.empty()) {
      return Fail(binary.span, "vector matching only allowed between instant vectors");
    }
    if (matching.fill_left || matching.fill_right) {
      return Fail(binary.span, "filling in missing series only allowed between instant vectors");
    }
    matching = {};  // `1 + on() x` is accepted, as in Prometheus, and says nothing
    return true;
  }
  if (!matching.on) return true;
  for (const std::string& label : matching.include) {
    if (std::ranges::find(matching.labels, label) == matching.labels.end()) continue;
    return Fail(binary.op_span,
                fmt::format("label {} must not occur in ON and GROUP clause at once", model::Quoted(label)));
  }
  return true;
}

bool Parser::CheckOptions(const CallExpr& call) {
  if (!call.function->experimental || options_.experimental_functions) return true;
  return Fail(call.span, fmt::format("function \"{}\" is not enabled", call.function->name),
              "it is experimental: start the server with --enable-feature=promql-experimental-functions");
}

bool Parser::CheckCall(const CallExpr& call) {
  const FunctionSignature& function = *call.function;
  const std::size_t count = call.args.size();
  if (count < function.args_min() || count > function.args_max()) {
    const bool too_few = count < function.args_min();
    const std::string_view bound = function.variadic == 0 ? "" : too_few ? " at least" : " at most";
    return Fail(call.span, fmt::format("expected{} {} argument(s) in call to \"{}\", got {}", bound,
                                       too_few ? function.args_min() : function.args_max(), function.name, count));
  }
  if (function.id == Function::kInfo && !CheckInfoArguments(call)) return false;
  for (std::size_t i = 0; i < count; ++i) {
    const ValueType want = function.arg_types[std::min<std::size_t>(i, function.arg_count - 1U)];
    const Expr& arg = *call.args[i];
    if (arg.type == want) continue;
    return Fail(arg.span,
                fmt::format("expected type {} in call to function \"{}\", got {}", ValueTypeDescription(want),
                            function.name, ValueTypeDescription(arg.type)),
                HintForArgument(want, arg));
  }
  return true;
}

bool Parser::CheckInfoArguments(const CallExpr& call) {
  if (call.args.size() < 2) return true;
  const auto* selector = As<VectorSelector>(call.args[1]);
  if (selector == nullptr) {
    return Fail(call.args[1]->span, "expected label selectors as the second argument to \"info\" function",
                R"(for example {k8s_cluster_name=~".+"})");
  }
  if (!selector->name.empty()) {
    return Fail(selector->span, "expected label selectors only, got vector selector instead",
                fmt::format("write {{__name__={}}}", model::Quoted(selector->name)));
  }
  return true;
}

std::string Parser::HintForArgument(ValueType want, const Expr& arg) const {
  if (want == ValueType::kMatrix && arg.kind == NodeKind::kVectorSelector)
    return "add a range: " + std::string(lexer_.TextOf(arg.span)).substr(0, 60) + "[5m]";
  if (want == ValueType::kMatrix && arg.type == ValueType::kVector) return "make it a subquery: (…)[5m:]";
  if (want == ValueType::kVector && arg.type == ValueType::kMatrix)
    return "a range is reduced by a function such as rate() or avg_over_time()";
  if (want == ValueType::kScalar && arg.type == ValueType::kVector)
    return "scalar() turns a vector of one element into a scalar";
  if (want == ValueType::kVector && arg.type == ValueType::kScalar) return "vector() turns a scalar into a vector";
  return "";
}

bool Parser::CheckAggregate(const AggregateExpr& aggregate) {
  const std::string_view name = AggregateOpText(aggregate.op);
  const bool is_experimental = aggregate.op == AggregateOp::kLimitk || aggregate.op == AggregateOp::kLimitRatio;
  if (is_experimental && !options_.experimental_functions) {
    return Fail(aggregate.span, fmt::format("aggregation \"{}\" is not enabled", name),
                "it is experimental: start the server with --enable-feature=promql-experimental-functions");
  }
  if (aggregate.expr->type != ValueType::kVector) {
    return Fail(aggregate.expr->span,
                fmt::format("expected type instant vector in aggregation expression, got {}",
                            ValueTypeDescription(aggregate.expr->type)),
                HintForArgument(ValueType::kVector, *aggregate.expr));
  }
  if (aggregate.param == nullptr) return true;
  const ValueType want = aggregate.op == AggregateOp::kCountValues ? ValueType::kString : ValueType::kScalar;
  if (aggregate.param->type == want) return true;
  return Fail(aggregate.param->span,
              fmt::format("expected type {} in aggregation parameter, got {}", ValueTypeDescription(want),
                          ValueTypeDescription(aggregate.param->type)),
              want == ValueType::kScalar ? HintForArgument(want, *aggregate.param)
                                         : "the name of the new label, as in count_values(\"version\", x)");
}

bool Parser::SetDepth(Expr& expr, std::size_t depth) {
  if (depth > options_.depth_max) {
    return Fail(expr.span,
                fmt::format("expression nested too deeply: at most {} levels are allowed", options_.depth_max));
  }
  expr.depth = static_cast<std::uint16_t>(depth);
  return true;
}

}  // namespace baro::query
