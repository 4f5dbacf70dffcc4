// remote_write and remote_read.
#include <algorithm>

#include <fmt/format.h>

#include "config/sections/sections.h"
#include "config/sections/values.h"
#include "model/names.h"

namespace baro::config {
namespace {

constexpr std::string_view kSetElsewhere = "use basic_auth, authorization, oauth2, sigv4, azuread or google_iam for it";

void ReadPositive(Mapping& fields, std::string_view field, std::int64_t& count) {
  fields.Integer(field, count, INT64_MIN, INT64_MAX);
  if (count <= 0) fields.Fail(field, fmt::format("expected a number greater than 0, found {}", count));
}

void ReadQueue(Mapping& mapping, remote::QueueOptions& queue) {
  const auto read = [&queue](Mapping& fields) {
    ReadPositive(fields, "capacity", queue.capacity);
    ReadPositive(fields, "max_shards", queue.max_shards);
    ReadPositive(fields, "min_shards", queue.min_shards);
    ReadPositive(fields, "max_samples_per_send", queue.max_samples_per_send);
    fields.Duration("batch_send_deadline", queue.batch_send_deadline);
    fields.Duration("min_backoff", queue.min_backoff);
    fields.Duration("max_backoff", queue.max_backoff);
    fields.Bool("retry_on_http_429", queue.retry_on_http_429);
    fields.Duration("sample_age_limit", queue.sample_age_limit);
    if (queue.max_shards > 0 && queue.min_shards > queue.max_shards) {
      fields.Fail("min_shards", fmt::format("expected at most max_shards, which is {}, found {}", queue.max_shards,
                                            queue.min_shards));
    }
    if (queue.max_backoff < queue.min_backoff) {
      fields.Fail("max_backoff", fmt::format("expected at least min_backoff, which is {} ms, found {} ms",
                                             queue.min_backoff.count(), queue.max_backoff.count()));
    }
  };
  mapping.Child("queue_config", read, WhenAbsent::kReadDefaults);
}

void ReadMetadata(Mapping& mapping, remote::MetadataOptions& metadata) {
  const auto read = [&metadata](Mapping& fields) {
    fields.Bool("send", metadata.send, Show::kAlways);
    fields.Duration("send_interval", metadata.send_interval, Show::kAlways);
    fields.Integer("max_samples_per_send", metadata.max_samples_per_send, INT64_MIN, INT64_MAX);
  };
  mapping.Child("metadata_config", read, WhenAbsent::kReadDefaults);
}

void CheckOneAuthentication(Mapping& fields) {
  std::vector<std::string> given;
  for (const char* const field : {"basic_auth", "authorization", "bearer_token", "bearer_token_file", "oauth2", "sigv4",
                                  "azuread", "google_iam"}) {
    if (fields.HasValue(field)) given.emplace_back(field);
  }
  const bool has_cloud = fields.HasValue("sigv4") || fields.HasValue("azuread") || fields.HasValue("google_iam");
  if (given.size() < 2 || !has_cloud) return;  // pairs of the others are told where they are read
  fields.Fail(given.back(), fmt::format("give one of basic_auth, authorization, oauth2, sigv4, azuread and google_iam; "
                                        "{} is there too",
                                        given.front()));
}

remote::RemoteWriteOptions ReadWriter(Mapping& fields, const FileContext& context, model::NameScheme scheme) {
  remote::RemoteWriteOptions writer;
  ReadUrl(fields, "url", UrlNeed::kNothing, writer.url);
  RequireText(fields, "url", writer.url);
  fields.Duration("remote_timeout", writer.remote_timeout);
  ReadHeaders(fields, kSetElsewhere, writer.headers);
  ReadRelabeling(fields, "write_relabel_configs", scheme, writer.write_relabel);
  fields.Text("name", writer.name);
  fields.Bool("send_exemplars", writer.send_exemplars);
  fields.Bool("send_native_histograms", writer.send_native_histograms);
  fields.Bool("round_robin_dns", writer.round_robin_dns);
  fields.Choice("protobuf_message", writer.protobuf_message,
                {"prometheus.WriteRequest", "io.prometheus.write.v2.Request"});
  fields.Bool("failed_request_logging", writer.failed_request_logging);
  ReadHttpClient(fields, context, writer.http);
  ReadQueue(fields, writer.queue);
  ReadMetadata(fields, writer.metadata);
  ReadSigV4(fields, writer.sigv4);
  ReadAzureAd(fields, writer.azuread);
  fields.Child("google_iam", [&writer](Mapping& google) {
    google.Text("credentials_file", writer.google_iam.emplace().credentials_file);
  });
  CheckOneAuthentication(fields);
  return writer;
}

remote::RemoteReadOptions ReadReader(Mapping& fields, const FileContext& context) {
  remote::RemoteReadOptions reader;
  ReadUrl(fields, "url", UrlNeed::kNothing, reader.url);
  RequireText(fields, "url", reader.url);
  fields.Duration("remote_timeout", reader.remote_timeout);
  fields.Integer("chunked_read_limit", reader.chunked_read_limit_bytes, 0, INT64_MAX);
  ReadHeaders(fields, kSetElsewhere, reader.headers);
  fields.Bool("read_recent", reader.read_recent);
  fields.Text("name", reader.name);
  ReadHttpClient(fields, context, reader.http);
  fields.TextMap("required_matchers", reader.required_matchers);
  for (const auto& [name, value] : reader.required_matchers) {
    if (!model::IsValidLabelName(name)) {
      fields.Fail("required_matchers", fmt::format("\"{}\" is not a valid label name", name));
    }
  }
  fields.Bool("filter_external_labels", reader.filter_external_labels);
  return reader;
}

/// Names tell queues apart; without one they are told apart by what they are configured to do.
template <typename Options>
void AddNamed(Mapping& fields, Options options, std::vector<Options>& list) {
  const bool is_known = std::ranges::any_of(list, [&](const Options& other) { return other.name == options.name; });
  if (!options.name.empty() && is_known) {
    fields.Fail("name", fmt::format("there is another item with the name \"{}\"", options.name));
  }
  list.push_back(std::move(options));
}

}  // namespace

void ReadRemoteWrite(Mapping& top, const FileContext& context, model::NameScheme scheme,
                     std::vector<remote::RemoteWriteOptions>& writers) {
  top.NotServed("remote_write");
  top.Children("remote_write",
               [&](Mapping& fields) { AddNamed(fields, ReadWriter(fields, context, scheme), writers); });
}

void ReadRemoteRead(Mapping& top, const FileContext& context, std::vector<remote::RemoteReadOptions>& readers) {
  top.NotServed("remote_read");
  top.Children("remote_read", [&](Mapping& fields) { AddNamed(fields, ReadReader(fields, context), readers); });
}

}  // namespace baro::config
