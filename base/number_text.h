// Numbers as text, as Prometheus reads and writes them.
// Threads  Pure functions.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace baro::base {

/// A decimal number, or Inf, +Inf, -Inf, Infinity, NaN in any case; the whole text. No hexadecimal, no underscores, no
/// blanks. Out of range becomes infinite or zero, as in Go's ParseFloat before its error.
std::optional<double> ParseFloat(std::string_view text);

/// The shortest text that reads back as the same value: plain notation, or scientific if it is not zero and below 1e-6
/// or from 1e21 on; "NaN", "+Inf", "-Inf".
std::string FormatFloat(double value);
void AppendFloat(std::string& out, double value);

}  // namespace baro::base
