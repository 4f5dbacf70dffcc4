// Binary operators between two vectors: who matches whom is found once for all steps.
#include <algorithm>
#include <functional>
#include <set>
#include <unordered_map>

#include <fmt/format.h>

#include "query/exec/binary_ops.h"
#include "query/exec/evaluate.h"
#include "query/func/column_loops.h"

namespace baro::query::exec {
namespace {

constexpr std::uint32_t kNobody = 0xffff'ffff;

model::Labels MatchLabels(const VectorMatching& matching, const model::Labels& labels) {
  return matching.on ? labels.WithLabelsOnly(matching.labels) : labels.WithoutLabels(matching.labels);
}

// Rows that match each other: those whose labels agree as far as the operator asks.
struct MatchGroup {
  model::Labels labels;
  std::vector<std::uint32_t> left;
  std::vector<std::uint32_t> right;
};

std::vector<MatchGroup> MakeGroups(const VectorMatching& matching, const Vector& lhs, const Vector& rhs) {
  std::vector<MatchGroup> groups;
  std::unordered_map<model::Labels, std::size_t> index;
  index.reserve(lhs.rows() + rhs.rows());
  const auto group_of = [&](const RowName& name) -> MatchGroup& {
    model::Labels labels = MatchLabels(matching, name.labels);
    const auto [at, is_new] = index.try_emplace(labels, groups.size());
    if (is_new) groups.push_back({.labels = std::move(labels), .left = {}, .right = {}});
    return groups[at->second];
  };
  for (std::uint32_t row = 0; row < lhs.rows(); ++row) group_of(lhs.names[row]).left.push_back(row);
  for (std::uint32_t row = 0; row < rhs.rows(); ++row) group_of(rhs.names[row]).right.push_back(row);
  return groups;
}

void MarkPresent(const Cells& cells, std::span<const std::uint32_t> rows, std::vector<bool>& present) {
  std::fill(present.begin(), present.end(), false);
  for (const std::uint32_t row : rows) {
    const auto kinds = cells.kinds(row);
    for (std::size_t step = 0; step < kinds.size(); ++step) {
      if (kinds[step] != Kind::kNone) present[step] = true;
    }
  }
}

// Empties the cells of `rows` at the steps where `present` is not `keep_where`.
void KeepWhere(Cells& cells, std::span<const std::uint32_t> rows, const std::vector<bool>& present, bool keep_where) {
  for (const std::uint32_t row : rows) {
    const auto kinds = cells.row(row).kinds;
    for (std::size_t step = 0; step < kinds.size(); ++step) {
      if (present[step] != keep_where) kinds[step] = Kind::kNone;
    }
  }
}

base::Result<Vector> SetOperator(Context& context, const BinaryExpr& expr, Vector lhs, Vector rhs) {
  const std::size_t steps = lhs.steps();
  std::vector<bool> present(steps);
  for (const MatchGroup& group : MakeGroups(expr.matching, lhs, rhs)) {
    BARO_TRY(context.Check());
    if (expr.op == BinaryOp::kOr) {
      MarkPresent(lhs.cells, group.left, present);
      KeepWhere(rhs.cells, group.right, present, false);
    } else {
      MarkPresent(rhs.cells, group.right, present);
      KeepWhere(lhs.cells, group.left, present, expr.op == BinaryOp::kAnd);
    }
  }
  if (expr.op == BinaryOp::kOr) {
    const std::size_t first = lhs.rows();
    BARO_TRY(lhs.cells.AddRows(rhs.rows()));
    for (std::size_t row = 0; row < rhs.rows(); ++row) {
      lhs.cells.CopyRow(rhs.cells, row, first + row);
      lhs.names.push_back(rhs.names[row]);
    }
  }
  lhs.DropEmptyRows();
  if (expr.op == BinaryOp::kOr && !context.drops_names_late()) BARO_TRY(JoinEqualRows(lhs, true));
  return lhs;
}

// One-to-one, many-to-one and one-to-many. Inside, the left side is the "many" side; one-to-many is turned round.
class Matcher {
 public:
  Matcher(Context& context, const BinaryExpr& expr, Vector many, Vector one)
      : context_(context),
        expr_(expr),
        matching_(expr.matching),
        is_turned_(expr.matching.cardinality == Cardinality::kOneToMany),
        // With group_right Prometheus turns the sides round and leaves the fill values where they are.
        fill_many_(matching_.fill_left),
        fill_one_(matching_.fill_right),
        many_(std::move(many)),
        one_(std::move(one)) {}

