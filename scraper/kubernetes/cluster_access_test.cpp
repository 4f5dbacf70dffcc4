#include "scraper/kubernetes/cluster_access.h"

#include "scraper/kubernetes/kubernetes_fixture.h"

namespace baro::scraper {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

constexpr const char* kFolder = "/var/run/secrets/kubernetes.io/serviceaccount/";

class ClusterAccessTest : public KubernetesTest {
 protected:
  void Write(const std::string& path, std::string_view text) {
    ASSERT_TRUE(files_.CreateDirectories(base::ParentDirectory(path)));
    auto file = files_.OpenWritable(path, base::FileSystem::OpenMode::kReplace);
    ASSERT_TRUE(file);
    ASSERT_TRUE((*file)->Append(base::AsBytes(text)));
  }
  void BeInside() {
    values()["api_server"] = std::string();
    environment_["KUBERNETES_SERVICE_HOST"] = "fd00::1";
    environment_["KUBERNETES_SERVICE_PORT"] = "443";
    Write(std::string(kFolder) + "token", "secret");
    Write(std::string(kFolder) + "ca.crt", "PEM");
  }
  std::string Error() {
    const auto discovery = MakeDiscovery(options_, KubernetesContext());
    return discovery ? "" : discovery.error().message();
  }
  /// Errors of a kubeconfig file.
  static std::string FileError(const std::string& text) {
    const auto access = ParseKubeconfig(text, "/etc/kube");
    return access ? "" : access.error().message();
  }
  /// A file with these fields of its cluster and user.
  static std::string File(const std::string& cluster, const std::string& user) {
    return fmt::format(
        "apiVersion: v1\nkind: Config\ncurrent-context: here\n"
        "contexts: [{{name: there, context: {{cluster: x, user: x}}}}, {{name: here, context: {{cluster: c, user: "
        "u}}}}]\n"
        "clusters: [{{name: c, cluster: {{{}}}}}]\nusers: [{{name: u, user: {{{}}}}}]\n",
        cluster, user);
  }
  static ClusterAccess Parse(const std::string& cluster, const std::string& user) {
    auto access = ParseKubeconfig(File(cluster, user), "/etc/kube");
    EXPECT_TRUE(access) << access.error().message();
    return access ? *access : ClusterAccess{};
  }
};

TEST_F(ClusterAccessTest, InsideOfACluster) {
  BeInside();
  api_->At("https://[fd00::1]:443/api/v1/nodes?limit=500").body = ListOf("");
  StartRole("node");
  EXPECT_EQ(updates_, 1);
  ASSERT_TRUE(http_.authorization);
  EXPECT_EQ(http_.authorization->type, "Bearer");
  EXPECT_EQ(http_.authorization->credentials.file, std::string(kFolder) + "token") << "read again when it changes";
  EXPECT_EQ(http_.tls.ca_file, std::string(kFolder) + "ca.crt");
}

TEST_F(ClusterAccessTest, OutsideOfAClusterItSaysWhatToGive) {
  values()["api_server"] = std::string();
  EXPECT_THAT(Error(),
              HasSubstr("KUBERNETES_SERVICE_HOST and KUBERNETES_SERVICE_PORT are not set: outside of a cluster "
                        "give api_server or kubeconfig_file"));
  environment_["KUBERNETES_SERVICE_HOST"] = "h";
  environment_["KUBERNETES_SERVICE_PORT"] = "1";
  EXPECT_THAT(Error(), HasSubstr("there is no token of a service account"));
}

TEST_F(ClusterAccessTest, OwnNamespaceStandsBesideTheOthers) {
  BeInside();
  values()["namespaces.own_namespace"] = true;
  values()["namespaces.names"] = std::vector<std::string>{"other", "own"};
  EXPECT_THAT(Error(), HasSubstr("own_namespace: the pod's namespace is not known"));
  Write(std::string(kFolder) + "namespace", "");
  EXPECT_THAT(Error(), HasSubstr("own_namespace: the file is empty"));
  Write(std::string(kFolder) + "namespace", "own\n");
  StartRole("service");
  EXPECT_THAT(Urls(false),
              testing::UnorderedElementsAre("https://[fd00::1]:443/api/v1/namespaces/other/services?limit=500",
                                            "https://[fd00::1]:443/api/v1/namespaces/own/services?limit=500"));
}

TEST_F(ClusterAccessTest, AnApiServerIsAskedWithTheOptionsOfTheFile) {
  values()["api_server"] = std::string("http://proxy/k8s/");
  options_.http.basic_auth = net::BasicAuthOptions{.username = "u"};
  StartRole("node");
  EXPECT_THAT(Urls(false), ElementsAre("http://proxy/k8s/api/v1/nodes?limit=500"));
  EXPECT_EQ(http_.basic_auth->username, "u");
  values()["api_server"] = std::string("ftp://x");
  EXPECT_NE(Error(), "");
}

TEST_F(ClusterAccessTest, AKubeconfigFile) {
  values()["api_server"] = std::string();
  values()["kubeconfig_file"] = std::string("/etc/kube/config");
  EXPECT_THAT(Error(), HasSubstr("/etc/kube/config"));
  Write("/etc/kube/config", File("server: 'https://a:6443/'", "token: t"));
  StartRole("node");
  EXPECT_THAT(Urls(false), ElementsAre("https://a:6443/api/v1/nodes?limit=500"));
  EXPECT_EQ(http_.authorization->credentials.value.Reveal(), "t");
  Write("/etc/kube/config", "[]");
  EXPECT_EQ(Error(), "/etc/kube/config: expected a mapping");
}

TEST_F(ClusterAccessTest, FieldsOfAKubeconfigCluster) {
  const auto access = Parse(
      "server: 'https://a', certificate-authority-data: 'UEVN\n  IQ==', certificate-authority: ignored, "
      "tls-server-name: name, proxy-url: 'http://p:1'",
      "");
  EXPECT_EQ(access.url, "https://a");
  EXPECT_EQ(access.http.tls.ca, "PEM!");
  EXPECT_EQ(access.http.tls.ca_file, "");
  EXPECT_EQ(access.http.tls.server_name, "name");
  EXPECT_EQ(access.http.proxy.url, "http://p:1");
  EXPECT_FALSE(access.http.tls.insecure_skip_verify);
  EXPECT_EQ(Parse("server: 'https://a', certificate-authority: ca.pem", "").http.tls.ca_file, "/etc/kube/ca.pem");
  EXPECT_EQ(Parse("server: 'https://a', certificate-authority: /ca.pem", "").http.tls.ca_file, "/ca.pem");
  const auto insecure = Parse("server: 'a:1', insecure-skip-tls-verify: true", "");
  EXPECT_TRUE(insecure.http.tls.insecure_skip_verify);
  EXPECT_EQ(insecure.url, "https://a:1");
  EXPECT_EQ(Parse("server: 'a:1'", "").url, "http://a:1");
}

TEST_F(ClusterAccessTest, FieldsOfAKubeconfigUser) {
  const std::string cluster = "server: 'https://a'";
  const auto certificate = Parse(cluster, "client-certificate: c.pem, client-key: k.pem").http.tls;
  EXPECT_EQ(certificate.cert_file, "/etc/kube/c.pem");
  EXPECT_EQ(certificate.key.file, "/etc/kube/k.pem");
  const auto data = Parse(cluster, "client-certificate-data: Qw==, client-key-data: Sw==").http.tls;
  EXPECT_EQ(data.cert, "C");
  EXPECT_EQ(data.key.value.Reveal(), "K");
  const auto token = Parse(cluster, "token: old, tokenFile: t").http.authorization;
  EXPECT_EQ(token->credentials.file, "/etc/kube/t");
  EXPECT_TRUE(token->credentials.value.empty());
  const auto basic = Parse(cluster, "username: n, password: p").http.basic_auth;
  EXPECT_EQ(basic->username, "n");
  EXPECT_EQ(basic->password.value.Reveal(), "p");
  const auto headers =
      Parse(cluster, "token: t, as: me, as-uid: '7', as-groups: [g, h], as-user-extra: {scope: [s]}").http.headers;
  EXPECT_THAT(headers.at("Impersonate-User").values, ElementsAre("me"));
  EXPECT_THAT(headers.at("Impersonate-Uid").values, ElementsAre("7"));
  EXPECT_THAT(headers.at("Impersonate-Group").values, ElementsAre("g", "h"));
  EXPECT_THAT(headers.at("Impersonate-Extra-scope").values, ElementsAre("s"));
  EXPECT_FALSE(Parse(cluster, "").http.authorization);
}

TEST_F(ClusterAccessTest, KubeconfigFilesInJson) {
  const auto access =
      ParseKubeconfig(R"({"current-context": "a", "contexts": [{"name": "a", "context": {"cluster": "b"}}],
      "clusters": [{"name": "b", "cluster": {"server": "https://s"}}]})",
                      "/");
  ASSERT_TRUE(access) << access.error().message();
  EXPECT_EQ(access->url, "https://s");
}

