// What OpenMetrics demands beyond its grammar: families in one piece, histograms that add up, exemplars where they may
// be.
//
// For checkers (`barotool check metrics`, the conformance suite). Scraping does not ask for it: Prometheus does not
// either, and a target that it accepts is not refused.
//
// Source   OpenMetrics 1.0, "Data Model", "Overall Structure", "Metric Types"; verdicts of the OpenMetrics parser
// tests.
#pragma once

#include <memory>
#include <string_view>

#include "base/result.h"
#include "scraper/exposition_reader.h"

namespace baro::scraper {

/// Judges the events of one exposition, in their order.
///
/// Threads  Confined.
/// Cost     Memory follows the number of families, and the number of metrics of the current one.
class OpenMetricsValidator {
 public:
  OpenMetricsValidator();
  ~OpenMetricsValidator();
  OpenMetricsValidator(const OpenMetricsValidator&) = delete;
  OpenMetricsValidator& operator=(const OpenMetricsValidator&) = delete;

  /// Errors   kInvalidArgument: the rule that is broken, with the line; feed no more events then. What is wrong with a
  ///          whole histogram or family is reported at the line that shows its end.
  base::Result<> Add(const ExpositionEvent& event);

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

/// Grammar and rules together.
/// Errors   kInvalidArgument: the first thing that is wrong, with its line.
base::Result<> ValidateOpenMetrics(std::string_view body);

}  // namespace baro::scraper
