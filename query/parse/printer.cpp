#include "query/printer.h"
#include "base/duration_text.h"
#include "base/number_text.h"
#include "model/names.h"
#include "model/quote.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <cmath>
#include <string_view>
#include <utility>
#include <vector>

#include "query/functions.h"
#include "query/parse/literals.h"
#include "query/parse/pieces.h"

namespace baro::query {
namespace {

// Deeper levels are not indented further: a chain of 50,000 operators would fill the memory with blanks.
constexpr std::size_t kIndentLevelsMax = 32;

// The text on one line, and for each node where it stands in it, so that the length of each is known at once.
class OneLine {
 public:
  explicit OneLine(const Expr& root) {
    std::vector<Step> steps = {{.expr = &root}};
    while (!steps.empty()) {
      Step step = std::move(steps.back());
      steps.pop_back();
      if (step.is_end) {
        place(*step.expr).end = text_.size();
      } else if (step.expr == nullptr) {
        text_ += step.text;
      } else {
        place(*step.expr).start = text_.size();
        steps.push_back({.expr = step.expr, .is_end = true});
        std::vector<Piece> pieces = PiecesOf(*step.expr);
        for (auto piece = pieces.rbegin(); piece != pieces.rend(); ++piece) {
          steps.push_back({.expr = piece->child, .text = std::move(piece->text)});
        }
      }
    }
  }

  std::string TakeText() { return std::move(text_); }
  std::string_view TextOf(const Expr& expr) const {
    const Place& at = places_[expr.id];
    return std::string_view(text_).substr(at.start, at.end - at.start);
  }

 private:
  struct Step {
    const Expr* expr = nullptr;
    std::string text;
    bool is_end = false;
  };
  struct Place {
    std::size_t start = 0;
    std::size_t end = 0;
  };
  Place& place(const Expr& expr) {
    if (places_.size() <= expr.id) places_.resize(expr.id + 1U);
    return places_[expr.id];
  }

  std::string text_;
  std::vector<Place> places_;
};

class PrettyPrinter {
 public:
  PrettyPrinter(const Expr& root, std::size_t width) : one_line_(root), width_(width) {
    steps_.push_back({.expr = &root});
  }

  std::string Run() {
    while (!steps_.empty()) {
      const Step step = std::move(steps_.back());
      steps_.pop_back();
      if (step.expr == nullptr) {
        out_ += step.text;
      } else {
        PrintNode(*step.expr, step.level, step.continues_line);
      }
    }
    return std::move(out_);
  }

 private:
  struct Step {
    const Expr* expr = nullptr;
    std::size_t level = 0;
    bool continues_line = false;  // the indentation was written by what stands before
    std::string text;
  };

  static std::string Indent(std::size_t level) { return std::string(2 * std::min(level, kIndentLevelsMax), ' '); }

  // Selectors and literals are never broken, nor a call around one of them alone.
  bool IsBroken(const Expr& expr) const {
    if (one_line_.TextOf(expr).size() <= width_) return false;
    switch (expr.kind) {
      case NodeKind::kNumber:
      case NodeKind::kString:
      case NodeKind::kVectorSelector:
      case NodeKind::kMatrixSelector:
        return false;
      case NodeKind::kSubquery:
        return IsBroken(*As<SubqueryExpr>(&expr)->expr);
      case NodeKind::kUnary: {
        // `-a ^ b` without parentheses: broken, the sign would seem to belong to a.
        const Expr& inner = *As<UnaryExpr>(&expr)->expr;
        return inner.kind != NodeKind::kBinary && IsBroken(inner);
      }
      case NodeKind::kCall: {
        const auto& args = As<CallExpr>(&expr)->args;
        return args.size() > 1 || (args.size() == 1 && IsBroken(*args[0]));
      }
      default:
        return true;
    }
  }

  // Pushes in reverse: what is printed first comes last.
  void PrintNode(const Expr& expr, std::size_t level, bool continues_line) {
    const bool is_broken = IsBroken(expr);
    const bool starts_with_child = is_broken && (expr.kind == NodeKind::kBinary || expr.kind == NodeKind::kSubquery);
    if (!continues_line && !starts_with_child) out_ += Indent(level);
    if (!is_broken) {
      out_ += one_line_.TextOf(expr);
      return;
    }
    switch (expr.kind) {
      case NodeKind::kBinary: {
        const auto& binary = *As<BinaryExpr>(&expr);
        steps_.push_back({.expr = binary.rhs, .level = level + 1});
        steps_.push_back({.text = "\n" + Indent(level) + OperatorText(binary) + "\n"});
        steps_.push_back({.expr = binary.lhs, .level = level + 1});
        break;
      }
      case NodeKind::kSubquery: {
        const auto& subquery = *As<SubqueryExpr>(&expr);
        steps_.push_back({.text = SubqueryTail(subquery)});
        steps_.push_back({.expr = subquery.expr, .level = level, .continues_line = continues_line});
        break;
      }
      case NodeKind::kUnary:
        out_ += As<UnaryExpr>(&expr)->negate ? '-' : '+';
        steps_.push_back({.expr = As<UnaryExpr>(&expr)->expr, .level = level, .continues_line = true});
        break;
      default:
        PrintEnclosed(expr, level);
    }
  }

