#include "net/http_message.h"

#include <algorithm>
#include <array>
#include <ctime>

#include <fmt/format.h>

namespace baro::net {
namespace {

struct MethodRow {
  Method method;
  std::string_view name;
};
constexpr std::array kMethods = {
    MethodRow{Method::kGet, "GET"},         MethodRow{Method::kHead, "HEAD"},     MethodRow{Method::kPost, "POST"},
    MethodRow{Method::kPut, "PUT"},         MethodRow{Method::kDelete, "DELETE"}, MethodRow{Method::kPatch, "PATCH"},
    MethodRow{Method::kOptions, "OPTIONS"},
};

struct StatusRow {
  int status;
  std::string_view phrase;
};
// Source: the IANA registry of HTTP status codes, as far as a monitoring system sends or sees them; 499 is nginx's,
// used by Prometheus for a query whose client went away.
constexpr std::array kStatuses = {
    StatusRow{100, "Continue"},
    StatusRow{101, "Switching Protocols"},
    StatusRow{200, "OK"},
    StatusRow{201, "Created"},
    StatusRow{202, "Accepted"},
    StatusRow{204, "No Content"},
    StatusRow{206, "Partial Content"},
    StatusRow{301, "Moved Permanently"},
    StatusRow{302, "Found"},
    StatusRow{303, "See Other"},
    StatusRow{304, "Not Modified"},
    StatusRow{307, "Temporary Redirect"},
    StatusRow{308, "Permanent Redirect"},
    StatusRow{400, "Bad Request"},
    StatusRow{401, "Unauthorized"},
    StatusRow{403, "Forbidden"},
    StatusRow{404, "Not Found"},
    StatusRow{405, "Method Not Allowed"},
    StatusRow{406, "Not Acceptable"},
    StatusRow{407, "Proxy Authentication Required"},
    StatusRow{408, "Request Timeout"},
    StatusRow{409, "Conflict"},
    StatusRow{410, "Gone"},
    StatusRow{411, "Length Required"},
    StatusRow{412, "Precondition Failed"},
    StatusRow{413, "Content Too Large"},
    StatusRow{414, "URI Too Long"},
    StatusRow{415, "Unsupported Media Type"},
    StatusRow{417, "Expectation Failed"},
    StatusRow{421, "Misdirected Request"},
    StatusRow{422, "Unprocessable Content"},
    StatusRow{425, "Too Early"},
    StatusRow{429, "Too Many Requests"},
    StatusRow{431, "Request Header Fields Too Large"},
    StatusRow{499, "Client Closed Request"},
    StatusRow{500, "Internal Server Error"},
    StatusRow{501, "Not Implemented"},
    StatusRow{502, "Bad Gateway"},
    StatusRow{503, "Service Unavailable"},
    StatusRow{504, "Gateway Timeout"},
    StatusRow{505, "HTTP Version Not Supported"},
};

char LowerAscii(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c; }

HttpResponse Typed(int status, std::string_view type, std::string body) {
  HttpResponse response{.status = status, .body = std::move(body)};
  response.headers.Add("Content-Type", std::string(type));
  return response;
}

bool IsTokenByte(unsigned char c) {
  if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9')) return true;
  return c != 0 && std::string_view("!#$%&'*+-.^_`|~").find(static_cast<char>(c)) != std::string_view::npos;
}

}  // namespace

std::string_view MethodName(Method method) { return kMethods[static_cast<std::size_t>(method)].name; }

std::optional<Method> ParseMethod(std::string_view name) {
  for (const auto& row : kMethods) {
    if (row.name == name) return row.method;
  }
  return std::nullopt;
}

std::string_view StatusPhrase(int status) {
  const auto row = std::ranges::lower_bound(kStatuses, status, {}, &StatusRow::status);
  return row != kStatuses.end() && row->status == status ? row->phrase : "Unknown";
}

bool EqualsIgnoringCase(std::string_view a, std::string_view b) {
  return std::ranges::equal(a, b, {}, LowerAscii, LowerAscii);
}

void HeaderFields::Set(std::string name, std::string value) {
  const auto same = [&](const Field& field) { return EqualsIgnoringCase(field.first, name); };
  const auto first = std::ranges::find_if(fields_, same);
  if (first == fields_.end()) {
    Add(std::move(name), std::move(value));
    return;
  }
  fields_.erase(std::remove_if(first + 1, fields_.end(), same), fields_.end());
  first->second = std::move(value);
}

void HeaderFields::Remove(std::string_view name) {
  std::erase_if(fields_, [&](const Field& field) { return EqualsIgnoringCase(field.first, name); });
}

std::string_view HeaderFields::Get(std::string_view name) const {
  for (const auto& [field, value] : fields_) {
    if (EqualsIgnoringCase(field, name)) return value;
  }
  return {};
}

bool HeaderFields::Has(std::string_view name) const { return Count(name) > 0; }

std::size_t HeaderFields::Count(std::string_view name) const {
  return static_cast<std::size_t>(
      std::ranges::count_if(fields_, [&](const Field& field) { return EqualsIgnoringCase(field.first, name); }));
}

std::vector<std::string_view> HeaderFields::All(std::string_view name) const {
  std::vector<std::string_view> values;
  for (const auto& [field, value] : fields_) {
    if (EqualsIgnoringCase(field, name)) values.emplace_back(value);
  }
  return values;
}

std::string_view Params::Get(std::string_view name) const {
  const auto param = std::ranges::find(params_, name, &Param::first);
  return param == params_.end() ? std::string_view() : std::string_view(param->second);
}

bool Params::Has(std::string_view name) const {
  return std::ranges::find(params_, name, &Param::first) != params_.end();
}

std::vector<std::string_view> Params::All(std::string_view name) const {
  std::vector<std::string_view> values;
  for (const auto& [param, value] : params_) {
    if (param == name) values.emplace_back(value);
  }
  return values;
}

HttpResponse HttpResponse::Text(int status, std::string body) {
  return Typed(status, "text/plain; charset=utf-8", std::move(body));
}

HttpResponse HttpResponse::Json(int status, std::string body) {
  return Typed(status, "application/json", std::move(body));
}

HttpResponse HttpResponse::Html(int status, std::string body) {
  return Typed(status, "text/html; charset=utf-8", std::move(body));
}

HttpResponse HttpResponse::Redirect(int status, std::string location) {
  HttpResponse response{.status = status};
  response.headers.Add("Location", std::move(location));
  return response;
}

HttpResponse HttpResponse::Empty(int status) { return HttpResponse{.status = status}; }

std::string FormatHttpDate(std::chrono::sys_seconds time) {
  // Written out, since strftime's names depend on the locale.
  constexpr std::array kDays = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
  constexpr std::array kMonths = {"Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  const auto day = std::chrono::floor<std::chrono::days>(time);
  const std::chrono::year_month_day date(day);
  const std::chrono::hh_mm_ss clock(time - day);
  return fmt::format("{}, {:02} {} {:04} {:02}:{:02}:{:02} GMT", kDays[std::chrono::weekday(day).c_encoding()],
                     static_cast<unsigned>(date.day()), kMonths[static_cast<unsigned>(date.month()) - 1],
                     static_cast<int>(date.year()), clock.hours().count(), clock.minutes().count(),
                     clock.seconds().count());
}

bool IsFieldValue(std::string_view text) {
  const auto is_space = [](char c) { return c == ' ' || c == '\t'; };
  if (!text.empty() && (is_space(text.front()) || is_space(text.back()))) return false;
  return std::ranges::all_of(text, [](unsigned char c) { return c == '\t' || (c >= 0x20 && c != 0x7f); });
}

bool IsToken(std::string_view text) { return !text.empty() && std::ranges::all_of(text, IsTokenByte); }

std::string MediaType(std::string_view content_type) {
  std::string_view type = content_type.substr(0, content_type.find(';'));
  while (!type.empty() && (type.front() == ' ' || type.front() == '\t')) type.remove_prefix(1);
  while (!type.empty() && (type.back() == ' ' || type.back() == '\t')) type.remove_suffix(1);
  std::string lower(type);
  std::ranges::transform(lower, lower.begin(), LowerAscii);
  return lower;
}

}  // namespace baro::net
