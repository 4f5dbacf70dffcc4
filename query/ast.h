// The abstract syntax of PromQL: what the parser makes, and planner, printer and API read.
//
// Source   The language of Prometheus 3.14: docs/querying/basics, operators, functions.
// Owns     An Ast owns all its nodes; nodes point to each other with plain pointers that live as long as the Ast. Trees
//          of any depth are therefore freed without recursion.
// Threads  An Ast that nobody changes may be read by any thread.
// Shape    The parser keeps `depth` at most ParseOptions::depth_max, where a chain of binary operators that grows to
// the
//          left (`a + b + c + …`, up to 50,000 operators) counts once. A visitor that recurses into all children but
//          walks BinaryExpr::lhs in a loop therefore recurses depth_max deep at most. Easier: PostOrder() lists all
//          nodes children first, and `id` is dense, so a planner keeps its results in a vector by id and needs no
//          recursion.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace baro::query {

struct FunctionSignature;

/// What an expression yields.
enum class ValueType : std::uint8_t { kScalar, kVector, kMatrix, kString };

/// "scalar", "vector", "matrix", "string": the words of the HTTP API.
std::string_view ValueTypeName(ValueType type);

/// "scalar", "instant vector", "range vector", "string": the words of error messages.
std::string_view ValueTypeDescription(ValueType type);

/// A stretch of the query text: [start, end) in bytes.
struct TextSpan {
  std::uint32_t start = 0;
  std::uint32_t end = 0;

  friend bool operator==(const TextSpan&, const TextSpan&) = default;
};

enum class MatchOp : std::uint8_t { kEqual, kNotEqual, kRegex, kNotRegex };

/// "=", "!=", "=~", "!~".
std::string_view MatchOpText(MatchOp op);

/// One condition on a label, as written. A regular expression was checked (RE2 syntax, matched against the whole
/// value).
struct LabelMatcher {
  MatchOp op = MatchOp::kEqual;
  std::string name;
  std::string value;
  TextSpan span;
};

/// A node of a duration expression: `[2 * step()]`, `offset (1h + range())`. Values are seconds as double.
struct DurationExpr {
  enum class Kind : std::uint8_t {
    kLiteral,  ///< `value` seconds
    kStep,     ///< the query's step; 0 in an instant query
    kRange,    ///< end - start of the query; 0 in an instant query
    kNegate,   ///< -lhs
    kParen,    ///< (lhs)
    kAdd,
    kSub,
    kMul,
    kDiv,
    kMod,
    kPow,
    kMinOf,  ///< min_of(lhs, rhs)
    kMaxOf,  ///< max_of(lhs, rhs)
  };

  Kind kind = Kind::kLiteral;
  double value = 0;
  bool is_duration = false;  ///< kLiteral: written with units (`5m`), and printed so
  bool uses_query = false;   ///< step() or range() below: known only when the query's times are
  const DurationExpr* lhs = nullptr;
  const DurationExpr* rhs = nullptr;
  TextSpan span;
};

/// A length of time in the query: literal or expression.
struct Duration {
  /// Milliseconds, when not uses_query(). Use ResolveDuration() (query/duration.h) to get it in both cases.
  std::int64_t ms = 0;
  /// Null for a plain literal such as `5m`, `-5m` or `300`; else what was written.
  const DurationExpr* expr = nullptr;

  /// True if the value depends on the query's step or range.
  bool uses_query() const { return expr != nullptr && expr->uses_query; }
  /// True if anything was written: `offset 0s` is zero, and the same as no offset.
  bool is_set() const { return ms != 0 || expr != nullptr; }
};

/// `offset` and `@` behind a selector or subquery.
struct TimeModifiers {
  enum class At : std::uint8_t { kNone, kTime, kStart, kEnd };

  Duration offset;  ///< positive looks back
  At at = At::kNone;
  std::int64_t at_ms = 0;  ///< kTime: milliseconds since the Unix epoch
};

/// `anchored` and `smoothed`, which exclude each other.
enum class Extension : std::uint8_t { kNone, kAnchored, kSmoothed };

enum class NodeKind : std::uint8_t {
  kNumber,
  kString,
  kVectorSelector,
  kMatrixSelector,
  kSubquery,
  kCall,
  kAggregation,
  kUnary,
  kBinary,
  kParen,
};

/// Any node. `As<BinaryExpr>(expr)` narrows it.
struct Expr {
  Expr(NodeKind kind_, ValueType type_) : kind(kind_), type(type_) {}
  virtual ~Expr() = default;
  Expr(const Expr&) = delete;
  Expr& operator=(const Expr&) = delete;

