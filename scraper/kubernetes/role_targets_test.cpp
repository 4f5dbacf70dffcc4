#include "scraper/kubernetes/role_targets.h"

#include "scraper/kubernetes/kubernetes_fixture.h"
#include "scraper/kubernetes/objects_for_tests.h"

namespace baro::scraper {
namespace {

using testing::HasSubstr;
using testing::Not;

/// The labels of all targets, one a line: `name="value"`, each name without "__meta_kubernetes_".
class RoleTargets : public KubernetesTest {
 protected:
  std::string Told() const {
    std::string text = Targets();
    for (std::size_t at = 0; (at = text.find("__meta_kubernetes_", at)) != std::string::npos;) text.erase(at, 18);
    return text;
  }

  static constexpr const char* kPodLabels =
      "pod_annotation_prometheus_io_scrape=\"true\" pod_annotationpresent_note=\"true\" "
      "pod_annotationpresent_prometheus_io_scrape=\"true\"";
};

TEST_F(RoleTargets, Node) {
  List("/api/v1/nodes", kNodeJson);
  StartRole("node");
  EXPECT_EQ(Sources(), "node/worker-1 ");
  EXPECT_EQ(
      Told(),
      "__address__=\"10.0.0.1:10250\" node_address_Hostname=\"worker-1.local\" node_address_InternalIP=\"10.0.0.1\" "
      "node_annotation_node_alpha_kubernetes_io_ttl=\"0\" "
      "node_annotationpresent_node_alpha_kubernetes_io_ttl=\"true\" node_condition_memorypressure=\"false\" "
      "node_condition_ready=\"true\" node_label_kubernetes_io_os=\"linux\" node_label_zone=\"a\" "
      "node_labelpresent_kubernetes_io_os=\"true\" node_labelpresent_zone=\"true\" node_name=\"worker-1\" "
      "node_provider_id=\"cloud:///a/i-1\" instance=\"worker-1\"\n");
}

TEST_F(RoleTargets, NodeTakesTheBestAddressThatThereIs) {
  const auto node = [](const std::string& name, const std::string& addresses) {
    return fmt::format(
        R"({{"metadata":{{"name":"{}"}},"status":{{"addresses":[{}],"daemonEndpoints":{{"kubeletEndpoint":{{
      "Port":1}}}}}}}})",
        name, addresses);
  };
  const auto address = [](const std::string& type) { return fmt::format(R"({{"type":"{0}","address":"{0}"}})", type); };
  List("/api/v1/nodes", node("a", address("Hostname") + "," + address("LegacyHostIP")) + "," +
                            node("b", address("ExternalDNS") + "," + address("ExternalIP")) + "," +
                            node("c", address("ExternalIP") + "," + address("InternalDNS")) + "," +
                            node("d", R"({"type":"InternalIP","address":"fd00::2"})") + "," + node("e", ""));
  StartRole("node");
  EXPECT_EQ(Addresses(), "LegacyHostIP:1 ExternalIP:1 InternalDNS:1 [fd00::2]:1 ") << "e has no address: no target";
}

TEST_F(RoleTargets, Pod) {
  List("/api/v1/pods", kPodJson);
  StartRole("pod");
  EXPECT_EQ(Sources(), "pod/shop/web-7d-x ");
  const std::string shared_before = std::string("namespace=\"shop\" ") + kPodLabels + " ";
  const std::string controller = " pod_controller_kind=\"ReplicaSet\" pod_controller_name=\"web-7d\"";
  const std::string shared_behind =
      " pod_host_ip=\"10.0.0.1\" pod_ip=\"10.1.0.7\" pod_label_app=\"web\" pod_label_pod_template_hash=\"7d\" "
      "pod_labelpresent_app=\"true\" pod_labelpresent_pod_template_hash=\"true\" pod_name=\"web-7d-x\" "
      "pod_node_name=\"worker-1\" pod_phase=\"Running\" pod_ready=\"false\" pod_uid=\"7c5b-44\"\n";
  EXPECT_EQ(Told(),
            "__address__=\"10.1.0.7:8080\" " + shared_before +
                "pod_container_id=\"containerd://w1\" pod_container_image=\"shop/web:3\" pod_container_init=\"false\" "
                "pod_container_name=\"web\" pod_container_port_name=\"http\" pod_container_port_number=\"8080\" "
                "pod_container_port_protocol=\"TCP\"" +
                controller + shared_behind + "__address__=\"10.1.0.7:9090\" " + shared_before +
                "pod_container_id=\"containerd://w1\" pod_container_image=\"shop/web:3\" pod_container_init=\"false\" "
                "pod_container_name=\"web\" pod_container_port_number=\"9090\" pod_container_port_protocol=\"UDP\"" +
                controller + shared_behind + "__address__=\"10.1.0.7\" " + shared_before +
                "pod_container_id=\"containerd://s1\" pod_container_image=\"shop/side:1\" pod_container_init=\"false\" "
                "pod_container_name=\"side\"" +
                controller + shared_behind + "__address__=\"10.1.0.7\" " + shared_before +
                "pod_container_id=\"containerd://m1\" pod_container_image=\"shop/migrate:1\" "
                "pod_container_init=\"true\" pod_container_name=\"migrate\"" +
                controller + shared_behind);
}

