// `tsdb analyze`.
#include <algorithm>
#include <iostream>
#include <map>

#include <fmt/format.h>

#include "base/file_system.h"
#include "cli/tsdb/go_text.h"
#include "cli/tsdb/selectors.h"
#include "cli/tsdb/tsdb_source.h"
#include "cli/tsdb_commands.h"
#include "model/matcher.h"
#include "model/names.h"
#include "tsdb/barograph_block.h"

namespace baro::cli {
namespace {

using base::Result;

/// Numbers by name, to be printed largest first.
using Ranking = std::vector<std::pair<std::string, std::uint64_t>>;

void PrintRanking(std::string_view title, Ranking ranking, std::size_t limit, std::ostream& out) {
  std::ranges::stable_sort(ranking, std::ranges::greater(), &Ranking::value_type::second);
  out << "\n" << title << ":\n";
  for (const auto& [name, number] : std::span(ranking).first(std::min(limit, ranking.size()))) {
    out << fmt::format("{} {}\n", number, name);
  }
}

/// Sizes and counts of chunks of one kind.
struct ChunkNumbers {
  std::vector<std::int64_t> samples;
  std::vector<std::int64_t> bytes;
};

struct Collected {
  std::uint64_t series = 0;
  std::uint64_t pair_entries = 0;
  std::map<std::string, std::uint64_t> uncovered_by_pair;  // of `name=value`, milliseconds that series do not cover
  std::map<std::string, std::uint64_t> uncovered_by_name;
  std::map<std::string, std::uint64_t> series_by_pair;
  std::map<std::string, std::uint64_t> series_by_metric;
  std::map<std::string, std::map<std::string, std::uint64_t>> values;  // of each label name, with series
  ChunkNumbers floats;
  ChunkNumbers histograms;
  std::vector<std::int64_t> buckets;  // of each histogram chunk
  std::uint64_t chunks = 0;
};

void AddLabels(const model::Labels& labels, std::uint64_t uncovered_ms, Collected& all) {
  ++all.series;
  for (const model::LabelView& label : labels) {
    const std::string name(label.name);
    const std::string pair = fmt::format("{}={}", label.name, label.value);
    all.uncovered_by_name[name] += uncovered_ms;
    all.uncovered_by_pair[pair] += uncovered_ms;
    ++all.series_by_pair[pair];
    ++all.values[name][std::string(label.value)];
    ++all.pair_entries;
  }
}

void AddChunks(const std::vector<tsdb::StoredChunk>& chunks, Collected& all) {
  for (const tsdb::StoredChunk& chunk : chunks) {
    ++all.chunks;
    ChunkNumbers& numbers = chunk.is_histogram ? all.histograms : all.floats;
    numbers.samples.push_back(chunk.samples);
    numbers.bytes.push_back(static_cast<std::int64_t>(chunk.size_bytes));
    if (chunk.is_histogram) all.buckets.push_back(static_cast<std::int64_t>(chunk.buckets));
  }
}

Result<Collected> Collect(const tsdb::StoredBlock& block, std::span<const model::Matcher> matchers, bool is_extended,
                          Terminal terminal) {
  Collected all;
  const auto span_ms =
      static_cast<std::uint64_t>(block.info().max_time_ms) - static_cast<std::uint64_t>(block.info().min_time_ms);
  const auto scan = block.Scan();
  for (;;) {
    const auto more = scan->Next({});
    if (!more && more.error().code() == base::Code::kCorruption) {
      terminal.err << more.error().message() << "\n";
      continue;
    }
    if (!BARO_TRY(more)) return all;
    if (!model::MatchesAll(matchers, scan->labels())) continue;
    const model::TimeRange extent = scan->extent();
    AddLabels(scan->labels(), span_ms - static_cast<std::uint64_t>(extent.max_ms - extent.min_ms), all);
    if (is_extended) AddChunks(BARO_TRY(scan->Chunks()), all);
  }
}

/// Series-times that are not covered, as a number of whole series.
Ranking ChurnOf(const std::map<std::string, std::uint64_t>& uncovered, const tsdb::StoredBlockInfo& info) {
  const auto span = static_cast<double>(info.max_time_ms - info.min_time_ms);
  Ranking ranking;
  for (const auto& [name, ms] : uncovered) {
    ranking.emplace_back(name, span > 0 ? static_cast<std::uint64_t>(static_cast<double>(ms) / span) : 0);
  }
  return ranking;
}

void PrintRankings(const Collected& all, const tsdb::StoredBlockInfo& info, std::size_t limit, std::ostream& out) {
  PrintRanking("Label pairs most involved in churning", ChurnOf(all.uncovered_by_pair, info), limit, out);
  PrintRanking("Label names most involved in churning", ChurnOf(all.uncovered_by_name, info), limit, out);
  PrintRanking("Most common label pairs", {all.series_by_pair.begin(), all.series_by_pair.end()}, limit, out);
  Ranking lengths;
  Ranking cardinalities;
  for (const auto& [name, values] : all.values) {
    std::uint64_t length = 0;
    for (const auto& [value, series] : values) length += value.size();
    lengths.emplace_back(name, length);
    cardinalities.emplace_back(name, values.size());
  }
  PrintRanking("Label names with highest cumulative label value length", std::move(lengths), limit, out);
  PrintRanking("Highest cardinality labels", std::move(cardinalities), limit, out);
  Ranking metrics;
  if (const auto names = all.values.find(std::string(model::kMetricName)); names != all.values.end()) {
    metrics.assign(names->second.begin(), names->second.end());
  }
  PrintRanking("Highest cardinality metric names", std::move(metrics), limit, out);
}

/// A histogram of numbers in ten steps or so, drawn with hashes: one for each percent of all chunks.
void PrintDistribution(std::string_view title, std::vector<std::int64_t> numbers, std::uint64_t chunks,
                       std::ostream& out) {
  if (numbers.empty()) {
    out << title << ": N/A\n\n";
    return;
  }
  std::ranges::sort(numbers);
  std::int64_t step = 10;
  while (step < (numbers.back() - numbers.front()) / 10 && step <= 10'000) step *= 10;
  const std::int64_t start = numbers.front() - numbers.front() % step;
  const std::int64_t end = numbers.back() - numbers.back() % step + step;
  std::vector<std::uint64_t> counts(static_cast<std::size_t>((end - start) / step + 1));
  std::int64_t sum = 0;
  for (const std::int64_t number : numbers) {
    sum += number;
    ++counts[static_cast<std::size_t>((number - start) / step)];
  }
  out << fmt::format("{} (min/avg/max): {}/{}/{}\n", title, numbers.front(),
                     sum / static_cast<std::int64_t>(numbers.size()), numbers.back());
  const auto width = [](auto number) { return fmt::formatted_size("{}", number); };
  for (std::size_t i = 0; i < counts.size(); ++i) {
    const std::int64_t low = static_cast<std::int64_t>(i) * step + start;
    out << fmt::format("[{:>{}}, {:>{}}]: {:>{}} {}\n", low + 1, width(end), low + step, width(end + step), counts[i],
                       width(std::ranges::max(counts)), std::string(100 * counts[i] / chunks, '#'));
  }
  out << "\n";
}

void PrintChunks(const Collected& all, std::ostream& out) {
  out << "\nCompaction analysis:\n\n";
  PrintDistribution("samples per float chunk", all.floats.samples, all.chunks, out);
  PrintDistribution("bytes per float chunk", all.floats.bytes, all.chunks, out);
  PrintDistribution("samples per histogram chunk", all.histograms.samples, all.chunks, out);
  PrintDistribution("bytes per histogram chunk", all.histograms.bytes, all.chunks, out);
  PrintDistribution("buckets per histogram chunk", all.buckets, all.chunks, out);
}

/// What the files of a block of ours take: its chunks share pages, and timestamps are stored once for many series, so
/// that there are no figures for single chunks.
Result<> PrintFiles(const tsdb::BarographBlock& block, std::ostream& out) {
  out << "\nCompaction analysis:\n\n";
  const double samples = std::max(1.0, static_cast<double>(block.info().samples));
  for (const auto& [file, what] : {std::pair("index", "labels, postings, summaries"),
                                   std::pair("columns", "timestamps"), std::pair("chunks", "values")}) {
    const std::uint64_t bytes = BARO_TRY(base::RealFileSystem().FileSize(block.directory() + "/" + file));
    out << fmt::format("{} ({}): {} bytes, {:.3f} per sample\n", file, what, bytes,
                       static_cast<double>(bytes) / samples);
  }
  const tsdb::BlockCounts& counts = block.meta().counts;
  out << fmt::format("samples per chunk: {:.1f}\ncolumns of timestamps: {} for {} chunks\nform: {}\n\n",
                     samples / std::max(1.0, static_cast<double>(block.info().chunks)), counts.columns,
                     block.info().chunks, block.meta().form == tsdb::BlockForm::kCold ? "cold" : "hot");
  return {};
}

Result<> Analyze(const AnalyzeRequest& request, Terminal terminal) {
  std::vector<model::Matcher> matchers;
  if (!request.match.empty()) matchers = BARO_TRY(ParseSelector(request.match));
  const TsdbSource source = BARO_TRY(OpenTsdb(base::RealFileSystem(), request.path, TsdbParts::kBlocks, {}));
  for (const std::string& warning : source.warnings) terminal.err << warning << "\n";
  const tsdb::StoredBlock* block = nullptr;
  for (const auto& candidate : source.blocks) {
    // Names of blocks sort by the time they were made; the last one is the newest.
    const bool is_newer = block == nullptr || candidate->info().ulid > block->info().ulid;
    if (request.block.empty() ? is_newer : candidate->info().ulid == request.block) block = candidate.get();
  }
  if (block == nullptr) {
    return base::Fail(base::Code::kNotFound, request.block.empty()
                                                 ? fmt::format("{}: no blocks found", request.path)
                                                 : fmt::format("{}: no block {}", request.path, request.block));
  }
  const tsdb::StoredBlockInfo& info = block->info();
  const auto* const ours = dynamic_cast<const tsdb::BarographBlock*>(block);
  const Collected all = BARO_TRY(Collect(*block, matchers, request.is_extended && ours == nullptr, terminal));
  std::ostream& out = terminal.out;
  out << fmt::format("Block ID: {}\nDuration: {}\nTotal Series: {}\n", info.ulid,
                     GoDuration(info.max_time_ms - info.min_time_ms), info.series);
  if (!request.match.empty()) out << fmt::format("Matcher: {}\n", request.match);
  out << fmt::format("Label names: {}\n", all.values.size());
  if (!request.match.empty()) out << fmt::format("Matched series: {}\n", all.series);
  out << fmt::format("Postings (unique label pairs): {}\nPostings entries (total label pairs): {}\n",
                     all.series_by_pair.size(), all.pair_entries);
  PrintRankings(all, info, request.limit, out);
  if (!request.is_extended) return {};
  if (ours != nullptr) return PrintFiles(*ours, out);
  PrintChunks(all, out);
  return {};
}

}  // namespace

int AnalyzeBlock(const AnalyzeRequest& request, Terminal terminal) {
  const auto done = Analyze(request, terminal);
  if (done) return kExitGood;
  terminal.err << done.error().message() << "\n";
  return kExitFailed;
}

}  // namespace baro::cli
