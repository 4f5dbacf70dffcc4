#include <iostream>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "cli/commands.h"
#include "cli/fetch.h"
#include "net/http_message.h"

namespace baro::cli {
namespace {

std::string MetricText(const nlohmann::json& metric) {
  std::string name;
  std::string labels;
  for (const auto& [key, value] : metric.items()) {
    if (key == "__name__") {
      name = value.get<std::string>();
    } else {
      labels += fmt::format("{}{}={}", labels.empty() ? "" : ", ", key, value.dump());
    }
  }
  return labels.empty() && !name.empty() ? name : fmt::format("{}{{{}}}", name, labels);
}

std::string PointText(const nlohmann::json& point) {
  const auto& value = point.at(1);
  return fmt::format("{} @[{}]", value.is_string() ? value.get<std::string>() : value.dump(), point.at(0).dump());
}

void PrintData(const nlohmann::json& data, std::ostream& out) {
  const std::string type = data.at("resultType");
  const auto& result = data.at("result");
  if (type == "scalar" || type == "string") {
    out << type << ": " << PointText(result) << "\n";
    return;
  }
  for (const auto& series : result) {
    const std::string metric = MetricText(series.at("metric"));
    for (const char* const single : {"value", "histogram"}) {
      if (series.contains(single)) out << metric << " => " << PointText(series.at(single)) << "\n";
    }
    for (const char* const list : {"values", "histograms"}) {
      if (!series.contains(list)) continue;
      out << metric << " =>\n";
      for (const auto& point : series.at(list)) out << PointText(point) << "\n";
    }
  }
}

int PrintAnswer(const net::FetchResponse& answer, bool as_json, Terminal terminal) {
  try {
    const nlohmann::json body = nlohmann::json::parse(answer.body);
    if (body.at("status") != "success") {
      terminal.err << "query error: " << body.at("error").get<std::string>() << "\n";
      return kExitFailed;
    }
    for (const char* const notes : {"warnings", "infos"}) {
      if (!body.contains(notes)) continue;
      for (const auto& note : body.at(notes)) terminal.err << note.get<std::string>() << "\n";
    }
    if (as_json) {
      terminal.out << body.at("data").at("result").dump() << "\n";
    } else {
      PrintData(body.at("data"), terminal.out);
    }
    return kExitGood;
  } catch (const nlohmann::json::exception&) {
    terminal.err << fmt::format("the server answered {} and no JSON of the API: {:.200}\n", answer.status, answer.body);
    return kExitFailed;
  }
}

/// What the API's JSON says is wrong, or the body as it is.
std::string ErrorText(const net::FetchResponse& answer) {
  try {
    return nlohmann::json::parse(answer.body).at("error").get<std::string>();
  } catch (const nlohmann::json::exception&) {
    return fmt::format("the server answered {}: {:.200}", answer.status, answer.body);
  }
}

base::Result<net::FetchResponse> Ask(const QueryRequest& request, std::string_view path, net::Params params) {
  params.Add("query", request.query);
  const auto add = [&](std::string name, const std::string& value) {
    if (!value.empty()) params.Add(std::move(name), value);
  };
  add("time", request.time);
  add("start", request.start);
  add("end", request.end);
  add("step", request.step);
  return FetchOnce({.method = net::Method::kPost,
                    .url = fmt::format("{}/api/v1/{}", ServerUrl(request.server), path),
                    .headers = {{"Content-Type", "application/x-www-form-urlencoded"}},
                    .body = net::EncodeQuery(params)},
                   std::chrono::minutes(2));
}

}  // namespace

int RunQuery(const QueryRequest& request, Terminal terminal) {
  const auto answer = Ask(request, request.is_range ? "query_range" : "query", {});
  if (!answer) {
    terminal.err << "query error: " << answer.error().message() << "\n";
    return kExitFailed;
  }
  return PrintAnswer(*answer, request.as_json, terminal);
}

int ExplainQuery(const QueryRequest& request, bool does_analyze, Terminal terminal) {
  net::Params params = {{"format", request.as_json ? "json" : "text"}};
  if (does_analyze) params.Add("analyze", "true");
  const auto answer = Ask(request, "query_explain", std::move(params));
  if (!answer) {
    terminal.err << "query error: " << answer.error().message() << "\n";
    return kExitFailed;
  }
  if (answer->status != 200) {
    terminal.err << "query error: " << ErrorText(*answer) << "\n";
    return kExitFailed;
  }
  terminal.out << answer->body << (request.as_json ? "\n" : "");
  return kExitGood;
}

}  // namespace baro::cli
