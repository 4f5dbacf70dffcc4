// An exemplar: one observation that stands for many, with the labels (a trace id, say) that lead to it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>

#include "model/labels.h"

namespace baro::model {

/// Label names and values of an exemplar together may have this many code points (OpenMetrics 1.0, "Exemplars").
inline constexpr std::size_t kExemplarLabelRunesMax = 128;

struct Exemplar {
  Labels labels;
  double value = 0;
  std::optional<std::int64_t> timestamp_ms;  ///< absent: the time of the sample that it came with

  friend bool operator==(const Exemplar&, const Exemplar&) = default;
};

/// The number of code points in all names and values of `labels`; an invalid byte counts as one.
std::size_t CountLabelRunes(const Labels& labels);

}  // namespace baro::model