  base::Result<Vector> Run() {
    const std::size_t steps = std::max(many_.steps(), one_.steps());
    result_.cells = BARO_TRY(Cells::Make(context_.budget(), 0, steps));
    BARO_TRY(FindLiveSteps(steps));
    one_at_.resize(steps);
    has_partner_.resize(steps);
    for (const MatchGroup& group : MakeGroups(matching_, many_, one_)) {
      BARO_TRY(context_.Check());
      BARO_TRY(MatchOneGroup(group));
    }
    result_.DropEmptyRows();
    return std::move(result_);
  }

 private:
  // A step where one side has nothing at all matches nothing, and its ambiguities do not count.
  base::Result<> FindLiveSteps(std::size_t steps) {
    is_live_.assign(steps, true);
    if (fill_many_ || fill_one_) return {};
    std::vector<bool> present(steps);
    for (const Vector* side : {&many_, &one_}) {
      std::vector<std::uint32_t> rows(side->rows());
      for (std::uint32_t row = 0; row < rows.size(); ++row) rows[row] = row;
      MarkPresent(side->cells, rows, present);
      for (std::size_t step = 0; step < steps; ++step) is_live_[step] = is_live_[step] && present[step];
    }
    return {};
  }

  base::Result<> MatchOneGroup(const MatchGroup& group) {
    if (group.right.empty() && !fill_one_) return {};
    if (BARO_TRY(MatchFullRows(group))) return {};
    BARO_TRY(FindOneSide(group));
    std::fill(has_partner_.begin(), has_partner_.end(), false);
    for (const std::uint32_t row : group.left) BARO_TRY(MatchManyRow(group, row));
    if (fill_many_) BARO_TRY(FillMany(group));
    return {};
  }

  // The common case: one row on each side, floats at all steps, and plain arithmetic. False: it is not like that, and
  // nothing was done.
  base::Result<bool> MatchFullRows(const MatchGroup& group) {
    if (group.left.size() != 1 || group.right.size() != 1 || !IsPlainArithmetic(expr_.op)) return false;
    const std::uint32_t many = group.left.front();
    const std::uint32_t one = group.right.front();
    if (!func::AreAllFloats(many_.cells.kinds(many)) || !func::AreAllFloats(one_.cells.kinds(one))) return false;
    const std::size_t before = result_.rows();
    const std::size_t row = BARO_TRY(TargetRow(many_.names[many], one_.names[one].labels));
    if (row < before) return false;  // another group has made a row of these labels: they may be ambiguous
    const auto lhs = is_turned_ ? one_.cells.values(one) : many_.cells.values(many);
    const auto rhs = is_turned_ ? many_.cells.values(many) : one_.cells.values(one);
    const RowView out = result_.cells.row(row);
    std::ranges::fill(out.kinds, Kind::kFloat);
    switch (expr_.op) {
      case BinaryOp::kAdd:
        std::ranges::transform(lhs, rhs, out.values.begin(), std::plus<>());
        break;
      case BinaryOp::kSub:
        std::ranges::transform(lhs, rhs, out.values.begin(), std::minus<>());
        break;
      case BinaryOp::kMul:
        std::ranges::transform(lhs, rhs, out.values.begin(), std::multiplies<>());
        break;
      default:
        std::ranges::transform(lhs, rhs, out.values.begin(), std::divides<>());
        break;
    }
    return true;
  }

  static bool IsPlainArithmetic(BinaryOp op) {
    return op == BinaryOp::kAdd || op == BinaryOp::kSub || op == BinaryOp::kMul || op == BinaryOp::kDiv;
  }

