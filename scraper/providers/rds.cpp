// Instances of the database clusters of Amazon RDS and Aurora.
//
// Source   Amazon RDS API 2014-10-31 (Query, XML): DescribeDBClusters, DescribeDBInstances.
#include <map>
#include <set>

#include <fmt/format.h>

#include "scraper/providers/aws_api.h"
#include "scraper/providers/providers.h"

namespace baro::scraper {
namespace {

const std::vector<std::string>& GivenClusters(const ApiScope& scope) {
  return scope.record.Get<std::vector<std::string>>("clusters");
}
bool ListsClusters(const ApiScope& scope) { return GivenClusters(scope).empty(); }

base::Result<> Sign(const ApiScope& scope, net::FetchRequest& request) { return SignForAws(scope, "rds", request); }

void AddFilter(std::size_t number, const std::string& name, std::span<const std::string> values, std::string& url) {
  url += fmt::format("&Filters.Filter.{}.Name={}", number, net::UrlEncode(name));
  std::size_t value_number = 0;
  for (const std::string& value : values) {
    url += fmt::format("&Filters.Filter.{}.Values.Value.{}={}", number, ++value_number, net::UrlEncode(value));
  }
}

base::Result<> PrepareInstances(const ApiScope& scope, net::FetchRequest& request) {
  TargetList reader;
  const std::string arn = reader.Text(*scope.item, "DBClusterArn");
  std::size_t number = 1;
  AddFilter(number, "db-cluster-id", {&arn, 1}, request.url);
  for (const DiscoveryRecord& filter : scope.record.Get<std::vector<DiscoveryRecord>>("filters")) {
    AddFilter(++number, filter.Text("name"), filter.Get<std::vector<std::string>>("values"), request.url);
  }
  return Sign(scope, request);
}

std::vector<Json> GivenArns(const ApiScope& scope, TargetList& /*reader*/) {
  std::vector<Json> arns;
  for (const std::string& arn : GivenClusters(scope)) arns.push_back({{"arn", arn}});
  return arns;
}

/// Each once. One that the options name has to be among them.
std::vector<Json> FoundClusters(const ApiScope& scope, TargetList& reader) {
  std::vector<Json> clusters;
  std::set<std::string> arns;
  const auto add = [&](const Json& cluster) {
    const std::string arn = reader.Text(cluster, "DBClusterArn");
    if (!arn.empty() && arns.insert(arn).second) clusters.push_back(cluster);
  };
  for (const Json& cluster : scope.answers.Of("listed")) add(cluster);
  std::vector<bool> is_found(GivenClusters(scope).size());
  for (const Json& item : scope.answers.Of("described")) {
    is_found[item["round"].get<std::size_t>()] = true;
    add(item["value"]);
  }
  for (std::size_t i = 0; i < is_found.size(); ++i) {
    if (!is_found[i]) reader.Fail(fmt::format("clusters: RDS does not know \"{}\"", GivenClusters(scope)[i]));
  }
  return clusters;
}

constexpr ApiCall kCalls[] = {{.name = "listed",
                               .path = "/?Action=DescribeDBClusters&Version=2014-10-31&MaxRecords=100",
                               .items = "DescribeDBClustersResult.DBClusters.DBCluster",
                               .paging = Paging::kCursor,
                               .next = "DescribeDBClustersResult.Marker",
                               .parameter = "Marker",
                               .form = AnswerForm::kXml,
                               .is_wanted = ListsClusters,
                               .prepare = Sign},
                              {.name = "arns", .derive = GivenArns},
                              {.name = "described",
                               .path = "/?Action=DescribeDBClusters&Version=2014-10-31&DBClusterIdentifier={item.arn}",
                               .items = "DescribeDBClustersResult.DBClusters.DBCluster",
                               .for_each = "arns",
                               .form = AnswerForm::kXml,
                               .tells_round = true,
                               .prepare = Sign},
                              {.name = "clusters", .derive = FoundClusters},
                              {.name = "instances",
                               .path = "/?Action=DescribeDBInstances&Version=2014-10-31&MaxRecords=100",
                               .items = "DescribeDBInstancesResult.DBInstances.DBInstance",
                               .for_each = "clusters",
                               .paging = Paging::kCursor,
                               .next = "DescribeDBInstancesResult.Marker",
                               .parameter = "Marker",
                               .form = AnswerForm::kXml,
                               .tells_round = true,
                               .prepare = PrepareInstances}};

constexpr LabelRow kClusterLabels[] = {
    {"__meta_rds_cluster_activity_stream_kinesis_stream_name", "ActivityStreamKinesisStreamName"},
    {"__meta_rds_cluster_activity_stream_kms_key_id", "ActivityStreamKmsKeyId"},
    {"__meta_rds_cluster_activity_stream_mode", "ActivityStreamMode"},
    {"__meta_rds_cluster_activity_stream_status", "ActivityStreamStatus"},
    {"__meta_rds_cluster_allocated_storage", "AllocatedStorage"},
    {"__meta_rds_cluster_arn", "DBClusterArn"},
    {"__meta_rds_cluster_auto_minor_version_upgrade", "AutoMinorVersionUpgrade"},
    {"__meta_rds_cluster_aws_backup_recovery_point_arn", "AwsBackupRecoveryPointArn"},
    {"__meta_rds_cluster_backtrack_consumed_change_records", "BacktrackConsumedChangeRecords"},
    {"__meta_rds_cluster_backtrack_window", "BacktrackWindow"},
    {"__meta_rds_cluster_backup_retention_period", "BackupRetentionPeriod"},
    {"__meta_rds_cluster_capacity", "Capacity"},
    {"__meta_rds_cluster_character_set_name", "CharacterSetName"},
    {"__meta_rds_cluster_clone_group_id", "CloneGroupId"},
    {"__meta_rds_cluster_cluster_scalability_type", "ClusterScalabilityType"},
    {"__meta_rds_cluster_copy_tags_to_snapshot", "CopyTagsToSnapshot"},
    {"__meta_rds_cluster_cross_account_clone", "CrossAccountClone"},
    {"__meta_rds_cluster_database_insights_mode", "DatabaseInsightsMode"},
    {"__meta_rds_cluster_database_name", "DatabaseName"},
    {"__meta_rds_cluster_db_system_id", "DBSystemId"},
    {"__meta_rds_cluster_deletion_protection", "DeletionProtection"},
    {"__meta_rds_cluster_endpoint", "Endpoint"},
    {"__meta_rds_cluster_engine", "Engine"},
    {"__meta_rds_cluster_engine_lifecycle_support", "EngineLifecycleSupport"},
    {"__meta_rds_cluster_engine_mode", "EngineMode"},
    {"__meta_rds_cluster_engine_version", "EngineVersion"},
    {"__meta_rds_cluster_global_cluster_identifier", "GlobalClusterIdentifier"},
    {"__meta_rds_cluster_global_write_forwarding_requested", "GlobalWriteForwardingRequested"},
    {"__meta_rds_cluster_global_write_forwarding_status", "GlobalWriteForwardingStatus"},
    {"__meta_rds_cluster_hosted_zone_id", "HostedZoneId"},
    {"__meta_rds_cluster_http_endpoint_enabled", "HttpEndpointEnabled"},
    {"__meta_rds_cluster_iam_database_authentication_enabled", "IAMDatabaseAuthenticationEnabled"},
    {"__meta_rds_cluster_identifier", "DBClusterIdentifier"},
    {"__meta_rds_cluster_instance_class", "DBClusterInstanceClass"},
    {"__meta_rds_cluster_iops", "Iops"},
    {"__meta_rds_cluster_kms_key_id", "KmsKeyId"},
    {"__meta_rds_cluster_local_write_forwarding_status", "LocalWriteForwardingStatus"},
    {"__meta_rds_cluster_master_username", "MasterUsername"},
    {"__meta_rds_cluster_monitoring_interval", "MonitoringInterval"},
    {"__meta_rds_cluster_monitoring_role_arn", "MonitoringRoleArn"},
    {"__meta_rds_cluster_multi_az", "MultiAZ"},
    {"__meta_rds_cluster_network_type", "NetworkType"},
    {"__meta_rds_cluster_parameter_group", "DBClusterParameterGroup"},
    {"__meta_rds_cluster_percent_progress", "PercentProgress"},
    {"__meta_rds_cluster_performance_insights_enabled", "PerformanceInsightsEnabled"},
    {"__meta_rds_cluster_performance_insights_kms_key_id", "PerformanceInsightsKMSKeyId"},
    {"__meta_rds_cluster_performance_insights_retention_period", "PerformanceInsightsRetentionPeriod"},
    {"__meta_rds_cluster_port", "Port"},
    {"__meta_rds_cluster_preferred_backup_window", "PreferredBackupWindow"},
    {"__meta_rds_cluster_preferred_maintenance_window", "PreferredMaintenanceWindow"},
    {"__meta_rds_cluster_publicly_accessible", "PubliclyAccessible"},
    {"__meta_rds_cluster_reader_endpoint", "ReaderEndpoint"},
    {"__meta_rds_cluster_replication_source_identifier", "ReplicationSourceIdentifier"},
    {"__meta_rds_cluster_resource_id", "DbClusterResourceId"},
    {"__meta_rds_cluster_serverless_v2_platform_version", "ServerlessV2PlatformVersion"},
    {"__meta_rds_cluster_status", "Status"},
    {"__meta_rds_cluster_storage_encrypted", "StorageEncrypted"},
    {"__meta_rds_cluster_storage_encryption_type", "StorageEncryptionType"},
    {"__meta_rds_cluster_storage_throughput", "StorageThroughput"},
    {"__meta_rds_cluster_storage_type", "StorageType"},
    {"__meta_rds_cluster_subnet_group", "DBSubnetGroup"},
    {"__meta_rds_cluster_upgrade_rollout_order", "UpgradeRolloutOrder"}};

constexpr LabelRow kClusterTimes[] = {
    {"__meta_rds_cluster_automatic_restart_time", "AutomaticRestartTime"},
    {"__meta_rds_cluster_cluster_create_time", "ClusterCreateTime"},
    {"__meta_rds_cluster_earliest_backtrack_time", "EarliestBacktrackTime"},
    {"__meta_rds_cluster_earliest_restorable_time", "EarliestRestorableTime"},
    {"__meta_rds_cluster_io_optimized_next_allowed_modification_time", "IOOptimizedNextAllowedModificationTime"},
    {"__meta_rds_cluster_latest_restorable_time", "LatestRestorableTime"}};

constexpr LabelRow kInstanceLabels[] = {
    {"__meta_rds_instance_activity_stream_engine_native_audit_fields_included",
     "ActivityStreamEngineNativeAuditFieldsIncluded"},
    {"__meta_rds_instance_activity_stream_kinesis_stream_name", "ActivityStreamKinesisStreamName"},
    {"__meta_rds_instance_activity_stream_kms_key_id", "ActivityStreamKmsKeyId"},
    {"__meta_rds_instance_activity_stream_mode", "ActivityStreamMode"},
    {"__meta_rds_instance_activity_stream_policy_status", "ActivityStreamPolicyStatus"},
    {"__meta_rds_instance_activity_stream_status", "ActivityStreamStatus"},
    {"__meta_rds_instance_allocated_storage", "AllocatedStorage"},
    {"__meta_rds_instance_arn", "DBInstanceArn"},
    {"__meta_rds_instance_auto_minor_version_upgrade", "AutoMinorVersionUpgrade"},
    {"__meta_rds_instance_automation_mode", "AutomationMode"},
    {"__meta_rds_instance_availability_zone", "AvailabilityZone"},
    {"__meta_rds_instance_aws_backup_recovery_point_arn", "AwsBackupRecoveryPointArn"},
    {"__meta_rds_instance_backup_retention_period", "BackupRetentionPeriod"},
    {"__meta_rds_instance_backup_target", "BackupTarget"},
    {"__meta_rds_instance_ca_certificate_identifier", "CACertificateIdentifier"},
    {"__meta_rds_instance_character_set_name", "CharacterSetName"},
    {"__meta_rds_instance_class", "DBInstanceClass"},
    {"__meta_rds_instance_copy_tags_to_snapshot", "CopyTagsToSnapshot"},
    {"__meta_rds_instance_custom_iam_instance_profile", "CustomIamInstanceProfile"},
    {"__meta_rds_instance_customer_owned_ip_enabled", "CustomerOwnedIpEnabled"},
    {"__meta_rds_instance_database_insights_mode", "DatabaseInsightsMode"},
    {"__meta_rds_instance_db_cluster_identifier", "DBClusterIdentifier"},
    {"__meta_rds_instance_db_name", "DBName"},
    {"__meta_rds_instance_db_system_id", "DBSystemId"},
    {"__meta_rds_instance_dedicated_log_volume", "DedicatedLogVolume"},
    {"__meta_rds_instance_deletion_protection", "DeletionProtection"},
    {"__meta_rds_instance_endpoint_address", "Endpoint.Address"},
    {"__meta_rds_instance_endpoint_hosted_zone_id", "Endpoint.HostedZoneId"},
    {"__meta_rds_instance_endpoint_port", "Endpoint.Port"},
    {"__meta_rds_instance_engine", "Engine"},
    {"__meta_rds_instance_engine_lifecycle_support", "EngineLifecycleSupport"},
    {"__meta_rds_instance_engine_version", "EngineVersion"},
    {"__meta_rds_instance_enhanced_monitoring_resource_arn", "EnhancedMonitoringResourceArn"},
    {"__meta_rds_instance_iam_database_authentication_enabled", "IAMDatabaseAuthenticationEnabled"},
    {"__meta_rds_instance_identifier", "DBInstanceIdentifier"},
    {"__meta_rds_instance_iops", "Iops"},
    {"__meta_rds_instance_is_storage_config_upgrade_available", "IsStorageConfigUpgradeAvailable"},
    {"__meta_rds_instance_kms_key_id", "KmsKeyId"},
    {"__meta_rds_instance_license_model", "LicenseModel"},
    {"__meta_rds_instance_listener_endpoint_address", "ListenerEndpoint.Address"},
    {"__meta_rds_instance_listener_endpoint_hosted_zone_id", "ListenerEndpoint.HostedZoneId"},
    {"__meta_rds_instance_listener_endpoint_port", "ListenerEndpoint.Port"},
    {"__meta_rds_instance_master_username", "MasterUsername"},
    {"__meta_rds_instance_max_allocated_storage", "MaxAllocatedStorage"},
    {"__meta_rds_instance_monitoring_interval", "MonitoringInterval"},
    {"__meta_rds_instance_monitoring_role_arn", "MonitoringRoleArn"},
    {"__meta_rds_instance_multi_az", "MultiAZ"},
    {"__meta_rds_instance_multi_tenant", "MultiTenant"},
    {"__meta_rds_instance_nchar_character_set_name", "NcharCharacterSetName"},
    {"__meta_rds_instance_network_type", "NetworkType"},
    {"__meta_rds_instance_percent_progress", "PercentProgress"},
    {"__meta_rds_instance_performance_insights_enabled", "PerformanceInsightsEnabled"},
    {"__meta_rds_instance_performance_insights_kms_key_id", "PerformanceInsightsKMSKeyId"},
    {"__meta_rds_instance_performance_insights_retention_period", "PerformanceInsightsRetentionPeriod"},
    {"__meta_rds_instance_port", "DbInstancePort"},
    {"__meta_rds_instance_preferred_backup_window", "PreferredBackupWindow"},
    {"__meta_rds_instance_preferred_maintenance_window", "PreferredMaintenanceWindow"},
    {"__meta_rds_instance_promotion_tier", "PromotionTier"},
    {"__meta_rds_instance_publicly_accessible", "PubliclyAccessible"},
    {"__meta_rds_instance_read_replica_source_db_cluster_identifier", "ReadReplicaSourceDBClusterIdentifier"},
    {"__meta_rds_instance_read_replica_source_db_instance_identifier", "ReadReplicaSourceDBInstanceIdentifier"},
    {"__meta_rds_instance_replica_mode", "ReplicaMode"},
    {"__meta_rds_instance_resource_id", "DbiResourceId"},
    {"__meta_rds_instance_secondary_availability_zone", "SecondaryAvailabilityZone"},
    {"__meta_rds_instance_status", "DBInstanceStatus"},
    {"__meta_rds_instance_storage_encrypted", "StorageEncrypted"},
    {"__meta_rds_instance_storage_encryption_type", "StorageEncryptionType"},
    {"__meta_rds_instance_storage_throughput", "StorageThroughput"},
    {"__meta_rds_instance_storage_type", "StorageType"},
    {"__meta_rds_instance_storage_volume_status", "StorageVolumeStatus"},
    {"__meta_rds_instance_subnet_group", "DBSubnetGroup.DBSubnetGroupName"},
    {"__meta_rds_instance_tde_credential_arn", "TdeCredentialArn"},
    {"__meta_rds_instance_timezone", "Timezone"},
    {"__meta_rds_instance_upgrade_rollout_order", "UpgradeRolloutOrder"}};

constexpr LabelRow kInstanceTimes[] = {
    {"__meta_rds_instance_automatic_restart_time", "AutomaticRestartTime"},
    {"__meta_rds_instance_instance_create_time", "InstanceCreateTime"},
    {"__meta_rds_instance_latest_restorable_time", "LatestRestorableTime"},
    {"__meta_rds_instance_resume_full_automation_mode_time", "ResumeFullAutomationModeTime"}};

/// What all targets of a cluster have.
struct ClusterLabels {
  LabelMap labels;
  std::map<std::string, std::string> is_writer;  ///< by the instance's identifier
};

ClusterLabels LabelsOf(const Json& cluster, TargetList& list) {
  ClusterLabels all;
  list.Apply(kClusterLabels, cluster, all.labels);
  AddAwsTimes(kClusterTimes, cluster, list, all.labels);
  AddAwsTags(AwsElements(cluster, "TagList"), AwsTagNames::kUpper, "__meta_rds_cluster_tag_", list, all.labels);
  for (const Json& member : AwsElements(cluster, "DBClusterMembers")) {
    all.is_writer[list.Text(member, "DBInstanceIdentifier")] = list.Text(member, "IsClusterWriter");
  }
  return all;
}

void AddInstance(const Json& instance, const ClusterLabels& cluster, const std::string& port, TargetList& list) {
  LabelMap labels = cluster.labels;
  list.Apply(kInstanceLabels, instance, labels);
  AddAwsTimes(kInstanceTimes, instance, list, labels);
  AddAwsTags(AwsElements(instance, "TagList"), AwsTagNames::kUpper, "__meta_rds_instance_tag_", list, labels);
  const auto member = cluster.is_writer.find(list.Text(instance, "DBInstanceIdentifier"));
  if (member != cluster.is_writer.end()) labels["__meta_rds_instance_is_cluster_writer"] = member->second;
  // One that is being made has no endpoint.
  const std::string host = list.Text(instance, "Endpoint.Address");
  if (!host.empty() && !list.Text(instance, "Endpoint.Port").empty()) labels["__address__"] = JoinHostPort(host, port);
  list.Add(std::move(labels));
}

void MakeRds(const ApiScope& scope, TargetList& list) {
  const std::string port = scope.Port();
  std::vector<ClusterLabels> clusters;
  for (const Json& cluster : scope.answers.Of("clusters")) clusters.push_back(LabelsOf(cluster, list));
  for (const Json& instance : scope.answers.Of("instances")) {
    if (list.failed()) return;
    AddInstance(instance["value"], clusters[instance["round"].get<std::size_t>()], port, list);
  }
}

constexpr ApiProvider kRds = {.kind = "rds",
                              .group = "rds",
                              .base = "https://rds.amazonaws.com",
                              .login = AwsLogin,
                              .calls = kCalls,
                              .targets = MakeRds};
constexpr ApiProvider kTable[] = {kRds, AwsRole(kRds)};

}  // namespace

const std::span<const ApiProvider> kRdsProviders = kTable;

}  // namespace baro::scraper
