// Tables of hosting companies: recorded-like answers, all labels.
#include "scraper/providers/provider_fixture.h"

namespace baro::scraper {
namespace {

using testing::HasSubstr;

class CloudTest : public ProviderTest {};

TEST_F(CloudTest, DigitaloceanDroplets) {
  const std::string base = "https://api.digitalocean.com/v2/droplets?per_page=200";
  Say(base, R"({"droplets": [{"id": 71, "name": "web", "size_slug": "s-1", "status": "active", "vpc_uuid": "v-1",
    "image": {"slug": "debian-12", "name": "12 x64"}, "region": {"slug": "fra1"}, "features": ["ipv6", "monitoring"],
    "tags": ["a"], "networks": {"v4": [{"ip_address": "10.0.0.4", "type": "private"},
    {"ip_address": "203.0.113.4", "type": "public"}], "v6": [{"ip_address": "2001:db8::4", "type": "public"}]}}],
    "links": {"pages": {"next": "https://api.digitalocean.com/v2/droplets?page=2&per_page=200"}}})");
  Say("https://api.digitalocean.com/v2/droplets?page=2&per_page=200",
      R"({"droplets": [{"id": 72, "name": "new", "networks": {"v4": []}, "tags": []}], "links": {}})");
  EXPECT_EQ(Discover("digitalocean", {{"role", "droplets"}}),
            "__address__=\"203.0.113.4:80\" __meta_digitalocean_droplet_id=\"71\" "
            "__meta_digitalocean_droplet_name=\"web\" __meta_digitalocean_features=\",ipv6,monitoring,\" "
            "__meta_digitalocean_image=\"debian-12\" __meta_digitalocean_image_name=\"12 x64\" "
            "__meta_digitalocean_private_ipv4=\"10.0.0.4\" __meta_digitalocean_public_ipv4=\"203.0.113.4\" "
            "__meta_digitalocean_public_ipv6=\"2001:db8::4\" __meta_digitalocean_region=\"fra1\" "
            "__meta_digitalocean_size=\"s-1\" __meta_digitalocean_status=\"active\" __meta_digitalocean_tags=\",a,\" "
            "__meta_digitalocean_vpc=\"v-1\"\n");
}

TEST_F(CloudTest, DigitaloceanDatabases) {
  Say("https://api.digitalocean.com/v2/databases?per_page=200",
      R"({"databases": [{"id": "d1", "name": "main", "engine": "pg", "version": "16", "status": "online",
      "region": "fra1", "size": "db-s", "num_nodes": 2, "tags": ["prod"], "connection": {"host": "db.example"},
      "private_connection": {"host": "private.db.example"}}]})");
  EXPECT_EQ(Discover("digitalocean", {{"role", "databases"}}),
            "__address__=\"private.db.example:80\" __meta_digitalocean_db_engine=\"pg\" "
            "__meta_digitalocean_db_host=\"db.example\" __meta_digitalocean_db_id=\"d1\" "
            "__meta_digitalocean_db_name=\"main\" __meta_digitalocean_db_num_nodes=\"2\" "
            "__meta_digitalocean_db_private_host=\"private.db.example\" __meta_digitalocean_db_region=\"fra1\" "
            "__meta_digitalocean_db_size=\"db-s\" __meta_digitalocean_db_status=\"online\" "
            "__meta_digitalocean_db_tag_prod=\"true\" __meta_digitalocean_db_version=\"16\"\n");
}