  const NodeKind kind;
  ValueType type;
  std::uint16_t depth = 1;  ///< nesting below and including this node, left chains counted once; see the file comment
  std::uint32_t id = 0;     ///< index in its Ast: [0, Ast::size())
  TextSpan span;
};

/// The node as a T, or null if it is another kind (or null already).
template <typename T>
const T* As(const Expr* expr) {
  return expr != nullptr && expr->kind == T::kKind ? static_cast<const T*>(expr) : nullptr;
}
template <typename T>
T* As(Expr* expr) {
  return expr != nullptr && expr->kind == T::kKind ? static_cast<T*>(expr) : nullptr;
}

/// `1.5`, `0x1F`, `Inf`, `5m`; signs directly before a number are folded into it.
struct NumberLiteral final : Expr {
  static constexpr NodeKind kKind = NodeKind::kNumber;
  NumberLiteral() : Expr(kKind, ValueType::kScalar) {}

  double value = 0;
  bool is_duration = false;  ///< written with units: `value` is seconds, and it is printed as a duration
};

/// `"text"`: the bytes after unescaping, not necessarily UTF-8.
struct StringLiteral final : Expr {
  static constexpr NodeKind kKind = NodeKind::kString;
  StringLiteral() : Expr(kKind, ValueType::kString) {}

  std::string value;
};

/// `name{label="value"} offset 5m @ end()`.
struct VectorSelector final : Expr {
  static constexpr NodeKind kKind = NodeKind::kVectorSelector;
  VectorSelector() : Expr(kKind, ValueType::kVector) {}

  std::string name;  ///< metric name written as such (`name` or `{"name"}`); empty if none
  /// All conditions in the order written; if `name` is set, then `__name__="name"` is the last of them.
  std::vector<LabelMatcher> matchers;
  TimeModifiers modifiers;
  Extension extension = Extension::kNone;
};

/// `selector[5m]`. Offset, @ and extension written behind the bracket are kept in the selector.
struct MatrixSelector final : Expr {
  static constexpr NodeKind kKind = NodeKind::kMatrixSelector;
  MatrixSelector() : Expr(kKind, ValueType::kMatrix) {}

  VectorSelector* selector = nullptr;
  Duration range;  ///< > 0 unless it uses the query's times
};

/// `expr[1h:5m]`.
struct SubqueryExpr final : Expr {
  static constexpr NodeKind kKind = NodeKind::kSubquery;
  SubqueryExpr() : Expr(kKind, ValueType::kMatrix) {}

  Expr* expr = nullptr;  ///< an instant vector
  Duration range;        ///< > 0 unless it uses the query's times
  Duration step;         ///< not set: the global evaluation interval
  TimeModifiers modifiers;
};

/// `rate(x[5m])`. Number and types of the arguments fit the signature; optional ones may be missing.
struct CallExpr final : Expr {
  static constexpr NodeKind kKind = NodeKind::kCall;
  CallExpr() : Expr(kKind, ValueType::kVector) {}

  const FunctionSignature* function = nullptr;  ///< static data: query/functions.h
  /// For info(), the second argument is a VectorSelector without name of which only the matchers count; they may all
  /// match the empty string.
  std::vector<Expr*> args;
};

enum class AggregateOp : std::uint8_t {
  kSum,
  kAvg,
  kMin,
  kMax,
  kCount,
  kGroup,
  kStddev,
  kStdvar,
  kTopk,
  kBottomk,
  kQuantile,
  kCountValues,
  kLimitk,
  kLimitRatio,
};
inline constexpr std::size_t kAggregateOpCount = 14;

/// "sum", "count_values", …
std::string_view AggregateOpText(AggregateOp op);
/// True for topk, bottomk, quantile, count_values, limitk, limit_ratio.
bool AggregateOpTakesParameter(AggregateOp op);

/// `topk by (job) (3, expr)`.
struct AggregateExpr final : Expr {
  static constexpr NodeKind kKind = NodeKind::kAggregation;
  AggregateExpr() : Expr(kKind, ValueType::kVector) {}

  AggregateOp op = AggregateOp::kSum;
  Expr* expr = nullptr;   ///< an instant vector
  Expr* param = nullptr;  ///< scalar, or string for count_values; null where the operator takes none
  bool without = false;
  std::vector<std::string> grouping;  ///< in the order written
};

