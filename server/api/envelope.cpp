#include "server/api/envelope.h"

#include <algorithm>

#include <fmt/format.h>

#include "server/api/json.h"

namespace baro::server {
namespace {

constexpr std::size_t kAnnotationsMax = 10;  // as in Prometheus

struct ErrorClass {
  int status;
  std::string_view type;
};

ErrorClass ClassOf(base::Code code) {
  switch (code) {
    case base::Code::kInvalidArgument:
      return {400, "bad_data"};
    case base::Code::kUnprocessable:
    case base::Code::kLimitExceeded:
    case base::Code::kUnsupported:
      return {422, "execution"};
    case base::Code::kCancelled:
      return {499, "canceled"};
    case base::Code::kTimeout:
      return {503, "timeout"};
    case base::Code::kNotFound:
      return {404, "not_found"};
    case base::Code::kUnavailable:
      return {503, "unavailable"};
    case base::Code::kPermissionDenied:
      return {403, "forbidden"};
    case base::Code::kAlreadyExists:
    case base::Code::kCorruption:
    case base::Code::kIo:
    case base::Code::kNoSpace:
      break;
  }
  return {500, "internal"};
}

net::HttpResponse MakeError(int status, std::string_view type, std::string_view message) {
  std::string body = "{\"status\":\"error\",\"errorType\":";
  AppendJsonString(body, type);
  body += ",\"error\":";
  AppendJsonString(body, message);
  body += '}';
  return net::HttpResponse::Json(status, std::move(body));
}

void AppendList(std::string& out, std::string_view name, std::span<const query::Annotation> annotations,
                bool show_positions) {
  if (annotations.empty()) return;
  out += fmt::format(",\"{}\":[", name);
  const std::size_t shown = std::min(annotations.size(), kAnnotationsMax);
  for (std::size_t i = 0; i < shown; ++i) {
    if (i > 0) out += ',';
    AppendJsonString(out, show_positions ? annotations[i].ToString() : annotations[i].text);
  }
  if (annotations.size() > shown) {
    out += ',';
    AppendJsonString(out, fmt::format("{} more {} annotations omitted", annotations.size() - shown,
                                      name == "warnings" ? "warning" : "info"));
  }
  out += ']';
}

}  // namespace

void AppendAnnotations(std::string& out, std::span<const query::Annotation> warnings,
                       std::span<const query::Annotation> infos, bool show_positions) {
  AppendList(out, "warnings", warnings, show_positions);
  AppendList(out, "infos", infos, show_positions);
}

net::HttpResponse ApiSuccess(std::string data, std::span<const std::string> warnings) {
  std::string body(kSuccessHead);
  body += data;
  return ApiSuccessBody(std::move(body), warnings);
}

net::HttpResponse ApiSuccessBody(std::string body, std::span<const std::string> warnings) {
  std::vector<query::Annotation> annotations;
  for (const std::string& warning : warnings) annotations.push_back({.text = warning});
  AppendAnnotations(body, annotations, {}, false);
  body += '}';
  return net::HttpResponse::Json(200, std::move(body));
}

std::string_view ApiErrorType(base::Code code) { return ClassOf(code).type; }

net::HttpResponse ApiError(const base::Error& error) {
  const ErrorClass what = ClassOf(error.code());
  net::HttpResponse response = MakeError(what.status, what.type, error.message());
  if (what.status == 503) response.headers.Set("Retry-After", "1");
  return response;
}

net::HttpResponse ApiRefusal(int status, std::string_view message) {
  const std::string_view type = status == 404   ? "not_found"
                                : status == 401 ? "unauthorized"
                                : status == 403 ? "forbidden"
                                : status == 503 ? "unavailable"
                                : status >= 500 ? "internal"
                                                : "bad_data";
  return MakeError(status, type, message);
}

}  // namespace baro::server