TEST_F(CloudTest, HetznerCloud) {
  Say("https://api.hetzner.cloud/v1/servers?per_page=50&label_selector=a%3Db",
      R"({"servers": [{"id": 9, "name": "s9", "status": "running",
      "public_net": {"ipv4": {"ip": "203.0.113.9"}, "ipv6": {"ip": "2001:db8:9::/64"}},
      "private_net": [{"network": 5, "ip": "10.5.0.9"}, {"network": 6, "ip": "10.6.0.9"}],
      "datacenter": {"location": {"name": "fsn1", "network_zone": "eu-central"}},
      "server_type": {"name": "cx22", "cores": 2, "cpu_type": "shared", "memory": 4.5, "disk": 40},
      "image": {"name": "debian-12", "description": "Debian 12", "os_version": "12", "os_flavor": "debian"},
      "labels": {"a": "b", "x/y": ""}}], "meta": {"pagination": {"next_page": 2}}})");
  Say("https://api.hetzner.cloud/v1/servers?per_page=50&label_selector=a%3Db&page=2",
      R"({"servers": [], "meta": {"pagination": {"next_page": null}}})");
  Say("https://api.hetzner.cloud/v1/networks?per_page=50", R"({"networks": [{"id": 5, "name": "my-net"}]})");
  EXPECT_EQ(Discover("hetzner", {{"role", "hcloud"}, {"label_selector", "a=b"}}),
            "__address__=\"203.0.113.9:80\" __meta_hetzner_hcloud_cpu_cores=\"2\" "
            "__meta_hetzner_hcloud_cpu_type=\"shared\" __meta_hetzner_hcloud_datacenter_location=\"fsn1\" "
            "__meta_hetzner_hcloud_datacenter_location_network_zone=\"eu-central\" "
            "__meta_hetzner_hcloud_disk_size_gb=\"40\" __meta_hetzner_hcloud_image_description=\"Debian 12\" "
            "__meta_hetzner_hcloud_image_name=\"debian-12\" __meta_hetzner_hcloud_image_os_flavor=\"debian\" "
            "__meta_hetzner_hcloud_image_os_version=\"12\" __meta_hetzner_hcloud_label_a=\"b\" "
            "__meta_hetzner_hcloud_labelpresent_a=\"true\" __meta_hetzner_hcloud_labelpresent_x_y=\"true\" "
            "__meta_hetzner_hcloud_location=\"fsn1\" __meta_hetzner_hcloud_location_network_zone=\"eu-central\" "
            "__meta_hetzner_hcloud_memory_size_gb=\"4\" __meta_hetzner_hcloud_private_ipv4_my_net=\"10.5.0.9\" "
            "__meta_hetzner_hcloud_server_type=\"cx22\" __meta_hetzner_public_ipv4=\"203.0.113.9\" "
            "__meta_hetzner_public_ipv6_network=\"2001:db8:9::/64\" __meta_hetzner_role=\"hcloud\" "
            "__meta_hetzner_server_id=\"9\" __meta_hetzner_server_name=\"s9\" "
            "__meta_hetzner_server_status=\"running\"\n");
}

TEST_F(CloudTest, HetznerRobot) {
  Say("https://robot-ws.your-server.de/server",
      R"([{"server": {"server_ip": "203.0.113.1", "server_number": 321, "server_name": "big", "dc": "FSN1-DC8",
      "status": "ready", "product": "AX41", "cancelled": false,
      "subnet": [{"ip": "203.0.113.16", "mask": "28"}, {"ip": "2001:db8:1::", "mask": "64"}]}}])");
  EXPECT_EQ(Discover("hetzner", {{"role", "robot"}, {"label_selector", ""}}),
            "__address__=\"203.0.113.1:80\" __meta_hetzner_datacenter=\"fsn1-dc8\" "
            "__meta_hetzner_public_ipv4=\"203.0.113.1\" __meta_hetzner_public_ipv6_network=\"2001:db8:1::/64\" "
            "__meta_hetzner_robot_cancelled=\"false\" __meta_hetzner_robot_datacenter=\"fsn1-dc8\" "
            "__meta_hetzner_robot_product=\"AX41\" __meta_hetzner_role=\"robot\" __meta_hetzner_server_id=\"321\" "
            "__meta_hetzner_server_name=\"big\" __meta_hetzner_server_status=\"ready\"\n");
}