  // Head and parenthesis, a line for each child, parenthesis.
  void PrintEnclosed(const Expr& expr, std::size_t level) {
    if (const auto* call = As<CallExpr>(&expr)) out_ += call->function->name;
    if (const auto* aggregate = As<AggregateExpr>(&expr)) out_ += AggregateHead(*aggregate);
    out_ += "(\n";
    std::vector<const Expr*> children;
    AppendChildren(expr, children);
    steps_.push_back({.text = "\n" + Indent(level) + ")"});
    for (std::size_t i = children.size(); i-- > 0;) {
      steps_.push_back({.expr = children[i], .level = level + 1});
      if (i > 0) steps_.push_back({.text = ",\n"});
    }
  }

  OneLine one_line_;
  std::size_t width_;
  std::vector<Step> steps_;
  std::string out_;
};

std::string_view DurationOperator(DurationExpr::Kind kind) {
  switch (kind) {
    case DurationExpr::Kind::kAdd:
      return " + ";
    case DurationExpr::Kind::kSub:
      return " - ";
    case DurationExpr::Kind::kMul:
      return " * ";
    case DurationExpr::Kind::kDiv:
      return " / ";
    case DurationExpr::Kind::kMod:
      return " % ";
    default:
      return " ^ ";
  }
}

struct DurationPiece {
  std::string_view text;
  const DurationExpr* child = nullptr;
};

// The pieces of a node other than a literal.
std::vector<DurationPiece> PiecesOf(const DurationExpr& expr) {
  using Kind = DurationExpr::Kind;
  switch (expr.kind) {
    case Kind::kStep:
      return {{"step()"}};
    case Kind::kRange:
      return {{"range()"}};
    case Kind::kNegate:
      return {{"-"}, {"", expr.lhs}};
    case Kind::kParen:
      return {{"("}, {"", expr.lhs}, {")"}};
    case Kind::kMinOf:
      return {{"min_of("}, {"", expr.lhs}, {", "}, {"", expr.rhs}, {")"}};
    case Kind::kMaxOf:
      return {{"max_of("}, {"", expr.lhs}, {", "}, {"", expr.rhs}, {")"}};
    default:
      return {{"", expr.lhs}, {DurationOperator(expr.kind)}, {"", expr.rhs}};
  }
}

}  // namespace

std::string ToString(const Expr& expr) { return OneLine(expr).TakeText(); }

std::string PrettyPrint(const Expr& expr, std::size_t width) { return PrettyPrinter(expr, width).Run(); }

std::string ToString(const Duration& duration) {
  if (duration.expr == nullptr) return base::FormatDuration(std::chrono::milliseconds(duration.ms));
  std::string out;
  std::vector<DurationPiece> pending = {{"", duration.expr}};
  while (!pending.empty()) {
    const DurationPiece piece = pending.back();
    pending.pop_back();
    if (piece.child == nullptr) {
      out += piece.text;
    } else if (piece.child->kind != DurationExpr::Kind::kLiteral) {
      const std::vector<DurationPiece> pieces = PiecesOf(*piece.child);
      pending.insert(pending.end(), pieces.rbegin(), pieces.rend());
    } else if (piece.child->is_duration) {
      out += base::FormatDuration(std::chrono::milliseconds(std::llround(piece.child->value * 1000)));
    } else {
      base::AppendFloatF(out, piece.child->value);
    }
  }
  return out;
}

std::string ToString(const LabelMatcher& matcher) {
  std::string text =
      model::IsValidLabelName(matcher.name, model::NameScheme::kLegacy) ? matcher.name : model::Quoted(matcher.name);
  text += MatchOpText(matcher.op);
  return text + model::Quoted(matcher.value);
}

std::string ToString(std::span<const LabelMatcher> matchers) {
  std::string text = "{";
  for (std::size_t i = 0; i < matchers.size(); ++i) {
    if (i > 0) text += ", ";
    text += ToString(matchers[i]);
  }
  return text + "}";
}

}  // namespace baro::query
