// `tsdb list`, `tsdb dump` and `tsdb dump-openmetrics`.
#include <iostream>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "base/file_system.h"
#include "base/number_text.h"
#include "cli/tsdb/block_list.h"
#include "cli/tsdb/selectors.h"
#include "cli/tsdb/tsdb_source.h"
#include "cli/tsdb_commands.h"
#include "model/quote.h"

namespace baro::cli {
namespace {

int Fail(const base::Error& error, Terminal terminal) {
  terminal.err << error.message() << "\n";
  return kExitFailed;
}

/// As Go prints a label set as JSON, which escapes what HTML would read.
std::string LabelsJson(const model::Labels& labels) {
  nlohmann::ordered_json object = nlohmann::ordered_json::object();
  for (const model::LabelView& label : labels) object[std::string(label.name)] = std::string(label.value);
  const std::string plain = object.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace);
  std::string out;
  for (std::size_t i = 0; i < plain.size(); ++i) {
    const char character = plain[i];
    if (character == '<' || character == '>' || character == '&') {
      out += fmt::format("\\u{:04x}", static_cast<unsigned char>(character));
    } else if (plain.compare(i, 3, "\u2028") == 0 || plain.compare(i, 3, "\u2029") == 0) {
      out += plain[i + 2] == '\xa8' ? "\\u2028" : "\\u2029";
      i += 2;
    } else {
      out += character;
    }
  }
  return out;
}

/// `name{a="b",c="d"}`, the braces always.
std::string CondensedSeries(const model::Labels& labels) {
  std::string out(labels.metric_name());
  out += '{';
  bool is_first = true;
  for (const model::LabelView& label : labels.DropName()) {
    if (!std::exchange(is_first, false)) out += ',';
    out += label.name;
    out += '=';
    model::AppendQuoted(out, label.value);
  }
  return out + '}';
}

void PrintPrometheus(const model::Labels& labels, const tsdb::SampleColumns& columns, std::ostream& out) {
  const std::string series = labels.ToString();
  std::string text;
  std::size_t next = 0;
  const auto print_floats_before = [&](std::int64_t time_ms) {
    for (; next < columns.timestamps_ms().size() && columns.timestamps_ms()[next] < time_ms; ++next) {
      text += series;
      text += ' ';
      base::AppendFloatG(text, columns.values()[next]);
      text += fmt::format(" {}\n", columns.timestamps_ms()[next]);
    }
  };
  for (const tsdb::HistogramSample& sample : columns.histograms()) {
    print_floats_before(sample.timestamp_ms);
    text += fmt::format("{} {} {}\n", series, sample.histogram->ToString(), sample.timestamp_ms);
  }
  print_floats_before(model::kMaxTimestampMs);
  out << text;
}

void PrintOpenMetrics(const model::Labels& labels, const tsdb::SampleColumns& columns, std::ostream& out) {
  const std::string series = CondensedSeries(labels);
  std::string text;
  for (std::size_t i = 0; i < columns.values().size(); ++i) {
    text += series;
    text += ' ';
    base::AppendFloatG(text, columns.values()[i]);
    text += fmt::format(" {:.3f}\n", static_cast<double>(columns.timestamps_ms()[i]) / 1000);
  }
  out << text;
}

/// Prints all series; false if some could not be read.
bool PrintSeries(const UnitedSelection& selection, const DumpRequest& request, Terminal terminal) {
  const model::TimeRange range{.min_ms = request.min_time_ms, .max_ms = request.max_time_ms};
  bool is_whole = true;
  tsdb::SampleColumns columns;
  for (std::size_t i = 0; i < selection.size(); ++i) {
    const model::Labels& labels = selection.labels(i);
    if (request.format == DumpRequest::Format::kSeriesJson) {
      terminal.out << LabelsJson(labels) << "\n";
      continue;
    }
    if (const auto read = selection.Read(i, range, columns); !read) {
      terminal.err << labels.ToString() << ": " << read.error().message() << "\n";
      is_whole = false;
      continue;
    }
    if (request.format == DumpRequest::Format::kPrometheus) {
      PrintPrometheus(labels, columns, terminal.out);
    } else {
      PrintOpenMetrics(labels, columns, terminal.out);
    }
  }
  if (request.format == DumpRequest::Format::kOpenMetrics) terminal.out << "# EOF\n";
  return is_whole;
}

}  // namespace

int ListBlocks(const std::string& path, bool is_human_readable, Terminal terminal) {
  const auto source = OpenTsdb(base::RealFileSystem(), path, TsdbParts::kBlocks, {});
  if (!source) return Fail(source.error(), terminal);
  terminal.out << BlockTable(source->blocks, is_human_readable);
  for (const std::string& warning : source->warnings) terminal.err << warning << "\n";
  return source->warnings.empty() ? kExitGood : kExitFailed;
}

int DumpSamples(const DumpRequest& request, Terminal terminal) {
  const auto source = OpenTsdb(base::RealFileSystem(), request.path, TsdbParts::kBlocksAndHead, {});
  if (!source) return Fail(source.error(), terminal);
  for (const std::string& warning : source->warnings) terminal.err << warning << "\n";
  const model::TimeRange range{.min_ms = request.min_time_ms, .max_ms = request.max_time_ms};
  const auto selection = UnitedSelection::Select(*source->reader, request.matches, range, {});
  if (!selection) return Fail(selection.error(), terminal);
  const bool is_whole = PrintSeries(*selection, request, terminal);
  const std::vector<std::string> warnings = selection->Warnings();
  for (const std::string& warning : warnings) terminal.err << warning << "\n";
  return is_whole && warnings.empty() ? kExitGood : kExitFailed;
}

}  // namespace baro::cli
