// Tasks of Amazon ECS.
//
// The list of clusters (or the field `clusters`) leads to the ids of their tasks; what these are, the services that
// started them, the instances that they run on and the network interfaces that they have is asked for by ids, as many
// at once as each operation takes.
//
// Source   Amazon ECS API 2014-11-13 (JSON 1.1), Amazon EC2 API 2016-11-15 (Query, XML).
#include <map>
#include <set>
#include <unordered_map>

#include <fmt/format.h>

#include "scraper/providers/aws_api.h"
#include "scraper/providers/providers.h"

namespace baro::scraper {
namespace {

constexpr std::string_view kServicePrefix = "service:";
constexpr std::string_view kInterfaceType = "ElasticNetworkInterface";
// What an operation takes at most.
constexpr std::size_t kClustersOfCall = 100;
constexpr std::size_t kServicesOfCall = 10;
constexpr std::size_t kTasksOfCall = 100;
constexpr std::size_t kInstancesOfCall = 100;  // of a list in a URL: some 4 KB

const std::vector<std::string>& GivenClusters(const ApiScope& scope) {
  return scope.record.Get<std::vector<std::string>>("clusters");
}
bool ListsClusters(const ApiScope& scope) { return GivenClusters(scope).empty(); }

base::Result<> Prepare(const ApiScope& scope, std::string_view operation, Json body, net::FetchRequest& request) {
  return SignAwsJson(scope, "ecs", fmt::format("AmazonEC2ContainerServiceV20141113.{}", operation), std::move(body),
                     request);
}

Json WithTags(Json body) {
  body["include"] = Json::array({"TAGS"});
  return body;
}

base::Result<> PrepareClusterArns(const ApiScope& scope, net::FetchRequest& request) {
  return Prepare(scope, "ListClusters", {{"maxResults", 100}}, request);
}

base::Result<> PrepareClusters(const ApiScope& scope, net::FetchRequest& request) {
  return Prepare(scope, "DescribeClusters", WithTags({{"clusters", (*scope.item)["ids"]}}), request);
}

base::Result<> PrepareTaskArns(const ApiScope& scope, net::FetchRequest& request) {
  return Prepare(scope, "ListTasks", {{"cluster", (*scope.item)["cluster"]}, {"maxResults", 100}}, request);
}

base::Result<> PrepareTasks(const ApiScope& scope, net::FetchRequest& request) {
  const Json& batch = *scope.item;
  return Prepare(scope, "DescribeTasks", WithTags({{"cluster", batch["cluster"]}, {"tasks", batch["ids"]}}), request);
}

base::Result<> PrepareServices(const ApiScope& scope, net::FetchRequest& request) {
  const Json& batch = *scope.item;
  return Prepare(scope, "DescribeServices", WithTags({{"cluster", batch["cluster"]}, {"services", batch["ids"]}}),
                 request);
}

base::Result<> PrepareContainerInstances(const ApiScope& scope, net::FetchRequest& request) {
  const Json& batch = *scope.item;
  return Prepare(scope, "DescribeContainerInstances",
                 {{"cluster", batch["cluster"]}, {"containerInstances", batch["ids"]}}, request);
}

base::Result<> PrepareByIds(const ApiScope& scope, std::string_view parameter, net::FetchRequest& request) {
  std::size_t number = 0;
  for (const Json& id : (*scope.item)["ids"]) {
    request.url += fmt::format("&{}.{}={}", parameter, ++number, net::UrlEncode(id.get_ref<const std::string&>()));
  }
  return SignForAws(scope, "ec2", request, AwsEndpoint::kRegions);
}

base::Result<> PrepareInstances(const ApiScope& scope, net::FetchRequest& request) {
  return PrepareByIds(scope, "InstanceId", request);
}

base::Result<> PrepareInterfaces(const ApiScope& scope, net::FetchRequest& request) {
  return PrepareByIds(scope, "NetworkInterfaceId", request);
}

/// The value of a detail of a task's network interface; "" if there is none.
std::string Detail(const Json& attachment, std::string_view name, TargetList& list) {
  for (const Json& detail : ItemsAt(attachment, "details")) {
    if (list.Text(detail, "name") == name) return list.Text(detail, "value");
  }
  return "";
}

/// The first network interface of a task; null if it has none of its own.
const Json* InterfaceOf(const Json& task, TargetList& list) {
  for (const Json& attachment : ItemsAt(task, "attachments")) {
    if (list.Text(attachment, "type") == kInterfaceType) return &attachment;
  }
  return nullptr;
}

// --- lists that calls are made for -----------------------------------------------------------------------------------

std::vector<Json> ClusterBatches(const ApiScope& scope, TargetList& reader) {
  std::vector<std::string> ids = GivenClusters(scope);
  for (const Json& arn : scope.answers.Of("cluster_arns")) ids.push_back(reader.Text(arn, ""));
  std::vector<Json> batches;
  AddAwsBatches("", ids, kClustersOfCall, batches);
  return batches;
}

/// Those that were described; one that the options name has to be among them.
std::vector<Json> FoundClusters(const ApiScope& scope, TargetList& reader) {
  std::vector<Json> found;
  std::set<std::string> names;
  for (const Json& cluster : scope.answers.Of("clusters")) {
    std::string arn = reader.Text(cluster, "clusterArn");
    names.insert(reader.Text(cluster, "clusterName"));
    names.insert(arn);
    found.push_back({{"cluster", std::move(arn)}});
  }
  for (const std::string& given : GivenClusters(scope)) {
    if (!names.contains(given)) reader.Fail(fmt::format("clusters: ECS does not know \"{}\"", given));
  }
  return found;
}

std::vector<Json> TaskBatches(const ApiScope& scope, TargetList& reader) {
  const auto clusters = scope.answers.Of("found_clusters");
  std::vector<std::vector<std::string>> arns(clusters.size());
  for (const Json& item : scope.answers.Of("task_arns")) {
    arns[item["round"].get<std::size_t>()].push_back(reader.Text(item, "value"));
  }
  std::vector<Json> batches;
  for (std::size_t i = 0; i < clusters.size(); ++i) {
    AddAwsBatches(reader.Text(clusters[i], "cluster"), arns[i], kTasksOfCall, batches);
  }
  return batches;
}

/// Batches of what tasks name, each name once for each cluster. `name_of` gives "" for a task that names none.
template <typename NameOf>
std::vector<Json> BatchesOfTasks(const ApiScope& scope, TargetList& reader, std::size_t count, const NameOf& name_of) {
  std::map<std::string, std::set<std::string>> names;
  for (const Json& task : scope.answers.Of("tasks")) {
    if (std::string name = name_of(task); !name.empty()) {
      names[reader.Text(task, "clusterArn")].insert(std::move(name));
    }
  }
  std::vector<Json> batches;
  for (const auto& [cluster, set] : names) {
    AddAwsBatches(cluster, std::vector<std::string>(set.begin(), set.end()), count, batches);
  }
  return batches;
}

std::vector<Json> ServiceBatches(const ApiScope& scope, TargetList& reader) {
  return BatchesOfTasks(scope, reader, kServicesOfCall, [&](const Json& task) {
    const std::string group = reader.Text(task, "group");
    return group.starts_with(kServicePrefix) ? group.substr(kServicePrefix.size()) : "";
  });
}

std::vector<Json> ContainerInstanceBatches(const ApiScope& scope, TargetList& reader) {
  return BatchesOfTasks(scope, reader, kInstancesOfCall,
                        [&](const Json& task) { return reader.Text(task, "containerInstanceArn"); });
}

std::vector<Json> InstanceBatches(const ApiScope& scope, TargetList& reader) {
  std::set<std::string> ids;
  for (const Json& instance : scope.answers.Of("container_instances")) {
    if (std::string id = reader.Text(instance, "ec2InstanceId"); !id.empty()) ids.insert(std::move(id));
  }
  std::vector<Json> batches;
  AddAwsBatches("", std::vector<std::string>(ids.begin(), ids.end()), kInstancesOfCall, batches);
  return batches;
}

std::vector<Json> InterfaceBatches(const ApiScope& scope, TargetList& reader) {
  std::set<std::string> ids;
  for (const Json& task : scope.answers.Of("tasks")) {
    const Json* const interface = InterfaceOf(task, reader);
    if (interface == nullptr) continue;
    if (std::string id = Detail(*interface, "networkInterfaceId", reader); !id.empty()) ids.insert(std::move(id));
  }
  std::vector<Json> batches;
  AddAwsBatches("", std::vector<std::string>(ids.begin(), ids.end()), kInstancesOfCall, batches);
  return batches;
}

constexpr ApiCall Derived(std::string_view name, std::vector<Json> (*derive)(const ApiScope&, TargetList&)) {
  return {.name = name, .derive = derive};
}

/// One operation for each item of a list.
constexpr ApiCall Each(std::string_view name, std::string_view items, std::string_view for_each,
                       base::Result<> (*prepare)(const ApiScope&, net::FetchRequest&)) {
  return {.name = name,
          .path = "/",
          .items = items,
          .for_each = for_each,
          .method = net::Method::kPost,
          .prepare = prepare};
}

constexpr ApiCall Query(std::string_view name, std::string_view path, std::string_view items, std::string_view for_each,
                        base::Result<> (*prepare)(const ApiScope&, net::FetchRequest&)) {
  return {.name = name,
          .path = path,
          .items = items,
          .for_each = for_each,
          .paging = Paging::kCursor,
          .next = "nextToken",
          .parameter = "NextToken",
          .form = AnswerForm::kXml,
          .prepare = prepare};
}

constexpr ApiCall kCalls[] = {
    {.name = "cluster_arns",
     .path = "/",
     .items = "clusterArns",
     .paging = Paging::kCursor,
     .next = "nextToken",
     .parameter = "nextToken",
     .method = net::Method::kPost,
     .is_wanted = ListsClusters,
     .prepare = PrepareClusterArns},
    Derived("cluster_batches", ClusterBatches),
    Each("clusters", "clusters", "cluster_batches", PrepareClusters),
    Derived("found_clusters", FoundClusters),
    {.name = "task_arns",
     .path = "/",
     .items = "taskArns",
     .for_each = "found_clusters",
     .paging = Paging::kCursor,
     .next = "nextToken",
     .parameter = "nextToken",
     .method = net::Method::kPost,
     .tells_round = true,
     .prepare = PrepareTaskArns},
    Derived("task_batches", TaskBatches),
    Each("tasks", "tasks", "task_batches", PrepareTasks),
    Derived("service_batches", ServiceBatches),
    Each("services", "services", "service_batches", PrepareServices),
    Derived("container_instance_batches", ContainerInstanceBatches),
    Each("container_instances", "containerInstances", "container_instance_batches", PrepareContainerInstances),
    Derived("instance_batches", InstanceBatches),
    Query("reservations", "/?Action=DescribeInstances&Version=2016-11-15", "reservationSet.item", "instance_batches",
          PrepareInstances),
    Derived("interface_batches", InterfaceBatches),
    Query("interfaces", "/?Action=DescribeNetworkInterfaces&Version=2016-11-15", "networkInterfaceSet.item",
          "interface_batches", PrepareInterfaces)};

// --- targets ---------------------------------------------------------------------------------------------------------

constexpr LabelRow kTaskLabels[] = {{"__meta_ecs_availability_zone", "availabilityZone"},
                                    {"__meta_ecs_cluster_arn", "clusterArn"},
                                    {"__meta_ecs_container_instance_arn", "containerInstanceArn"},
                                    {"__meta_ecs_desired_status", "desiredStatus"},
                                    {"__meta_ecs_health_status", "healthStatus"},
                                    {"__meta_ecs_last_status", "lastStatus"},
                                    {"__meta_ecs_launch_type", "launchType"},
                                    {"__meta_ecs_platform_family", "platformFamily"},
                                    {"__meta_ecs_platform_version", "platformVersion"},
                                    {"__meta_ecs_task_arn", "taskArn"},
                                    {"__meta_ecs_task_definition", "taskDefinitionArn"},
                                    {"__meta_ecs_task_group", "group"}};

constexpr LabelRow kServiceLabels[] = {{"__meta_ecs_service", "serviceName"},
                                       {"__meta_ecs_service_arn", "serviceArn"},
                                       {"__meta_ecs_service_status", "status"}};

constexpr LabelRow kInstanceLabels[] = {{"__meta_ecs_ec2_instance_private_ip", "privateIpAddress"},
                                        {"__meta_ecs_ec2_instance_public_ip", "ipAddress"},
                                        {"__meta_ecs_ec2_instance_type", "instanceType"}};

/// Where a task is reached.
struct Place {
  std::string address;
  std::string public_address;
  std::string subnet;
};

class EcsMaker {
 public:
  EcsMaker(const ApiScope& scope, TargetList& list, std::string region)
      : scope_(scope), list_(list), region_(std::move(region)) {
    for (const Json& cluster : scope.answers.Of("clusters")) clusters_[list.Text(cluster, "clusterArn")] = &cluster;
    for (const Json& service : scope.answers.Of("services")) {
      services_[{list.Text(service, "clusterArn"), list.Text(service, "serviceName")}] = &service;
    }
    for (const Json& instance : scope.answers.Of("container_instances")) {
      instance_ids_[list.Text(instance, "containerInstanceArn")] = list.Text(instance, "ec2InstanceId");
    }
    for (const Json& reservation : scope.answers.Of("reservations")) {
      for (const Json& instance : ItemsAt(reservation, "instancesSet.item")) AddInstance(instance);
    }
    for (const Json& interface : scope.answers.Of("interfaces")) {
      public_addresses_[list.Text(interface, "networkInterfaceId")] = list.Text(interface, "association.publicIp");
    }
  }

