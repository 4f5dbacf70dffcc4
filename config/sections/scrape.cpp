#include <algorithm>
#include <set>

#include <fmt/format.h>

#include "base/path_pattern.h"
#include "config/sections/sections.h"
#include "model/labels.h"

namespace baro::config {
namespace {

using scraper::ScrapeJobOptions;
using scraper::ScrapeProtocol;

constexpr std::string_view kDiscoveriesToCome[] = {
    "azure",       "aws",      "consul",   "digitalocean", "dns",     "docker", "dockerswarm", "ec2",      "ecs",
    "elasticache", "eureka",   "gce",      "hetzner",      "http",    "ionos",  "kubernetes",  "kuma",     "lightsail",
    "linode",      "marathon", "msk",      "nerve",        "nomad",   "oci",    "openstack",   "outscale", "ovhcloud",
    "puppetdb",    "rds",      "scaleway", "serverset",    "stackit", "triton", "uyuni",       "vultr"};

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
  std::string text;
  if (mapping.Choice("metric_name_validation_scheme", text, {"utf8", "legacy"})) {
    job.name_scheme = text == "utf8" ? model::NameScheme::kUtf8 : model::NameScheme::kLegacy;
    job.escaping = text == "utf8" ? model::EscapingScheme::kAllowUtf8 : model::EscapingScheme::kUnderscores;
  }
  if (mapping.Choice("metric_name_escaping_scheme", text, {"allow-utf-8", "underscores", "dots", "values"})) {
    job.escaping = model::ParseEscapingScheme(text).value_or(job.escaping);
    if (job.name_scheme == model::NameScheme::kLegacy && job.escaping == model::EscapingScheme::kAllowUtf8) {
      mapping.Fail("metric_name_escaping_scheme", "allow-utf-8 contradicts metric_name_validation_scheme legacy");
    }
  }
}

void ReadLimit(Mapping& mapping, std::string_view field, std::uint64_t& limit) {
  std::int64_t value = 0;
  if (mapping.Integer(field, value, 0, INT64_MAX)) limit = static_cast<std::uint64_t>(value);
}

/// Fields that stand in `global` and in each job alike.
void ReadSharedFields(Mapping& mapping, ScrapeJobOptions& job) {
  ReadProtocols(mapping, job.protocols);
  ReadNames(mapping, job);
  mapping.Size("body_size_limit", job.limits.body_size_bytes);
  ReadLimit(mapping, "sample_limit", job.limits.samples);
  ReadLimit(mapping, "target_limit", job.limits.targets);
  ReadLimit(mapping, "label_limit", job.limits.labels);
  ReadLimit(mapping, "label_name_length_limit", job.limits.label_name_length_bytes);
  ReadLimit(mapping, "label_value_length_limit", job.limits.label_value_length_bytes);
  ReadLimit(mapping, "keep_dropped_targets", job.limits.dropped_targets_kept);
  mapping.Bool("extra_scrape_metrics", job.extra_metrics);
  // Native histograms arrive over protobuf only, which is refused by name when a target sends it.
  for (const std::string_view field :
       {"scrape_native_histograms", "convert_classic_histograms_to_nhcb", "always_scrape_classic_histograms"}) {
    bool wanted = false;
    if (mapping.Bool(field, wanted) && wanted) {
      mapping.Fail(field, "native histograms are not scraped by this version of Barograph yet; take the field out");
    }
  }
}

void ReadStaticGroups(Mapping& fields, ScrapeJobOptions& job) {
  fields.Children("static_configs", [&](Mapping& item) {
    scraper::TargetGroup group;
    std::vector<std::string> addresses;
    item.TextList("targets", addresses);
    item.TextMap("labels", group.labels);
    for (const auto& [name, value] : group.labels) {
      if (!model::IsValidLabelName(name, job.name_scheme)) {
        item.Fail("labels", fmt::format("\"{}\" is not a valid label name", name));
      }
    }
    group.source = std::to_string(job.static_groups.size());
    for (std::string& address : addresses) {
      if (job.relabel.empty() && address.find('/') != std::string::npos) {
        item.Fail("targets", fmt::format("\"{}\" is not a host name and port: scheme and path belong into scheme and "
                                         "metrics_path",
                                         address));
      }
      group.targets.push_back({{"__address__", std::move(address)}});
    }
    job.static_groups.push_back(std::move(group));
  });
}

void ReadFileDiscoveries(Mapping& fields, const FileContext& context, ScrapeJobOptions& job) {
  fields.Children("file_sd_configs", [&](Mapping& item) {
    scraper::FileDiscoveryOptions discovery;
    item.TextList("files", discovery.files);
    item.Duration("refresh_interval", discovery.refresh_interval);
    if (discovery.files.empty()) item.Fail("files", "name at least one file");
    for (std::string& file : discovery.files) {
      if (!file.ends_with(".json") && !file.ends_with(".yml") && !file.ends_with(".yaml")) {
        item.Fail("files", fmt::format("\"{}\" does not end in .json, .yml or .yaml", file));
      } else if (const auto checked = base::CheckPattern(file); !checked) {
        item.Fail("files", checked.error().message());
      }
      file = context.Resolve(file);
    }
    job.file_discoveries.push_back(std::move(discovery));
  });
  for (const std::string_view kind : kDiscoveriesToCome) fields.NotSupported(fmt::format("{}_sd_configs", kind));
}

void ReadTimes(Mapping& fields, const ScrapeDefaults& defaults, ScrapeJobOptions& job) {
  fields.Duration("scrape_interval", job.interval);
  const bool has_timeout = fields.Duration("scrape_timeout", job.timeout);
  if (job.interval.count() <= 0) fields.Fail("scrape_interval", "must be greater than 0");
  if (has_timeout || (defaults.timeout_is_set && job.interval == defaults.job.interval)) {
    if (job.timeout > job.interval) {
      fields.Fail("scrape_timeout", fmt::format("is {} ms, greater than the scrape interval of {} ms",
                                                job.timeout.count(), job.interval.count()));
    }
  } else {
    job.timeout = std::min(job.timeout, job.interval);
  }
}

ScrapeJobOptions ReadJob(Mapping& fields, const FileContext& context, const ScrapeDefaults& defaults) {
  ScrapeJobOptions job = defaults.job;
  if (!fields.Text("job_name", job.job_name) || job.job_name.empty()) fields.Fail("job_name", "the job needs a name");
  ReadSharedFields(fields, job);
  ReadTimes(fields, defaults, job);
  fields.Text("metrics_path", job.metrics_path);
  fields.Choice("scheme", job.scheme, {"http", "https"});
  fields.Bool("honor_labels", job.honor_labels);
  fields.Bool("honor_timestamps", job.honor_timestamps);
  fields.Bool("track_timestamps_staleness", job.track_timestamps_staleness);
  fields.Bool("enable_compression", job.enable_compression);
  if (std::string fallback; fields.Text("fallback_scrape_protocol", fallback)) {
    if (const auto protocol = scraper::ParseScrapeProtocol(fallback)) {
      job.fallback_protocol = *protocol;
    } else {
      fields.Fail("fallback_scrape_protocol", protocol.error().message());
    }
  }
  fields.Child("params", [&](Mapping& params) {
    for (const std::string& name : params.Names()) params.TextList(name, job.params[name]);
  });
  fields.NotSupported("scrape_failure_log_file");
  fields.NotSupported("native_histogram_bucket_limit");
  fields.NotSupported("native_histogram_min_bucket_factor");
  ReadHttpClient(fields, context, job.http);
  ReadRelabeling(fields, "relabel_configs", job.name_scheme, job.relabel);
  ReadRelabeling(fields, "metric_relabel_configs", job.name_scheme, job.metric_relabel);
  ReadStaticGroups(fields, job);
  ReadFileDiscoveries(fields, context, job);
  job.fingerprint = fmt::format("{}\n{}", defaults.text, fields.ToText());
  return job;
}

}  // namespace

void ReadScrapeDefaults(Mapping& global, ScrapeDefaults& defaults) {
  ScrapeJobOptions& job = defaults.job;
  defaults.text = global.ToText();
  global.Duration("scrape_interval", job.interval);
  if (job.interval.count() <= 0) global.Fail("scrape_interval", "must be greater than 0");
  defaults.timeout_is_set = global.Duration("scrape_timeout", job.timeout);
  if (!defaults.timeout_is_set) {
    job.timeout = std::min(job.timeout, job.interval);
  } else if (job.timeout > job.interval) {
    global.Fail("scrape_timeout", fmt::format("is {} ms, greater than the scrape interval of {} ms",
                                              job.timeout.count(), job.interval.count()));
  }
  ReadSharedFields(global, job);
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
