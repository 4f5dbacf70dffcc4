// Functions of one number: mathematics, angles, and parts of dates.
//
// Threads  Pure functions.
#pragma once

#include <cstdint>

#include "query/functions.h"

namespace baro::query::func {

using UnaryFunction = double (*)(double);

/// The function as one of a double, or null if it is none such. Date functions take seconds since the epoch, in UTC.
UnaryFunction FindUnary(Function function);

/// Whether it is minute(), hour(), … year(), whose argument may be missing.
bool IsDateFunction(Function function);

/// Rounds to a multiple of `to`; ties go up.
double RoundTo(double value, double to);

/// C's fmod is Go's Mod: the sign is the dividend's.
double Modulo(double a, double b);

/// Go's Pow, which agrees with IEEE 754-2008.
double Power(double a, double b);

}  // namespace baro::query::func
