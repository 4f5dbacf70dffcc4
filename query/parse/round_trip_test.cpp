// Random trees: what is printed is read back as the same tree, on one line and laid out.

#include <random>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "model/names.h"
#include "query/ast_json.h"
#include "query/functions.h"
#include "query/parser.h"
#include "query/printer.h"

namespace baro::query {
namespace {

// Builds trees as the parser would: parentheses where precedence asks for them, no signs on bare numbers.
class RandomTree {
 public:
  explicit RandomTree(std::uint64_t seed) : random_(seed) {}

  Ast Build() {
    Expr* root = Below(4) == 0 ? Scalar(5) : Vector(6);
    ast_.set_root(root);
    return std::move(ast_);
  }

 private:
  std::size_t Below(std::size_t bound) { return std::uniform_int_distribution<std::size_t>(0, bound - 1)(random_); }
  bool Maybe() { return Below(2) == 0; }

  std::string Name() {
    static const std::vector<std::string> kNames = {"up", "job:x:rate5m", "sum",  "offset", "http.requests", "ünï code",
                                                    "on", "bool",         "by",   "inf",    "nan",           "and",
                                                    "x",  "group_left",   "a\"b", "fill",   "end",           "_"};
    return kNames[Below(kNames.size())];
  }
  std::string Label() {
    static const std::vector<std::string> kNames = {"job", "le", "by", "inf", "with blank", "sum", "ß", "__x__"};
    return kNames[Below(kNames.size())];
  }
  std::string Text() {
    std::string text;
    for (std::size_t i = Below(6); i > 0; --i) text += static_cast<char>(Below(256));
    return text;
  }
  double Number() {
    static const std::vector<double> kNumbers = {0, 1, 0.1, 1e-300, 1e300, 12345.678, 1.0 / 3, 5, 300};
    return kNumbers[Below(kNumbers.size())];
  }

