// The order of sort_by_label(): runs of digits count as numbers.
//
// Threads  Pure functions.
#pragma once

#include <compare>
#include <span>
#include <string_view>

#include "model/labels.h"

namespace baro::query::exec {

/// "a2" before "a10". Runs of digits of equal value are ordered by the text.
std::strong_ordering CompareNaturally(std::string_view a, std::string_view b);

/// By the values of `names` in turn, then by all labels.
std::strong_ordering CompareByLabels(const model::Labels& a, const model::Labels& b,
                                     std::span<const std::string_view> names);

}  // namespace baro::query::exec