TEST_F(RoleTargets, PodsThatHaveNoAddressYetHaveNoTargets) {
  List("/api/v1/pods", R"({"metadata":{"name":"p","namespace":"n"},"spec":{"containers":[{"name":"c"}]},
      "status":{"phase":"Pending"}})");
  StartRole("pod");
  EXPECT_EQ(updates_, 1);
  EXPECT_EQ(Told(), "");
}

TEST_F(RoleTargets, WhatIsAttachedToPods) {
  values()["attach_metadata.node"] = true;
  values()["attach_metadata.namespace"] = true;
  values()["attach_metadata.deployment"] = true;
  List("/api/v1/pods",
       std::string(kPodJson) + R"(,{"metadata":{"name":"elsewhere","namespace":"shop"},"spec":{"nodeName":"unknown",
            "containers":[{"name":"c"}]},"status":{"podIP":"10.1.0.9"}})");
  List("/api/v1/nodes", kNodeJson);
  List("/api/v1/namespaces", kNamespaceJson);
  List("/apis/apps/v1/replicasets", kReplicaSetJson);
  StartRole("pod");
  EXPECT_EQ(Sources(), "pod/shop/web-7d-x ") << "pods of nodes that are not selected are left out";
  for (const char* const label : {"node_name=\"worker-1\"", "node_label_zone=\"a\"", "node_labelpresent_zone=\"true\"",
                                  "node_annotation_node_alpha_kubernetes_io_ttl=\"0\"", "namespace_label_env=\"prod\"",
                                  "namespace_labelpresent_env=\"true\"", "namespace_annotation_owner=\"team-a\"",
                                  "pod_deployment_name=\"web\""}) {
    EXPECT_THAT(Told(), HasSubstr(label));
  }
  EXPECT_THAT(Told(), Not(HasSubstr("node_provider_id")));
  EXPECT_THAT(Told(), Not(HasSubstr("namespace_name")));
  for (const auto& [request, options] : api_->requests) {
    const bool is_of_pods = request.url.find("/pods") != std::string::npos;
    const std::string accept(request.headers.Get("Accept"));
    EXPECT_EQ(accept == "application/json", is_of_pods) << request.url;
    EXPECT_EQ(accept.find("as=PartialObjectMetadata") != std::string::npos, !is_of_pods) << request.url;
  }
}

TEST_F(RoleTargets, JobsAndCronJobsOfPods) {
  const char* const pod = R"({"metadata":{"name":"p","namespace":"n","ownerReferences":[{"kind":"Job","name":"report-1",
      "controller":true}]},"spec":{"containers":[{"name":"c"}]},"status":{"podIP":"1.1.1.1"}})";
  values()["attach_metadata.job"] = true;
  List("/api/v1/pods", pod);
  StartRole("pod");
  EXPECT_THAT(Told(), HasSubstr("pod_job_name=\"report-1\""));
  EXPECT_EQ(Urls(false).size(), 1U) << "the name of the job stands in the pod";
  discovery_->Stop();

  values()["attach_metadata.job"] = false;
  values()["attach_metadata.cronjob"] = true;
  List("/apis/batch/v1/jobs", R"({"metadata":{"name":"report-1","namespace":"n","ownerReferences":[
      {"kind":"CronJob","name":"report","controller":true}]}})");
  StartRole("pod");
  EXPECT_THAT(Told(), HasSubstr("pod_cronjob_name=\"report\""));
  EXPECT_THAT(Told(), Not(HasSubstr("pod_job_name")));
}