enum class BinaryOp : std::uint8_t {
  kAdd,
  kSub,
  kMul,
  kDiv,
  kMod,
  kPow,
  kAtan2,
  kEqual,
  kNotEqual,
  kLess,
  kLessEqual,
  kGreater,
  kGreaterEqual,
  kTrimUpper,  ///< `</`: keeps the observations at or below the right side
  kTrimLower,  ///< `>/`: keeps the observations at or above the right side
  kAnd,
  kOr,
  kUnless,
};
inline constexpr std::size_t kBinaryOpCount = 18;

/// "+", "atan2", "</", "unless", …
std::string_view BinaryOpText(BinaryOp op);
/// 1 (`or`) to 6 (`^`): larger binds tighter.
int BinaryOpPrecedence(BinaryOp op);
/// == != < <= > >=
bool IsComparison(BinaryOp op);
/// and, or, unless
bool IsSetOperator(BinaryOp op);

/// How many elements may match on each side; "many" is where group_left / group_right point away from.
enum class Cardinality : std::uint8_t { kOneToOne, kManyToOne, kOneToMany, kManyToMany };
/// "one-to-one", "many-to-one" (group_left), "one-to-many" (group_right), "many-to-many" (set operators).
std::string_view CardinalityText(Cardinality cardinality);

/// How elements of two vectors find each other.
struct VectorMatching {
  Cardinality cardinality = Cardinality::kOneToOne;
  bool on = false;                   ///< match on `labels` only; else on all labels but `labels` and the name
  std::vector<std::string> labels;   ///< of on() or ignoring()
  std::vector<std::string> include;  ///< of group_left() or group_right()
  std::optional<double> fill_left;   ///< stands in for a missing element of the left side
  std::optional<double> fill_right;
};

/// `lhs op rhs`.
struct BinaryExpr final : Expr {
  static constexpr NodeKind kKind = NodeKind::kBinary;
  BinaryExpr() : Expr(kKind, ValueType::kVector) {}

  BinaryOp op = BinaryOp::kAdd;
  Expr* lhs = nullptr;
  Expr* rhs = nullptr;
  bool return_bool = false;
  VectorMatching matching;  ///< meaningful if both sides are vectors
  TextSpan op_span;

  /// True if both sides are instant vectors, so that `matching` counts.
  bool matches_vectors() const { return lhs->type == ValueType::kVector && rhs->type == ValueType::kVector; }
};

/// `-expr`, `+expr` on anything but a number literal.
struct UnaryExpr final : Expr {
  static constexpr NodeKind kKind = NodeKind::kUnary;
  UnaryExpr() : Expr(kKind, ValueType::kVector) {}

  bool negate = false;
  Expr* expr = nullptr;
};

/// `(expr)`.
struct ParenExpr final : Expr {
  static constexpr NodeKind kKind = NodeKind::kParen;
  ParenExpr() : Expr(kKind, ValueType::kVector) {}

  Expr* expr = nullptr;
};

/// A tree and all its nodes. Movable; nodes keep their addresses.
class Ast {
 public:
  /// Adds a node; its id is the next free one. Rewriters use this too; what they no longer reach stays until the end.
  template <typename T>
  T* New() {
    auto node = std::make_unique<T>();
    T* result = node.get();
    result->id = static_cast<std::uint32_t>(nodes_.size());
    nodes_.push_back(std::move(node));
    return result;
  }
  DurationExpr* NewDuration() { return &durations_.emplace_back(); }

  const Expr& root() const { return *root_; }
  Expr* mutable_root() { return root_; }
  void set_root(Expr* root) { root_ = root; }
  /// Number of nodes made, i.e. one more than the largest id.
  std::size_t size() const { return nodes_.size(); }

 private:
  std::vector<std::unique_ptr<Expr>> nodes_;
  std::deque<DurationExpr> durations_;
  Expr* root_ = nullptr;
};

/// Appends the direct children in the order of the text: of an aggregation the parameter before the expression, of a
/// matrix selector its selector.
void AppendChildren(const Expr& expr, std::vector<const Expr*>& children);

/// All nodes at or below `root`, every node after its children, siblings in the order of the text. No recursion.
std::vector<const Expr*> PostOrder(const Expr& root);

/// All vector selectors at or below `root`, in the order of the text, with those in matrix selectors and in info()'s
/// second argument.
std::vector<const VectorSelector*> Selectors(const Expr& root);

/// The expression inside any number of parentheses.
const Expr& StripParens(const Expr& expr);

/// Equal in everything but positions, ids and the order of a selector's matchers. No recursion.
bool SameExpression(const Expr& a, const Expr& b);

}  // namespace baro::query
