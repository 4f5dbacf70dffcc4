#include <fmt/format.h>

#include "server/api/api.h"
#include "server/api/envelope.h"
#include "server/api/json.h"
#include "server/api/params.h"

namespace baro::server {
namespace {

net::HttpResponse DeleteSeries(ApiState& state, const net::HttpRequest& request, const base::CancelToken& cancel) {
  const auto selectors = SelectorParams(request);
  if (!selectors) return ApiError(selectors.error());
  if (selectors->empty()) return ApiError({base::Code::kInvalidArgument, "no match[] parameter provided"});
  const auto range = RangeParams(request);
  if (!range) return ApiError(range.error());
  for (const std::vector<model::Matcher>& matchers : *selectors) {
    if (const auto deleted = state.storage().Delete(matchers, *range, cancel); !deleted) {
      return ApiError(deleted.error());
    }
  }
  return net::HttpResponse::Empty(204);
}

net::HttpResponse CleanTombstones(ApiState& state) {
  if (const auto cleaned = state.storage().CleanTombstones(); !cleaned) return ApiError(cleaned.error());
  return net::HttpResponse::Empty(204);
}

net::HttpResponse Snapshot(ApiState& state, const net::HttpRequest& request) {
  const std::string_view text = request.params.Get("skip_head");
  if (!text.empty() && text != "true" && text != "false" && text != "1" && text != "0") {
    return ApiError({base::Code::kInvalidArgument,
                     fmt::format("invalid parameter \"skip_head\": expected true or false, found \"{}\"", text)});
  }
  const auto name = state.storage().Snapshot(!(text == "true" || text == "1"));
  if (!name) return ApiError(name.error());
  std::string data;
  JsonWriter(data).BeginObject().Key("name").String(*name).EndObject();
  return ApiSuccess(std::move(data));
}

}  // namespace

void AddAdminRoutes(ApiRoutes& routes, ApiState& state, bool is_enabled) {
  const auto add = [&](std::string path, std::string help, std::vector<net::ParamRule> params, ApiHandler handler) {
    if (!is_enabled) {
      handler = [](const auto&, const auto&) {
        return ApiError({base::Code::kUnavailable, "admin APIs disabled; --web.enable-admin-api enables them"});
      };
    }
    routes.AddAction("admin/tsdb/" + path, std::move(help), std::move(params), std::move(handler));
  };
  add("delete_series", "Delete samples.",
      {{"match[]", false, true, "selector of series; several are OR-ed"},
       {"start", false, false, "samples from then on"},
       {"end", false, false, "samples until then"}},
      [&state](const auto& request, const auto& cancel) { return DeleteSeries(state, request, cancel); });
  add("clean_tombstones", "Write blocks anew that have deleted samples.", {},
      [&state](const auto&, const auto&) { return CleanTombstones(state); });
  add("snapshot", "Copy all data to snapshots/<name> below the data directory.",
      {{"skip_head", false, false, "true: without what is in no block yet"}},
      [&state](const auto& request, const auto&) { return Snapshot(state, request); });
}

}  // namespace baro::server
