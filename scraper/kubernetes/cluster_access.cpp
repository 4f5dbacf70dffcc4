#include "scraper/kubernetes/cluster_access.h"

#include <fmt/format.h>

#include "net/http_message.h"
#include "scraper/discovery/target_list.h"

namespace baro::scraper {
namespace {

using base::Code;
using base::Fail;

constexpr std::size_t kKubeconfigBytesMax = 4 * 1024 * 1024;

/// What each pod is given. Source: Kubernetes' documentation, "Accessing the Kubernetes API from a Pod".
constexpr const char* kToken = "/var/run/secrets/kubernetes.io/serviceaccount/token";
constexpr const char* kAuthority = "/var/run/secrets/kubernetes.io/serviceaccount/ca.crt";
constexpr const char* kNamespace = "/var/run/secrets/kubernetes.io/serviceaccount/namespace";

base::Result<ClusterAccess> InsideCluster(const DiscoveryContext& context) {
  constexpr std::string_view kElse = "outside of a cluster give api_server or kubeconfig_file";
  const auto variable = [&](const char* name) { return context.environment ? context.environment(name) : ""; };
  const std::string host = variable("KUBERNETES_SERVICE_HOST");
  const std::string port = variable("KUBERNETES_SERVICE_PORT");
  if (host.empty() || port.empty()) {
    return Fail(Code::kInvalidArgument,
                fmt::format("KUBERNETES_SERVICE_HOST and KUBERNETES_SERVICE_PORT are not set: {}", kElse));
  }
  if (!BARO_TRY(context.files.Exists(kToken))) {
    return Fail(Code::kInvalidArgument, fmt::format("there is no token of a service account: {}: {}", kToken, kElse));
  }
  ClusterAccess access{.url = fmt::format("https://{}", JoinHostPort(host, port)), .http = {}};
  access.http.authorization.emplace().credentials.file = kToken;
  if (BARO_TRY(context.files.Exists(kAuthority))) access.http.tls.ca_file = kAuthority;
  return access;
}

}  // namespace

base::Result<ClusterAccess> FindCluster(const DiscoveryOptions& options, const DiscoveryContext& context) {
  ClusterAccess access;
  if (const std::string& path = options.record.Text("kubeconfig_file"); !path.empty()) {
    const std::string text = BARO_TRY(base::ReadFile(context.files, path, kKubeconfigBytesMax));
    auto parsed = ParseKubeconfig(text, base::ParentDirectory(path));
    if (!parsed) return std::unexpected(parsed.error().WithContext(path));
    access = *std::move(parsed);
  } else if (const std::string& server = options.record.Text("api_server"); !server.empty()) {
    access = {.url = server, .http = options.http};
    while (access.url.ends_with('/')) access.url.pop_back();
  } else {
    access = BARO_TRY(InsideCluster(context));
  }
  if (const auto url = net::ParseUrl(access.url); !url) return std::unexpected(url.error());
  return access;
}

base::Result<std::string> OwnNamespace(base::FileSystem& files) {
  constexpr std::size_t kBytesMax = 4096;
  auto name = base::ReadFile(files, kNamespace, kBytesMax);
  if (!name) return std::unexpected(name.error().WithContext("own_namespace: the pod's namespace is not known"));
  while (name->ends_with('\n') || name->ends_with(' ')) name->pop_back();
  if (name->empty())
    return Fail(Code::kInvalidArgument, fmt::format("own_namespace: the file is empty: {}", kNamespace));
  return *std::move(name);
}

}  // namespace baro::scraper
