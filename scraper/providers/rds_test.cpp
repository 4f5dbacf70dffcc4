#include "scraper/providers/aws_fixture.h"

namespace baro::scraper {
namespace {

using testing::HasSubstr;

// Every field that a label comes from, each with a value of its own.
constexpr const char* kCluster = R"(<DBCluster><ActivityStreamKinesisStreamName>c1</ActivityStreamKinesisStreamName>
<ActivityStreamKmsKeyId>c2</ActivityStreamKmsKeyId><ActivityStreamMode>c3</ActivityStreamMode>
<ActivityStreamStatus>c4</ActivityStreamStatus><AllocatedStorage>c5</AllocatedStorage>
<DBClusterArn>arn:aws:rds:eu-1:1:cluster:a</DBClusterArn>
<AutoMinorVersionUpgrade>c7</AutoMinorVersionUpgrade>
<AwsBackupRecoveryPointArn>c8</AwsBackupRecoveryPointArn>
<BacktrackConsumedChangeRecords>c9</BacktrackConsumedChangeRecords>
<BacktrackWindow>c10</BacktrackWindow><BackupRetentionPeriod>c11</BackupRetentionPeriod>
<Capacity>c12</Capacity><CharacterSetName>c13</CharacterSetName><CloneGroupId>c14</CloneGroupId>
<ClusterScalabilityType>c15</ClusterScalabilityType><CopyTagsToSnapshot>c16</CopyTagsToSnapshot>
<CrossAccountClone>c17</CrossAccountClone><DatabaseInsightsMode>c18</DatabaseInsightsMode>
<DatabaseName>c19</DatabaseName><DBSystemId>c20</DBSystemId>
<DeletionProtection>c21</DeletionProtection><Endpoint>c22</Endpoint><Engine>c23</Engine>
<EngineLifecycleSupport>c24</EngineLifecycleSupport><EngineMode>c25</EngineMode>
<EngineVersion>c26</EngineVersion><GlobalClusterIdentifier>c27</GlobalClusterIdentifier>
<GlobalWriteForwardingRequested>c28</GlobalWriteForwardingRequested>
<GlobalWriteForwardingStatus>c29</GlobalWriteForwardingStatus><HostedZoneId>c30</HostedZoneId>
<HttpEndpointEnabled>c31</HttpEndpointEnabled>
<IAMDatabaseAuthenticationEnabled>c32</IAMDatabaseAuthenticationEnabled>
<DBClusterIdentifier>c33</DBClusterIdentifier><DBClusterInstanceClass>c34</DBClusterInstanceClass>
<Iops>c35</Iops><KmsKeyId>c36</KmsKeyId><LocalWriteForwardingStatus>c37</LocalWriteForwardingStatus>
<MasterUsername>c38</MasterUsername><MonitoringInterval>c39</MonitoringInterval>
<MonitoringRoleArn>c40</MonitoringRoleArn><MultiAZ>c41</MultiAZ><NetworkType>c42</NetworkType>
<DBClusterParameterGroup>c43</DBClusterParameterGroup><PercentProgress>c44</PercentProgress>
<PerformanceInsightsEnabled>c45</PerformanceInsightsEnabled>
<PerformanceInsightsKMSKeyId>c46</PerformanceInsightsKMSKeyId>
<PerformanceInsightsRetentionPeriod>c47</PerformanceInsightsRetentionPeriod><Port>c48</Port>
<PreferredBackupWindow>c49</PreferredBackupWindow>
<PreferredMaintenanceWindow>c50</PreferredMaintenanceWindow>
<PubliclyAccessible>c51</PubliclyAccessible><ReaderEndpoint>c52</ReaderEndpoint>
<ReplicationSourceIdentifier>c53</ReplicationSourceIdentifier>
<DbClusterResourceId>c54</DbClusterResourceId>
<ServerlessV2PlatformVersion>c55</ServerlessV2PlatformVersion><Status>c56</Status>
<StorageEncrypted>c57</StorageEncrypted><StorageEncryptionType>c58</StorageEncryptionType>
<StorageThroughput>c59</StorageThroughput><StorageType>c60</StorageType>
<DBSubnetGroup>c61</DBSubnetGroup><UpgradeRolloutOrder>c62</UpgradeRolloutOrder>
<AutomaticRestartTime>2024-05-06T07:08:03.063Z</AutomaticRestartTime>
<ClusterCreateTime>2024-05-06T07:08:04.064Z</ClusterCreateTime>
<EarliestBacktrackTime>2024-05-06T07:08:05.065Z</EarliestBacktrackTime>
<EarliestRestorableTime>2024-05-06T07:08:06.066Z</EarliestRestorableTime>
<IOOptimizedNextAllowedModificationTime>2024-05-06T07:08:07.067Z</IOOptimizedNextAllowedModificationTime>
<LatestRestorableTime>2024-05-06T07:08:08.068Z</LatestRestorableTime>
<TagList><Tag><Key>cost-center</Key><Value>7</Value></Tag></TagList><DBClusterMembers>
<DBClusterMember>
<DBInstanceIdentifier>i35</DBInstanceIdentifier><IsClusterWriter>true</IsClusterWriter></DBClusterMember>
</DBClusterMembers></DBCluster>)";
constexpr const char* kInstance =
    R"(<DBInstance><ActivityStreamEngineNativeAuditFieldsIncluded>i1</ActivityStreamEngineNativeAuditFieldsIncluded>
<ActivityStreamKinesisStreamName>i2</ActivityStreamKinesisStreamName>
<ActivityStreamKmsKeyId>i3</ActivityStreamKmsKeyId><ActivityStreamMode>i4</ActivityStreamMode>
<ActivityStreamPolicyStatus>i5</ActivityStreamPolicyStatus>
<ActivityStreamStatus>i6</ActivityStreamStatus><AllocatedStorage>i7</AllocatedStorage>
<DBInstanceArn>i8</DBInstanceArn><AutoMinorVersionUpgrade>i9</AutoMinorVersionUpgrade>
<AutomationMode>i10</AutomationMode><AvailabilityZone>i11</AvailabilityZone>
<AwsBackupRecoveryPointArn>i12</AwsBackupRecoveryPointArn>
<BackupRetentionPeriod>i13</BackupRetentionPeriod><BackupTarget>i14</BackupTarget>
<CACertificateIdentifier>i15</CACertificateIdentifier><CharacterSetName>i16</CharacterSetName>
<DBInstanceClass>i17</DBInstanceClass><CopyTagsToSnapshot>i18</CopyTagsToSnapshot>
<CustomIamInstanceProfile>i19</CustomIamInstanceProfile>
<CustomerOwnedIpEnabled>i20</CustomerOwnedIpEnabled><DatabaseInsightsMode>i21</DatabaseInsightsMode>
<DBClusterIdentifier>i22</DBClusterIdentifier><DBName>i23</DBName><DBSystemId>i24</DBSystemId>
<DedicatedLogVolume>i25</DedicatedLogVolume><DeletionProtection>i26</DeletionProtection><Endpoint>
<Address>i27</Address><HostedZoneId>i28</HostedZoneId><Port>i29</Port></Endpoint>
<Engine>i30</Engine><EngineLifecycleSupport>i31</EngineLifecycleSupport>
<EngineVersion>i32</EngineVersion><EnhancedMonitoringResourceArn>i33</EnhancedMonitoringResourceArn>
<IAMDatabaseAuthenticationEnabled>i34</IAMDatabaseAuthenticationEnabled>
<DBInstanceIdentifier>i35</DBInstanceIdentifier><Iops>i36</Iops>
<IsStorageConfigUpgradeAvailable>i37</IsStorageConfigUpgradeAvailable><KmsKeyId>i38</KmsKeyId>
<LicenseModel>i39</LicenseModel><ListenerEndpoint><Address>i40</Address>
<HostedZoneId>i41</HostedZoneId><Port>i42</Port></ListenerEndpoint>
<MasterUsername>i43</MasterUsername><MaxAllocatedStorage>i44</MaxAllocatedStorage>
<MonitoringInterval>i45</MonitoringInterval><MonitoringRoleArn>i46</MonitoringRoleArn>
<MultiAZ>i47</MultiAZ><MultiTenant>i48</MultiTenant>
<NcharCharacterSetName>i49</NcharCharacterSetName><NetworkType>i50</NetworkType>
<PercentProgress>i51</PercentProgress><PerformanceInsightsEnabled>i52</PerformanceInsightsEnabled>
<PerformanceInsightsKMSKeyId>i53</PerformanceInsightsKMSKeyId>
<PerformanceInsightsRetentionPeriod>i54</PerformanceInsightsRetentionPeriod>
<DbInstancePort>i55</DbInstancePort><PreferredBackupWindow>i56</PreferredBackupWindow>
<PreferredMaintenanceWindow>i57</PreferredMaintenanceWindow><PromotionTier>i58</PromotionTier>
<PubliclyAccessible>i59</PubliclyAccessible>
<ReadReplicaSourceDBClusterIdentifier>i60</ReadReplicaSourceDBClusterIdentifier>
<ReadReplicaSourceDBInstanceIdentifier>i61</ReadReplicaSourceDBInstanceIdentifier>
<ReplicaMode>i62</ReplicaMode><DbiResourceId>i63</DbiResourceId>
<SecondaryAvailabilityZone>i64</SecondaryAvailabilityZone><DBInstanceStatus>i65</DBInstanceStatus>
<StorageEncrypted>i66</StorageEncrypted><StorageEncryptionType>i67</StorageEncryptionType>
<StorageThroughput>i68</StorageThroughput><StorageType>i69</StorageType>
<StorageVolumeStatus>i70</StorageVolumeStatus><DBSubnetGroup>
<DBSubnetGroupName>i71</DBSubnetGroupName></DBSubnetGroup><TdeCredentialArn>i72</TdeCredentialArn>
<Timezone>i73</Timezone><UpgradeRolloutOrder>i74</UpgradeRolloutOrder>
<AutomaticRestartTime>2024-05-06T07:08:15.075Z</AutomaticRestartTime>
<InstanceCreateTime>2024-05-06T07:08:16.076Z</InstanceCreateTime>
<LatestRestorableTime>2024-05-06T07:08:17.077Z</LatestRestorableTime>
<ResumeFullAutomationModeTime>2024-05-06T07:08:18.078Z</ResumeFullAutomationModeTime>
<TagList><Tag><Key>a</Key><Value>b</Value></Tag><Tag><Key>c d</Key><Value>e</Value></Tag></TagList></DBInstance>)";