  void Run() {
    for (const Json& task : scope_.answers.Of("tasks")) {
      if (list_.failed()) return;
      AddTask(task);
    }
  }

 private:
  void AddInstance(const Json& instance) {
    if (!list_.Text(instance, "privateIpAddress").empty()) instances_[list_.Text(instance, "instanceId")] = &instance;
  }

  void AddTask(const Json& task) {
    const std::string instance_id = InstanceIdOf(task);
    const auto found = instances_.find(instance_id);
    const Json* const instance = found == instances_.end() ? nullptr : found->second;
    const Json* const interface = InterfaceOf(task, list_);
    const Place place = interface != nullptr ? PlaceOf(*interface) : PlaceOfHost(instance);
    if (place.address.empty()) return;
    LabelMap labels{{"__meta_ecs_ec2_instance_id", instance_id},
                    {"__meta_ecs_ip_address", place.address},
                    {"__meta_ecs_network_mode", interface != nullptr ? "awsvpc" : "bridge"},
                    {"__meta_ecs_public_ip", place.public_address},
                    {"__meta_ecs_region", region_},
                    {"__meta_ecs_subnet_id", place.subnet}};
    list_.Apply(kTaskLabels, task, labels);
    AddClusterLabels(task, labels);
    AddServiceLabels(task, labels);
    AddAwsTags(ItemsAt(task, "tags"), AwsTagNames::kLower, "__meta_ecs_tag_task_", list_, labels);
    if (instance != nullptr) {
      list_.Apply(kInstanceLabels, *instance, labels);
      AddAwsTags(ItemsAt(*instance, "tagSet.item"), AwsTagNames::kLower, "__meta_ecs_tag_ec2_", list_, labels);
    }
    list_.Add(std::move(labels), place.address, scope_.Port());
  }