TEST_F(CloudTest, Linode) {
  const std::string base = "https://api.linode.com/v4/";
  Say(base + "linode/instances?page_size=500&page=1",
      R"({"data": [{"id": 5, "label": "l5", "image": "linode/debian12", "region": "eu", "type": "g6",
      "status": "running",
      "group": "grp", "hypervisor": "kvm", "tags": ["a", "b"], "ipv4": ["203.0.113.5", "192.168.0.5", "203.0.113.6"],
      "ipv6": "2001:db8::5/128", "backups": {"enabled": true},
      "specs": {"disk": 81920, "memory": 4096, "vcpus": 2, "gpus": 1, "transfer": 4000}}], "pages": 1})");
  Say(base + "networking/ips?page_size=500&page=1",
      R"({"data": [{"address": "203.0.113.5", "public": true, "rdns": "five.example"},
      {"address": "192.168.0.5", "public": false, "rdns": null}, {"address": "203.0.113.6", "public": true},
      {"address": "2001:db8::5", "public": true, "rdns": "null"}], "pages": 1})");
  Say(base + "networking/ipv6/ranges?page_size=500&page=1",
      R"({"data": [{"range": "2001:db8:5::", "prefix": 64, "route_target": "2001:db8::5"},
      {"range": "2001:db8:6::", "prefix": 64, "route_target": "2001:db8::6"}], "pages": 1})");
  EXPECT_EQ(Discover("linode", {{"region", "eu"}, {"tag_separator", ";"}}),
            "__address__=\"203.0.113.5:80\" __meta_linode_backups=\"enabled\" "
            "__meta_linode_extra_ips=\";203.0.113.6;\" __meta_linode_gpus=\"1\" __meta_linode_group=\"grp\" "
            "__meta_linode_hypervisor=\"kvm\" __meta_linode_image=\"linode/debian12\" __meta_linode_instance_id=\"5\" "
            "__meta_linode_instance_label=\"l5\" __meta_linode_ipv6_ranges=\";2001:db8:5::/64;\" "
            "__meta_linode_private_ipv4=\"192.168.0.5\" __meta_linode_public_ipv4=\"203.0.113.5\" "
            "__meta_linode_public_ipv4_rdns=\"five.example\" __meta_linode_public_ipv6=\"2001:db8::5\" "
            "__meta_linode_region=\"eu\" __meta_linode_specs_disk_bytes=\"85899345920\" "
            "__meta_linode_specs_memory_bytes=\"4294967296\" __meta_linode_specs_transfer_bytes=\"4194304000\" "
            "__meta_linode_specs_vcpus=\"2\" __meta_linode_status=\"running\" __meta_linode_tags=\";a;b;\" "
            "__meta_linode_type=\"g6\"\n");
  EXPECT_EQ(servers_->requests[0].first.headers.Get("X-Filter"), R"({"region":"eu"})");
}

TEST_F(CloudTest, Ionos) {
  Say("https://api.ionos.com/cloudapi/v6/datacenters/dc-1/servers?depth=3",
      R"({"id": "dc-1/servers", "items": [{"id": "s1", "metadata": {"state": "AVAILABLE"},
      "properties": {"name": "srv", "availabilityZone": "AUTO", "cpuFamily": "INTEL", "vmState": "RUNNING",
        "type": "ENTERPRISE", "bootCdrom": {"id": "cd"}, "bootVolume": {"id": "vol"}},
      "entities": {"nics": {"items": [{"properties": {"name": "nic 1", "ips": ["10.0.0.1", "10.0.0.2"]}},
        {"properties": {"ips": ["10.1.0.1"]}}]}, "volumes": {"items": [{"properties": {"image": "img"}}]}}},
      {"id": "s2", "entities": {"nics": {"items": []}}}]})");
  EXPECT_EQ(Discover("ionos", {{"datacenter_id", "dc-1"}}),
            "__address__=\"10.1.0.1:80\" __meta_ionos_server_availability_zone=\"AUTO\" "
            "__meta_ionos_server_boot_cdrom_id=\"cd\" __meta_ionos_server_boot_image_id=\"img\" "
            "__meta_ionos_server_boot_volume_id=\"vol\" __meta_ionos_server_cpu_family=\"INTEL\" "
            "__meta_ionos_server_id=\"s1\" __meta_ionos_server_ip=\",10.1.0.1,10.0.0.1,10.0.0.2,\" "
            "__meta_ionos_server_lifecycle=\"AVAILABLE\" __meta_ionos_server_name=\"srv\" "
            "__meta_ionos_server_nic_ip_nic_1=\",10.0.0.1,10.0.0.2,\" "
            "__meta_ionos_server_nic_ip_unnamed=\",10.1.0.1,\" __meta_ionos_server_servers_id=\"dc-1/servers\" "
            "__meta_ionos_server_state=\"RUNNING\" __meta_ionos_server_type=\"ENTERPRISE\"\n");
}