  Expr* Literal(bool may_be_negative) {
    auto* number = ast_.New<NumberLiteral>();
    number->is_duration = Below(4) == 0;
    number->value = number->is_duration ? static_cast<double>(Below(100'000)) / 8 : Number();
    if (may_be_negative && Maybe()) number->value = -number->value;
    return number;
  }

  const DurationExpr* DurationNode(int depth) {
    using Kind = DurationExpr::Kind;
    DurationExpr* node = ast_.NewDuration();
    const std::size_t pick = depth == 0 ? Below(3) : Below(8);
    if (pick == 0) {
      node->value = 1 + static_cast<double>(Below(1000)) / 4;
      node->is_duration = Maybe();
    } else if (pick <= 2) {
      node->kind = pick == 1 ? Kind::kStep : Kind::kRange;
      node->uses_query = true;
    } else {
      static constexpr Kind kKinds[] = {Kind::kAdd, Kind::kMul, Kind::kPow, Kind::kMinOf, Kind::kMaxOf};
      node->kind = kKinds[pick - 3];
      const bool is_call = pick >= 6;
      node->lhs = is_call ? DurationNode(depth - 1) : WrappedDuration(depth - 1);
      node->rhs = is_call ? DurationNode(depth - 1) : WrappedDuration(depth - 1);
      node->uses_query = node->lhs->uses_query || node->rhs->uses_query;
    }
    return node;
  }
  const DurationExpr* WrappedDuration(int depth) {
    DurationExpr* paren = ast_.NewDuration();
    paren->kind = DurationExpr::Kind::kParen;
    paren->lhs = DurationNode(depth);
    paren->uses_query = paren->lhs->uses_query;
    return paren;
  }
  Duration SomeDuration(bool is_offset) {
    Duration duration;
    if (Below(4) != 0) {
      duration.ms = 1 + static_cast<std::int64_t>(Below(1'000'000'000));
      if (is_offset && Maybe()) duration.ms = -duration.ms;
      return duration;
    }
    // Only expressions that depend on the query: the parser works out the others, and may refuse them.
    do {
      duration.expr = is_offset ? WrappedDuration(2) : DurationNode(2);
    } while (!duration.expr->uses_query);
    return duration;
  }
  TimeModifiers Modifiers() {
    TimeModifiers modifiers;
    if (Below(3) == 0) modifiers.offset = SomeDuration(true);
    modifiers.at = static_cast<TimeModifiers::At>(Below(4));
    if (modifiers.at == TimeModifiers::At::kTime)
      modifiers.at_ms = static_cast<std::int64_t>(Below(4'000'000'000'000)) - 2'000'000'000'000;
    return modifiers;
  }

  VectorSelector* Selector(bool with_modifiers) {
    auto* selector = ast_.New<VectorSelector>();
    if (Below(5) != 0) selector->name = Name();
    for (std::size_t i = Below(4); i > 0; --i) {
      const auto op = static_cast<MatchOp>(Below(4));
      const bool is_regex = op == MatchOp::kRegex || op == MatchOp::kNotRegex;
      selector->matchers.push_back({.op = op, .name = Label(), .value = is_regex ? "a.*|b[0-9]+" : Text()});
    }
    if (selector->name.empty()) {
      selector->matchers.push_back({.op = MatchOp::kRegex, .name = "z", .value = ".+"});
    } else {
      selector->matchers.push_back({.op = MatchOp::kEqual, .name = "__name__", .value = selector->name});
    }
    if (with_modifiers) {
      selector->modifiers = Modifiers();
      selector->extension = static_cast<Extension>(Below(3));
    }
    return selector;
  }
  Expr* Matrix(int depth) {
    if (depth > 0 && Below(3) == 0) {
      auto* subquery = ast_.New<SubqueryExpr>();
      subquery->expr = Operand(Vector(depth - 1));
      subquery->range = SomeDuration(false);
      if (Maybe()) subquery->step = SomeDuration(false);
      subquery->modifiers = Modifiers();
      return subquery;
    }
    auto* matrix = ast_.New<MatrixSelector>();
    matrix->selector = Selector(true);
    matrix->range = SomeDuration(false);
    return matrix;
  }

  // In parentheses unless it is a call or an aggregation, to which any operator or bracket may be attached.
  Expr* Operand(Expr* expr) {
    const bool is_atom =
        expr->kind == NodeKind::kCall || expr->kind == NodeKind::kAggregation || expr->kind == NodeKind::kParen;
    return is_atom ? expr : Paren(expr);
  }
  Expr* Paren(Expr* expr) {
    auto* paren = ast_.New<ParenExpr>();
    paren->expr = expr;
    paren->type = expr->type;
    return paren;
  }

  Expr* Call(ValueType type, int depth) {
    for (;;) {
      const FunctionSignature& function = Functions()[Below(kFunctionCount)];
      if (function.return_type != type) continue;
      auto* call = ast_.New<CallExpr>();
      call->function = &function;
      call->type = type;
      const std::size_t max = std::min(function.args_max(), function.args_min() + 3);
      const std::size_t count = function.args_min() + Below(max - function.args_min() + 1);
      for (std::size_t i = 0; i < count; ++i) {
        const ValueType want = function.args()[std::min<std::size_t>(i, function.arg_count - 1U)];
        call->args.push_back(function.id == Function::kInfo && i == 1 ? InfoSelector() : Any(want, depth - 1));
      }
      return call;
    }
  }
  Expr* InfoSelector() {
    auto* selector = ast_.New<VectorSelector>();
    selector->matchers.push_back({.op = MatchOp::kRegex, .name = "data", .value = ".*"});
    return selector;
  }
  Expr* Any(ValueType type, int depth) {
    switch (type) {
      case ValueType::kScalar:
        return Scalar(depth);
      case ValueType::kVector:
        return Vector(depth);
      case ValueType::kMatrix:
        return Matrix(depth);
      default: {
        auto* text = ast_.New<StringLiteral>();
        text->value = Text();
        return text;
      }
    }
  }
  Expr* Scalar(int depth) {
    if (depth <= 0 || Below(3) == 0) return Literal(true);
    if (Maybe()) return Call(ValueType::kScalar, depth);
    return Binary(ValueType::kScalar, ValueType::kScalar, depth);
  }
  Expr* Vector(int depth) {
    if (depth <= 0) return Selector(true);
    switch (Below(6)) {
      case 0:
        return Selector(true);
      case 1:
        return Call(ValueType::kVector, depth);
      case 2:
        return Aggregation(depth);
      case 3: {
        auto* unary = ast_.New<UnaryExpr>();
        unary->negate = Maybe();
        unary->expr = Operand(Vector(depth - 1));
        return unary;
      }
      case 4:
        return Paren(Vector(depth - 1));
      default: {
        const std::size_t sides = Below(3);
        return Binary(sides == 1 ? ValueType::kScalar : ValueType::kVector,
                      sides == 2 ? ValueType::kScalar : ValueType::kVector, depth);
      }
    }
  }
  Expr* Aggregation(int depth) {
    auto* aggregate = ast_.New<AggregateExpr>();
    aggregate->op = static_cast<AggregateOp>(Below(kAggregateOpCount));
    aggregate->expr = Vector(depth - 1);
    if (AggregateOpTakesParameter(aggregate->op)) {
      aggregate->param =
          Any(aggregate->op == AggregateOp::kCountValues ? ValueType::kString : ValueType::kScalar, depth - 1);
    }
    aggregate->without = Maybe();
    for (std::size_t i = Below(3); i > 0; --i) aggregate->grouping.push_back(Label());
    return aggregate;
  }
  Expr* Binary(ValueType lhs, ValueType rhs, int depth) {
    auto* binary = ast_.New<BinaryExpr>();
    const bool both_vectors = lhs == ValueType::kVector && rhs == ValueType::kVector;
    const bool both_scalars = lhs == ValueType::kScalar && rhs == ValueType::kScalar;
    do {
      binary->op = static_cast<BinaryOp>(Below(kBinaryOpCount));
    } while ((IsSetOperator(binary->op) && !both_vectors) ||
             (both_scalars && (binary->op == BinaryOp::kTrimLower || binary->op == BinaryOp::kTrimUpper)));
    binary->lhs = Operand(Any(lhs, depth - 1));
    binary->rhs = Operand(Any(rhs, depth - 1));
    binary->type = both_scalars ? ValueType::kScalar : ValueType::kVector;
    binary->return_bool = IsComparison(binary->op) && (both_scalars || Maybe());
    if (IsSetOperator(binary->op)) binary->matching.cardinality = Cardinality::kManyToMany;
    if (both_vectors) RandomMatching(*binary);
    return binary;
  }
  void RandomMatching(BinaryExpr& binary) {
    VectorMatching& matching = binary.matching;
    matching.on = Maybe();
    if (Maybe()) matching.labels.push_back(Label());
    if (IsSetOperator(binary.op)) return;
    matching.cardinality = static_cast<Cardinality>(Below(3));
    if (matching.cardinality != Cardinality::kOneToOne && Maybe()) matching.include = {"included"};
    if (Below(4) == 0) matching.fill_left = Number();
    if (Below(4) == 0) matching.fill_right = -Number();
  }

  std::mt19937_64 random_;
  Ast ast_;
};

TEST(RoundTrip, PrintedTreesAreReadBackTheSame) {
  for (std::uint64_t seed = 0; seed < 4000; ++seed) {
    const Ast tree = RandomTree(seed).Build();
    const std::string text = ToString(tree.root());
    const auto parsed = ParseExpression(text, ParseOptions::Everything());
    ASSERT_TRUE(parsed) << "seed " << seed << ": " << parsed.error().Render(text);
    ASSERT_TRUE(SameExpression(tree.root(), parsed->root())) << "seed " << seed << ":\n"
                                                             << text << "\n"
                                                             << ToString(parsed->root());
    const std::string pretty = PrettyPrint(tree.root());
    const auto again = ParseExpression(pretty, ParseOptions::Everything());
    ASSERT_TRUE(again) << "seed " << seed << ": " << again.error().Render(pretty);
    ASSERT_TRUE(SameExpression(tree.root(), again->root())) << "seed " << seed << ":\n" << pretty;
    ASSERT_TRUE(model::IsValidUtf8(AstToJson(tree.root()))) << "seed " << seed;
  }
}

TEST(RoundTrip, CutAndChangedTextNeverBreaksTheParser) {
  std::mt19937_64 random(7);
  for (std::uint64_t seed = 0; seed < 300; ++seed) {
    const Ast tree = RandomTree(seed).Build();
    const std::string text = ToString(tree.root());
    for (int i = 0; i < 10; ++i) {
      std::string broken = text.substr(0, random() % (text.size() + 1));
      if (!broken.empty()) broken[random() % broken.size()] = static_cast<char>(random());
      const auto parsed = ParseExpression(broken, ParseOptions::Everything());
      if (parsed) continue;
      EXPECT_LE(parsed.error().span.start, broken.size());
      EXPECT_FALSE(parsed.error().message.empty());
      EXPECT_FALSE(parsed.error().Render(broken).empty());
    }
  }
}

}  // namespace
}  // namespace baro::query