  std::string InstanceIdOf(const Json& task) {
    const auto found = instance_ids_.find(list_.Text(task, "containerInstanceArn"));
    return found == instance_ids_.end() ? "" : found->second;
  }

  /// A task with an interface of its own has that one's address.
  Place PlaceOf(const Json& interface) {
    Place place{.address = Detail(interface, "privateIPv4Address", list_),
                .public_address = "",
                .subnet = Detail(interface, "subnetId", list_)};
    const auto found = public_addresses_.find(Detail(interface, "networkInterfaceId", list_));
    if (found != public_addresses_.end()) place.public_address = found->second;
    return place;
  }

  /// Another has its host's.
  Place PlaceOfHost(const Json* instance) {
    if (instance == nullptr) return {};
    return {.address = list_.Text(*instance, "privateIpAddress"),
            .public_address = list_.Text(*instance, "ipAddress"),
            .subnet = list_.Text(*instance, "subnetId")};
  }

  void AddClusterLabels(const Json& task, LabelMap& labels) {
    const auto found = clusters_.find(list_.Text(task, "clusterArn"));
    if (found == clusters_.end()) return;
    labels["__meta_ecs_cluster"] = list_.Text(*found->second, "clusterName");
    AddAwsTags(ItemsAt(*found->second, "tags"), AwsTagNames::kLower, "__meta_ecs_tag_cluster_", list_, labels);
  }