TEST_F(RoleTargets, Service) {
  values()["attach_metadata.namespace"] = true;
  List("/api/v1/namespaces", kNamespaceJson);
  List("/api/v1/services",
       std::string(kServiceJson) +
           R"(,{"metadata":{"name":"ext","namespace":"shop"},"spec":{"type":"ExternalName","externalName":"db.example",
                "clusterIP":"","ports":[{"port":5432,"protocol":"TCP"}]}},
              {"metadata":{"name":"lb","namespace":"shop"},"spec":{"type":"LoadBalancer","clusterIP":"10.2.0.1",
                "loadBalancerIP":"9.9.9.9","ports":[{"port":1,"protocol":"TCP"}]},
                "status":{"loadBalancer":{"ingress":[{"ip":"1.1.1.1"},{"hostname":"h"},{"ip":"2.2.2.2"}]}}},
              {"metadata":{"name":"lb2","namespace":"shop"},"spec":{"type":"LoadBalancer","clusterIP":"10.2.0.2",
                "loadBalancerIP":"9.9.9.9","ports":[{"port":1,"protocol":"TCP"}]}})");
  StartRole("service");
  EXPECT_EQ(Sources(), "svc/shop/ext svc/shop/lb svc/shop/lb2 svc/shop/web ");
  const std::string around =
      "namespace=\"shop\" namespace_annotation_owner=\"team-a\" "
      "namespace_annotationpresent_owner=\"true\" namespace_label_env=\"prod\" namespace_labelpresent_env=\"true\" ";
  const std::string web =
      around +
      "service_annotation_team_owner=\"shop\" "
      "service_annotationpresent_team_owner=\"true\" service_cluster_ip=\"10.2.0.9\" service_label_app=\"web\" "
      "service_labelpresent_app=\"true\" service_name=\"web\" ";
  EXPECT_EQ(Told(),
            "__address__=\"ext.shop.svc:5432\" " + around +
                "service_external_name=\"db.example\" service_name=\"ext\" service_port_number=\"5432\" "
                "service_port_protocol=\"TCP\" service_type=\"ExternalName\"\n"
                "__address__=\"lb.shop.svc:1\" " +
                around +
                "service_cluster_ip=\"10.2.0.1\" service_loadbalancer_ip=\"1.1.1.1,2.2.2.2\" service_name=\"lb\" "
                "service_port_number=\"1\" service_port_protocol=\"TCP\" service_type=\"LoadBalancer\"\n"
                "__address__=\"lb2.shop.svc:1\" " +
                around +
                "service_cluster_ip=\"10.2.0.2\" service_loadbalancer_ip=\"9.9.9.9\" service_name=\"lb2\" "
                "service_port_number=\"1\" service_port_protocol=\"TCP\" service_type=\"LoadBalancer\"\n"
                "__address__=\"web.shop.svc:80\" " +
                web +
                "service_port_name=\"http\" service_port_number=\"80\" service_port_protocol=\"TCP\" "
                "service_type=\"ClusterIP\"\n"
                "__address__=\"web.shop.svc:9100\" " +
                web +
                "service_port_name=\"stats\" service_port_number=\"9100\" service_port_protocol=\"TCP\" "
                "service_type=\"ClusterIP\"\n");
}

TEST_F(RoleTargets, Ingress) {
  List("/apis/networking.k8s.io/v1/ingresses", kIngressJson);
  StartRole("ingress");
  EXPECT_EQ(Sources(), "ingress/shop/front ");
  const auto line = [](const std::string& host, const std::string& path, const std::string& scheme) {
    return fmt::format(
        "__address__=\"{0}\" ingress_class_name=\"nginx\" ingress_host=\"{0}\" ingress_label_tier=\"edge\" "
        "ingress_labelpresent_tier=\"true\" ingress_name=\"front\" ingress_path=\"{1}\" ingress_scheme=\"{2}\" "
        "namespace=\"shop\"\n",
        host, path, scheme);
  };
  EXPECT_EQ(Told(), line("www.shop.example", "/", "https") + line("www.shop.example", "/", "https") +
                        line("www.shop.example", "/api", "https") + line("a.b.shop.example", "/", "http"))
      << "a star stands for one part of a name";
}

