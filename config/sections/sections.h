// The parts of the configuration file, one function each. They read from a Mapping and fill an options struct.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "config/config.h"
#include "config/yaml/mapping.h"
#include "model/relabel.h"
#include "net/http_client_options.h"
#include "remote/options.h"
#include "scraper/options.h"
#include "tsdb/storage_rules.h"

namespace baro::config {

/// Where relative paths inside a file lead.
struct FileContext {
  std::string folder;  ///< of the configuration file; "" is the working directory

  /// `path` as it is when absolute or empty, else below `folder`.
  std::string Resolve(const std::string& path) const;
};

/// The fields of an HTTP client that stand directly in `mapping` (basic_auth, authorization, tls_config, …).
void ReadHttpClient(Mapping& mapping, const FileContext& context, net::HttpClientOptions& options);

/// Whether `mapping`, which ReadHttpClient() has read into `options`, says anything about the HTTP client.
bool HasHttpClient(const Mapping& mapping, const net::HttpClientOptions& options);

// The parts of it that stand elsewhere too.
void ReadTls(Mapping& mapping, const FileContext& context, net::TlsClientOptions& tls);
void ReadProxy(Mapping& mapping, net::ProxyOptions& proxy);
void ReadOAuth2(Mapping& mapping, const FileContext& context, std::optional<net::OAuth2Options>& options);

// `sigv4` and `azuread`.
void ReadSigV4(Mapping& mapping, std::optional<remote::SigV4Options>& options);
void ReadAzureAd(Mapping& mapping, std::optional<remote::AzureAdOptions>& options);

/// A list of relabelling rules at `field`.
void ReadRelabeling(Mapping& mapping, std::string_view field, model::NameScheme scheme,
                    std::vector<model::RelabelConfig>& rules);

/// What a section with discoveries says about the targets that it finds.
struct DiscoveryContext {
  model::NameScheme scheme = model::NameScheme::kUtf8;
  bool has_relabeling = false;  ///< targets may be written as anything that rules make addresses of
};

/// All `…_sd_configs` and static_configs that stand in `fields`.
void ReadDiscoveries(Mapping& fields, const FileContext& context, const DiscoveryContext& discovery,
                     scraper::DiscoveryLists& lists);

/// Defaults for scrape jobs that stand in `global`.
struct ScrapeDefaults {
  scraper::ScrapeJobOptions job;
};

/// The scrape-related fields of `global`.
void ReadScrapeDefaults(Mapping& global, const FileContext& context, ScrapeDefaults& defaults);

/// The list at `field` ("scrape_configs"), appended to `jobs`.
void ReadScrapeJobs(Mapping& mapping, std::string_view field, const FileContext& context,
                    const ScrapeDefaults& defaults, std::vector<scraper::ScrapeJobOptions>& jobs);

// The other sections, each from the document's top level.
void ReadStorage(Mapping& top, Config& config);
void ReadAlerting(Mapping& top, const FileContext& context, model::NameScheme scheme, AlertingOptions& alerting);
void ReadRemoteWrite(Mapping& top, const FileContext& context, model::NameScheme scheme,
                     std::vector<remote::RemoteWriteOptions>& writers);
void ReadRemoteRead(Mapping& top, const FileContext& context, std::vector<remote::RemoteReadOptions>& readers);
void ReadOtlp(Mapping& top, model::NameScheme scheme, remote::OtlpOptions& otlp);
void ReadTracing(Mapping& top, const FileContext& context, std::optional<TracingOptions>& options);

/// The list at `rules` of storage.tsdb.retention, appended to `rules`.
void ReadRetentionRules(Mapping& retention, std::vector<tsdb::RetentionRule>& rules);

/// The list at `downsampling` of storage.tsdb, appended to `rules`. Samples as late as `out_of_order_window` must not
/// meet windows.
void ReadDownsampling(Mapping& tsdb, std::chrono::milliseconds out_of_order_window,
                      std::vector<tsdb::DownsamplingRule>& rules);

}  // namespace baro::config
