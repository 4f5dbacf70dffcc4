// Nodes of the cache clusters, and serverless caches, of Amazon ElastiCache.
//
// Source   Amazon ElastiCache API 2015-02-02 (Query, XML): DescribeServerlessCaches, DescribeCacheClusters,
//          ListTagsForResource.
#include <map>
#include <set>

#include <fmt/format.h>

#include "scraper/providers/aws_api.h"
#include "scraper/providers/providers.h"

namespace baro::scraper {
namespace {

base::Result<> Sign(const ApiScope& scope, net::FetchRequest& request) {
  return SignForAws(scope, "elasticache", request);
}

/// Which caches the field `clusters` wants: their ARNs, or those of their replication groups. All if it is empty.
class Choice {
 public:
  explicit Choice(const ApiScope& scope) {
    for (const std::string& arn : scope.record.Get<std::vector<std::string>>("clusters")) {
      arns_.insert(arn);
      constexpr std::string_view kGroup = ":replicationgroup:";
      if (const std::size_t at = arn.find(kGroup); at != std::string::npos)
        groups_.insert(arn.substr(at + kGroup.size()));
    }
  }

  bool HasServerless(const Json& cache, TargetList& reader) const {
    return arns_.empty() || arns_.contains(reader.Text(cache, "ARN"));
  }

  bool HasCluster(const Json& cluster, TargetList& reader) const {
    if (HasServerless(cluster, reader)) return true;
    return groups_.contains(reader.Text(cluster, "ReplicationGroupId")) ||
           groups_.contains(reader.Text(cluster, "CacheClusterId"));
  }

