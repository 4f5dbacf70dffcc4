#include "scraper/providers/aws_fixture.h"

namespace baro::scraper {
namespace {

using testing::HasSubstr;

// Every field that a label comes from, each with a value of its own.
constexpr const char* kServerless =
    R"(<member><ARN>s1</ARN><CacheUsageLimits><DataStorage><Maximum>s2</Maximum><Minimum>s3</Minimum>
<Unit>s4</Unit></DataStorage><ECPUPerSecond><Maximum>s5</Maximum><Minimum>s6</Minimum>
</ECPUPerSecond></CacheUsageLimits><DailySnapshotTime>s7</DailySnapshotTime>
<Description>s8</Description><Endpoint><Address>s9</Address><Port>s10</Port></Endpoint>
<ReaderEndpoint><Address>s11</Address><Port>s12</Port></ReaderEndpoint><Engine>s13</Engine>
<FullEngineVersion>s14</FullEngineVersion><KmsKeyId>s15</KmsKeyId>
<MajorEngineVersion>s16</MajorEngineVersion><ServerlessCacheName>s17</ServerlessCacheName>
<SnapshotRetentionLimit>s18</SnapshotRetentionLimit><Status>s19</Status>
<UserGroupId>s20</UserGroupId><CreateTime>2024-05-06T07:08:21.021Z</CreateTime>
<SecurityGroupIds><SecurityGroupId>sg-1</SecurityGroupId><SecurityGroupId>sg-2</SecurityGroupId></SecurityGroupIds>
<SubnetIds><SubnetId>subnet-1</SubnetId></SubnetIds></member>)";
constexpr const char* kCluster = R"(<CacheCluster><ARN>c1</ARN><AtRestEncryptionEnabled>c2</AtRestEncryptionEnabled>
<AuthTokenEnabled>c3</AuthTokenEnabled><AutoMinorVersionUpgrade>c4</AutoMinorVersionUpgrade>
<CacheClusterId>c5</CacheClusterId><CacheClusterStatus>c6</CacheClusterStatus>
<CacheNodeType>c7</CacheNodeType><CacheParameterGroup>
<CacheParameterGroupName>c8</CacheParameterGroupName></CacheParameterGroup>
<CacheSubnetGroupName>c9</CacheSubnetGroupName>
<ClientDownloadLandingPage>c10</ClientDownloadLandingPage><ConfigurationEndpoint>
<Address>c11</Address><Port>c12</Port></ConfigurationEndpoint><Engine>c13</Engine>
<EngineVersion>c14</EngineVersion><IpDiscovery>c15</IpDiscovery><NetworkType>c16</NetworkType>
<NotificationConfiguration><TopicArn>c17</TopicArn><TopicStatus>c18</TopicStatus>
</NotificationConfiguration><NumCacheNodes>c19</NumCacheNodes><PendingModifiedValues>
<AuthTokenStatus>c20</AuthTokenStatus><CacheNodeType>c21</CacheNodeType>
<EngineVersion>c22</EngineVersion><NumCacheNodes>c23</NumCacheNodes>
<TransitEncryptionEnabled>c24</TransitEncryptionEnabled>
<TransitEncryptionMode>c25</TransitEncryptionMode>
<CacheNodeIdsToRemove><CacheNodeId>0001</CacheNodeId><CacheNodeId>0002</CacheNodeId></CacheNodeIdsToRemove>
</PendingModifiedValues>
<PreferredAvailabilityZone>c26</PreferredAvailabilityZone>
<PreferredMaintenanceWindow>c27</PreferredMaintenanceWindow>
<PreferredOutpostArn>c28</PreferredOutpostArn><ReplicationGroupId>c29</ReplicationGroupId>
<ReplicationGroupLogDeliveryEnabled>c30</ReplicationGroupLogDeliveryEnabled>
<SnapshotRetentionLimit>c31</SnapshotRetentionLimit><SnapshotWindow>c32</SnapshotWindow>
<TransitEncryptionEnabled>c33</TransitEncryptionEnabled>
<TransitEncryptionMode>c34</TransitEncryptionMode>
<AuthTokenLastModifiedDate>2024-05-06T07:08:35.035Z</AuthTokenLastModifiedDate>
<CacheClusterCreateTime>2024-05-06T07:08:36.036Z</CacheClusterCreateTime>
<LogDeliveryConfigurations><LogDeliveryConfiguration><LogType>slow-log</LogType><LogFormat>json</LogFormat>
<DestinationType>cloudwatch-logs</DestinationType><Status>active</Status><Message>fine</Message><DestinationDetails>
<CloudWatchLogsDetails><LogGroup>lg</LogGroup></CloudWatchLogsDetails></DestinationDetails></LogDeliveryConfiguration>
<LogDeliveryConfiguration><DestinationDetails><KinesisFirehoseDetails><DeliveryStream>ds</DeliveryStream>
</KinesisFirehoseDetails></DestinationDetails></LogDeliveryConfiguration></LogDeliveryConfigurations>
<SecurityGroups><member><SecurityGroupId>sg-3</SecurityGroupId><Status>active</Status></member></SecurityGroups>
<CacheNodes><CacheNode>
<CustomerAvailabilityZone>n1</CustomerAvailabilityZone><CustomerOutpostArn>n2</CustomerOutpostArn>
<Endpoint><Address>n3</Address><Port>n4</Port></Endpoint><CacheNodeId>n5</CacheNodeId>
<ParameterGroupStatus>n6</ParameterGroupStatus><SourceCacheNodeId>n7</SourceCacheNodeId>
<CacheNodeStatus>n8</CacheNodeStatus>
<CacheNodeCreateTime>2024-05-06T07:08:09.009Z</CacheNodeCreateTime>
</CacheNode><CacheNode><CacheNodeId>0002</CacheNodeId></CacheNode></CacheNodes></CacheCluster>)";

