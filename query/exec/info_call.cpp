// info(): adds the labels of info metrics (target_info and the like) to series of the same instance and job.
//
// Source   docs/querying/functions.md of Prometheus, info().
#include <algorithm>
#include <array>
#include <map>
#include <set>
#include <unordered_map>
#include <unordered_set>

#include <fmt/format.h>

#include "base/saturating.h"
#include "model/matcher.h"
#include "query/exec/column_source.h"
#include "query/exec/evaluate.h"

namespace baro::query::exec {
namespace {

constexpr std::string_view kDefaultInfoMetric = "target_info";
constexpr std::string_view kAnyInfoMetric = ".+_info";  // where only names that are not meant are given

const std::array<std::string, 2>& IdentifyingLabels() {
  static const std::array<std::string, 2> kLabels = {"instance", "job"};
  return kLabels;
}

// What the second argument asks for.
struct InfoRequest {
  std::vector<LabelMatcher> name_matchers;
  std::vector<LabelMatcher> data_matchers;
  bool has_data_matchers() const { return !data_matchers.empty(); }
};

InfoRequest ReadRequest(const CallExpr& call) {
  InfoRequest request;
  if (call.args.size() > 1) {
    const auto* selector = As<VectorSelector>(&StripParens(*call.args[1]));
    for (const LabelMatcher& matcher : selector->matchers) {
      (matcher.name == model::kMetricName ? request.name_matchers : request.data_matchers).push_back(matcher);
    }
  }
  const auto demand = [&](MatchOp op, std::string_view value) {
    request.name_matchers.push_back(
        {.op = op, .name = std::string(model::kMetricName), .value = std::string(value), .span = {}});
  };
  const auto is_negated = [](const LabelMatcher& matcher) {
    return matcher.op == MatchOp::kNotEqual || matcher.op == MatchOp::kNotRegex;
  };
  if (request.name_matchers.empty()) {
    demand(MatchOp::kEqual, kDefaultInfoMetric);
  } else if (std::ranges::all_of(request.name_matchers, is_negated)) {
    demand(MatchOp::kRegex, kAnyInfoMetric);
  }
  return request;
}

base::Result<model::Matcher> Compile(const LabelMatcher& matcher) {
  switch (matcher.op) {
    case MatchOp::kEqual:
      return model::Matcher::Equal(matcher.name, matcher.value);
    case MatchOp::kNotEqual:
      return model::Matcher::Make(model::MatchType::kNotEqual, matcher.name, matcher.value);
    case MatchOp::kRegex:
      return model::Matcher::Make(model::MatchType::kRegex, matcher.name, matcher.value);
    case MatchOp::kNotRegex:
      return model::Matcher::Make(model::MatchType::kNotRegex, matcher.name, matcher.value);
  }
  return model::Matcher::Equal(matcher.name, matcher.value);
}

base::Result<std::vector<model::Matcher>> CompileAll(std::span<const LabelMatcher> matchers) {
  std::vector<model::Matcher> result;
  for (const LabelMatcher& matcher : matchers) result.push_back(BARO_TRY(Compile(matcher)));
  return result;
}

// A series of an info metric with, for each step, the time of the sample that is looked at.
struct InfoSeries {
  model::Labels labels;
  std::vector<std::int64_t> sample_ms;  // kMinTimestampMs where there is none
};

// The first selector of an expression and the subqueries around it, the outermost first: their offsets and `@` hold for
// the info series, too.
std::vector<const Expr*> TimedNodes(const Expr& expr) {
  std::vector<const Expr*> nodes;
  const auto selectors = Selectors(expr);
  if (selectors.empty()) return nodes;
  for (const Expr* node : PostOrder(expr)) {
    const auto* subquery = As<SubqueryExpr>(node);
    if (subquery == nullptr) continue;
    const auto inside = Selectors(*subquery->expr);
    if (!inside.empty() && inside.front() == selectors.front()) nodes.insert(nodes.begin(), node);
  }
  nodes.push_back(selectors.front());
  return nodes;
}

class InfoJoin {
 public:
  InfoJoin(Context& context, const CallExpr& call, const StepGrid& grid)
      : context_(context), call_(call), grid_(grid), request_(ReadRequest(call)) {}

