#include "scraper/exposition_format.h"

#include <algorithm>
#include <array>

#include <fmt/format.h>

namespace baro::scraper {
namespace {

struct ProtocolRow {
  ScrapeProtocol protocol;
  std::string_view name;
  std::string_view accept;
  bool takes_escaping;  // only the 1.0.0 formats know the parameter
};
constexpr std::array kProtocols = {
    ProtocolRow{ScrapeProtocol::kPrometheusProto, "PrometheusProto",
                "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited", false},
    ProtocolRow{ScrapeProtocol::kOpenMetricsText0_0_1, "OpenMetricsText0.0.1",
                "application/openmetrics-text;version=0.0.1", false},
    ProtocolRow{ScrapeProtocol::kOpenMetricsText1_0_0, "OpenMetricsText1.0.0",
                "application/openmetrics-text;version=1.0.0", true},
    ProtocolRow{ScrapeProtocol::kPrometheusText0_0_4, "PrometheusText0.0.4", "text/plain;version=0.0.4", false},
    ProtocolRow{ScrapeProtocol::kPrometheusText1_0_0, "PrometheusText1.0.0", "text/plain;version=1.0.0", true},
};
constexpr std::array kDefaultProtocols = {ScrapeProtocol::kOpenMetricsText1_0_0, ScrapeProtocol::kOpenMetricsText0_0_1,
                                          ScrapeProtocol::kPrometheusText1_0_0, ScrapeProtocol::kPrometheusText0_0_4};

const ProtocolRow& RowOf(ScrapeProtocol protocol) {
  for (const ProtocolRow& row : kProtocols) {
    if (row.protocol == protocol) return row;
  }
  BARO_ASSERT(false);
  return kProtocols[0];
}

std::string ProtocolNames() {
  std::string names;
  for (const ProtocolRow& row : kProtocols) names += fmt::format("{}{}", names.empty() ? "" : ", ", row.name);
  return names;
}

std::string_view Trim(std::string_view text) {
  const std::size_t first = text.find_first_not_of(" \t");
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(" \t") - first + 1);
}

bool IsToken(std::string_view text) {
  constexpr std::string_view kSeparators = "()<>@,;:\\\"/[]?={} \t";
  return !text.empty() && std::all_of(text.begin(), text.end(), [&](char c) {
    return c > 0x20 && c < 0x7f && kSeparators.find(c) == std::string_view::npos;
  });
}

// RFC 9110, 5.6.6: name=token or name="text", where the text may hold separators.
bool TakeParameter(std::string_view& rest) {
  const std::size_t equals = rest.find('=');
  if (equals == std::string_view::npos || !IsToken(Trim(rest.substr(0, equals)))) return false;
  rest = Trim(rest.substr(equals + 1));
  if (!rest.starts_with('"')) {
    const std::size_t end = std::min(rest.find(';'), rest.size());
    const bool good = IsToken(Trim(rest.substr(0, end)));
    rest.remove_prefix(end);
    return good;
  }
  std::size_t at = 1;
  while (at < rest.size() && rest[at] != '"') at += rest[at] == '\\' ? 2 : 1;
  if (at >= rest.size()) return false;
  rest = Trim(rest.substr(at + 1));
  return rest.empty() || rest.front() == ';';
}

// The media type in lower case, or nothing when the header is not well formed.
std::optional<std::string> MediaType(std::string_view content_type) {
  const std::size_t end = std::min(content_type.find(';'), content_type.size());
  const std::string_view type = Trim(content_type.substr(0, end));
  const std::size_t slash = type.find('/');
  if (slash == std::string_view::npos || !IsToken(type.substr(0, slash)) || !IsToken(type.substr(slash + 1))) return {};
  std::string_view rest = content_type.substr(end);
  while (!rest.empty()) {
    rest = Trim(rest.substr(1));  // behind the semicolon
    if (!rest.empty() && !TakeParameter(rest)) return {};
  }
  std::string lower(type);
  for (char& c : lower) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  return lower;
}

}  // namespace

std::span<const ScrapeProtocol> DefaultScrapeProtocols() { return kDefaultProtocols; }

std::string_view ScrapeProtocolName(ScrapeProtocol protocol) { return RowOf(protocol).name; }

base::Result<ScrapeProtocol> ParseScrapeProtocol(std::string_view name) {
  for (const ProtocolRow& row : kProtocols) {
    if (row.name == name) return row.protocol;
  }
  return base::Fail(base::Code::kInvalidArgument,
                    fmt::format("unknown scrape protocol '{}', supported: {}", name, ProtocolNames()));
}

std::string AcceptHeader(std::span<const ScrapeProtocol> protocols, model::EscapingScheme escaping) {
  std::string header;
  // Prometheus starts at 0.6 however many there are; with all five the tail gets 0.1.
  int tenths = 6;
  for (const ScrapeProtocol protocol : protocols) {
    const ProtocolRow& row = RowOf(protocol);
    header += row.accept;
    if (row.takes_escaping) header += fmt::format(";escaping={}", model::EscapingSchemeName(escaping));
    header += fmt::format(";q=0.{},", std::max(tenths--, 1));
  }
  return header + fmt::format("*/*;q=0.{}", std::max(tenths, 1));
}

base::Result<ExpositionFormat> FormatOfContentType(std::string_view content_type,
                                                   std::optional<ScrapeProtocol> fallback) {
  const std::optional<std::string> type = MediaType(content_type);
  if (type == "application/openmetrics-text") return ExpositionFormat::kOpenMetrics;
  if (type == "text/plain") return ExpositionFormat::kText;
  if (type == "application/vnd.google.protobuf") return ExpositionFormat::kProtobuf;
  if (!fallback) {
    const std::string what = Trim(content_type).empty()
                                 ? std::string("non-compliant scrape target sent no Content-Type")
                             : type ? fmt::format("received unsupported Content-Type \"{}\"", content_type)
                                    : fmt::format("received unreadable Content-Type \"{}\"", content_type);
    return base::Fail(base::Code::kInvalidArgument, what + " and no fallback_scrape_protocol specified for target");
  }
  switch (*fallback) {
    case ScrapeProtocol::kPrometheusProto:
      return ExpositionFormat::kProtobuf;
    case ScrapeProtocol::kOpenMetricsText0_0_1:
    case ScrapeProtocol::kOpenMetricsText1_0_0:
      return ExpositionFormat::kOpenMetrics;
    case ScrapeProtocol::kPrometheusText0_0_4:
    case ScrapeProtocol::kPrometheusText1_0_0:
      return ExpositionFormat::kText;
  }
  return base::Fail(base::Code::kInvalidArgument, "unknown fallback_scrape_protocol");
}

}  // namespace baro::scraper