  // one_at_[step]: the one row of the "one" side that is present.
  base::Result<> FindOneSide(const MatchGroup& group) {
    std::fill(one_at_.begin(), one_at_.end(), kNobody);
    for (const std::uint32_t row : group.right) {
      const auto kinds = one_.cells.kinds(row);
      for (std::size_t step = 0; step < kinds.size(); ++step) {
        if (kinds[step] == Kind::kNone || !is_live_[step]) continue;
        if (one_at_[step] != kNobody) return DuplicateOnOneSide(group, one_at_[step], row);
        one_at_[step] = row;
      }
    }
    return {};
  }

  base::Result<> DuplicateOnOneSide(const MatchGroup& group, std::uint32_t a, std::uint32_t b) const {
    return base::Fail(
        base::Code::kUnprocessable,
        fmt::format("found duplicate series for the match group {} on the {} hand-side of the operation: [{}, "
                    "{}];many-to-many matching not allowed: matching labels must be unique on one side",
                    group.labels.ToString(), is_turned_ ? "left" : "right", one_.names[a].labels.ToString(),
                    one_.names[b].labels.ToString()));
  }

  base::Result<> MatchManyRow(const MatchGroup& group, std::uint32_t row) {
    BARO_TRY(context_.Check());
    const RowView view = many_.cells.row(row);
    std::unordered_map<std::uint32_t, std::size_t> targets;  // row of the "one" side -> row of the result
    for (std::size_t step = 0; step < view.kinds.size(); ++step) {
      if (view.kinds[step] == Kind::kNone || !is_live_[step]) continue;
      const std::uint32_t partner = one_at_[step];
      if (partner == kNobody && !fill_one_) continue;
      const Operand many = At(view, step);
      const Operand one = partner == kNobody ? Operand{.value = *fill_one_} : At(one_.cells.row(partner), step);
      auto applied = ApplyInOrder(many, one);
      if (!applied) continue;  // the two do not go together, so they are no match
      // Ambiguous is ambiguous, whether or not a comparison keeps the element.
      if (matching_.cardinality == Cardinality::kOneToOne && has_partner_[step]) return AmbiguousMatch();
      has_partner_[step] = true;
      auto outcome = Kept(*std::move(applied));
      if (!outcome && matching_.include.empty()) continue;
      const auto [at, is_new] = targets.try_emplace(partner);
      if (is_new) {
        const model::Labels& one_labels = partner == kNobody ? group.labels : one_.names[partner].labels;
        at->second = BARO_TRY(TargetRow(many_.names[row], one_labels));
      }
      if (outcome) {
        BARO_TRY(Emit(at->second, step, std::move(*outcome)));
      } else {
        BARO_TRY(LeaveOut(at->second, step));
      }
    }
    return {};
  }

  // Elements of the "one" side that nobody matched meet the fill value.
  base::Result<> FillMany(const MatchGroup& group) {
    std::unordered_map<std::uint32_t, std::size_t> targets;
    for (std::size_t step = 0; step < one_at_.size(); ++step) {
      const std::uint32_t row = one_at_[step];
      if (row == kNobody || has_partner_[step]) continue;
      auto applied = ApplyInOrder(Operand{.value = *fill_many_}, At(one_.cells.row(row), step));
      if (!applied) continue;
      auto outcome = Kept(*std::move(applied));
      if (!outcome) continue;
      const auto [at, is_new] = targets.try_emplace(row);
      if (is_new) at->second = BARO_TRY(TargetRow({.labels = group.labels}, one_.names[row].labels));
      BARO_TRY(Emit(at->second, step, std::move(*outcome)));
    }
    return {};
  }

  static Operand At(const RowView& view, std::size_t step) {
    if (view.kinds[step] == Kind::kFloat) return {.value = view.values[step]};
    return {.value = 0, .histogram = &view.histogram(step)};
  }

  // The outcome with the operands on the sides where they were written; nothing if they do not go together.
  std::optional<Outcome> ApplyInOrder(const Operand& many, const Operand& one) const {
    return is_turned_ ? Apply(context_, expr_, one, many) : Apply(context_, expr_, many, one);
  }

