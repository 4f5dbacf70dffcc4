// `tsdb create-blocks-from rules`.
#include <algorithm>
#include <iostream>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "base/clock.h"
#include "base/file_system.h"
#include "base/number_text.h"
#include "base/rfc3339.h"
#include "cli/fetch.h"
#include "cli/tsdb/output_blocks.h"
#include "cli/tsdb_commands.h"
#include "config/recording_rules.h"
#include "model/names.h"
#include "net/http_message.h"

namespace baro::cli {
namespace {

using base::Result;

// Of the newest time blocks are still being written from the head: rules of them come by themselves. Promtool's
// default.
constexpr std::int64_t kHeadMs = 3 * 3'600'000;

Result<std::int64_t> ParseTime(std::string_view what, const std::string& text) {
  if (const auto time_ms = base::ParseRfc3339(text)) return *time_ms;
  const auto seconds = base::ParseFloat(text);
  if (!seconds || !(*seconds > -9e15 && *seconds < 9e15)) {
    return base::Fail(base::Code::kInvalidArgument,
                      fmt::format("--{}: want a time like 2023-05-02T04:00:00Z or Unix seconds, got {}", what, text));
  }
  return static_cast<std::int64_t>(*seconds * 1000);
}

std::int64_t AlignUp(std::int64_t time_ms, std::int64_t step_ms) {
  const std::int64_t rest = time_ms % step_ms;
  return rest == 0 ? time_ms : time_ms - rest + (rest > 0 ? step_ms : 0);
}

/// Asks the server for the values of one expression over time.
class RangeClient {
 public:
  explicit RangeClient(std::string url) : url_(ServerUrl(std::move(url))) {}

  struct Steps {
    std::int64_t begin_ms = 0;
    std::int64_t end_ms = 0;  ///< inclusive
    std::int64_t step_ms = 0;
  };

  /// Adds what the rule records at these steps.
  Result<> Record(const config::RecordingRule& rule, Steps steps, SampleHeap& heap, Terminal terminal) const {
    const auto seconds = [](std::int64_t ms) { return base::FormatFloat(static_cast<double>(ms) / 1000); };
    const net::Params params = {{"query", rule.expr},
                                {"start", seconds(steps.begin_ms)},
                                {"end", seconds(steps.end_ms)},
                                {"step", seconds(steps.step_ms)}};
    const auto answer = BARO_TRY(FetchOnce({.method = net::Method::kPost,
                                            .url = url_ + "/api/v1/query_range",
                                            .headers = {{"Content-Type", "application/x-www-form-urlencoded"}},
                                            .body = net::EncodeQuery(params)},
                                           std::chrono::minutes(2)));
    try {
      return Read(rule, nlohmann::json::parse(answer.body), heap, terminal);
    } catch (const nlohmann::json::exception& error) {
      return base::Fail(base::Code::kUnavailable, fmt::format("{} answered {} and no JSON of the API: {:.200}", url_,
                                                              answer.status, answer.body));
    }
  }

 private:
  static Result<> Read(const config::RecordingRule& rule, const nlohmann::json& body, SampleHeap& heap,
                       Terminal terminal) {
    if (body.at("status") != "success") {
      return base::Fail(base::Code::kInvalidArgument, "query error: " + body.at("error").get<std::string>());
    }
    if (body.contains("warnings")) {
      for (const auto& note : body.at("warnings")) terminal.err << note.get<std::string>() << "\n";
    }
    for (const auto& series : body.at("data").at("result")) {
      if (series.contains("histograms")) {
        return base::Fail(base::Code::kUnsupported,
                          "the result has native histograms, which the query API gives without all of their bits");
      }
      model::LabelsBuilder labels;
      for (const auto& [name, value] : series.at("metric").items()) labels.Set(name, value.get<std::string>());
      labels.Set(model::kMetricName, rule.record);
      for (const auto& [name, value] : rule.labels) labels.Set(name, value);
      const model::Labels built = labels.Build();
      for (const auto& point : series.at("values")) {
        const auto value = base::ParseFloat(point.at(1).get<std::string>());
        if (!value) return base::Fail(base::Code::kUnavailable, "the result has a value that is no number");
        heap.Add(built, {.timestamp_ms = std::llround(point.at(0).get<double>() * 1000), .value = *value});
      }
    }
    return {};
  }

  std::string url_;
};

struct Plan {
  std::vector<config::RecordingRuleGroup> groups;
  std::int64_t start_ms = 0;
  std::int64_t end_ms = 0;
  std::int64_t interval_ms = 0;
};

Result<Plan> MakePlan(const CreateFromRulesRequest& request) {
  Plan plan{.start_ms = BARO_TRY(ParseTime("start", request.start)),
            .end_ms = base::ToMs(base::RealClock().Now()) - kHeadMs,
            .interval_ms = request.eval_interval_ms};
  if (!request.end.empty()) plan.end_ms = BARO_TRY(ParseTime("end", request.end));
  if (plan.start_ms < 0 || plan.end_ms <= plan.start_ms) {
    return base::Fail(base::Code::kInvalidArgument,
                      fmt::format("end time is before start time: {} ms to {} ms", plan.start_ms, plan.end_ms));
  }
  for (const std::string& path : request.rule_files) {
    for (auto& group : BARO_TRY(config::LoadRecordingRules(base::RealFileSystem(), path))) {
      plan.groups.push_back(std::move(group));
    }
  }
  return plan;
}

/// The rules' results in one window of time as one block.
Result<> RecordWindow(const Plan& plan, const RangeClient& client, model::TimeRange window, SampleHeap& heap,
                      Terminal terminal) {
  for (const auto& group : plan.groups) {
    const std::int64_t step_ms = group.interval.count() > 0 ? group.interval.count() : plan.interval_ms;
    const RangeClient::Steps steps{.begin_ms = AlignUp(std::max(window.min_ms, plan.start_ms), step_ms),
                                   .end_ms = std::min(window.max_ms, plan.end_ms),
                                   .step_ms = step_ms};
    if (steps.end_ms < steps.begin_ms) continue;
    for (const auto& rule : group.rules) {
      if (auto recorded = client.Record(rule, steps, heap, terminal); !recorded) {
        return recorded.error().WithContext(fmt::format("group {}, rule {}", group.name, rule.record));
      }
    }
  }
  return {};
}

Result<> Create(const CreateFromRulesRequest& request, Terminal terminal) {
  const Plan plan = BARO_TRY(MakePlan(request));
  const RangeClient client(request.url);
  base::FileSystem& files = base::RealFileSystem();
  const OutputDirectory output = BARO_TRY(OutputDirectory::Open(files, request.output));
  bool has_head = false;
  for (std::int64_t begin_ms = OutputBlockBegin(plan.start_ms); begin_ms <= plan.end_ms; begin_ms += kOutputBlockMs) {
    const model::TimeRange window{.min_ms = begin_ms, .max_ms = begin_ms + kOutputBlockMs - 1};
    SampleHeap heap;
    BARO_TRY(RecordWindow(plan, client, window, heap, terminal));
    auto series = BARO_TRY(heap.Take());
    BARO_TRY(WriteAndPrint(files, output, std::move(series), window,
                           {.is_quiet = request.is_quiet, .is_human_readable = request.is_human_readable}, has_head,
                           terminal));
  }
  return {};
}

}  // namespace

int CreateFromRules(const CreateFromRulesRequest& request, Terminal terminal) {
  const auto done = Create(request, terminal);
  if (done) return kExitGood;
  terminal.err << done.error().message() << "\n";
  return kExitFailed;
}

}  // namespace baro::cli