TEST_F(CloudTest, Vultr) {
  Say("https://api.vultr.com/v2/instances?per_page=100",
      R"({"instances": [{"id": "i1", "label": "l", "os": "Debian", "os_id": 2136, "region": "fra", "plan": "vc2",
      "vcpu_count": 1, "ram": 1024, "allowed_bandwidth": 1000, "disk": 25, "main_ip": "203.0.113.7",
      "v6_main_ip": "2001:db8::7", "internal_ip": "10.0.0.7", "hostname": "h", "server_status": "ok",
      "features": ["ipv6"], "tags": ["t"]}], "meta": {"links": {"next": "bmV4dA==", "prev": ""}}})");
  Say("https://api.vultr.com/v2/instances?per_page=100&cursor=bmV4dA%3D%3D",
      R"({"instances": [], "meta": {"links": {"next": ""}}})");
  EXPECT_EQ(Discover("vultr", {}),
            "__address__=\"203.0.113.7:80\" __meta_vultr_instance_allowed_bandwidth_gb=\"1000\" "
            "__meta_vultr_instance_disk_gb=\"25\" __meta_vultr_instance_features=\",ipv6,\" "
            "__meta_vultr_instance_hostname=\"h\" __meta_vultr_instance_id=\"i1\" "
            "__meta_vultr_instance_internal_ip=\"10.0.0.7\" __meta_vultr_instance_label=\"l\" "
            "__meta_vultr_instance_main_ip=\"203.0.113.7\" __meta_vultr_instance_main_ipv6=\"2001:db8::7\" "
            "__meta_vultr_instance_os=\"Debian\" __meta_vultr_instance_os_id=\"2136\" "
            "__meta_vultr_instance_plan=\"vc2\" __meta_vultr_instance_ram_mb=\"1024\" "
            "__meta_vultr_instance_region=\"fra\" __meta_vultr_instance_server_status=\"ok\" "
            "__meta_vultr_instance_tags=\",t,\" __meta_vultr_instance_vcpu_count=\"1\"\n");
}

class ScalewayTest : public ProviderTest {
 protected:
  static Values Options(std::string role) {
    return {{"role", std::move(role)}, {"api_url", "https://api.scaleway.com"},
            {"zone", "fr-par-1"},      {"secret_key", Secret("s3")},
            {"name_filter", ""},       {"tags_filter", std::vector<std::string>{"a b", "c"}}};
  }
};

