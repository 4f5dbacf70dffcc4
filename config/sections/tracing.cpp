// tracing: where the server's own traces go.
#include <fmt/format.h>

#include "config/sections/sections.h"
#include "config/sections/values.h"

namespace baro::config {

void ReadTracing(Mapping& top, const FileContext& context, std::optional<TracingOptions>& options) {
  top.NotServed("tracing");
  top.Child("tracing", [&](Mapping& fields) {
    TracingOptions& tracing = options.emplace();
    fields.Choice("client_type", tracing.client_type, {"grpc", "http"});
    fields.Text("endpoint", tracing.endpoint);
    RequireText(fields, "endpoint", tracing.endpoint);
    fields.Number("sampling_fraction", tracing.sampling_fraction);
    fields.Bool("insecure", tracing.insecure);
    ReadTls(fields, context, tracing.tls);
    ReadHeaders(fields, "traces are sent without credentials", tracing.headers);
    fields.Text("compression", tracing.compression);
    if (!tracing.compression.empty() && tracing.compression != "gzip") {
      fields.Fail("compression", fmt::format("expected gzip or nothing, found \"{}\"", tracing.compression));
    }
    fields.Duration("timeout", tracing.timeout);
  });
}

}  // namespace baro::config