  base::Result<Vector> Run() {
    Vector base_vector = BARO_TRY(EvalVector(context_, *call_.args[0], grid_));
    name_matchers_ = BARO_TRY(CompileAll(request_.name_matchers));
    data_matchers_ = BARO_TRY(CompileAll(request_.data_matchers));
    BARO_TRY(SelectInfo(base_vector));
    Vector result;
    result.cells = BARO_TRY(Cells::Make(context_.budget(), 0, grid_.count));
    for (std::size_t row = 0; row < base_vector.rows(); ++row) {
      BARO_TRY(context_.Check());
      BARO_TRY(JoinRow(base_vector, row, result));
    }
    result.DropEmptyRows();
    BARO_TRY(JoinEqualRows(result, true));  // what was added may be all that told two series apart
    return result;
  }

 private:
  using Identity = model::Labels;

  static Identity IdentityOf(const model::Labels& labels) { return labels.WithLabelsOnly(IdentifyingLabels()); }

  // Series that are info metrics themselves are passed through. What was renamed by a function is told by its flag
  // only.
  bool IsInfoSeries(const model::Labels& labels) const {
    return std::ranges::all_of(name_matchers_,
                               [&](const model::Matcher& matcher) { return matcher.MatchesLabels(labels); });
  }

  // What the base series identify themselves by. Those that do not at all have no info.
  void NoteIdentities(const Vector& base_vector) {
    for (const RowName& name : base_vector.names) {
      if (IsInfoSeries(name.labels)) continue;
      Identity identity = IdentityOf(name.labels);
      if (identity.empty()) continue;
      for (std::size_t i = 0; i < wanted_.size(); ++i) {
        const std::string_view value = identity.Get(IdentifyingLabels()[i]);
        if (!value.empty()) wanted_[i].emplace(value);
      }
      identities_.insert(std::move(identity));
    }
  }

  // An info series needs each of the labels that any base series has, with a value that one has.
  bool HasWantedIdentity(const model::Labels& labels) const {
    for (std::size_t i = 0; i < wanted_.size(); ++i) {
      if (!wanted_[i].empty() && !wanted_[i].contains(labels.Get(IdentifyingLabels()[i]))) return false;
    }
    return true;
  }

  base::Result<> SelectInfo(const Vector& base_vector) {
    NoteIdentities(base_vector);
    if (identities_.empty()) return {};
    VectorSelector selector;
    selector.matchers = request_.name_matchers;
    selector.matchers.insert(selector.matchers.end(), request_.data_matchers.begin(), request_.data_matchers.end());
    std::int64_t first = grid_.start_ms;
    std::int64_t step = grid_.step_ms;
    for (const Expr* node : TimedNodes(*call_.args[0])) {
      const NodePlan& plan = context_.plan(*node);
      if (plan.at_ms) step = 0;
      first = base::SaturatingSub(plan.at_ms.value_or(first), plan.offset_ms);
    }
    const auto at = [&](std::size_t index) {
      return base::SaturatingAdd(first, static_cast<std::int64_t>(index) * step);
    };
    const model::TimeRange range{.min_ms = base::SaturatingAdd(base::SaturatingSub(first, context_.lookback_ms()), 1),
                                 .max_ms = at(grid_.count - 1)};
    auto selection = BARO_TRY(Select(context_, selector, {.times = range}));
    tsdb::SampleColumns columns;
    for (std::size_t i = 0; i < selection->size(); ++i) {
      const Identity identity = IdentityOf(selection->labels(i));
      if (!identities_.contains(identity) || !HasWantedIdentity(selection->labels(i))) continue;
      BARO_TRY(context_.Check());
      columns.Clear();
      BARO_TRY(context_.Read(call_, *selection, i, range, columns));
      if (!columns.histograms().empty()) {
        return base::Fail(base::Code::kUnprocessable,
                          fmt::format("this should be an info metric, but is a native histogram: {}",
                                      selection->labels(i).ToMetricString()));
      }
      infos_[identity].push_back({.labels = selection->labels(i), .sample_ms = SampleTimes(columns, at)});
    }
    return {};
  }

  template <typename At>
  std::vector<std::int64_t> SampleTimes(const tsdb::SampleColumns& columns, const At& at) const {
    std::vector<std::int64_t> result(grid_.count, model::kMinTimestampMs);
    const auto times = columns.timestamps_ms();
    std::size_t next = 0;
    for (std::size_t step = 0; step < grid_.count; ++step) {
      while (next < times.size() && times[next] <= at(step)) ++next;
      if (next == 0 || times[next - 1] <= base::SaturatingSub(at(step), context_.lookback_ms())) continue;
      if (!model::IsStaleNaN(columns.values()[next - 1])) result[step] = times[next - 1];
    }
    return result;
  }

