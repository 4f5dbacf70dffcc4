// Which strings may be names of metrics and labels, and how names are escaped for peers that know fewer.
//
// Source   Prometheus' data model ("legacy": ASCII identifiers; since 3.0 any UTF-8), its documents on escaping
// schemes. Threads  Pure functions.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace baro::model {

inline constexpr std::string_view kMetricName = "__name__";
inline constexpr std::string_view kInstanceLabel = "instance";
inline constexpr std::string_view kJobLabel = "job";
inline constexpr std::string_view kBucketLabel = "le";
inline constexpr std::string_view kQuantileLabel = "quantile";
inline constexpr std::string_view kAlertNameLabel = "alertname";
inline constexpr std::string_view kAddressLabel = "__address__";
inline constexpr std::string_view kSchemeLabel = "__scheme__";
inline constexpr std::string_view kMetricsPathLabel = "__metrics_path__";
inline constexpr std::string_view kScrapeIntervalLabel = "__scrape_interval__";
inline constexpr std::string_view kScrapeTimeoutLabel = "__scrape_timeout__";
inline constexpr std::string_view kParamLabelPrefix = "__param_";
inline constexpr std::string_view kMetaLabelPrefix = "__meta_";
inline constexpr std::string_view kTypeLabel = "__type__";
inline constexpr std::string_view kUnitLabel = "__unit__";

/// Which names are allowed (`metric_name_validation_scheme` in the configuration).
enum class NameScheme : std::uint8_t {
  kUtf8,    ///< any non-empty valid UTF-8
  kLegacy,  ///< [a-zA-Z_:][a-zA-Z0-9_:]* for metrics, the same without the colon for labels
};

/// Whether `text` is UTF-8 as Go understands it: no overlong forms, no surrogates, nothing above U+10FFFF.
bool IsValidUtf8(std::string_view text);

/// Appends `text` to `out` with each byte that is not part of valid UTF-8 replaced by U+FFFD, as Go decodes strings.
void AppendValidUtf8(std::string& out, std::string_view text);

/// Takes the first code point off `text`. An invalid byte is taken alone and gives U+FFFD.
/// Shape    `text` is not empty.
struct DecodedRune {
  char32_t rune = 0;
  std::uint8_t size_bytes = 0;
  bool is_valid = false;
};
DecodedRune DecodeRune(std::string_view text);

/// Appends the code point as UTF-8; what is no code point is appended as U+FFFD.
void AppendRune(std::string& out, char32_t rune);

/// [a-zA-Z_:][a-zA-Z0-9_:]*
bool IsLegacyMetricName(std::string_view name);
/// [a-zA-Z_][a-zA-Z0-9_]*
bool IsLegacyLabelName(std::string_view name);

bool IsValidMetricName(std::string_view name, NameScheme scheme = NameScheme::kUtf8);
bool IsValidLabelName(std::string_view name, NameScheme scheme = NameScheme::kUtf8);

/// How a name is changed for a peer that does not take every UTF-8 name (`escaping=` in content negotiation).
enum class EscapingScheme : std::uint8_t {
  kAllowUtf8,    ///< "allow-utf-8": not at all
  kUnderscores,  ///< "underscores": each character that is not legal becomes `_`
  kDots,         ///< "dots": `.` -> `_dot_`, `_` -> `__`, others -> `__`
  kValues,       ///< "values": `U__` in front, `_` -> `__`, others -> `_<hex of the code point>_`
};

/// The scheme as it stands in a header ("allow-utf-8", "underscores", "dots", "values").
std::string_view EscapingSchemeName(EscapingScheme scheme);
std::optional<EscapingScheme> ParseEscapingScheme(std::string_view name);

/// The name under the scheme. A name that is legal for legacy peers stays as it is, except that `dots` and `values`
/// must keep their own marks unambiguous (`dots` doubles underscores always; `values` leaves legacy names alone).
/// Legal are the characters of a legacy metric name.
std::string EscapeName(std::string_view name, EscapingScheme scheme);

/// Undoes EscapeName() as far as the scheme allows: a name that does not look escaped comes back unchanged.
std::string UnescapeName(std::string_view name, EscapingScheme scheme);

}  // namespace baro::model
