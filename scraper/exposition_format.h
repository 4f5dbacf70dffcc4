// What a scrape asks for and what it got: the Accept header, and the format that a Content-Type names.
//
// Source   Prometheus, docs/instrumenting/content_negotiation.md and escaping_schemes.md.
// Threads  Pure functions.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "base/result.h"
#include "model/names.h"

namespace baro::scraper {

/// A grammar of expositions. Text 0.0.4 and 1.0.0 differ in what targets may send, not in how it is read; so do
/// OpenMetrics 0.0.1 and 1.0.0.
enum class ExpositionFormat : std::uint8_t { kText, kOpenMetrics, kProtobuf };

/// An entry of `scrape_protocols` and `fallback_scrape_protocol`.
enum class ScrapeProtocol : std::uint8_t {
  kPrometheusProto,
  kOpenMetricsText0_0_1,
  kOpenMetricsText1_0_0,
  kPrometheusText0_0_4,
  kPrometheusText1_0_0,
};

/// The protocols that are asked for where the configuration says nothing, best first.
std::span<const ScrapeProtocol> DefaultScrapeProtocols();

/// The protocol as the configuration spells it ("OpenMetricsText1.0.0").
std::string_view ScrapeProtocolName(ScrapeProtocol protocol);

/// The protocol of that name.
/// Errors   kInvalidArgument: no such name; the message lists those that there are.
base::Result<ScrapeProtocol> ParseScrapeProtocol(std::string_view name);

/// The value of the Accept header: the protocols in their order with q = 0.6, 0.5, ..., then anything.
std::string AcceptHeader(std::span<const ScrapeProtocol> protocols, model::EscapingScheme escaping);

/// The format of a body by the Content-Type it came with; `content_type` is empty when there was none. `fallback` is
/// taken when the header is missing, unreadable or of an unknown kind.
/// Errors   kInvalidArgument: no format can be told and there is no fallback.
base::Result<ExpositionFormat> FormatOfContentType(std::string_view content_type,
                                                   std::optional<ScrapeProtocol> fallback);

}  // namespace baro::scraper
