// /federate: the newest sample of each series, for another server to scrape.
//
// Source   Prometheus' documentation, "Federation"; formats and escaping: docs/scraping.md.
#include <algorithm>
#include <map>

#include "base/metrics.h"
#include "model/names.h"
#include "server/api/api.h"
#include "server/api/federate_format.h"
#include "server/api/federate_protobuf.h"
#include "server/api/federate_text.h"
#include "server/api/params.h"

namespace baro::server {
namespace {

net::HttpResponse PlainError(int status, const base::Error& error) {
  return net::HttpResponse::Text(status, error.message() + "\n");
}

/// The newest sample that the columns have; nothing if there is none, or if it says that the series has ended.
std::optional<FederatedSample> Newest(const tsdb::SampleColumns& columns) {
  FederatedSample newest;
  bool has_any = false;
  if (!columns.timestamps_ms().empty()) {
    newest.timestamp_ms = columns.timestamps_ms().back();
    newest.value = columns.values().back();
    has_any = true;
  }
  if (const auto histograms = columns.histograms();
      !histograms.empty() && (!has_any || histograms.back().timestamp_ms > newest.timestamp_ms)) {
    newest.timestamp_ms = histograms.back().timestamp_ms;
    newest.histogram = histograms.back().histogram;
    newest.value = newest.histogram->sum;
    has_any = true;
  }
  if (!has_any || model::IsStaleNaN(newest.value)) return std::nullopt;
  return newest;
}

base::Result<std::vector<FederatedSample>> Collect(const tsdb::Reader& reader, std::span<const model::Matcher> matchers,
                                                   model::TimeRange range, const base::CancelToken& cancel) {
  const auto selection = BARO_TRY(reader.Select({.matchers = matchers, .range = range}, cancel));
  std::vector<FederatedSample> samples;
  tsdb::SampleColumns columns;
  for (std::size_t i = 0; i < selection->size(); ++i) {
    if (cancel.Cancelled()) return base::Fail(base::Code::kCancelled, "the client has gone away");
    BARO_TRY(selection->Read(i, range, columns));
    auto newest = Newest(columns);
    if (!newest) continue;
    newest->labels = selection->labels(i);
    samples.push_back(*std::move(newest));
  }
  return samples;
}

bool IsBefore(const FederatedSample& a, const FederatedSample& b) {
  const auto by_name = a.labels.Get(model::kMetricName) <=> b.labels.Get(model::kMetricName);
  return by_name != 0 ? by_name < 0 : a.labels < b.labels;
}

/// Those that one of the selectors chose, by name and labels.
base::Result<std::vector<FederatedSample>> CollectAll(const tsdb::Reader& reader,
                                                      const std::vector<std::vector<model::Matcher>>& selectors,
                                                      model::TimeRange range, const base::CancelToken& cancel) {
  std::vector<FederatedSample> all;
  for (const auto& matchers : selectors) {
    auto samples = BARO_TRY(Collect(reader, matchers, range, cancel));
    std::ranges::move(samples, std::back_inserter(all));
    // After each, so that what several selectors choose is held once.
    std::ranges::sort(all, IsBefore);
    const auto repeated = std::ranges::unique(all, {}, &FederatedSample::labels);
    all.erase(repeated.begin(), repeated.end());
  }
  return all;
}

net::HttpResponse Federate(ApiState& state, base::Counter& errors_total, const net::HttpRequest& request,
                           const base::CancelToken& cancel) {
  const auto selectors = SelectorParams(request);
  if (!selectors) return PlainError(400, selectors.error());
  if (selectors->empty()) {
    return net::HttpResponse::Text(400, "no match[] parameter provided: name the series to send, e.g. match[]=up\n");
  }
  const std::int64_t now_ms = base::ToMs(state.clock().Now());
  const model::TimeRange range = {.min_ms = now_ms - state.engine().options().lookback.count(), .max_ms = now_ms};
  const auto samples = CollectAll(*state.storage().OpenReader(), *selectors, range, cancel);
  if (!samples) {
    errors_total.Add();
    return PlainError(500, samples.error());
  }
  std::map<std::string, std::string> external = state.config().external_labels;
  external.try_emplace(std::string(model::kInstanceLabel), "");  // so that honor_labels finds it, and keeps it empty
  const FederationFormat format = NegotiateFederation(request.headers.Get("Accept"));
  net::HttpResponse response;
  response.headers.Set("Content-Type", ContentTypeOf(format));
  response.headers.Set("Vary", "Accept");
  const auto append =
      format.encoding == FederationFormat::Encoding::kProtobuf ? AppendFederatedProtobuf : AppendFederatedText;
  append(*samples, external, format.escaping, response.body);
  return response;
}

}  // namespace

void AddFederateRoute(ApiRoutes& routes, ApiState& state, base::Registry& registry) {
  base::Counter& errors_total =
      registry.MakeCounter("prometheus_web_federation_errors_total", "Requests for /federate that failed.");
  routes.AddPage("/federate", "The newest sample of each series, for another server to scrape.",
                 {{"match[]", false, true, "selector of series; several are OR-ed"}},
                 [&state, &errors_total](const auto& request, const auto& cancel) {
                   return Federate(state, errors_total, request, cancel);
                 });
}

}  // namespace baro::server
