#include <algorithm>
#include <map>
#include <set>

#include <fmt/format.h>

#include "server/api/api.h"
#include "server/api/envelope.h"
#include "server/api/json.h"
#include "server/api/params.h"

namespace baro::server {
namespace {

const std::vector<net::ParamRule> kParams = {{"match[]", false, true, "selector of series; several are OR-ed"},
                                             {"start", false, false, "only series with samples from then on"},
                                             {"end", false, false, "only series with samples until then"},
                                             {"limit", false, false, "most entries in the answer"}};

constexpr std::size_t kReserveMax = std::size_t{16} << 20;

const std::string kTruncated = "results truncated due to limit";

struct Asked {
  std::vector<std::vector<model::Matcher>> selectors;
  model::TimeRange range;
  std::size_t limit = 0;

  /// One more than asked for, to know whether something was left out.
  std::size_t storage_limit() const { return limit == 0 ? 0 : limit + 1; }
};

base::Result<Asked> ReadParams(const net::HttpRequest& request) {
  Asked asked;
  asked.selectors = BARO_TRY(SelectorParams(request));
  asked.range = BARO_TRY(RangeParams(request));
  asked.limit = BARO_TRY(LimitParam(request));
  return asked;
}

/// Cuts `entries` to the limit; the warning that says so.
template <typename T>
std::vector<std::string> Cut(std::vector<T>& entries, std::size_t limit) {
  if (limit == 0 || entries.size() <= limit) return {};
  entries.resize(limit);
  return {kTruncated};
}

net::HttpResponse Strings(std::vector<std::string> entries, std::size_t limit) {
  const std::vector<std::string> warnings = Cut(entries, limit);
  std::string body(kSuccessHead);
  JsonWriter json(body);
  json.BeginArray();
  for (const std::string& entry : entries) json.String(entry);
  json.EndArray();
  return ApiSuccessBody(std::move(body), warnings);
}

/// What `read` gives for each selector (once without any, if there are none), merged and sorted.
template <typename Read>
base::Result<std::vector<std::string>> Merge(const Asked& asked, const Read& read) {
  if (asked.selectors.empty()) return read({});
  if (asked.selectors.size() == 1) return read(asked.selectors.front());
  std::set<std::string> merged;
  for (const auto& selector : asked.selectors) {
    auto entries = read(selector);
    if (!entries) return std::unexpected(entries.error());
    merged.insert(std::make_move_iterator(entries->begin()), std::make_move_iterator(entries->end()));
  }
  return std::vector<std::string>(merged.begin(), merged.end());
}

net::HttpResponse LabelNames(ApiState& state, const net::HttpRequest& request, const base::CancelToken& cancel) {
  const auto asked = ReadParams(request);
  if (!asked) return ApiError(asked.error());
  const auto reader = state.storage().OpenReader();
  auto names = Merge(*asked, [&](std::span<const model::Matcher> matchers) {
    return reader->LabelNames(matchers, asked->range, asked->storage_limit(), cancel);
  });
  return names ? Strings(*std::move(names), asked->limit) : ApiError(names.error());
}

net::HttpResponse LabelValues(ApiState& state, const net::HttpRequest& request, const base::CancelToken& cancel) {
  std::string name(request.path_params.Get("name"));
  if (name.starts_with("U__")) name = model::UnescapeName(name, model::EscapingScheme::kValues);
  if (!model::IsValidLabelName(name)) {
    return ApiError({base::Code::kInvalidArgument, fmt::format("invalid label name: \"{}\"", name)});
  }
  const auto asked = ReadParams(request);
  if (!asked) return ApiError(asked.error());
  const auto reader = state.storage().OpenReader();
  auto values = Merge(*asked, [&](std::span<const model::Matcher> matchers) {
    return reader->LabelValues(name, matchers, asked->range, asked->storage_limit(), cancel);
  });
  return values ? Strings(*std::move(values), asked->limit) : ApiError(values.error());
}

/// Appends the first `size` series, with room for all as if they were like the first, within reason.
void AppendSeries(std::string& body, const tsdb::SeriesSelection& selection, std::size_t size) {
  JsonWriter json(body);
  json.BeginArray();
  for (std::size_t i = 0; i < size; ++i) {
    const std::size_t begin = body.size();
    json.Labels(selection.labels(i));
    if (i == 0) body.reserve(begin + std::min((body.size() - begin + 8) * size, kReserveMax));
  }
  json.EndArray();
}

net::HttpResponse Series(ApiState& state, const net::HttpRequest& request, const base::CancelToken& cancel) {
  const auto asked = ReadParams(request);
  if (!asked) return ApiError(asked.error());
  if (asked->selectors.empty()) return ApiError({base::Code::kInvalidArgument, "no match[] parameter provided"});
  const auto reader = state.storage().OpenReader();
  const auto select = [&](std::span<const model::Matcher> matchers) {
    return reader->Select(
        {.matchers = matchers, .range = asked->range, .limit = asked->storage_limit(), .labels_only = true}, cancel);
  };
  std::string body(kSuccessHead);
  if (asked->selectors.size() == 1) {  // the common case: one selection, whose order is the answer's
    const auto selection = select(asked->selectors.front());
    if (!selection) return ApiError(selection.error());
    const std::size_t size = (*selection)->size();
    const bool is_cut = asked->limit != 0 && size > asked->limit;
    AppendSeries(body, **selection, is_cut ? asked->limit : size);
    return ApiSuccessBody(std::move(body), is_cut ? std::vector<std::string>{kTruncated} : std::vector<std::string>{});
  }
  std::vector<model::Labels> found;
  for (const auto& matchers : asked->selectors) {
    const auto selection = select(matchers);
    if (!selection) return ApiError(selection.error());
    for (std::size_t i = 0; i < (*selection)->size(); ++i) found.push_back((*selection)->labels(i));
    // After each, so that what several selectors choose is held once.
    std::ranges::sort(found);
    found.erase(std::ranges::unique(found).begin(), found.end());
  }
  const std::vector<std::string> warnings = Cut(found, asked->limit);
  JsonWriter json(body);
  json.BeginArray();
  for (const model::Labels& labels : found) json.Labels(labels);
  json.EndArray();
  return ApiSuccessBody(std::move(body), warnings);
}

}  // namespace

void AddSeriesRoutes(ApiRoutes& routes, ApiState& state) {
  routes.AddRead("labels", true, "Names of labels.", kParams,
                 [&state](const auto& request, const auto& cancel) { return LabelNames(state, request, cancel); });
  routes.AddRead("label/{name}/values", false, "Values of a label.", kParams,
                 [&state](const auto& request, const auto& cancel) { return LabelValues(state, request, cancel); });
  routes.AddRead("series", true, "Label sets of series.", kParams,
                 [&state](const auto& request, const auto& cancel) { return Series(state, request, cancel); });
}

}  // namespace baro::server
