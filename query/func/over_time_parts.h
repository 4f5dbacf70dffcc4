// Functions of one window, for those range functions that have no running structure, and for checking those that have.
//
// Threads  Pure functions.
#pragma once

#include <cstdint>
#include <span>

#include "query/func/compensated.h"
#include "query/func/range_column.h"
#include "query/functions.h"

namespace baro::query::func {

CompensatedSum SumOf(std::span<const double> values);

/// The mean, also where the sum is too large for a double.
/// Shape    not empty.
double AverageOf(std::span<const double> values);

/// Population variance, by Welford's method with compensated sums.
/// Shape    not empty.
double VarianceOf(std::span<const double> values);

/// The median of the distances from the median.
double MedianDeviationOf(std::span<const double> values);

/// Holt's linear method: `level_factor` smooths the level, `trend_factor` the trend.
/// Shape    at least two values.
double SmoothExponentially(std::span<const double> values, double level_factor, double trend_factor);

/// A line in seconds relative to a time.
struct Line {
  double slope = 0;
  double intercept = 0;
};

/// The least squares fit, with time measured from `origin_ms`. Equal values give a slope of exactly 0; an infinite one
/// among them gives NaN.
/// Shape    at least two samples.
Line FitLine(std::span<const std::int64_t> timestamps_ms, std::span<const double> values, std::int64_t origin_ms);

/// sum_over_time, avg_over_time, changes and resets for columns that hold native histograms.
void HistogramsOverTime(Function function, const RangeColumn& column, const WindowGrid& windows, const RowView& out,
                        Notes& notes);

/// changes or resets among neighbours, over both kinds of samples in the order of time.
double CountPairs(Function function, const RangeColumn& column, Stretch floats, Stretch histograms);

}  // namespace baro::query::func