TEST_F(RoleTargets, Endpoints) {
  values()["attach_metadata.node"] = true;
  List("/api/v1/endpoints", kEndpointsJson);
  List("/api/v1/services", kServiceJson);
  List("/api/v1/pods", kPodJson);
  List("/api/v1/nodes", kNodeJson);
  StartRole("endpoints");
  EXPECT_EQ(Sources(), "endpoints/shop/web ");
  const std::string group =
      "endpoints_label_app=\"web\" endpoints_labelpresent_app=\"true\" endpoints_name=\"web\" "
      "namespace=\"shop\" ";
  const std::string node =
      "node_annotation_node_alpha_kubernetes_io_ttl=\"0\" node_annotationpresent_node_alpha_kubernetes_io_ttl=\"true\" "
      "node_label_kubernetes_io_os=\"linux\" node_label_zone=\"a\" node_labelpresent_kubernetes_io_os=\"true\" "
      "node_labelpresent_zone=\"true\" node_name=\"worker-1\" ";
  const std::string pod = std::string(kPodLabels) + " ";
  const std::string behind =
      " pod_controller_kind=\"ReplicaSet\" pod_controller_name=\"web-7d\" pod_host_ip=\"10.0.0.1\" pod_ip=\"10.1.0.7\" "
      "pod_label_app=\"web\" pod_label_pod_template_hash=\"7d\" pod_labelpresent_app=\"true\" "
      "pod_labelpresent_pod_template_hash=\"true\" pod_name=\"web-7d-x\" pod_node_name=\"worker-1\" "
      "pod_phase=\"Running\" pod_ready=\"false\" pod_uid=\"7c5b-44\" ";
  const std::string service =
      "service_annotation_team_owner=\"shop\" service_annotationpresent_team_owner=\"true\" "
      "service_label_app=\"web\" service_labelpresent_app=\"true\" service_name=\"web\"\n";
  EXPECT_EQ(Told(),
            "__address__=\"10.1.0.7:8080\" endpoint_address_target_kind=\"Pod\" "
            "endpoint_address_target_name=\"web-7d-x\" endpoint_node_name=\"worker-1\" endpoint_port_name=\"http\" "
            "endpoint_port_protocol=\"TCP\" endpoint_ready=\"true\" " +
                group + node + pod +
                "pod_container_image=\"shop/web:3\" pod_container_init=\"false\" pod_container_name=\"web\" "
                "pod_container_port_name=\"http\" pod_container_port_number=\"8080\" "
                "pod_container_port_protocol=\"TCP\"" +
                behind + service +
                "__address__=\"10.1.0.8:8080\" endpoint_address_target_kind=\"Node\" "
                "endpoint_address_target_name=\"worker-1\" endpoint_hostname=\"db-0\" endpoint_port_name=\"http\" "
                "endpoint_port_protocol=\"TCP\" endpoint_ready=\"false\" " +
                group + node + service + "__address__=\"10.1.0.7:9090\" " + group + pod +
                "pod_container_image=\"shop/web:3\" pod_container_init=\"false\" pod_container_name=\"web\" "
                "pod_container_port_number=\"9090\" pod_container_port_protocol=\"UDP\"" +
                behind + service);
}

TEST_F(RoleTargets, AContainersPortHasTheProtocolOfItsEndpoint) {
  std::string json = kEndpointsJson;
  const auto at = json.find("\"TCP\"");
  ASSERT_NE(at, std::string::npos);
  json.replace(at, 5, "\"SCTP\"");
  List("/api/v1/endpoints", json);
  List("/api/v1/services", kServiceJson);
  List("/api/v1/pods", kPodJson);
  StartRole("endpoints");
  EXPECT_THAT(Told(), HasSubstr("pod_container_port_number=\"8080\" pod_container_port_protocol=\"SCTP\""));
}