constexpr const char* kTarget = R"(__address__="i27:80"
__meta_rds_cluster_activity_stream_kinesis_stream_name="c1"
__meta_rds_cluster_activity_stream_kms_key_id="c2"
__meta_rds_cluster_activity_stream_mode="c3"
__meta_rds_cluster_activity_stream_status="c4"
__meta_rds_cluster_allocated_storage="c5"
__meta_rds_cluster_arn="arn:aws:rds:eu-1:1:cluster:a"
__meta_rds_cluster_auto_minor_version_upgrade="c7"
__meta_rds_cluster_automatic_restart_time="2024-05-06T07:08:03Z"
__meta_rds_cluster_aws_backup_recovery_point_arn="c8"
__meta_rds_cluster_backtrack_consumed_change_records="c9"
__meta_rds_cluster_backtrack_window="c10"
__meta_rds_cluster_backup_retention_period="c11"
__meta_rds_cluster_capacity="c12"
__meta_rds_cluster_character_set_name="c13"
__meta_rds_cluster_clone_group_id="c14"
__meta_rds_cluster_cluster_create_time="2024-05-06T07:08:04Z"
__meta_rds_cluster_cluster_scalability_type="c15"
__meta_rds_cluster_copy_tags_to_snapshot="c16"
__meta_rds_cluster_cross_account_clone="c17"
__meta_rds_cluster_database_insights_mode="c18"
__meta_rds_cluster_database_name="c19"
__meta_rds_cluster_db_system_id="c20"
__meta_rds_cluster_deletion_protection="c21"
__meta_rds_cluster_earliest_backtrack_time="2024-05-06T07:08:05Z"
__meta_rds_cluster_earliest_restorable_time="2024-05-06T07:08:06Z"
__meta_rds_cluster_endpoint="c22"
__meta_rds_cluster_engine="c23"
__meta_rds_cluster_engine_lifecycle_support="c24"
__meta_rds_cluster_engine_mode="c25"
__meta_rds_cluster_engine_version="c26"
__meta_rds_cluster_global_cluster_identifier="c27"
__meta_rds_cluster_global_write_forwarding_requested="c28"
__meta_rds_cluster_global_write_forwarding_status="c29"
__meta_rds_cluster_hosted_zone_id="c30"
__meta_rds_cluster_http_endpoint_enabled="c31"
__meta_rds_cluster_iam_database_authentication_enabled="c32"
__meta_rds_cluster_identifier="c33"
__meta_rds_cluster_instance_class="c34"
__meta_rds_cluster_io_optimized_next_allowed_modification_time="2024-05-06T07:08:07Z"
__meta_rds_cluster_iops="c35"
__meta_rds_cluster_kms_key_id="c36"
__meta_rds_cluster_latest_restorable_time="2024-05-06T07:08:08Z"
__meta_rds_cluster_local_write_forwarding_status="c37"
__meta_rds_cluster_master_username="c38"
__meta_rds_cluster_monitoring_interval="c39"
__meta_rds_cluster_monitoring_role_arn="c40"
__meta_rds_cluster_multi_az="c41"
__meta_rds_cluster_network_type="c42"
__meta_rds_cluster_parameter_group="c43"
__meta_rds_cluster_percent_progress="c44"
__meta_rds_cluster_performance_insights_enabled="c45"
__meta_rds_cluster_performance_insights_kms_key_id="c46"
__meta_rds_cluster_performance_insights_retention_period="c47"
__meta_rds_cluster_port="c48"
__meta_rds_cluster_preferred_backup_window="c49"
__meta_rds_cluster_preferred_maintenance_window="c50"
__meta_rds_cluster_publicly_accessible="c51"
__meta_rds_cluster_reader_endpoint="c52"
__meta_rds_cluster_replication_source_identifier="c53"
__meta_rds_cluster_resource_id="c54"
__meta_rds_cluster_serverless_v2_platform_version="c55"
__meta_rds_cluster_status="c56"
__meta_rds_cluster_storage_encrypted="c57"
__meta_rds_cluster_storage_encryption_type="c58"
__meta_rds_cluster_storage_throughput="c59"
__meta_rds_cluster_storage_type="c60"
__meta_rds_cluster_subnet_group="c61"
__meta_rds_cluster_tag_cost_center="7"
__meta_rds_cluster_upgrade_rollout_order="c62"
__meta_rds_instance_activity_stream_engine_native_audit_fields_included="i1"
__meta_rds_instance_activity_stream_kinesis_stream_name="i2"
__meta_rds_instance_activity_stream_kms_key_id="i3"
__meta_rds_instance_activity_stream_mode="i4"
__meta_rds_instance_activity_stream_policy_status="i5"
__meta_rds_instance_activity_stream_status="i6"
__meta_rds_instance_allocated_storage="i7"
__meta_rds_instance_arn="i8"
__meta_rds_instance_auto_minor_version_upgrade="i9"
__meta_rds_instance_automatic_restart_time="2024-05-06T07:08:15Z"
__meta_rds_instance_automation_mode="i10"
__meta_rds_instance_availability_zone="i11"
__meta_rds_instance_aws_backup_recovery_point_arn="i12"
__meta_rds_instance_backup_retention_period="i13"
__meta_rds_instance_backup_target="i14"
__meta_rds_instance_ca_certificate_identifier="i15"
__meta_rds_instance_character_set_name="i16"
__meta_rds_instance_class="i17"
__meta_rds_instance_copy_tags_to_snapshot="i18"
__meta_rds_instance_custom_iam_instance_profile="i19"
__meta_rds_instance_customer_owned_ip_enabled="i20"
__meta_rds_instance_database_insights_mode="i21"
__meta_rds_instance_db_cluster_identifier="i22"
__meta_rds_instance_db_name="i23"
__meta_rds_instance_db_system_id="i24"
__meta_rds_instance_dedicated_log_volume="i25"
__meta_rds_instance_deletion_protection="i26"
__meta_rds_instance_endpoint_address="i27"
__meta_rds_instance_endpoint_hosted_zone_id="i28"
__meta_rds_instance_endpoint_port="i29"
__meta_rds_instance_engine="i30"
__meta_rds_instance_engine_lifecycle_support="i31"
__meta_rds_instance_engine_version="i32"
__meta_rds_instance_enhanced_monitoring_resource_arn="i33"
__meta_rds_instance_iam_database_authentication_enabled="i34"
__meta_rds_instance_identifier="i35"
__meta_rds_instance_instance_create_time="2024-05-06T07:08:16Z"
__meta_rds_instance_iops="i36"
__meta_rds_instance_is_cluster_writer="true"
__meta_rds_instance_is_storage_config_upgrade_available="i37"
__meta_rds_instance_kms_key_id="i38"
__meta_rds_instance_latest_restorable_time="2024-05-06T07:08:17Z"
__meta_rds_instance_license_model="i39"
__meta_rds_instance_listener_endpoint_address="i40"
__meta_rds_instance_listener_endpoint_hosted_zone_id="i41"
__meta_rds_instance_listener_endpoint_port="i42"
__meta_rds_instance_master_username="i43"
__meta_rds_instance_max_allocated_storage="i44"
__meta_rds_instance_monitoring_interval="i45"
__meta_rds_instance_monitoring_role_arn="i46"
__meta_rds_instance_multi_az="i47"
__meta_rds_instance_multi_tenant="i48"
__meta_rds_instance_nchar_character_set_name="i49"
__meta_rds_instance_network_type="i50"
__meta_rds_instance_percent_progress="i51"
__meta_rds_instance_performance_insights_enabled="i52"
__meta_rds_instance_performance_insights_kms_key_id="i53"
__meta_rds_instance_performance_insights_retention_period="i54"
__meta_rds_instance_port="i55"
__meta_rds_instance_preferred_backup_window="i56"
__meta_rds_instance_preferred_maintenance_window="i57"
__meta_rds_instance_promotion_tier="i58"
__meta_rds_instance_publicly_accessible="i59"
__meta_rds_instance_read_replica_source_db_cluster_identifier="i60"
__meta_rds_instance_read_replica_source_db_instance_identifier="i61"
__meta_rds_instance_replica_mode="i62"
__meta_rds_instance_resource_id="i63"
__meta_rds_instance_resume_full_automation_mode_time="2024-05-06T07:08:18Z"
__meta_rds_instance_secondary_availability_zone="i64"
__meta_rds_instance_status="i65"
__meta_rds_instance_storage_encrypted="i66"
__meta_rds_instance_storage_encryption_type="i67"
__meta_rds_instance_storage_throughput="i68"
__meta_rds_instance_storage_type="i69"
__meta_rds_instance_storage_volume_status="i70"
__meta_rds_instance_subnet_group="i71"
__meta_rds_instance_tag_a="b"
__meta_rds_instance_tag_c_d="e"
__meta_rds_instance_tde_credential_arn="i72"
__meta_rds_instance_timezone="i73"
__meta_rds_instance_upgrade_rollout_order="i74"
)";

