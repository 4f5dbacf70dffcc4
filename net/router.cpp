#include "net/router.h"

#include <algorithm>
#include <array>
#include <exception>

#include <fmt/format.h>

namespace baro::net {
namespace {

std::vector<std::string_view> SplitPath(std::string_view path) {  // of a path that starts with '/'
  std::vector<std::string_view> parts;
  std::size_t start = 1;
  while (start <= path.size()) {
    const std::size_t end = std::min(path.find('/', start), path.size());
    parts.push_back(path.substr(start, end - start));
    start = end + 1;
  }
  return parts;
}

std::string NormalizedPrefix(std::string_view prefix) {
  while (prefix.ends_with('/')) prefix.remove_suffix(1);
  while (prefix.starts_with('/')) prefix.remove_prefix(1);
  return prefix.empty() ? "" : fmt::format("/{}", prefix);
}

bool Serves(const Route& route, Method method) {
  return std::ranges::find(route.methods, method) != route.methods.end() ||
         (method == Method::kHead && std::ranges::find(route.methods, Method::kGet) != route.methods.end());
}

}  // namespace

std::string_view RoleName(Role role) {
  constexpr std::array<std::string_view, 5> kNames = {"public", "reader", "pusher", "operator", "admin"};
  return kNames[static_cast<std::size_t>(role)];
}

std::string RouteMetricName(std::string_view path) {
  std::string name;
  for (const auto part : SplitPath(path)) {
    name += '/';
    if (part.ends_with("...}")) {
      name += fmt::format("*{}", part.substr(1, part.size() - 5));
    } else if (part.starts_with('{')) {
      name += fmt::format(":{}", part.substr(1, part.size() - 2));
    } else {
      name += part;
    }
  }
  return name;
}

Router::Router(std::string_view prefix) : prefix_(NormalizedPrefix(prefix)) {}

base::Result<std::vector<Router::Segment>> Router::ParsePattern(std::string_view path) {
  const auto bad = [&](std::string_view what) {
    return base::Fail(base::Code::kInvalidArgument, fmt::format("route pattern {:?}: {}", path, what));
  };
  if (!path.starts_with('/')) return bad("does not start with '/'");
  std::vector<Segment> segments;
  for (const auto part : SplitPath(path)) {
    if (!segments.empty() && segments.back().kind == Segment::Kind::kRest) return bad("{name...} is not at the end");
    if (!part.starts_with('{')) {
      if (part.find_first_of("{}") != std::string_view::npos) return bad("a parameter must fill its segment");
      segments.push_back({Segment::Kind::kLiteral, std::string(part)});
      continue;
    }
    const bool is_rest = part.ends_with("...}");
    const std::size_t tail = is_rest ? 4 : 1;
    if (!part.ends_with('}') || part.size() < 2 + tail) return bad("a parameter has the form {name} or {name...}");
    segments.push_back(
        {is_rest ? Segment::Kind::kRest : Segment::Kind::kParam, std::string(part.substr(1, part.size() - 1 - tail))});
  }
  return segments;
}

bool Router::IsMoreSpecific(const Entry& a, const Entry& b) {
  return std::ranges::lexicographical_compare(a.segments, b.segments, {}, &Segment::kind, &Segment::kind);
}

base::Result<> Router::Add(Route route) {
  auto segments = BARO_TRY(ParsePattern(route.path));
  if (route.methods.empty() || !route.handler) {
    return base::Fail(base::Code::kInvalidArgument, fmt::format("route {:?} has no method or no handler", route.path));
  }
  const auto same_path = [&](const Entry& entry) { return routes_[entry.routes.front()].path == route.path; };
  auto entry = std::ranges::find_if(entries_, same_path);
  if (entry != entries_.end()) {
    for (const Method method : route.methods) {
      if (FindRoute(*entry, method) == nullptr) continue;
      return base::Fail(base::Code::kAlreadyExists,
                        fmt::format("route {} {} is taken", MethodName(method), route.path));
    }
    entry->routes.push_back(routes_.size());
  } else {
    Entry added{.segments = std::move(segments), .routes = {routes_.size()}};
    const auto place = std::ranges::upper_bound(entries_, added, IsMoreSpecific);
    entries_.insert(place, std::move(added));
  }
  routes_.push_back(std::move(route));
  return {};
}

const Route* Router::FindRoute(const Entry& entry, Method method) const {
  for (const auto index : entry.routes) {
    if (Serves(routes_[index], method)) return &routes_[index];
  }
  return nullptr;
}

std::optional<Params> Router::Bind(const Entry& entry, const std::vector<std::string>& parts) {
  const bool has_rest = entry.segments.back().kind == Segment::Kind::kRest;
  const std::size_t fixed = entry.segments.size() - (has_rest ? 1 : 0);
  if (has_rest ? parts.size() <= fixed : parts.size() != fixed) return std::nullopt;
  Params bound;
  for (std::size_t i = 0; i < fixed; ++i) {
    const Segment& segment = entry.segments[i];
    if (segment.kind == Segment::Kind::kLiteral) {
      if (segment.text != parts[i]) return std::nullopt;
    } else {
      if (parts[i].empty()) return std::nullopt;
      bound.Add(segment.text, parts[i]);
    }
  }
  if (has_rest) {
    std::string rest;
    for (std::size_t i = fixed; i < parts.size(); ++i) {
      if (i > fixed) rest += '/';
      rest += parts[i];
    }
    bound.Add(entry.segments.back().text, std::move(rest));
  }
  return bound;
}

std::optional<std::string_view> Router::WithoutPrefix(std::string_view raw_path) const {
  if (!raw_path.starts_with(prefix_)) return std::nullopt;
  const std::string_view rest = raw_path.substr(prefix_.size());
  if (rest.empty()) return "/";
  return rest.starts_with('/') ? std::optional(rest) : std::nullopt;
}

RouteMatch Router::Match(Method method, std::string_view raw_path) const {
  RouteMatch match{.status = 404, .path = std::string(raw_path)};
  const auto inside = WithoutPrefix(raw_path);
  if (!inside) {
    if (raw_path == "/") match.status = 302;
    return match;
  }

  std::vector<std::string> parts;
  match.path.clear();
  for (const auto part : SplitPath(*inside)) {
    auto decoded = UrlDecode(part);
    // Dot segments are for clients to resolve (RFC 3986 section 5.2.4); one that arrives here wants out of a folder.
    if (!decoded || *decoded == "." || *decoded == ".." || decoded->find('\0') != std::string::npos) {
      match.status = 400;
      match.path = *inside;
      return match;
    }
    match.path += '/';
    match.path += *decoded;
    parts.push_back(*std::move(decoded));
  }

  std::vector<bool> allowed(static_cast<std::size_t>(Method::kOptions) + 1);
  for (const auto& entry : entries_) {
    auto bound = Bind(entry, parts);
    if (!bound) continue;
    if (const Route* route = FindRoute(entry, method)) {
      match.route = route;
      match.status = 200;
      match.path_params = *std::move(bound);
      return match;
    }
    match.status = method == Method::kOptions ? 204 : 405;
    for (std::size_t m = 0; m < allowed.size(); ++m) {
      if (FindRoute(entry, static_cast<Method>(m)) != nullptr) allowed[m] = true;
    }
  }
  if (match.status == 404) return match;
  allowed[static_cast<std::size_t>(Method::kOptions)] = true;
  for (std::size_t m = 0; m < allowed.size(); ++m) {
    if (!allowed[m]) continue;
    if (!match.allow.empty()) match.allow += ", ";
    match.allow += MethodName(static_cast<Method>(m));
  }
  return match;
}

HttpResponse Router::RenderError(std::string_view path, int status, std::string_view message) const {
  if (error_renderer_) return error_renderer_(path, status, message);
  return HttpResponse::Text(status, fmt::format("{}\n", message));
}

HttpResponse Router::Refuse(const RouteMatch& match) const {
  if (match.status == 302) return HttpResponse::Redirect(302, prefix_ + "/");
  HttpResponse response;
  switch (match.status) {
    case 204:
      response = HttpResponse::Empty(204);
      break;
    case 400:
      response = RenderError(match.path, 400, "malformed path");
      break;
    case 405:
      response = RenderError(match.path, 405, fmt::format("method not allowed, want {}", match.allow));
      break;
    default:
      response = RenderError(match.path, 404, "not found");
  }
  if (!match.allow.empty()) response.headers.Set("Allow", match.allow);
  return response;
}

std::optional<HttpResponse> Router::CheckParams(const Route& route, const HttpRequest& request) const {
  for (const auto& rule : route.params) {
    if (rule.is_required && !request.params.Has(rule.name)) {
      return RenderError(request.path, 400, fmt::format("parameter \"{}\" is required", rule.name));
    }
  }
  if (route.allows_other_params) return std::nullopt;
  for (const auto& [name, value] : request.params) {
    if (std::ranges::find(route.params, name, &ParamRule::name) == route.params.end()) {
      return RenderError(request.path, 400, fmt::format("unknown parameter {:?}", name.substr(0, 100)));
    }
  }
  return std::nullopt;
}

HttpResponse Router::Dispatch(const Route& route, HttpRequest& request, const base::CancelToken& cancel) const {
  try {
    if (access_hook_) {
      if (auto refusal = access_hook_(request, route)) return *std::move(refusal);
    }
    if (auto refusal = CheckParams(route, request)) return *std::move(refusal);
    return route.handler(request, cancel);
  } catch (const std::exception& e) {
    return RenderError(request.path, 500, fmt::format("internal error: {}", e.what()));
  }
}

HttpResponse Router::Handle(HttpRequest request, const base::CancelToken& cancel) const {
  auto match = Match(request.method, std::string_view(request.target).substr(0, request.target.find('?')));
  if (match.route == nullptr) return Refuse(match);
  request.path = std::move(match.path);
  request.path_params = std::move(match.path_params);
  if (const auto decoded = DecodeParams(request); !decoded) {
    const int status = decoded.error().code() == base::Code::kLimitExceeded ? 413 : 400;
    return RenderError(request.path, status, decoded.error().message());
  }
  return Dispatch(*match.route, request, cancel);
}

}  // namespace baro::net