TEST_F(ScalewayTest, Instances) {
  Say("https://api.scaleway.com/instance/v1/zones/fr-par-1/servers?per_page=100&page=1&tags=a%20b%2Cc",
      R"({"servers": [{"id": "i1", "name": "n", "hostname": "h", "organization": "org", "project": "prj",
      "state": "running", "boot_type": "local", "commercial_type": "DEV1-S", "zone": "fr-par-1", "tags": ["x"],
      "image": {"id": "img", "name": "Debian", "arch": "x86_64"},
      "location": {"cluster_id": "1", "hypervisor_id": "2", "node_id": "3"},
      "security_group": {"id": "sg", "name": "default"},
      "public_ip": {"address": "203.0.113.8", "family": "inet"}, "ipv6": {"address": "2001:db8::8"},
      "public_ips": [{"address": "203.0.113.8", "family": "inet"}, {"address": "2001:db8::8", "family": "inet6"}],
      "private_ip": "10.0.0.8"},
      {"id": "i2", "zone": "fr-par-1", "private_nics": [{"id": "nic0"}, {"id": "nic1"}]},
      {"id": "i3", "zone": "fr-par-1"}]})");
  Say("https://api.scaleway.com/ipam/v1/regions/fr-par/ips?page_size=100&is_ipv6=false&"
      "resource_type=instance_private_nic&page=1",
      R"({"ips": [{"address": "172.16.0.2/22", "is_ipv6": false, "resource": {"id": "nic1"}}]})");
  EXPECT_EQ(
      Discover("scaleway", Options("instance")),
      "__address__=\"10.0.0.8:80\" __meta_scaleway_instance_boot_type=\"local\" "
      "__meta_scaleway_instance_hostname=\"h\" __meta_scaleway_instance_id=\"i1\" "
      "__meta_scaleway_instance_image_arch=\"x86_64\" __meta_scaleway_instance_image_id=\"img\" "
      "__meta_scaleway_instance_image_name=\"Debian\" __meta_scaleway_instance_location_cluster_id=\"1\" "
      "__meta_scaleway_instance_location_hypervisor_id=\"2\" __meta_scaleway_instance_location_node_id=\"3\" "
      "__meta_scaleway_instance_name=\"n\" __meta_scaleway_instance_organization_id=\"org\" "
      "__meta_scaleway_instance_private_ipv4=\"10.0.0.8\" __meta_scaleway_instance_project_id=\"prj\" "
      "__meta_scaleway_instance_public_ipv4=\"203.0.113.8\" "
      "__meta_scaleway_instance_public_ipv4_addresses=\",203.0.113.8,\" "
      "__meta_scaleway_instance_public_ipv6=\"2001:db8::8\" "
      "__meta_scaleway_instance_public_ipv6_addresses=\",2001:db8::8,\" __meta_scaleway_instance_region=\"fr-par\" "
      "__meta_scaleway_instance_security_group_id=\"sg\" __meta_scaleway_instance_security_group_name=\"default\" "
      "__meta_scaleway_instance_status=\"running\" __meta_scaleway_instance_tags=\",x,\" "
      "__meta_scaleway_instance_type=\"DEV1-S\" __meta_scaleway_instance_zone=\"fr-par-1\"\n"
      "__address__=\"172.16.0.2:80\" __meta_scaleway_instance_id=\"i2\" "
      "__meta_scaleway_instance_private_ipv4=\"172.16.0.2\" __meta_scaleway_instance_region=\"fr-par\" "
      "__meta_scaleway_instance_zone=\"fr-par-1\"\n");
  EXPECT_EQ(servers_->requests[1].first.headers.Get("X-Auth-Token"), "s3");
}

TEST_F(ScalewayTest, Baremetal) {
  const std::string base = "https://api.scaleway.com/baremetal/v1/zones/fr-par-1/";
  Say(base + "servers?page_size=100&page=1&tags=a%20b&tags=c",
      R"({"servers": [{"id": "b1", "name": "metal", "zone": "fr-par-1", "status": "ready", "project_id": "prj",
      "offer_id": "o1", "install": {"os_id": "os1"}, "tags": [],
      "ips": [{"version": "IPv6", "address": "2001:db8::b"}, {"version": "IPv4", "address": "203.0.113.11"}]}]})");
  Say(base + "offers?page_size=100&page=1", R"({"offers": [{"id": "o1", "name": "EM-A210"}]})");
  Say(base + "os?page_size=100&page=1", R"({"os": [{"id": "os1", "name": "Debian", "version": "12"}]})");
  EXPECT_EQ(Discover("scaleway", Options("baremetal")),
            "__address__=\"203.0.113.11:80\" __meta_scaleway_baremetal_id=\"b1\" "
            "__meta_scaleway_baremetal_name=\"metal\" __meta_scaleway_baremetal_os_name=\"Debian\" "
            "__meta_scaleway_baremetal_os_version=\"12\" __meta_scaleway_baremetal_project_id=\"prj\" "
            "__meta_scaleway_baremetal_public_ipv4=\"203.0.113.11\" "
            "__meta_scaleway_baremetal_public_ipv6=\"2001:db8::b\" __meta_scaleway_baremetal_status=\"ready\" "
            "__meta_scaleway_baremetal_type=\"EM-A210\" __meta_scaleway_baremetal_zone=\"fr-par-1\"\n");
}

}  // namespace
}  // namespace baro::scraper