constexpr const char* kList = "https://rds.eu-1.amazonaws.com/?Action=DescribeDBClusters&Version=2014-10-31";
constexpr const char* kInstances =
    "https://rds.eu-1.amazonaws.com/?Action=DescribeDBInstances&Version=2014-10-31&MaxRecords=100";
constexpr const char* kOfCluster =
    "&Filters.Filter.1.Name=db-cluster-id&Filters.Filter.1.Values.Value.1=arn%3Aaws%3Ards%3Aeu-1%3A1%3Acluster%3Aa";

class RdsTest : public AwsFixture {
 protected:
  static std::string Clusters(const std::string& clusters, const std::string& marker = "") {
    return fmt::format("<R><DescribeDBClustersResult><DBClusters>{}</DBClusters>{}</DescribeDBClustersResult></R>",
                       clusters, marker);
  }
  static std::string Instances(const std::string& instances, const std::string& marker = "") {
    return fmt::format("<R><DescribeDBInstancesResult><DBInstances>{}</DBInstances>{}</DescribeDBInstancesResult></R>",
                       instances, marker);
  }
};

TEST_F(RdsTest, InstancesWithAllLabelsOfTheirClusters) {
  const std::string list = std::string(kList) + "&MaxRecords=100";
  Say(list, Clusters("", "<Marker>m</Marker>"));
  Say(list + "&Marker=m", Clusters(kCluster));
  Say(std::string(kInstances) + kOfCluster, Instances(kInstance, "<Marker>n</Marker>"));
  Say(std::string(kInstances) + "&Marker=n" + kOfCluster,
      Instances("<DBInstance><DBInstanceIdentifier>new</DBInstanceIdentifier></DBInstance>"));
  const std::string targets = Lines(Discover("rds", Options()));
  const std::size_t first =
      targets.find('\n', targets.find("upgrade_rollout_order", targets.find("_rds_instance_"))) + 1;
  EXPECT_EQ(targets.substr(0, first), kTarget);
  EXPECT_THAT(targets.substr(first), HasSubstr("__meta_rds_instance_identifier=\"new\""));
  EXPECT_EQ(targets.find("__address__", first), std::string::npos) << "one that is being made has none";
  EXPECT_THAT(std::string(servers_->requests.back().first.headers.Get("Authorization")), HasSubstr("/eu-1/rds/"));
}

TEST_F(RdsTest, NamedClustersAndFilters) {
  Values options = Options();
  options["role"] = "rds";
  options["clusters"] = std::vector<std::string>{"arn:aws:rds:eu-1:1:cluster:a", "arn:b"};
  options["filters"] = std::vector<DiscoveryRecord>{Filter("engine", {"mysql", "a b"})};
  Say(std::string(kList) + "&DBClusterIdentifier=arn%3Aaws%3Ards%3Aeu-1%3A1%3Acluster%3Aa", Clusters(kCluster));
  Say(std::string(kList) + "&DBClusterIdentifier=arn%3Ab", Clusters(""));
  EXPECT_EQ(Discover("aws", options), "clusters: clusters: RDS does not know \"arn:b\"");
  options["clusters"] = std::vector<std::string>{"arn:aws:rds:eu-1:1:cluster:a"};
  Say(std::string(kInstances) + kOfCluster +
          "&Filters.Filter.2.Name=engine&Filters.Filter.2.Values.Value.1=mysql&Filters.Filter.2.Values.Value.2=a%20b",
      Instances(kInstance));
  EXPECT_EQ(Lines(Discover("aws", options)), kTarget);
}

}  // namespace
}  // namespace baro::scraper