constexpr const char* kServerlessTarget = R"(__address__="s9:s10"
__meta_elasticache_deployment_option="serverless"
__meta_elasticache_serverless_cache_arn="s1"
__meta_elasticache_serverless_cache_cache_usage_limit_data_storage_maximum="s2"
__meta_elasticache_serverless_cache_cache_usage_limit_data_storage_minimum="s3"
__meta_elasticache_serverless_cache_cache_usage_limit_data_storage_unit="s4"
__meta_elasticache_serverless_cache_cache_usage_limit_data_storagemaximum="s2"
__meta_elasticache_serverless_cache_cache_usage_limit_data_storageminimum="s3"
__meta_elasticache_serverless_cache_cache_usage_limit_data_storageunit="s4"
__meta_elasticache_serverless_cache_cache_usage_limit_ecpu_per_second_maximum="s5"
__meta_elasticache_serverless_cache_cache_usage_limit_ecpu_per_second_minimum="s6"
__meta_elasticache_serverless_cache_cache_usage_limit_ecpu_per_secondmaximum="s5"
__meta_elasticache_serverless_cache_cache_usage_limit_ecpu_per_secondminimum="s6"
__meta_elasticache_serverless_cache_create_time="2024-05-06T07:08:21Z"
__meta_elasticache_serverless_cache_daily_snapshot_time="s7"
__meta_elasticache_serverless_cache_description="s8"
__meta_elasticache_serverless_cache_endpoint_address="s9"
__meta_elasticache_serverless_cache_endpoint_port="s10"
__meta_elasticache_serverless_cache_endpoint_reader_address="s11"
__meta_elasticache_serverless_cache_endpoint_reader_port="s12"
__meta_elasticache_serverless_cache_engine="s13"
__meta_elasticache_serverless_cache_full_engine_version="s14"
__meta_elasticache_serverless_cache_kms_key_id="s15"
__meta_elasticache_serverless_cache_major_engine_version="s16"
__meta_elasticache_serverless_cache_name="s17"
__meta_elasticache_serverless_cache_reader_endpoint_address="s11"
__meta_elasticache_serverless_cache_reader_endpoint_port="s12"
__meta_elasticache_serverless_cache_security_group_id_0="sg-1"
__meta_elasticache_serverless_cache_security_group_id_1="sg-2"
__meta_elasticache_serverless_cache_snapshot_retention_limit="s18"
__meta_elasticache_serverless_cache_status="s19"
__meta_elasticache_serverless_cache_subnet_id_0="subnet-1"
__meta_elasticache_serverless_cache_tag_a_b="1"
__meta_elasticache_serverless_cache_user_group_id="s20"
)";
constexpr const char* kNodeTarget = R"(__address__="n3:n4"
__meta_elasticache_cache_cluster_arn="c1"
__meta_elasticache_cache_cluster_at_rest_encryption_enabled="c2"
__meta_elasticache_cache_cluster_auth_token_enabled="c3"
__meta_elasticache_cache_cluster_auth_token_last_modified="2024-05-06T07:08:35Z"
__meta_elasticache_cache_cluster_auto_minor_version_upgrade="c4"
__meta_elasticache_cache_cluster_cache_cluster_create_time="2024-05-06T07:08:36Z"
__meta_elasticache_cache_cluster_cache_cluster_id="c5"
__meta_elasticache_cache_cluster_cache_cluster_status="c6"
__meta_elasticache_cache_cluster_cache_node_type="c7"
__meta_elasticache_cache_cluster_cache_parameter_group="c8"
__meta_elasticache_cache_cluster_cache_subnet_group_name="c9"
__meta_elasticache_cache_cluster_client_download_landing_page="c10"
__meta_elasticache_cache_cluster_configuration_endpoint_address="c11"
__meta_elasticache_cache_cluster_configuration_endpoint_port="c12"
__meta_elasticache_cache_cluster_engine="c13"
__meta_elasticache_cache_cluster_engine_version="c14"
__meta_elasticache_cache_cluster_ip_discovery="c15"
__meta_elasticache_cache_cluster_log_delivery_configuration_delivery_stream_1="ds"
__meta_elasticache_cache_cluster_log_delivery_configuration_destination_type_0="cloudwatch-logs"
__meta_elasticache_cache_cluster_log_delivery_configuration_log_format_0="json"
__meta_elasticache_cache_cluster_log_delivery_configuration_log_group_0="lg"
__meta_elasticache_cache_cluster_log_delivery_configuration_log_type_0="slow-log"
__meta_elasticache_cache_cluster_log_delivery_configuration_message_0="fine"
__meta_elasticache_cache_cluster_log_delivery_configuration_status_0="active"
__meta_elasticache_cache_cluster_network_type="c16"
__meta_elasticache_cache_cluster_node_availability_zone="n1"
__meta_elasticache_cache_cluster_node_create_time="2024-05-06T07:08:09Z"
__meta_elasticache_cache_cluster_node_customer_outpost_arn="n2"
__meta_elasticache_cache_cluster_node_endpoint_address="n3"
__meta_elasticache_cache_cluster_node_endpoint_port="n4"
__meta_elasticache_cache_cluster_node_id="n5"
__meta_elasticache_cache_cluster_node_parameter_group_status="n6"
__meta_elasticache_cache_cluster_node_source_cache_node_id="n7"
__meta_elasticache_cache_cluster_node_status="n8"
__meta_elasticache_cache_cluster_notification_topic_arn="c17"
__meta_elasticache_cache_cluster_notification_topic_status="c18"
__meta_elasticache_cache_cluster_num_cache_nodes="c19"
__meta_elasticache_cache_cluster_pending_modified_values_auth_token_status="c20"
__meta_elasticache_cache_cluster_pending_modified_values_cache_node_ids_to_remove="0001,0002"
__meta_elasticache_cache_cluster_pending_modified_values_cache_node_type="c21"
__meta_elasticache_cache_cluster_pending_modified_values_engine_version="c22"
__meta_elasticache_cache_cluster_pending_modified_values_num_cache_nodes="c23"
__meta_elasticache_cache_cluster_pending_modified_values_transit_encryption_enabled="c24"
__meta_elasticache_cache_cluster_pending_modified_values_transit_encryption_mode="c25"
__meta_elasticache_cache_cluster_preferred_availability_zone="c26"
__meta_elasticache_cache_cluster_preferred_maintenance_window="c27"
__meta_elasticache_cache_cluster_preferred_outpost_arn="c28"
__meta_elasticache_cache_cluster_replication_group_id="c29"
__meta_elasticache_cache_cluster_replication_group_log_delivery_enabled="c30"
__meta_elasticache_cache_cluster_security_group_membership_id_0="sg-3"
__meta_elasticache_cache_cluster_security_group_membership_status_0="active"
__meta_elasticache_cache_cluster_snapshot_retention_limit="c31"
__meta_elasticache_cache_cluster_snapshot_window="c32"
__meta_elasticache_cache_cluster_tag_team="2"
__meta_elasticache_cache_cluster_transit_encryption_enabled="c33"
__meta_elasticache_cache_cluster_transit_encryption_mode="c34"
__meta_elasticache_deployment_option="node"
)";

