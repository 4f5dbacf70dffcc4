// The envelope of every answer under /api/v1: {"status":"success","data":…} or an error with its type.
//
// Source   https://prometheus.io/docs/prometheus/latest/querying/api/
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "base/result.h"
#include "net/http_message.h"
#include "query/value.h"

namespace baro::server {

/// {"status":"success","data":<data>,"warnings":[…],"infos":[…]}; `data` is JSON.
net::HttpResponse ApiSuccess(std::string data, std::span<const std::string> warnings = {});

/// The beginning of such an answer, up to the data.
inline constexpr std::string_view kSuccessHead = "{\"status\":\"success\",\"data\":";

/// The answer whose beginning and data stand in `body`: large data need not be copied.
net::HttpResponse ApiSuccessBody(std::string body, std::span<const std::string> warnings);

/// {"status":"error","errorType":…,"error":…} with the status that belongs to the code.
net::HttpResponse ApiError(const base::Error& error);

/// The `errorType` of a code.
std::string_view ApiErrorType(base::Code code);

/// The same where the router or the server refused: 404 not_found, 405 and 400 bad_data, 503 unavailable, …
net::HttpResponse ApiRefusal(int status, std::string_view message);

/// `,"warnings":[…],"infos":[…]` for what is not empty; at most ten of each, and how many more there are.
/// `show_positions`: with "(line:column)" behind each, for requests that have a query.
void AppendAnnotations(std::string& out, std::span<const query::Annotation> warnings,
                       std::span<const query::Annotation> infos, bool show_positions);

}  // namespace baro::server
