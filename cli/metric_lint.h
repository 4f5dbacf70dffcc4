// What is wrong with an exposition that can be scraped: names, help texts and types that go against the conventions.
//
// Source   https://prometheus.io/docs/practices/naming/ and
// https://prometheus.io/docs/instrumenting/writing_exporters/,
//          of which `promtool check metrics` asks for the same parts.
// Threads  Pure functions.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace baro::cli {

struct MetricRemark {
  std::string family;
  std::string text;

  friend bool operator==(const MetricRemark&, const MetricRemark&) = default;
};

/// How many series a family has.
struct FamilySize {
  std::string family;
  std::size_t series_count = 0;
};

struct MetricLint {
  std::size_t samples_count = 0;
  std::vector<MetricRemark> remarks;  ///< by family, in the order of the families
  std::vector<FamilySize> sizes;      ///< largest first
};

/// Reads an exposition in the text format as a scrape would, and judges it.
/// Errors   kInvalidArgument: it is none.
base::Result<MetricLint> LintMetrics(std::string_view text);

}  // namespace baro::cli