const std::string kHost = "https://elasticache.eu-1.amazonaws.com/?Action=";
const std::string kServerlessUrl = kHost + "DescribeServerlessCaches&Version=2015-02-02&MaxResults=50";
const std::string kClustersUrl =
    kHost + "DescribeCacheClusters&Version=2015-02-02&MaxRecords=100&ShowCacheNodeInfo=true";
const std::string kTagsUrl = kHost + "ListTagsForResource&Version=2015-02-02&ResourceName=";

class ElasticacheTest : public AwsFixture {
 protected:
  void SayServerless(const std::string& url, const std::string& caches, const std::string& more = "") {
    Say(url, fmt::format("<R><DescribeServerlessCachesResult><ServerlessCaches>{}</ServerlessCaches>{}"
                         "</DescribeServerlessCachesResult></R>",
                         caches, more));
  }
  void SayClusters(const std::string& url, const std::string& clusters, const std::string& more = "") {
    Say(url, fmt::format("<R><DescribeCacheClustersResult><CacheClusters>{}</CacheClusters>{}"
                         "</DescribeCacheClustersResult></R>",
                         clusters, more));
  }
  void SayTag(const std::string& arn, const std::string& key, const std::string& value) {
    Say(kTagsUrl + arn, fmt::format("<R><ListTagsForResourceResult><TagList><Tag><Key>{}</Key><Value>{}</Value></Tag>"
                                    "</TagList></ListTagsForResourceResult></R>",
                                    key, value));
  }
};

