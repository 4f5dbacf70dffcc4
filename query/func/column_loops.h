// Loops over whole columns without branches, compiled for AVX2 too and chosen when the program runs.
//
// Threads  Pure functions.
#pragma once

#include <cstddef>
#include <span>

#include "query/exec/cells.h"
#include "query/func/compensated.h"

namespace baro::query::func {

/// Whether any value is NaN, of whichever kind.
bool HasNaN(std::span<const double> values);

/// Whether any value is less than the one before.
bool HasDecrease(std::span<const double> values);

/// How many cells are not empty.
std::size_t CountFilled(std::span<const exec::Kind> kinds);

/// Whether all cells are floats.
bool AreAllFloats(std::span<const exec::Kind> kinds);

/// The greatest of all |value|, of NaN nothing.
double GreatestMagnitude(std::span<const double> values);

/// The sum of all values, added up in four lanes: not in the order of Prometheus, and more than twice as fast.
CompensatedSum SumInLanes(std::span<const double> values);

/// Adds each value to its own sum, bit by bit as CompensatedSum::Add() does.
/// Shape    all of one length.
void AddToSums(std::span<const double> values, std::span<double> sums, std::span<double> lost);

}  // namespace baro::query::func
