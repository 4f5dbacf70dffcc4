// Parameters of API requests: times, durations, limits, selectors.
//
// Errors   Everywhere kInvalidArgument, `invalid parameter "<name>": …`, as Prometheus words it.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "model/matcher.h"
#include "model/sample.h"
#include "net/http_message.h"
#include "query/ast.h"

namespace baro::server {

/// Seconds since the epoch with a fraction, or RFC 3339. Also the two texts that Go prints for its extreme times.
base::Result<std::int64_t> ParseApiTime(std::string_view text);

/// Seconds with a fraction, or a Prometheus duration.
base::Result<std::chrono::milliseconds> ParseApiDuration(std::string_view text);

/// The parameter `name` as a time; `initial` when it is missing or empty.
base::Result<std::int64_t> TimeParam(const net::HttpRequest& request, std::string_view name, std::int64_t initial);

/// The parameter `name` as a duration; nothing when it is missing or empty.
base::Result<std::optional<std::chrono::milliseconds>> DurationParam(const net::HttpRequest& request,
                                                                     std::string_view name);

/// `limit`, 0 when it is missing: none.
base::Result<std::size_t> LimitParam(const net::HttpRequest& request, std::string_view name = "limit");

/// `start` and `end`, whole time where they are missing.
/// Errors   also: the end is before the start.
base::Result<model::TimeRange> RangeParams(const net::HttpRequest& request);

/// Each match[] as a list of matchers; an item satisfies the request if it satisfies one of them.
base::Result<std::vector<std::vector<model::Matcher>>> SelectorParams(const net::HttpRequest& request);

/// Compiled matchers of a parsed selector.
base::Result<std::vector<model::Matcher>> CompileMatchers(const std::vector<query::LabelMatcher>& matchers);

}  // namespace baro::server
