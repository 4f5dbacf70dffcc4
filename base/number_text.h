// Numbers as text, as Prometheus, which is Go, reads and writes them. The one place for it, but for two: the hot loop
// of expositions (scraper/expo/number.h), and PromQL's literals, which have hexadecimals and underscores
// (query/parse/literals.h).
//
// Threads  Pure functions.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace baro::base {

/// A decimal number with optional sign and exponent, or inf and infinity with optional sign, or nan, in any case; the
/// whole text. No hexadecimal, no underscores, no blanks. Every NaN has Go's bits, 0x7ff8000000000001: none can be
/// taken for a stale marker. What is too small becomes zero. Errors   nothing: another text, or one beyond the range of
/// doubles.
std::optional<double> ParseFloat(std::string_view text);

/// The shortest text that reads back as the same value: plain notation, or scientific if it is not zero and below 1e-6
/// or from 1e21 on, as Go writes JSON; "NaN", "+Inf", "-Inf".
std::string FormatFloat(double value);
void AppendFloat(std::string& out, double value);

/// As Go's %g (strconv 'g', precision -1): `0.001`, `100000`, `1e+06`, `1.5e-07`; "NaN", "+Inf", "-Inf".
void AppendFloatG(std::string& out, double value);

/// As strconv 'f', precision -1: never an exponent. Up to some 330 characters.
void AppendFloatF(std::string& out, double value);

}  // namespace baro::base
