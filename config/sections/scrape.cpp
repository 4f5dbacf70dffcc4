#include <algorithm>
#include <cmath>

#include <fmt/format.h>

#include "base/duration_text.h"
#include "base/size_text.h"
#include "config/sections/sections.h"
#include "config/sections/values.h"

namespace baro::config {
namespace {

using scraper::ScrapeJobOptions;
using scraper::ScrapeProtocol;

void NoteProtocols(Mapping& mapping, std::span<const ScrapeProtocol> protocols) {
  std::vector<std::string> names;
  for (const ScrapeProtocol protocol : protocols) names.emplace_back(scraper::ScrapeProtocolName(protocol));
  mapping.Note("scrape_protocols", NormalForm::TextList(names));
}

void ReadProtocols(Mapping& mapping, std::vector<ScrapeProtocol>& protocols) {
  std::vector<std::string> names;
  if (!mapping.TextList("scrape_protocols", names)) return;
  std::vector<ScrapeProtocol> read;
  for (const std::string& name : names) {
    const auto protocol = scraper::ParseScrapeProtocol(name);
    if (!protocol) {
      mapping.Fail("scrape_protocols", protocol.error().message());
      return;
    }
    if (std::ranges::find(read, *protocol) != read.end()) {
      mapping.Fail("scrape_protocols", fmt::format("\"{}\" is given twice", name));
      return;
    }
    read.push_back(*protocol);
  }
  if (read.empty()) {
    mapping.Fail("scrape_protocols", "the list is empty; name one protocol at least, or leave the field out");
    return;
  }
  protocols = std::move(read);
}

void ReadNames(Mapping& mapping, ScrapeJobOptions& job) {
  std::string scheme = job.name_scheme == model::NameScheme::kUtf8 ? "utf8" : "legacy";
  if (mapping.Choice("metric_name_validation_scheme", scheme, {"utf8", "legacy"})) {
    job.name_scheme = scheme == "utf8" ? model::NameScheme::kUtf8 : model::NameScheme::kLegacy;
    job.escaping = scheme == "utf8" ? model::EscapingScheme::kAllowUtf8 : model::EscapingScheme::kUnderscores;
  }
  std::string escaping(model::EscapingSchemeName(job.escaping));
  if (mapping.Choice("metric_name_escaping_scheme", escaping, {"allow-utf-8", "underscores", "dots", "values"})) {
    job.escaping = model::ParseEscapingScheme(escaping).value_or(job.escaping);
    if (job.name_scheme == model::NameScheme::kLegacy && job.escaping == model::EscapingScheme::kAllowUtf8) {
      mapping.Fail("metric_name_escaping_scheme", "allow-utf-8 contradicts metric_name_validation_scheme legacy");
    }
  }
}

/// 0 leaves the limit of `global` in force, as in Prometheus.
void ReadLimit(Mapping& mapping, std::string_view field, std::uint64_t& limit) {
  std::int64_t value = 0;
  if (mapping.Integer(field, value, 0, INT64_MAX) && value > 0) limit = static_cast<std::uint64_t>(value);
  mapping.Note(field, limit == 0 ? NormalForm() : NormalForm::Plain(std::to_string(limit)));
}

void ReadLimits(Mapping& mapping, scraper::ScrapeLimits& limits) {
  std::uint64_t body_size_bytes = 0;
  if (mapping.Size("body_size_limit", body_size_bytes) && body_size_bytes > 0) limits.body_size_bytes = body_size_bytes;
  if (limits.body_size_bytes > 0) {
    mapping.Note("body_size_limit", NormalForm::Plain(base::FormatSize(limits.body_size_bytes)));
  }
  ReadLimit(mapping, "sample_limit", limits.samples);
  ReadLimit(mapping, "target_limit", limits.targets);
  ReadLimit(mapping, "label_limit", limits.labels);
  ReadLimit(mapping, "label_name_length_limit", limits.label_name_length_bytes);
  ReadLimit(mapping, "label_value_length_limit", limits.label_value_length_bytes);
}

void ReadNativeHistograms(Mapping& mapping, Show show, scraper::NativeHistogramOptions& histograms) {
  mapping.Bool("scrape_native_histograms", histograms.scrape, Show::kAlways);
  mapping.Bool("always_scrape_classic_histograms", histograms.always_scrape_classic, show);
  mapping.Bool("convert_classic_histograms_to_nhcb", histograms.convert_classic_to_nhcb, show);
}

void ReadFailureLog(Mapping& mapping, const FileContext& context, ScrapeJobOptions& job) {
  ReadPath(mapping, "scrape_failure_log_file", context, job.scrape_failure_log_file);
}

/// Fields that stand in `global` and in each job alike, in the jobs' order. `show` is for those that `global` leaves
/// out when they are off.
void ReadSharedFields(Mapping& mapping, const FileContext& context, Show show, ScrapeJobOptions& job) {
  ReadNativeHistograms(mapping, show, job.native_histograms);
  ReadFailureLog(mapping, context, job);
  ReadLimits(mapping, job.limits);
  ReadLimit(mapping, "keep_dropped_targets", job.limits.dropped_targets_kept);
  ReadNames(mapping, job);
  mapping.Bool("extra_scrape_metrics", job.extra_metrics, Show::kAlways);
}

void NoteDuration(Mapping& mapping, std::string_view field, std::chrono::milliseconds duration) {
  mapping.Note(field, NormalForm::Plain(base::FormatDuration(duration)));
}

/// The interval, and a timeout that is not longer. 0 stands for the default.
void ReadTimes(Mapping& fields, const ScrapeJobOptions& defaults, ScrapeJobOptions& job) {
  std::chrono::milliseconds interval{0};
  std::chrono::milliseconds timeout{0};
  fields.Duration("scrape_interval", interval, Show::kAlways);  // holds the place
  fields.Duration("scrape_timeout", timeout, Show::kAlways);
  job.interval = interval.count() > 0 ? interval : defaults.interval;
  job.timeout = timeout.count() > 0 ? timeout : std::min(defaults.timeout, job.interval);
  if (job.timeout > job.interval) {
    fields.Fail("scrape_timeout", fmt::format("is {} ms, greater than the scrape interval of {} ms",
                                              job.timeout.count(), job.interval.count()));
  }
  NoteDuration(fields, "scrape_interval", job.interval);
  NoteDuration(fields, "scrape_timeout", job.timeout);
}

void ReadFallbackProtocol(Mapping& fields, ScrapeJobOptions& job) {
  std::string name;
  if (!fields.Text("fallback_scrape_protocol", name) || name.empty()) return;
  if (const auto protocol = scraper::ParseScrapeProtocol(name)) {
    job.fallback_protocol = *protocol;
  } else {
    fields.Fail("fallback_scrape_protocol", protocol.error().message());
  }
}

void ReadHistogramLimits(Mapping& fields, scraper::NativeHistogramOptions& histograms) {
  ReadLimit(fields, "native_histogram_bucket_limit", histograms.bucket_limit);
  constexpr std::string_view kFactor = "native_histogram_min_bucket_factor";
  if (fields.Number(kFactor, histograms.min_bucket_factor) && std::isnan(histograms.min_bucket_factor)) {
    fields.Fail(kFactor, "is not a number; 0 leaves it out");
  }
}

void ReadTargets(Mapping& fields, const FileContext& context, ScrapeJobOptions& job) {
  scraper::DiscoveryLists lists;
  ReadDiscoveries(fields, context, {.scheme = job.name_scheme, .has_relabeling = !job.relabel.empty()}, lists);
  job.static_groups = std::move(lists.static_groups);
  job.file_discoveries = std::move(lists.file_discoveries);
  job.other_discoveries = std::move(lists.others);
}

/// The normal form has what `global` gives the job, the text has the secrets.
void SetFingerprints(const Mapping& fields, ScrapeJobOptions& job) {
  const auto is_source = [](std::string_view field) {
    return field.ends_with("_sd_configs") || field == "static_configs";
  };
  NormalForm form = fields.normal_form();
  job.shown_yaml = form.ToYaml();
  for (const std::string& field : fields.Names()) {
    if (is_source(field)) form.Remove(field);
  }
  job.fingerprint = form.ToYaml() + fields.ToText([&](std::string_view field) { return !is_source(field); });
  job.sources_fingerprint = fields.ToText(is_source);
}

ScrapeJobOptions ReadJob(Mapping& fields, const FileContext& context, const ScrapeDefaults& defaults) {
  ScrapeJobOptions job = defaults.job;
  if (!fields.Text("job_name", job.job_name) || job.job_name.empty()) fields.Fail("job_name", "the job needs a name");
  fields.Bool("honor_labels", job.honor_labels);
  fields.Bool("honor_timestamps", job.honor_timestamps, Show::kAlways);
  fields.Bool("track_timestamps_staleness", job.track_timestamps_staleness, Show::kAlways);
  fields.Child("params", [&](Mapping& params) {
    for (const std::string& name : params.Names()) params.TextList(name, job.params[name]);
  });
  ReadTimes(fields, defaults.job, job);
  ReadProtocols(fields, job.protocols);
  NoteProtocols(fields, scraper::DefaultScrapeProtocols());  // holds the place
  ReadFallbackProtocol(fields, job);
  fields.Text("metrics_path", job.metrics_path);
  fields.Choice("scheme", job.scheme, {"http", "https"});
  fields.Bool("enable_compression", job.enable_compression, Show::kAlways);
  ReadSharedFields(fields, context, Show::kAlways, job);
  NoteProtocols(fields, scraper::ProtocolsOf(job));
  ReadHistogramLimits(fields, job.native_histograms);
  ReadHttpClient(fields, context, job.http);
  ReadRelabeling(fields, "relabel_configs", job.name_scheme, job.relabel);
  ReadRelabeling(fields, "metric_relabel_configs", job.name_scheme, job.metric_relabel);
  ReadTargets(fields, context, job);
  SetFingerprints(fields, job);
  return job;
}

}  // namespace

void ReadScrapeDefaults(Mapping& global, const FileContext& context, ScrapeDefaults& defaults) {
  ReadTimes(global, ScrapeJobOptions(), defaults.job);
  ReadProtocols(global, defaults.job.protocols);
  ReadSharedFields(global, context, Show::kUnlessZero, defaults.job);
}

void ReadScrapeJobs(Mapping& mapping, std::string_view field, const FileContext& context,
                    const ScrapeDefaults& defaults, std::vector<ScrapeJobOptions>& jobs) {
  mapping.Children(field, [&](Mapping& fields) {
    ScrapeJobOptions job = ReadJob(fields, context, defaults);
    if (std::ranges::find(jobs, job.job_name, &ScrapeJobOptions::job_name) != jobs.end()) {
      fields.Fail("job_name", fmt::format("there is another job \"{}\"", job.job_name));
    }
    jobs.push_back(std::move(job));
  });
}

}  // namespace baro::config