TEST_F(RoleTargets, EndpointSlice) {
  List("/apis/discovery.k8s.io/v1/endpointslices", kSliceJson);
  List("/api/v1/services", kServiceJson);
  List("/api/v1/pods", kPodJson);
  StartRole("endpointslice");
  EXPECT_EQ(Sources(), "endpointslice/shop/web-abc ");
  const std::string group =
      "endpointslice_label_kubernetes_io_service_name=\"web\" "
      "endpointslice_labelpresent_kubernetes_io_service_name=\"true\" endpointslice_name=\"web-abc\" ";
  const std::string port =
      "endpointslice_port=\"8080\" endpointslice_port_app_protocol=\"h2c\" "
      "endpointslice_port_name=\"http\" endpointslice_port_protocol=\"TCP\" namespace=\"shop\" ";
  const std::string pod = std::string(kPodLabels) +
                          " pod_container_image=\"shop/web:3\" pod_container_init=\"false\" "
                          "pod_container_name=\"web\" ";
  const std::string behind =
      " pod_controller_kind=\"ReplicaSet\" pod_controller_name=\"web-7d\" pod_host_ip=\"10.0.0.1\" pod_ip=\"10.1.0.7\" "
      "pod_label_app=\"web\" pod_label_pod_template_hash=\"7d\" pod_labelpresent_app=\"true\" "
      "pod_labelpresent_pod_template_hash=\"true\" pod_name=\"web-7d-x\" pod_node_name=\"worker-1\" "
      "pod_phase=\"Running\" pod_ready=\"false\" pod_uid=\"7c5b-44\" ";
  const std::string service =
      "service_annotation_team_owner=\"shop\" service_annotationpresent_team_owner=\"true\" "
      "service_label_app=\"web\" service_labelpresent_app=\"true\" service_name=\"web\"\n";
  EXPECT_EQ(Told(),
            "__address__=\"10.1.0.7:8080\" endpointslice_address_target_kind=\"Pod\" "
            "endpointslice_address_target_name=\"web-7d-x\" endpointslice_address_type=\"IPv4\" "
            "endpointslice_endpoint_conditions_ready=\"true\" endpointslice_endpoint_conditions_serving=\"true\" "
            "endpointslice_endpoint_conditions_terminating=\"false\" endpointslice_endpoint_node_name=\"worker-1\" "
            "endpointslice_endpoint_zone=\"a\" " +
                group + port + pod +
                "pod_container_port_name=\"http\" pod_container_port_number=\"8080\" "
                "pod_container_port_protocol=\"TCP\"" +
                behind + service +
                "__address__=\"10.9.0.1:8080\" endpointslice_address_type=\"IPv4\" "
                "endpointslice_endpoint_hostname=\"db-0\" "
                "endpointslice_endpoint_topology_kubernetes_io_hostname=\"h\" "
                "endpointslice_endpoint_topology_present_kubernetes_io_hostname=\"true\" " +
                group + port + service + "__address__=\"10.1.0.7:9090\" endpointslice_address_type=\"IPv4\" " + group +
                "namespace=\"shop\" " + pod + "pod_container_port_number=\"9090\" pod_container_port_protocol=\"UDP\"" +
                behind + service);
}

TEST_F(RoleTargets, SlicesOfASecondFamilyHaveNoTargets) {
  const auto slice = [](const std::string& type, const std::string& service) {
    return fmt::format(R"({{"addressType":"{0}","metadata":{{"name":"{1}-{0}","namespace":"n","labels":{{
        "kubernetes.io/service-name":"{1}"}}}},"endpoints":[{{"addresses":["{0}"]}}],"ports":[{{"port":null}}]}})",
                       type, service);
  };
  List("/apis/discovery.k8s.io/v1/endpointslices",
       slice("IPv4", "two") + "," + slice("IPv6", "two") + "," + slice("IPv6", "one") + "," + slice("FQDN", "none"));
  List("/api/v1/pods", "");
  List("/api/v1/services", R"({"metadata":{"name":"two","namespace":"n"},"spec":{"ipFamilyPolicy":"PreferDualStack",
           "ipFamilies":["IPv4","IPv6"]}},
         {"metadata":{"name":"one","namespace":"n"},"spec":{"ipFamilyPolicy":"SingleStack","ipFamilies":["IPv4"]}})");
  StartRole("endpointslice");
  EXPECT_EQ(Addresses(), "FQDN IPv6 IPv4 ") << "without a port the address stands alone";
}

TEST_F(RoleTargets, NamespacesAndSelectorsAreInTheQuestions) {
  values()["namespaces.names"] = std::vector<std::string>{"b", "a", "b"};
  values()["selectors"] = std::vector<DiscoveryRecord>{
      {.values = {{"role", std::string("pod")},
                  {"label", std::string("app=web,tier in (a,b)")},
                  {"field", std::string("status.phase=Running")}}},
      {.values = {{"role", std::string("node")}, {"label", std::string("x")}, {"field", std::string()}}}};
  values()["attach_metadata.node"] = true;
  StartRole("pod");
  EXPECT_THAT(Urls(false),
              testing::UnorderedElementsAre(
                  ListUrl("/api/v1/nodes", "&labelSelector=x"),
                  ListUrl("/api/v1/namespaces/a/pods",
                          "&labelSelector=app%3Dweb%2Ctier%20in%20%28a%2Cb%29&fieldSelector=status.phase%3DRunning"),
                  ListUrl("/api/v1/namespaces/b/pods",
                          "&labelSelector=app%3Dweb%2Ctier%20in%20%28a%2Cb%29&fieldSelector=status.phase%3DRunning")));
}

}  // namespace
}  // namespace baro::scraper
