#include "query/ast_json.h"

#include <cmath>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include <fmt/format.h>

#include "base/number_text.h"
#include "query/functions.h"
#include "query/parse/literals.h"

namespace baro::query {
namespace {

// What is still to be written: text, or a node in its place.
using JsonPiece = std::variant<std::string, const Expr*, const DurationExpr*>;
using Pieces = std::vector<JsonPiece>;

std::string JsonString(std::string_view bytes) {
  std::string out = "\"";
  while (!bytes.empty()) {
    const std::size_t length = Utf8SequenceLength(bytes);
    const auto c = static_cast<unsigned char>(bytes[0]);
    if (length == 0) {
      out += "\xEF\xBF\xBD";
    } else if (c == '"' || c == '\\') {
      out += '\\';
      out += static_cast<char>(c);
    } else if (c < 0x20) {
      out += fmt::format("\\u{:04x}", c);
    } else {
      out += bytes.substr(0, length);
    }
    bytes.remove_prefix(std::max<std::size_t>(length, 1));
  }
  return out + "\"";
}

std::string_view Bool(bool value) { return value ? "true" : "false"; }

std::string NumberString(double value) {
  std::string text;
  base::AppendFloatF(text, value);
  return text;
}

// A JSON number, or a string for what JSON has no number for.
std::string FillValue(const std::optional<double>& value) {
  if (!value) return "null";
  return std::isfinite(*value) ? NumberString(*value) : JsonString(NumberString(*value));
}

std::string Strings(const std::vector<std::string>& strings) {
  std::string out = "[";
  for (const std::string& text : strings) {
    if (out.size() > 1) out += ',';
    out += JsonString(text);
  }
  return out + "]";
}

std::string Matchers(const std::vector<LabelMatcher>& matchers) {
  std::string out = "[";
  for (const LabelMatcher& matcher : matchers) {
    if (out.size() > 1) out += ',';
    out += fmt::format(R"({{"name":{},"type":"{}","value":{}}})", JsonString(matcher.name), MatchOpText(matcher.op),
                       JsonString(matcher.value));
  }
  return out + "]";
}

std::string Times(const TimeModifiers& modifiers) {
  std::string at = "null";
  if (modifiers.at == TimeModifiers::At::kTime) at = fmt::to_string(modifiers.at_ms);
  std::string_view edge = "null";
  if (modifiers.at == TimeModifiers::At::kStart) edge = "\"start\"";
  if (modifiers.at == TimeModifiers::At::kEnd) edge = "\"end\"";
  return fmt::format(R"("timestamp":{},"startOrEnd":{})", at, edge);
}

void AddDuration(std::string_view name, const Duration& duration, Pieces& pieces) {
  pieces.emplace_back(fmt::format(R"("{}":{},"{}Expr":)", name, duration.ms, name));
  if (duration.expr == nullptr) {
    pieces.emplace_back("null,");
  } else {
    pieces.emplace_back(duration.expr);
    pieces.emplace_back(",");
  }
}

void AddSelector(std::string_view type, const VectorSelector& selector, const Duration* range, Pieces& pieces) {
  pieces.emplace_back(fmt::format(R"({{"type":"{}","name":{},)", type, JsonString(selector.name)));
  if (range != nullptr) AddDuration("range", *range, pieces);
  AddDuration("offset", selector.modifiers.offset, pieces);
  pieces.emplace_back(fmt::format(R"("matchers":{},{},"anchored":{},"smoothed":{}}})", Matchers(selector.matchers),
                                  Times(selector.modifiers), Bool(selector.extension == Extension::kAnchored),
                                  Bool(selector.extension == Extension::kSmoothed)));
}

std::string MatchingText(const BinaryExpr& binary) {
  if (!binary.matches_vectors()) return "null";
  const VectorMatching& matching = binary.matching;
  return fmt::format(R"({{"card":"{}","labels":{},"on":{},"include":{},"fillValues":{{"lhs":{},"rhs":{}}}}})",
                     CardinalityText(matching.cardinality), Strings(matching.labels), Bool(matching.on),
                     Strings(matching.include), FillValue(matching.fill_left), FillValue(matching.fill_right));
}

std::string FunctionText(const FunctionSignature& function) {
  std::vector<std::string> types;
  for (const ValueType type : function.args()) types.emplace_back(ValueTypeName(type));
  return fmt::format(R"({{"name":"{}","argTypes":{},"variadic":{},"returnType":"{}"}})", function.name, Strings(types),
                     static_cast<int>(function.variadic), ValueTypeName(function.return_type));
}

void AddCall(const CallExpr& call, Pieces& pieces) {
  pieces.emplace_back(fmt::format(R"({{"type":"call","func":{},"args":[)", FunctionText(*call.function)));
  for (std::size_t i = 0; i < call.args.size(); ++i) {
    if (i > 0) pieces.emplace_back(",");
    pieces.emplace_back(call.args[i]);
  }
  pieces.emplace_back("]}");
}

void AddAggregation(const AggregateExpr& aggregate, Pieces& pieces) {
  pieces.emplace_back(fmt::format(R"({{"type":"aggregation","op":"{}","grouping":{},"without":{},"param":)",
                                  AggregateOpText(aggregate.op), Strings(aggregate.grouping), Bool(aggregate.without)));
  if (aggregate.param == nullptr) {
    pieces.emplace_back("null");
  } else {
    pieces.emplace_back(aggregate.param);
  }
  pieces.emplace_back(R"(,"expr":)");
  pieces.emplace_back(aggregate.expr);
  pieces.emplace_back("}");
}

void AddSubquery(const SubqueryExpr& subquery, Pieces& pieces) {
  pieces.emplace_back(R"({"type":"subquery","expr":)");
  pieces.emplace_back(subquery.expr);
  pieces.emplace_back(",");
  AddDuration("range", subquery.range, pieces);
  AddDuration("step", subquery.step, pieces);
  AddDuration("offset", subquery.modifiers.offset, pieces);
  pieces.emplace_back(Times(subquery.modifiers) + "}");
}

void AddWrapped(std::string head, const Expr* inner, Pieces& pieces) {
  pieces.emplace_back(std::move(head));
  pieces.emplace_back(inner);
  pieces.emplace_back("}");
}

Pieces PiecesOf(const Expr& expr) {
  Pieces pieces;
  switch (expr.kind) {
    case NodeKind::kNumber:
      pieces.emplace_back(
          fmt::format(R"({{"type":"numberLiteral","val":"{}"}})", NumberString(As<NumberLiteral>(&expr)->value)));
      break;
    case NodeKind::kString:
      pieces.emplace_back(
          fmt::format(R"({{"type":"stringLiteral","val":{}}})", JsonString(As<StringLiteral>(&expr)->value)));
      break;
    case NodeKind::kVectorSelector:
      AddSelector("vectorSelector", *As<VectorSelector>(&expr), nullptr, pieces);
      break;
    case NodeKind::kMatrixSelector:
      AddSelector("matrixSelector", *As<MatrixSelector>(&expr)->selector, &As<MatrixSelector>(&expr)->range, pieces);
      break;
    case NodeKind::kSubquery:
      AddSubquery(*As<SubqueryExpr>(&expr), pieces);
      break;
    case NodeKind::kCall:
      AddCall(*As<CallExpr>(&expr), pieces);
      break;
    case NodeKind::kAggregation:
      AddAggregation(*As<AggregateExpr>(&expr), pieces);
      break;
    case NodeKind::kUnary:
      AddWrapped(fmt::format(R"({{"type":"unaryExpr","op":"{}","expr":)", As<UnaryExpr>(&expr)->negate ? "-" : "+"),
                 As<UnaryExpr>(&expr)->expr, pieces);
      break;
    case NodeKind::kBinary: {
      const auto& binary = *As<BinaryExpr>(&expr);
      pieces.emplace_back(fmt::format(R"({{"type":"binaryExpr","op":"{}","bool":{},"matching":{},"lhs":)",
                                      BinaryOpText(binary.op), Bool(binary.return_bool), MatchingText(binary)));
      pieces.emplace_back(binary.lhs);
      AddWrapped(R"(,"rhs":)", binary.rhs, pieces);
      break;
    }
    case NodeKind::kParen:
      AddWrapped(R"({"type":"parenExpr","expr":)", As<ParenExpr>(&expr)->expr, pieces);
      break;
  }
  return pieces;
}

std::string_view DurationOp(DurationExpr::Kind kind) {
  using Kind = DurationExpr::Kind;
  switch (kind) {
    case Kind::kStep:
      return "step";
    case Kind::kRange:
      return "range";
    case Kind::kMinOf:
      return "min_of";
    case Kind::kMaxOf:
      return "max_of";
    case Kind::kMul:
      return "*";
    case Kind::kDiv:
      return "/";
    case Kind::kMod:
      return "%";
    case Kind::kPow:
      return "^";
    case Kind::kNegate:
    case Kind::kSub:
      return "-";
    default:
      return "+";
  }
}

// Parentheses are a member of the node within them; a sign has only the right side.
Pieces PiecesOf(const DurationExpr& outer) {
  const DurationExpr* expr = &outer;
  while (expr->kind == DurationExpr::Kind::kParen) expr = expr->lhs;
  const bool is_wrapped = expr != &outer;
  if (expr->kind == DurationExpr::Kind::kLiteral) {
    return {fmt::format(R"({{"type":"numberLiteral","val":"{}","duration":{}}})", NumberString(expr->value),
                        Bool(expr->is_duration))};
  }
  const bool is_sign = expr->kind == DurationExpr::Kind::kNegate;
  Pieces pieces = {fmt::format(R"({{"type":"durationExpr","op":"{}","wrapped":{},"lhs":)", DurationOp(expr->kind),
                               Bool(is_wrapped))};
  const DurationExpr* lhs = is_sign ? nullptr : expr->lhs;
  const DurationExpr* rhs = is_sign ? expr->lhs : expr->rhs;
  if (lhs != nullptr) pieces.emplace_back(lhs);
  pieces.emplace_back(lhs != nullptr ? R"(,"rhs":)" : R"(null,"rhs":)");
  if (rhs != nullptr) pieces.emplace_back(rhs);
  pieces.emplace_back(rhs != nullptr ? "}" : "null}");
  return pieces;
}

}  // namespace

std::string AstToJson(const Expr& expr) {
  std::string out;
  Pieces pending = {&expr};
  while (!pending.empty()) {
    const JsonPiece piece = std::move(pending.back());
    pending.pop_back();
    Pieces pieces;
    if (const auto* text = std::get_if<std::string>(&piece)) {
      out += *text;
    } else if (const auto* node = std::get_if<const Expr*>(&piece)) {
      pieces = PiecesOf(**node);
    } else {
      pieces = PiecesOf(*std::get<const DurationExpr*>(piece));
    }
    for (auto it = pieces.rbegin(); it != pieces.rend(); ++it) pending.push_back(std::move(*it));
  }
  return out;
}

}  // namespace baro::query