 private:
  std::set<std::string> arns_;
  std::set<std::string> groups_;  // ids
};

std::vector<Json> ChosenServerless(const ApiScope& scope, TargetList& reader) {
  const Choice choice(scope);
  std::vector<Json> caches;
  for (const Json& page : scope.answers.Of("serverless_pages")) {
    for (const Json& cache : AwsElements(page, "")) {
      if (choice.HasServerless(cache, reader)) caches.push_back(cache);
    }
  }
  return caches;
}

std::vector<Json> ChosenClusters(const ApiScope& scope, TargetList& reader) {
  const Choice choice(scope);
  std::vector<Json> clusters;
  for (const Json& cluster : scope.answers.Of("all_clusters")) {
    if (choice.HasCluster(cluster, reader)) clusters.push_back(cluster);
  }
  return clusters;
}

std::vector<Json> Arns(const ApiScope& scope, TargetList& reader) {
  std::vector<Json> arns;
  for (const char* const call : {"serverless", "clusters"}) {
    for (const Json& cache : scope.answers.Of(call)) {
      if (std::string arn = reader.Text(cache, "ARN"); !arn.empty()) arns.push_back({{"arn", std::move(arn)}});
    }
  }
  return arns;
}

// Caches that belong to no replication group are among all others here.
constexpr ApiCall kCalls[] = {{.name = "serverless_pages",
                               .path = "/?Action=DescribeServerlessCaches&Version=2015-02-02&MaxResults=50",
                               .items = "DescribeServerlessCachesResult.ServerlessCaches",
                               .paging = Paging::kCursor,
                               .next = "DescribeServerlessCachesResult.NextToken",
                               .parameter = "NextToken",
                               .form = AnswerForm::kXml,
                               .prepare = Sign},
                              {.name = "serverless", .derive = ChosenServerless},
                              {.name = "all_clusters",
                               .path = "/?Action=DescribeCacheClusters&Version=2015-02-02&MaxRecords=100&"
                                       "ShowCacheNodeInfo=true",
                               .items = "DescribeCacheClustersResult.CacheClusters.CacheCluster",
                               .paging = Paging::kCursor,
                               .next = "DescribeCacheClustersResult.Marker",
                               .parameter = "Marker",
                               .form = AnswerForm::kXml,
                               .prepare = Sign},
                              {.name = "clusters", .derive = ChosenClusters},
                              {.name = "arns", .derive = Arns},
                              {.name = "tags",
                               .path = "/?Action=ListTagsForResource&Version=2015-02-02&ResourceName={item.arn}",
                               .items = "ListTagsForResourceResult.TagList.Tag",
                               .for_each = "arns",
                               .form = AnswerForm::kXml,
                               .tells_round = true,
                               .prepare = Sign}};

// Seven of these stand here twice: as Prometheus 3.14 calls them ("..._data_storagemaximum",
// "endpoint_reader_address"), and as its documentation does.
constexpr LabelRow kServerlessLabels[] = {
    {"__meta_elasticache_serverless_cache_arn", "ARN"},
    {"__meta_elasticache_serverless_cache_cache_usage_limit_data_storage_maximum",
     "CacheUsageLimits.DataStorage.Maximum"},
    {"__meta_elasticache_serverless_cache_cache_usage_limit_data_storage_minimum",
     "CacheUsageLimits.DataStorage.Minimum"},
    {"__meta_elasticache_serverless_cache_cache_usage_limit_data_storage_unit", "CacheUsageLimits.DataStorage.Unit"},
    {"__meta_elasticache_serverless_cache_cache_usage_limit_data_storagemaximum",
     "CacheUsageLimits.DataStorage.Maximum"},
    {"__meta_elasticache_serverless_cache_cache_usage_limit_data_storageminimum",
     "CacheUsageLimits.DataStorage.Minimum"},
    {"__meta_elasticache_serverless_cache_cache_usage_limit_data_storageunit", "CacheUsageLimits.DataStorage.Unit"},
    {"__meta_elasticache_serverless_cache_cache_usage_limit_ecpu_per_second_maximum",
     "CacheUsageLimits.ECPUPerSecond.Maximum"},
    {"__meta_elasticache_serverless_cache_cache_usage_limit_ecpu_per_second_minimum",
     "CacheUsageLimits.ECPUPerSecond.Minimum"},
    {"__meta_elasticache_serverless_cache_cache_usage_limit_ecpu_per_secondmaximum",
     "CacheUsageLimits.ECPUPerSecond.Maximum"},
    {"__meta_elasticache_serverless_cache_cache_usage_limit_ecpu_per_secondminimum",
     "CacheUsageLimits.ECPUPerSecond.Minimum"},
    {"__meta_elasticache_serverless_cache_daily_snapshot_time", "DailySnapshotTime"},
    {"__meta_elasticache_serverless_cache_description", "Description"},
    {"__meta_elasticache_serverless_cache_endpoint_address", "Endpoint.Address"},
    {"__meta_elasticache_serverless_cache_endpoint_port", "Endpoint.Port"},
    {"__meta_elasticache_serverless_cache_endpoint_reader_address", "ReaderEndpoint.Address"},
    {"__meta_elasticache_serverless_cache_endpoint_reader_port", "ReaderEndpoint.Port"},
    {"__meta_elasticache_serverless_cache_engine", "Engine"},
    {"__meta_elasticache_serverless_cache_full_engine_version", "FullEngineVersion"},
    {"__meta_elasticache_serverless_cache_kms_key_id", "KmsKeyId"},
    {"__meta_elasticache_serverless_cache_major_engine_version", "MajorEngineVersion"},
    {"__meta_elasticache_serverless_cache_name", "ServerlessCacheName"},
    {"__meta_elasticache_serverless_cache_reader_endpoint_address", "ReaderEndpoint.Address"},
    {"__meta_elasticache_serverless_cache_reader_endpoint_port", "ReaderEndpoint.Port"},
    {"__meta_elasticache_serverless_cache_snapshot_retention_limit", "SnapshotRetentionLimit"},
    {"__meta_elasticache_serverless_cache_status", "Status"},
    {"__meta_elasticache_serverless_cache_user_group_id", "UserGroupId"}};

constexpr LabelRow kServerlessTimes[] = {{"__meta_elasticache_serverless_cache_create_time", "CreateTime"}};

constexpr LabelRow kClusterLabels[] = {
    {"__meta_elasticache_cache_cluster_arn", "ARN"},
    {"__meta_elasticache_cache_cluster_at_rest_encryption_enabled", "AtRestEncryptionEnabled"},
    {"__meta_elasticache_cache_cluster_auth_token_enabled", "AuthTokenEnabled"},
    {"__meta_elasticache_cache_cluster_auto_minor_version_upgrade", "AutoMinorVersionUpgrade"},
    {"__meta_elasticache_cache_cluster_cache_cluster_id", "CacheClusterId"},
    {"__meta_elasticache_cache_cluster_cache_cluster_status", "CacheClusterStatus"},
    {"__meta_elasticache_cache_cluster_cache_node_type", "CacheNodeType"},
    {"__meta_elasticache_cache_cluster_cache_parameter_group", "CacheParameterGroup.CacheParameterGroupName"},
    {"__meta_elasticache_cache_cluster_cache_subnet_group_name", "CacheSubnetGroupName"},
    {"__meta_elasticache_cache_cluster_client_download_landing_page", "ClientDownloadLandingPage"},
    {"__meta_elasticache_cache_cluster_configuration_endpoint_address", "ConfigurationEndpoint.Address"},
    {"__meta_elasticache_cache_cluster_configuration_endpoint_port", "ConfigurationEndpoint.Port"},
    {"__meta_elasticache_cache_cluster_engine", "Engine"},
    {"__meta_elasticache_cache_cluster_engine_version", "EngineVersion"},
    {"__meta_elasticache_cache_cluster_ip_discovery", "IpDiscovery"},
    {"__meta_elasticache_cache_cluster_network_type", "NetworkType"},
    {"__meta_elasticache_cache_cluster_notification_topic_arn", "NotificationConfiguration.TopicArn"},
    {"__meta_elasticache_cache_cluster_notification_topic_status", "NotificationConfiguration.TopicStatus"},
    {"__meta_elasticache_cache_cluster_num_cache_nodes", "NumCacheNodes"},
    {"__meta_elasticache_cache_cluster_pending_modified_values_auth_token_status",
     "PendingModifiedValues.AuthTokenStatus"},
    {"__meta_elasticache_cache_cluster_pending_modified_values_cache_node_type", "PendingModifiedValues.CacheNodeType"},
    {"__meta_elasticache_cache_cluster_pending_modified_values_engine_version", "PendingModifiedValues.EngineVersion"},
    {"__meta_elasticache_cache_cluster_pending_modified_values_num_cache_nodes", "PendingModifiedValues.NumCacheNodes"},
    {"__meta_elasticache_cache_cluster_pending_modified_values_transit_encryption_enabled",
     "PendingModifiedValues.TransitEncryptionEnabled"},
    {"__meta_elasticache_cache_cluster_pending_modified_values_transit_encryption_mode",
     "PendingModifiedValues.TransitEncryptionMode"},
    {"__meta_elasticache_cache_cluster_preferred_availability_zone", "PreferredAvailabilityZone"},
    {"__meta_elasticache_cache_cluster_preferred_maintenance_window", "PreferredMaintenanceWindow"},
    {"__meta_elasticache_cache_cluster_preferred_outpost_arn", "PreferredOutpostArn"},
    {"__meta_elasticache_cache_cluster_replication_group_id", "ReplicationGroupId"},
    {"__meta_elasticache_cache_cluster_replication_group_log_delivery_enabled", "ReplicationGroupLogDeliveryEnabled"},
    {"__meta_elasticache_cache_cluster_snapshot_retention_limit", "SnapshotRetentionLimit"},
    {"__meta_elasticache_cache_cluster_snapshot_window", "SnapshotWindow"},
    {"__meta_elasticache_cache_cluster_transit_encryption_enabled", "TransitEncryptionEnabled"},
    {"__meta_elasticache_cache_cluster_transit_encryption_mode", "TransitEncryptionMode"}};

constexpr LabelRow kClusterTimes[] = {
    {"__meta_elasticache_cache_cluster_auth_token_last_modified", "AuthTokenLastModifiedDate"},
    {"__meta_elasticache_cache_cluster_cache_cluster_create_time", "CacheClusterCreateTime"}};

constexpr LabelRow kNodeLabels[] = {
    {"__meta_elasticache_cache_cluster_node_availability_zone", "CustomerAvailabilityZone"},
    {"__meta_elasticache_cache_cluster_node_customer_outpost_arn", "CustomerOutpostArn"},
    {"__meta_elasticache_cache_cluster_node_endpoint_address", "Endpoint.Address"},
    {"__meta_elasticache_cache_cluster_node_endpoint_port", "Endpoint.Port"},
    {"__meta_elasticache_cache_cluster_node_id", "CacheNodeId"},
    {"__meta_elasticache_cache_cluster_node_parameter_group_status", "ParameterGroupStatus"},
    {"__meta_elasticache_cache_cluster_node_source_cache_node_id", "SourceCacheNodeId"},
    {"__meta_elasticache_cache_cluster_node_status", "CacheNodeStatus"}};

constexpr LabelRow kNodeTimes[] = {{"__meta_elasticache_cache_cluster_node_create_time", "CacheNodeCreateTime"}};

constexpr LabelRow kLogLabels[] = {
    {"__meta_elasticache_cache_cluster_log_delivery_configuration_delivery_stream_",
     "DestinationDetails.KinesisFirehoseDetails.DeliveryStream"},
    {"__meta_elasticache_cache_cluster_log_delivery_configuration_destination_type_", "DestinationType"},
    {"__meta_elasticache_cache_cluster_log_delivery_configuration_log_format_", "LogFormat"},
    {"__meta_elasticache_cache_cluster_log_delivery_configuration_log_group_",
     "DestinationDetails.CloudWatchLogsDetails.LogGroup"},
    {"__meta_elasticache_cache_cluster_log_delivery_configuration_log_type_", "LogType"},
    {"__meta_elasticache_cache_cluster_log_delivery_configuration_message_", "Message"},
    {"__meta_elasticache_cache_cluster_log_delivery_configuration_status_", "Status"}};

constexpr LabelRow kSecurityGroupLabels[] = {
    {"__meta_elasticache_cache_cluster_security_group_membership_id_", "SecurityGroupId"},
    {"__meta_elasticache_cache_cluster_security_group_membership_status_", "Status"}};

constexpr LabelRow kServerlessGroupLabels[] = {{"__meta_elasticache_serverless_cache_security_group_id_", ""}};
constexpr LabelRow kServerlessSubnetLabels[] = {{"__meta_elasticache_serverless_cache_subnet_id_", ""}};

/// The rows for each element of a list, its index behind their names.
void AddNumbered(std::span<const LabelRow> rows, std::span<const Json> items, TargetList& list, LabelMap& labels) {
  std::size_t index = 0;
  for (const Json& item : items) {
    for (const LabelRow& row : rows) labels[fmt::format("{}{}", row.label, index)] = list.Text(item, row.path);
    ++index;
  }
}

class CacheMaker {
 public:
  CacheMaker(const ApiScope& scope, TargetList& list) : scope_(scope), list_(list) {
    const auto arns = scope.answers.Of("arns");
    for (const Json& tag : scope.answers.Of("tags")) {
      tags_[list.Text(arns[tag["round"].get<std::size_t>()], "arn")].push_back(&tag["value"]);
    }
  }

