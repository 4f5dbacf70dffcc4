#include "server/api/federate_format.h"

#include <algorithm>
#include <optional>
#include <vector>

#include <fmt/format.h>

#include "base/metrics_text.h"
#include "base/number_text.h"

namespace baro::server {
namespace {

constexpr std::string_view kProtobufType = "application/vnd.google.protobuf";
constexpr std::string_view kProtobufMessage = "io.prometheus.client.MetricFamily";

std::string_view Trim(std::string_view text) {
  const std::size_t first = text.find_first_not_of(" \t");
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(" \t") - first + 1);
}

/// The text up to the separator; both are taken off `rest`.
std::string_view TakeUpTo(std::string_view& rest, char separator) {
  const std::size_t end = std::min(rest.find(separator), rest.size());
  const std::string_view part = rest.substr(0, end);
  rest.remove_prefix(std::min(end + 1, rest.size()));
  return Trim(part);
}

/// One of the formats that a header lists.
struct Clause {
  std::string_view type;
  std::string_view version;
  std::string_view message;
  std::string_view encoding;
  std::optional<model::EscapingScheme> escaping;
  double quality = 1;

  void Set(std::string_view name, std::string_view value) {
    if (value.size() >= 2 && value.front() == '"' && value.back() == '"') value = value.substr(1, value.size() - 2);
    if (name == "version") version = value;
    if (name == "proto") message = value;
    if (name == "encoding") encoding = value;
    if (name == "escaping") escaping = model::ParseEscapingScheme(value);
    if (name == "q") quality = base::ParseFloat(value).value_or(1);
  }

  bool is_protobuf() const { return type == kProtobufType && message == kProtobufMessage && encoding == "delimited"; }
  bool is_text() const { return type == "text/plain" && (version.empty() || version == "0.0.4"); }
};

Clause ReadClause(std::string_view text) {
  Clause clause;
  clause.type = TakeUpTo(text, ';');
  while (!text.empty()) {
    std::string_view value = TakeUpTo(text, ';');
    const std::string_view name = TakeUpTo(value, '=');
    clause.Set(name, Trim(value));
  }
  return clause;
}

/// Best first; of equals the first.
std::vector<Clause> ReadClauses(std::string_view accept) {
  std::vector<Clause> clauses;
  while (!accept.empty()) {
    const Clause clause = ReadClause(TakeUpTo(accept, ','));
    if (clause.quality > 0) clauses.push_back(clause);
  }
  std::ranges::stable_sort(clauses, std::ranges::greater{}, &Clause::quality);
  return clauses;
}

}  // namespace

FederationFormat NegotiateFederation(std::string_view accept) {
  FederationFormat format;
  std::optional<model::EscapingScheme> escaping;
  for (const Clause& clause : ReadClauses(accept)) {
    const bool is_chosen = format.encoding == FederationFormat::Encoding::kProtobuf;
    // Scrapers name their escaping with the newer text formats alone. Names of Protobuf may be any; text of a clause
    // that is served is as this one says, or one before it.
    if (clause.escaping && !(is_chosen && escaping)) escaping = clause.escaping;
    if (is_chosen) continue;
    if (clause.is_protobuf()) format.encoding = FederationFormat::Encoding::kProtobuf;
    if (clause.is_text()) break;
  }
  if (escaping) format.escaping = *escaping;
  return format;
}

std::string ContentTypeOf(const FederationFormat& format) {
  const std::string_view escaping = model::EscapingSchemeName(format.escaping);
  if (format.encoding == FederationFormat::Encoding::kText) {
    return fmt::format("{}; escaping={}", base::kPrometheusTextContentType, escaping);
  }
  return fmt::format("{}; proto={}; encoding=delimited; escaping={}", kProtobufType, kProtobufMessage, escaping);
}

}  // namespace baro::server