  // What a comparison makes of an element; nothing if it goes.
  std::optional<Outcome> Kept(Outcome outcome) const {
    if (!IsComparison(expr_.op)) return outcome;
    if (expr_.return_bool) return Outcome{.value = outcome.holds ? 1.0 : 0.0};
    return outcome.holds ? std::optional(std::move(outcome)) : std::nullopt;
  }

  // The row of the result with the labels that these two make.
  base::Result<std::size_t> TargetRow(const RowName& many, const model::Labels& one) {
    RowName name{.labels = ResultLabels(many.labels, one), .drop_name = expr_.return_bool || many.drop_name};
    if (expr_.return_bool && !context_.drops_names_late()) name.labels = WithoutMetadata(name.labels);
    if (!context_.drops_names_late()) name.drop_name = false;
    const auto [at, is_new] = result_rows_.try_emplace(name.labels, result_.rows());
    if (is_new) return result_.AddRow(std::move(name));
    result_.names[at->second].drop_name |= name.drop_name;
    return at->second;
  }

  model::Labels ResultLabels(const model::Labels& many, const model::Labels& one) {
    builder_.Reset(DropsName(expr_.op) ? WithoutMetadata(many) : many);
    if (matching_.cardinality == Cardinality::kOneToOne) {
      if (matching_.on) {
        builder_.Keep(matching_.labels);
      } else {
        builder_.Delete(matching_.labels);
      }
    }
    for (const std::string& label : matching_.include) builder_.Set(label, one.Get(label));
    return builder_.Build();
  }

  base::Result<> AmbiguousMatch() const {
    return base::Fail(base::Code::kUnprocessable,
                      matching_.cardinality == Cardinality::kOneToOne
                          ? "multiple matches for labels: many-to-one matching must be explicit "
                            "(group_left/group_right)"
                          : "multiple matches for labels: grouping labels must ensure unique matches");
  }

  // Two elements that labels of the "one" side make equal are ambiguous even if a comparison leaves one of them out.
  base::Result<> LeaveOut(std::size_t row, std::size_t step) {
    const bool is_first = left_out_.emplace(row, step).second;
    if (!is_first || result_.cells.row(row).kinds[step] != Kind::kNone) return AmbiguousMatch();
    return {};
  }

  base::Result<> Emit(std::size_t row, std::size_t step, Outcome outcome) {
    const RowView view = result_.cells.row(row);
    if (view.kinds[step] != Kind::kNone || (!left_out_.empty() && left_out_.contains({row, step}))) {
      return AmbiguousMatch();
    }
    if (outcome.histogram != nullptr) {
      view.SetHistogram(step, std::move(outcome.histogram));
    } else {
      view.SetFloat(step, outcome.value);
    }
    return {};
  }

  Context& context_;
  const BinaryExpr& expr_;
  const VectorMatching& matching_;
  const bool is_turned_;
  const std::optional<double> fill_many_;
  const std::optional<double> fill_one_;
  Vector many_;
  Vector one_;
  Vector result_;
  std::unordered_map<model::Labels, std::size_t> result_rows_;
  std::set<std::pair<std::size_t, std::size_t>> left_out_;  // row of the result, step
  model::LabelsBuilder builder_;
  std::vector<bool> is_live_;
  std::vector<std::uint32_t> one_at_;
  std::vector<bool> has_partner_;  // by step: whether there was a match in the group at hand
};

}  // namespace

base::Result<Vector> VectorVector(Context& context, const BinaryExpr& expr, Vector lhs, Vector rhs) {
  if (IsSetOperator(expr.op)) return SetOperator(context, expr, std::move(lhs), std::move(rhs));
  const bool is_turned = expr.matching.cardinality == Cardinality::kOneToMany;
  Matcher matcher(context, expr, std::move(is_turned ? rhs : lhs), std::move(is_turned ? lhs : rhs));
  return matcher.Run();
}

}  // namespace baro::query::exec
