// Series selectors of the command line.
#pragma once

#include <string>
#include <vector>

#include "base/cancel.h"
#include "base/result.h"
#include "model/matcher.h"
#include "tsdb/reader.h"

namespace baro::cli {

/// The matchers of a selector like `up{job="x"}`.
/// Errors   kInvalidArgument.
base::Result<std::vector<model::Matcher>> ParseSelector(const std::string& text);

/// The series that any of the selectors chooses, each once, in label order.
///
/// Owns     the selections. Borrows nothing.
class UnitedSelection {
 public:
  /// No selectors: all series, also those without a name.
  static base::Result<UnitedSelection> Select(const tsdb::Reader& reader, const std::vector<std::string>& selectors,
                                              model::TimeRange range, const base::CancelToken& cancel);

  std::size_t size() const { return places_.size(); }
  const model::Labels& labels(std::size_t index) const {
    return selections_[places_[index].selection]->labels(places_[index].index);
  }
  base::Result<> Read(std::size_t index, model::TimeRange range, tsdb::SampleColumns& columns) const {
    return selections_[places_[index].selection]->Read(places_[index].index, range, columns);
  }
  /// Without those that several selections have.
  std::vector<std::string> Warnings() const;

 private:
  struct Place {
    std::size_t selection = 0;
    std::size_t index = 0;
  };

  std::vector<std::unique_ptr<tsdb::SeriesSelection>> selections_;
  std::vector<Place> places_;
};

}  // namespace baro::cli