TEST_F(ElasticacheTest, ServerlessCachesAndEachNodeOfAClusterWithAllLabels) {
  SayServerless(kServerlessUrl, "", "<NextToken>m</NextToken>");
  SayServerless(kServerlessUrl + "&NextToken=m", kServerless);
  SayClusters(kClustersUrl, "", "<Marker>n</Marker>");
  SayClusters(kClustersUrl + "&Marker=n", kCluster);
  SayTag("s1", "a-b", "1");
  SayTag("c1", "team", "2");
  const std::string targets = Lines(Discover("elasticache", Options()));
  const std::size_t node = targets.find("__address__", 1);
  EXPECT_EQ(targets.substr(0, node), kServerlessTarget);
  const std::size_t second =
      targets.find("__meta_elasticache_cache_cluster_arn", targets.find("deployment_option", node));
  EXPECT_EQ(targets.substr(node, second - node), kNodeTarget);
  EXPECT_THAT(targets.substr(second), HasSubstr("__meta_elasticache_cache_cluster_node_id=\"0002\""));
  EXPECT_EQ(targets.find("__address__", second), std::string::npos) << "one that is being made has none";
  EXPECT_THAT(std::string(servers_->requests.back().first.headers.Get("Authorization")),
              HasSubstr("/eu-1/elasticache/"));
}

TEST_F(ElasticacheTest, OnlyTheNamedOnes) {
  constexpr const char* kOthers = R"(<CacheCluster><ARN>c2</ARN><ReplicationGroupId>g</ReplicationGroupId><CacheNodes>
    <CacheNode><Endpoint><Address>g-1</Address><Port>6379</Port></Endpoint></CacheNode></CacheNodes></CacheCluster>
    <CacheCluster><ARN>c3</ARN><CacheClusterId>h</CacheClusterId><CacheNodes>
    <CacheNode><Endpoint><Address>h-1</Address><Port>6379</Port></Endpoint></CacheNode></CacheNodes></CacheCluster>)";
  Values options = Options();
  options["role"] = "elasticache";
  options["clusters"] = std::vector<std::string>{"s1", "arn:aws:elasticache:eu-1:1:replicationgroup:g"};
  SayServerless(kServerlessUrl, std::string(kServerless) + "<member><ARN>s9</ARN></member>");
  SayClusters(kClustersUrl, std::string(kCluster) + kOthers);
  SayTag("s1", "a-b", "1");
  SayTag("c2", "team", "2");
  EXPECT_EQ(Lines(Discover("aws", options)),
            std::string(kServerlessTarget) +
                "__address__=\"g-1:6379\"\n__meta_elasticache_cache_cluster_arn=\"c2\"\n"
                "__meta_elasticache_cache_cluster_node_endpoint_address=\"g-1\"\n"
                "__meta_elasticache_cache_cluster_node_endpoint_port=\"6379\"\n"
                "__meta_elasticache_cache_cluster_replication_group_id=\"g\"\n"
                "__meta_elasticache_cache_cluster_tag_team=\"2\"\n__meta_elasticache_deployment_option=\"node\"\n");
}

TEST_F(ElasticacheTest, WithoutTheRightToSeeTagsThereAreNoTargets) {
  SayServerless(kServerlessUrl, "");
  SayClusters(kClustersUrl, kCluster);
  Say(kTagsUrl + "c1", "<R><Error/></R>", 403);
  EXPECT_EQ(Discover("elasticache", Options()), "tags: the server answered HTTP status 403");
}

}  // namespace
}  // namespace baro::scraper