  // Of each info metric, the series whose sample is the newest. Of two that are as new, nobody knows which one holds.
  base::Result<> Choose(std::span<const InfoSeries> candidates, std::size_t step) {
    chosen_.clear();
    for (const InfoSeries& info : candidates) {
      const std::int64_t time = info.sample_ms[step];
      if (time == model::kMinTimestampMs) continue;
      const auto [at, is_new] = chosen_.try_emplace(info.labels.metric_name(), &info);
      if (is_new) continue;
      const std::int64_t chosen_time = at->second->sample_ms[step];
      if (time == chosen_time) {
        return base::Fail(
            base::Code::kUnprocessable,
            fmt::format("found duplicate series for info metric: existing {} @ {}, new {} @ {}",
                        at->second->labels.ToMetricString(), chosen_time, info.labels.ToMetricString(), time));
      }
      if (time > chosen_time) at->second = &info;
    }
    return {};
  }

  bool Wants(std::string_view label) const {
    if (label == model::kMetricName || label == "instance" || label == "job") return false;
    if (!request_.has_data_matchers()) return true;
    return std::ranges::any_of(request_.data_matchers,
                               [label](const LabelMatcher& matcher) { return matcher.name == label; });
  }

  // The base labels with those of the chosen info series; the base's own win.
  base::Result<model::Labels> Joined(const model::Labels& labels) {
    builder_.Reset(labels);
    for (const auto& [metric, info] : chosen_) {
      for (const model::LabelView label : info->labels) {
        if (!Wants(label.name) || labels.Has(label.name)) continue;
        const std::string_view present = builder_.Get(label.name);
        if (!present.empty() && present != label.value) {
          return base::Fail(base::Code::kUnprocessable, fmt::format("conflicting label: {}", label.name));
        }
        builder_.Set(label.name, label.value);
      }
    }
    return builder_.Build();
  }

  // Without a partner an element stays, unless some condition refuses a label that is not there.
  bool KeepsUnmatched() const {
    return std::ranges::all_of(data_matchers_, [](const model::Matcher& matcher) { return matcher.MatchesEmpty(); });
  }

  base::Result<> JoinRow(const Vector& vector, std::size_t row, Vector& result) {
    const RowName& name = vector.names[row];
    if (IsInfoSeries(name.labels)) {
      const std::size_t target = BARO_TRY(result.AddRow(name));
      result.cells.CopyRow(vector.cells, row, target);
      return {};
    }
    const auto found = infos_.find(IdentityOf(name.labels));
    const std::span<const InfoSeries> candidates =
        found == infos_.end() ? std::span<const InfoSeries>() : std::span<const InfoSeries>(found->second);
    std::unordered_map<model::Labels, std::size_t> targets;
    const auto kinds = vector.cells.kinds(row);
    for (std::size_t step = 0; step < kinds.size(); ++step) {
      if (kinds[step] == Kind::kNone) continue;
      BARO_TRY(Choose(candidates, step));
      if (chosen_.empty() && !KeepsUnmatched()) continue;
      model::Labels labels = BARO_TRY(Joined(name.labels));
      const auto [at, is_new] = targets.try_emplace(labels, 0);
      if (is_new) at->second = BARO_TRY(result.AddRow({.labels = std::move(labels), .drop_name = name.drop_name}));
      const RowView out = result.cells.row(at->second);
      if (kinds[step] == Kind::kFloat) {
        out.SetFloat(step, vector.cells.values(row)[step]);
      } else {
        out.SetHistogram(step, vector.cells.histograms(row)[step]);
      }
    }
    return {};
  }

  Context& context_;
  const CallExpr& call_;
  const StepGrid& grid_;
  InfoRequest request_;
  std::vector<model::Matcher> name_matchers_;
  std::vector<model::Matcher> data_matchers_;
  std::unordered_set<Identity> identities_;
  std::array<std::set<std::string, std::less<>>, 2> wanted_;  // values of each identifying label among the base series
  std::unordered_map<Identity, std::vector<InfoSeries>> infos_;
  std::map<std::string_view, const InfoSeries*> chosen_;  // by metric name
  model::LabelsBuilder builder_;
};

}  // namespace

base::Result<Vector> EvalInfo(Context& context, const CallExpr& call, const StepGrid& grid) {
  InfoJoin join(context, call, grid);
  return join.Run();
}

}  // namespace baro::query::exec