  void Run() {
    for (const Json& cache : scope_.answers.Of("serverless")) AddServerless(cache);
    for (const Json& cluster : scope_.answers.Of("clusters")) AddCluster(cluster);
  }

 private:
  void AddTags(const Json& cache, const std::string& label, LabelMap& labels) {
    const auto found = tags_.find(list_.Text(cache, "ARN"));
    if (found == tags_.end()) return;
    for (const Json* const tag : found->second) AddAwsTags({tag, 1}, AwsTagNames::kUpper, label, list_, labels);
  }

  /// What is being made has no endpoint.
  void SetAddress(const Json& from, LabelMap& labels) {
    const std::string host = list_.Text(from, "Endpoint.Address");
    const std::string port = list_.Text(from, "Endpoint.Port");
    if (!host.empty() && !port.empty()) labels["__address__"] = JoinHostPort(host, port);
  }

  void AddServerless(const Json& cache) {
    LabelMap labels{{"__meta_elasticache_deployment_option", "serverless"}};
    list_.Apply(kServerlessLabels, cache, labels);
    AddAwsTimes(kServerlessTimes, cache, list_, labels);
    AddNumbered(kServerlessGroupLabels, AwsElements(cache, "SecurityGroupIds"), list_, labels);
    AddNumbered(kServerlessSubnetLabels, AwsElements(cache, "SubnetIds"), list_, labels);
    AddTags(cache, "__meta_elasticache_serverless_cache_tag_", labels);
    SetAddress(cache, labels);
    list_.Add(std::move(labels));
  }

