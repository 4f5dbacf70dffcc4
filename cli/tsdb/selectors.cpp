#include "cli/tsdb/selectors.h"

#include <algorithm>

#include "query/parser.h"
#include "tsdb/block_import.h"

namespace baro::cli {
namespace {

using model::Matcher;
using model::MatchType;

MatchType TypeOf(query::MatchOp op) {
  switch (op) {
    case query::MatchOp::kEqual:
      return MatchType::kEqual;
    case query::MatchOp::kNotEqual:
      return MatchType::kNotEqual;
    case query::MatchOp::kRegex:
      return MatchType::kRegex;
    case query::MatchOp::kNotRegex:
      return MatchType::kNotRegex;
  }
  return MatchType::kEqual;
}

}  // namespace

base::Result<std::vector<Matcher>> ParseSelector(const std::string& text) {
  std::vector<Matcher> matchers;
  for (const query::LabelMatcher& matcher : BARO_TRY(query::ParseMetricSelector(text))) {
    matchers.push_back(BARO_TRY(Matcher::Make(TypeOf(matcher.op), matcher.name, matcher.value)));
  }
  return matchers;
}

base::Result<UnitedSelection> UnitedSelection::Select(const tsdb::Reader& reader,
                                                      const std::vector<std::string>& selectors, model::TimeRange range,
                                                      const base::CancelToken& cancel) {
  std::vector<std::vector<Matcher>> sets;
  for (const std::string& selector : selectors) sets.push_back(BARO_TRY(ParseSelector(selector)));
  if (selectors.empty()) sets = BARO_TRY(tsdb::MatchersOfAllSeries(reader, cancel));
  UnitedSelection united;
  for (const std::vector<Matcher>& matchers : sets) {
    united.selections_.push_back(BARO_TRY(reader.Select({.matchers = matchers, .range = range}, cancel)));
    const std::size_t selection = united.selections_.size() - 1;
    for (std::size_t i = 0; i < united.selections_.back()->size(); ++i) united.places_.push_back({selection, i});
  }
  const auto labels_of = [&united](const Place& place) -> const model::Labels& {
    return united.selections_[place.selection]->labels(place.index);
  };
  std::ranges::stable_sort(united.places_, {}, labels_of);
  const auto doubled = std::ranges::unique(united.places_, {}, labels_of);
  united.places_.erase(doubled.begin(), doubled.end());
  return united;
}

std::vector<std::string> UnitedSelection::Warnings() const {
  std::vector<std::string> all;
  for (const auto& selection : selections_) {
    for (const std::string& warning : selection->warnings()) {
      if (std::ranges::count(all, warning) == 0) all.push_back(warning);
    }
  }
  return all;
}

}  // namespace baro::cli