TEST_F(ClusterAccessTest, KubeconfigFilesThatCannotBeUsed) {
  struct Row {
    std::string text;
    const char* error;
  };
  const std::string good = "server: 'https://a'";
  const Row rows[] = {
      {"", "expected a mapping"},
      {"a: [", "not valid YAML"},
      {"a: b", "current-context names no context"},
      {"current-context: x", "there is no context of the name \"x\""},
      {"current-context: x\ncontexts: [{name: x, context: {cluster: y}}]", "there is no cluster of the name \"y\""},
      {"current-context: [x]", "current-context: expected a text"},
      {"current-context: x\ncontexts: [7, {name: x, context: 7}]", "expected a mapping that may have cluster"},
      {File("", ""), "the cluster has no server"},
      {File(good + ", certificate-authority-data: '?'", ""), "certificate-authority-data is not Base64"},
      {File(good + ", certificate-authority-data: 'QQ='", ""), "certificate-authority-data is not Base64"},
      {File(good + ", certificate-authority: a, insecure-skip-tls-verify: true", ""), "not both"},
      {File(good + ", insecure-skip-tls-verify: maybe", ""), "expected true or false"},
      {File(good, "exec: {command: aws}"), "user \"u\" has exec, which is not served: no programs are run"},
      {File(good, "auth-provider: {name: gcp}"), "user \"u\" has auth-provider, which is not served"},
      {File(good, "client-certificate: c"), "belong together"},
      {File(good, "token: t, username: n"), "give a token or a username"},
      {File(good, "as-groups: g"), "Impersonate-Group: expected a list"}};
  for (const Row& row : rows) EXPECT_THAT(FileError(row.text), HasSubstr(row.error)) << row.text;
}

}  // namespace
}  // namespace baro::scraper
