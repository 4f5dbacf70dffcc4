#include "server/api/query_request.h"

#include <fmt/format.h>

#include "server/api/envelope.h"
#include "server/api/params.h"

namespace baro::server {

using base::Code;
using base::Fail;

namespace {

constexpr std::int64_t kStepsMax = 11'000;

/// "127.0.0.1" of "127.0.0.1:51422", "::1" of "[::1]:51422".
std::string AddressOf(std::string_view peer) {
  std::string_view address = peer.substr(0, peer.rfind(':'));
  if (address.starts_with('[') && address.ends_with(']')) address = address.substr(1, address.size() - 2);
  return std::string(address);
}

}  // namespace

base::Result<Asked> ReadQuery(const net::HttpRequest& request, const base::CancelToken& cancel) {
  Asked asked{.text = request.params.Get("query")};
  asked.options.cancel = cancel;
  asked.options.origin = {.client_ip = AddressOf(request.peer),
                          .method = std::string(net::MethodName(request.method)),
                          .path = request.path};
  asked.options.timeout = BARO_TRY(DurationParam(request, "timeout"));
  const auto lookback = BARO_TRY(DurationParam(request, "lookback_delta"));
  if (lookback && lookback->count() > 0) asked.options.lookback = lookback;
  asked.result.series_max = BARO_TRY(LimitParam(request));
  asked.result.with_stats = !request.params.Get("stats").empty();
  return asked;
}

net::HttpResponse QueryError(const base::Error& error) {
  if (error.code() != Code::kInvalidArgument || error.message().starts_with("invalid parameter"))
    return ApiError(error);
  return ApiError(error.WithContext("invalid parameter \"query\""));
}

base::Result<query::QueryRange> ReadRange(const net::HttpRequest& request) {
  for (const std::string_view name : {"start", "end", "step"}) {
    if (request.params.Get(name).empty()) {
      return Fail(Code::kInvalidArgument, fmt::format("invalid parameter \"{}\": it is missing", name));
    }
  }
  query::QueryRange range;
  range.start_ms = BARO_TRY(TimeParam(request, "start", 0));
  range.end_ms = BARO_TRY(TimeParam(request, "end", 0));
  if (range.end_ms < range.start_ms) {
    return Fail(Code::kInvalidArgument, "invalid parameter \"end\": end timestamp must not be before start time");
  }
  range.step_ms = BARO_TRY(DurationParam(request, "step"))->count();
  if (range.step_ms <= 0) {
    return Fail(
        Code::kInvalidArgument,
        "invalid parameter \"step\": zero or negative query resolution step widths are not accepted. Try a positive "
        "integer");
  }
  // Unsigned: the whole range of times is wider than a signed difference.
  const auto span = static_cast<std::uint64_t>(range.end_ms) - static_cast<std::uint64_t>(range.start_ms);
  if (span / static_cast<std::uint64_t>(range.step_ms) > kStepsMax) {
    return Fail(
        Code::kInvalidArgument,
        fmt::format("exceeded maximum resolution of {} points per timeseries. Try decreasing the query resolution "
                    "(?step=XX)",
                    kStepsMax));
  }
  return range;
}

}  // namespace baro::server
