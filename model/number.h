// Floats as text, in the shortest digits that read back to the same value, laid out as Go lays them out.
//
// Threads  Pure functions.
#pragma once

#include <string>

namespace baro::model {

/// As Go's %g (strconv 'g', precision -1): `0.001`, `100000`, `1e+06`, `1.5e-07`; "NaN", "+Inf", "-Inf".
void AppendFloatG(std::string& out, double value);

/// As strconv 'f', precision -1: never an exponent. Up to some 330 characters.
void AppendFloatF(std::string& out, double value);

}  // namespace baro::model