  LabelMap ClusterLabels(const Json& cluster) {
    LabelMap labels{{"__meta_elasticache_deployment_option", "node"}};
    list_.Apply(kClusterLabels, cluster, labels);
    AddAwsTimes(kClusterTimes, cluster, list_, labels);
    std::string removed;
    for (const Json& id : AwsElements(cluster, "PendingModifiedValues.CacheNodeIdsToRemove")) {
      removed += (removed.empty() ? "" : ",") + list_.Text(id, "");
    }
    labels["__meta_elasticache_cache_cluster_pending_modified_values_cache_node_ids_to_remove"] = removed;
    AddNumbered(kLogLabels, AwsElements(cluster, "LogDeliveryConfigurations"), list_, labels);
    AddNumbered(kSecurityGroupLabels, AwsElements(cluster, "SecurityGroups"), list_, labels);
    AddTags(cluster, "__meta_elasticache_cache_cluster_tag_", labels);
    return labels;
  }

  void AddCluster(const Json& cluster) {
    const LabelMap shared = ClusterLabels(cluster);
    for (const Json& node : AwsElements(cluster, "CacheNodes")) {
      if (list_.failed()) return;
      LabelMap labels = shared;
      list_.Apply(kNodeLabels, node, labels);
      AddAwsTimes(kNodeTimes, node, list_, labels);
      SetAddress(node, labels);
      list_.Add(std::move(labels));
    }
  }

  const ApiScope& scope_;
  TargetList& list_;
  std::map<std::string, std::vector<const Json*>> tags_;  // by ARN
};

void MakeElasticache(const ApiScope& scope, TargetList& list) { CacheMaker(scope, list).Run(); }

constexpr ApiProvider kElasticache = {.kind = "elasticache",
                                      .group = "elasticache",
                                      .base = "https://elasticache.amazonaws.com",
                                      .login = AwsLogin,
                                      .calls = kCalls,
                                      .targets = MakeElasticache};
constexpr ApiProvider kTable[] = {kElasticache, AwsRole(kElasticache)};

}  // namespace

const std::span<const ApiProvider> kElasticacheProviders = kTable;

}  // namespace baro::scraper