  void AddServiceLabels(const Json& task, LabelMap& labels) {
    const std::string group = list_.Text(task, "group");
    if (!group.starts_with(kServicePrefix)) return;
    const auto found = services_.find({list_.Text(task, "clusterArn"), group.substr(kServicePrefix.size())});
    if (found == services_.end()) return;
    list_.Apply(kServiceLabels, *found->second, labels);
    AddAwsTags(ItemsAt(*found->second, "tags"), AwsTagNames::kLower, "__meta_ecs_tag_service_", list_, labels);
  }

  const ApiScope& scope_;
  TargetList& list_;
  const std::string region_;
  std::unordered_map<std::string, const Json*> clusters_;                // by ARN
  std::map<std::pair<std::string, std::string>, const Json*> services_;  // by the cluster's ARN and name
  std::unordered_map<std::string, std::string> instance_ids_;            // of EC2, by ARN of ECS
  std::unordered_map<std::string, const Json*> instances_;               // by id
  std::unordered_map<std::string, std::string> public_addresses_;        // by id of the interface
};

void MakeEcs(const ApiScope& scope, TargetList& list) {
  auto region = AwsRegion(scope);
  if (!region) return list.Fail(region.error().message());
  EcsMaker(scope, list, *std::move(region)).Run();
}

constexpr ApiProvider kEcs = {.kind = "ecs",
                              .group = "ecs",
                              .base = "https://ecs.amazonaws.com",
                              .login = AwsLogin,
                              .calls = kCalls,
                              .targets = MakeEcs};
constexpr ApiProvider kTable[] = {kEcs, AwsRole(kEcs)};

}  // namespace

const std::span<const ApiProvider> kEcsProviders = kTable;

}  // namespace baro::scraper
