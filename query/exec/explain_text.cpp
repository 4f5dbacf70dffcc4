#include <algorithm>
#include <array>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "base/duration_text.h"
#include "query/exec/annotations.h"
#include "query/exec/text_place.h"
#include "query/explain.h"

namespace baro::query {
namespace {

constexpr std::size_t kLevelsShown = 40;  // deeper ones are not moved to the right any more
constexpr std::size_t kNameBytesMax = 120;
constexpr std::size_t kQueryBytesMax = 1000;
constexpr std::size_t kTreeWidthMax = 90;  // wider lines push their numbers to the right

double Ms(std::chrono::nanoseconds time) { return std::chrono::duration<double, std::milli>(time).count(); }

// Characters, as a terminal counts them for the alphabets of most labels.
std::size_t WidthOf(std::string_view text) {
  return static_cast<std::size_t>(
      std::ranges::count_if(text, [](char c) { return (static_cast<unsigned char>(c) & 0xC0U) != 0x80U; }));
}

// "1.5 KiB": for people.
std::string SizeText(std::uint64_t bytes) {
  constexpr std::array<std::string_view, 4> kUnits = {"KiB", "MiB", "GiB", "TiB"};
  if (bytes < 1024) return fmt::format("{} B", bytes);
  auto size = static_cast<double>(bytes) / 1024;
  std::size_t unit = 0;
  for (; size >= 1024 && unit + 1 < kUnits.size(); ++unit) size /= 1024;
  return fmt::format("{:.1f} {}", size, kUnits[unit]);
}

std::string Label(const ExplainedOperator& op) {
  std::string text;
  if (op.depth > 0) {
    text.append(2 * (std::min(op.depth, kLevelsShown) - 1), ' ');
    text += "└ ";
  }
  const auto size = static_cast<std::uint32_t>(op.name.size());
  text += exec::Excerpt(op.name, {.start = 0, .end = size}, kNameBytesMax);
  if (op.kind != "number" && op.kind != "string") text += fmt::format("  {}", op.kind);
  std::vector<std::string> facts;
  for (const auto& [name, value] : op.facts) facts.push_back(fmt::format("{} {}", name, value));
  if (!facts.empty()) text += fmt::format(" [{}]", fmt::join(facts, ", "));
  return text;
}

using Cells = std::array<std::string, 10>;
constexpr std::array<std::string_view, 10> kHeads = {"runs",  "series", "points", "samples", "seen",
                                                     "bytes", "memory", "ms",     "self ms", "read ms"};

Cells CellsOf(const OperatorCost& cost) {
  const auto ms = [](std::chrono::nanoseconds time) { return fmt::format("{:.3f}", Ms(time)); };
  return {fmt::format("{}", cost.runs),
          fmt::format("{}", cost.series),
          fmt::format("{}", cost.points),
          fmt::format("{}", cost.samples_read),
          fmt::format("{}", cost.samples_queryable),
          SizeText(cost.bytes),
          SizeText(cost.memory_bytes_peak),
          ms(cost.total_time),
          ms(cost.self_time),
          ms(cost.read_time)};
}

std::string Head(const Explanation& explanation) {
  const auto size = static_cast<std::uint32_t>(explanation.query.size());
  std::string text =
      fmt::format("query    {}\n", exec::Excerpt(explanation.query, {.start = 0, .end = size}, kQueryBytesMax));
  const QueryRange& range = explanation.range;
  if (range.step_ms == 0) return text + fmt::format("time     {}\n", exec::FormatTime(range.start_ms));
  return text + fmt::format("times    {} to {}, {} steps of {}\n", exec::FormatTime(range.start_ms),
                            exec::FormatTime(range.end_ms), (range.end_ms - range.start_ms) / range.step_ms + 1,
                            base::FormatDuration(std::chrono::milliseconds(range.step_ms)));
}

std::string RunText(const AnalyzedRun& run) {
  const QueryStats& stats = run.stats;
  std::string text;
  if (run.error) {
    text += fmt::format("error    {}\n", run.error->message());
  } else {
    text += fmt::format("answer   {} series, {} points\n", run.series, run.points);
  }
  text += fmt::format("time     {:.3f} ms: queue {:.3f}, prepare {:.3f}, evaluate {:.3f}, sort {:.3f}\n",
                      Ms(stats.total_time), Ms(stats.queue_time), Ms(stats.preparation_time), Ms(stats.evaluation_time),
                      Ms(stats.sort_time));
  text += fmt::format("samples  {} read, {} seen by windows and steps, {} held at most\n", stats.samples_read,
                      stats.samples_queryable, stats.samples_peak);
  text += fmt::format("memory   {} at most\n", SizeText(stats.memory_bytes_peak));
  for (const Annotation& warning : run.warnings) text += fmt::format("warning  {}\n", warning.ToString());
  for (const Annotation& info : run.infos) text += fmt::format("info     {}\n", info.ToString());
  return text;
}

}  // namespace

std::string ExplanationText(const Explanation& explanation) {
  std::string text = Head(explanation);
  if (explanation.run) text += RunText(*explanation.run);
  text += '\n';
  std::size_t tree_width = std::string_view("operator").size();
  std::array<std::size_t, 10> widths{};
  for (std::size_t i = 0; i < kHeads.size(); ++i) widths[i] = kHeads[i].size();
  std::vector<std::string> labels;
  std::vector<Cells> rows;
  for (const ExplainedOperator& op : explanation.operators) {
    labels.push_back(Label(op));
    tree_width = std::max(tree_width, std::min(WidthOf(labels.back()), kTreeWidthMax));
    rows.push_back(op.cost ? CellsOf(*op.cost) : Cells{});
    for (std::size_t i = 0; i < widths.size(); ++i) widths[i] = std::max(widths[i], rows.back()[i].size());
  }
  const auto append = [&](std::string_view label, std::string_view place, const auto& cells) {
    text += label;
    text.append(tree_width - std::min(tree_width, WidthOf(label)), ' ');
    text += fmt::format("  {:>6}", place);
    if (explanation.run) {
      for (std::size_t i = 0; i < widths.size(); ++i) text += fmt::format("  {:>{}}", cells[i], widths[i]);
    }
    text += '\n';
  };
  append("operator", "at", kHeads);
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const ExplainedOperator& op = explanation.operators[i];
    append(labels[i], fmt::format("{}:{}", op.line, op.column), rows[i]);
  }
  if (explanation.operators_left_out > 0) {
    text += fmt::format("and {} operators more\n", explanation.operators_left_out);
  }
  return text;
}

}  // namespace baro::query
