#include <iostream>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "cli/commands.h"
#include "cli/fetch.h"
#include "net/http_message.h"
#include "query/ast_json.h"
#include "query/parser.h"
#include "query/printer.h"

namespace baro::cli {
namespace {

/// Parses with all features on; on failure tells where, with a caret.
std::optional<query::Ast> Parse(const std::string& text, Terminal terminal) {
  auto ast = query::ParseExpression(text, query::ParseOptions::Everything());
  if (ast) return *std::move(ast);
  terminal.err << ast.error().Render(text) << "\n";
  return std::nullopt;
}

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

}  // namespace

int FormatQuery(const std::string& query, Terminal terminal) {
  const auto ast = Parse(query, terminal);
  if (!ast) return kExitFailed;
  terminal.out << query::PrettyPrint(ast->root()) << "\n";
  return kExitGood;
}

int ParseQuery(const std::string& query, Terminal terminal) {
  const auto ast = Parse(query, terminal);
  if (!ast) return kExitFailed;
  terminal.out << query::AstToJson(ast->root()) << "\n";
  return kExitGood;
}

int RunQuery(const QueryRequest& request, Terminal terminal) {
  net::Params params = {{"query", request.query}};
  const auto add = [&](std::string name, const std::string& value) {
    if (!value.empty()) params.Add(std::move(name), value);
  };
  add("time", request.time);
  add("start", request.start);
  add("end", request.end);
  add("step", request.step);
  std::string server = request.server;
  if (server.find("://") == std::string::npos) server = "http://" + server;
  while (server.ends_with('/')) server.pop_back();
  net::FetchRequest call{.method = net::Method::kPost,
                         .url = server + (request.is_range ? "/api/v1/query_range" : "/api/v1/query"),
                         .headers = {{"Content-Type", "application/x-www-form-urlencoded"}},
                         .body = net::EncodeQuery(params)};
  const auto answer = FetchOnce(std::move(call), std::chrono::minutes(2));
  if (!answer) {
    terminal.err << "query error: " << answer.error().message() << "\n";
    return kExitFailed;
  }
  return PrintAnswer(*answer, request.as_json, terminal);
}

}  // namespace baro::cli
