#include "base/metrics_text.h"

#include "base/number_text.h"

namespace baro::base {
namespace {

std::string_view KindName(MetricKind kind, bool open_metrics) {
  switch (kind) {
    case MetricKind::kCounter:
      return "counter";
    case MetricKind::kGauge:
      return "gauge";
    case MetricKind::kHistogram:
      return "histogram";
    case MetricKind::kSummary:
      return "summary";
    case MetricKind::kUntyped:
      break;
  }
  return open_metrics ? "unknown" : "untyped";
}

void AppendEscaped(std::string& out, std::string_view text, bool quotes) {
  for (const char c : text) {
    if (c == '\\') {
      out += "\\\\";
    } else if (c == '\n') {
      out += "\\n";
    } else if (c == '"' && quotes) {
      out += "\\\"";
    } else {
      out += c;
    }
  }
}

/// Bounds and quantiles are numbers, which OpenMetrics writes with a point or an exponent: `1.0`.
void AppendBound(std::string& out, std::string_view number) {
  out += number;
  if (number.find_first_not_of("-0123456789") == std::string_view::npos) out += ".0";
}

bool IsBound(MetricKind kind, std::string_view label) {
  return (kind == MetricKind::kHistogram && label == "le") || (kind == MetricKind::kSummary && label == "quantile");
}

/// `kind` is kUntyped where bounds stay as they are.
void AppendPoint(std::string& out, std::string_view name, const MetricPoint& point, MetricKind kind) {
  out += name;
  out += point.suffix;
  if (!point.labels.empty()) {
    char separator = '{';
    for (const auto& [label, value] : point.labels) {
      out += separator;
      separator = ',';
      out += label;
      out += "=\"";
      if (IsBound(kind, label)) {
        AppendBound(out, value);
      } else {
        AppendLabelValue(out, value);
      }
      out += '"';
    }
    out += '}';
  }
  out += ' ';
  AppendFloat(out, point.value);
  out += '\n';
}

void AppendHead(std::string& out, std::string_view name, const MetricFamily& family, bool open_metrics) {
  out += "# HELP ";
  out += name;
  out += ' ';
  AppendEscaped(out, family.help, open_metrics);
  out += "\n# TYPE ";
  out += name;
  out += ' ';
  out += KindName(family.kind, open_metrics);
  out += '\n';
}

}  // namespace

void AppendLabelValue(std::string& out, std::string_view value) { AppendEscaped(out, value, true); }

void AppendPrometheusText(std::span<const MetricFamily> families, std::string& out) {
  for (const MetricFamily& family : families) {
    AppendHead(out, family.name, family, false);
    for (const MetricPoint& point : family.points) AppendPoint(out, family.name, point, MetricKind::kUntyped);
  }
}

void AppendOpenMetricsText(std::span<const MetricFamily> families, std::string& out) {
  constexpr std::string_view kTotal = "_total";
  for (const MetricFamily& family : families) {
    std::string_view name = family.name;
    const bool is_total = family.kind == MetricKind::kCounter && name.ends_with(kTotal);
    if (is_total) name.remove_suffix(kTotal.size());
    // A counter whose name lacks the suffix is none to OpenMetrics.
    MetricFamily head{.name = "", .help = family.help, .kind = family.kind, .points = {}};
    if (family.kind == MetricKind::kCounter && !is_total) head.kind = MetricKind::kUntyped;
    AppendHead(out, name, head, true);
    for (const MetricPoint& point : family.points) AppendPoint(out, family.name, point, head.kind);
  }
  out += "# EOF\n";
}

}  // namespace baro::base
