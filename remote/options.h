// What `remote_write`, `remote_read` and `otlp` of the configuration file say, with defaults filled in.
//
// Source   Prometheus 3.14, docs/configuration/configuration.md.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/secret.h"
#include "model/relabel.h"
#include "net/http_client_options.h"

namespace baro::remote {

/// Requests signed as AWS asks for it (Signature Version 4).
struct SigV4Options {
  std::string region;
  std::string access_key;
  base::Secret secret_key;
  std::string profile;
  std::string role_arn;
  std::string external_id;
  bool use_fips_sts_endpoint = false;
};

/// A certificate that stands for an application of Azure AD. Not inside AzureAdOptions: clang does not let an optional
/// of a class with default values be made before the class around it ends.
struct AzureAdCertificate {
  std::string client_id;
  std::string tenant_id;
  std::string certificate_path;
  std::string certificate_key_path;
  base::Secret certificate_password;
  bool send_certificate_chain = false;
};

/// Tokens of Microsoft Entra. Exactly one way of getting them is set.
struct AzureAdOptions {
  struct ManagedIdentity {
    std::string client_id;  ///< empty: the system's
  };
  struct WorkloadIdentity {
    std::string client_id;
    std::string tenant_id;
    std::string token_file_path;
  };
  struct OAuth {
    std::string client_id;
    base::Secret client_secret;
    std::string tenant_id;
  };
  struct Sdk {
    std::string tenant_id;
  };

  std::string cloud = "AzurePublic";
  std::string scope;
  std::optional<ManagedIdentity> managed_identity;
  std::optional<WorkloadIdentity> workload_identity;
  std::optional<OAuth> oauth;
  std::optional<Sdk> sdk;
  std::optional<AzureAdCertificate> certificate;
};

struct GoogleIamOptions {
  std::string credentials_file;
};

/// Limits of the queue between the log and a receiver. Counts are positive, minima at most their maxima.
struct QueueOptions {
  std::int64_t capacity = 10'000;
  std::int64_t max_shards = 50;
  std::int64_t min_shards = 1;
  std::int64_t max_samples_per_send = 2'000;
  std::chrono::milliseconds batch_send_deadline = std::chrono::seconds(5);
  std::chrono::milliseconds min_backoff{30};
  std::chrono::milliseconds max_backoff = std::chrono::seconds(5);
  bool retry_on_http_429 = false;
  std::chrono::milliseconds sample_age_limit{0};  ///< 0: none
};

struct MetadataOptions {
  bool send = true;
  std::chrono::milliseconds send_interval = std::chrono::minutes(1);
  std::int64_t max_samples_per_send = 2'000;
};

/// One item of remote_write.
struct RemoteWriteOptions {
  std::string url;
  std::string name;
  std::string protobuf_message = "prometheus.WriteRequest";
  std::chrono::milliseconds remote_timeout = std::chrono::seconds(30);
  std::map<std::string, std::string> headers;
  std::vector<model::RelabelConfig> write_relabel;
  bool send_exemplars = false;
  bool send_native_histograms = false;
  bool round_robin_dns = false;
  bool failed_request_logging = false;
  QueueOptions queue;
  MetadataOptions metadata;
  net::HttpClientOptions http{.enable_http2 = false};
  std::optional<SigV4Options> sigv4;
  std::optional<AzureAdOptions> azuread;
  std::optional<GoogleIamOptions> google_iam;
};

/// One item of remote_read.
struct RemoteReadOptions {
  std::string url;
  std::string name;
  std::chrono::milliseconds remote_timeout = std::chrono::minutes(1);
  std::int64_t chunked_read_limit_bytes = 50'000'000;  ///< of one frame
  std::map<std::string, std::string> headers;
  std::map<std::string, std::string> required_matchers;
  bool read_recent = false;
  bool filter_external_labels = true;
  net::HttpClientOptions http;
};

/// How metrics of OpenTelemetry become series.
struct OtlpOptions {
  bool promote_all_resource_attributes = false;
  std::vector<std::string> promote_resource_attributes;
  std::vector<std::string> ignore_resource_attributes;
  std::string translation_strategy = "UnderscoreEscapingWithSuffixes";
  bool keep_identifying_resource_attributes = false;
  bool convert_histograms_to_nhcb = false;
  bool promote_scope_metadata = false;
  bool label_name_underscore_sanitization = true;
  bool label_name_preserve_multiple_underscores = true;

  friend bool operator==(const OtlpOptions&, const OtlpOptions&) = default;
};

}  // namespace baro::remote
