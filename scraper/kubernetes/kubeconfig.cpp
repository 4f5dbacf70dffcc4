#include "scraper/kubernetes/kubeconfig.h"

#include <optional>

#include <fmt/format.h>
#include <yaml-cpp/yaml.h>

namespace baro::scraper {
namespace {

using base::Code;
using base::Error;
using base::Fail;

int DigitOf(char c) {
  if (c >= 'A' && c <= 'Z') return c - 'A';
  if (c >= 'a' && c <= 'z') return c - 'a' + 26;
  if (c >= '0' && c <= '9') return c - '0' + 52;
  if (c == '+') return 62;
  return c == '/' ? 63 : -1;
}

/// RFC 4648 section 4, in lines or in one. Nothing if it is not.
std::optional<std::string> DecodeBase64(std::string_view text) {
  std::string bytes;
  std::uint32_t bits = 0;
  int count = 0;
  std::size_t digits = 0;
  std::size_t pads = 0;
  for (const char c : text) {
    if (c == '\n' || c == '\r' || c == ' ') continue;
    ++digits;
    if (c == '=') {
      ++pads;
      continue;
    }
    const int digit = DigitOf(c);
    if (digit < 0 || pads > 0) return std::nullopt;
    bits = (bits << 6) | static_cast<std::uint32_t>(digit);
    count += 6;
    if (count < 8) continue;
    count -= 8;
    bytes += static_cast<char>(static_cast<unsigned char>((bits >> count) & 0xFF));
  }
  if (digits % 4 != 0 || pads > 2) return std::nullopt;
  return bytes;
}

/// Reads mappings of the file; keeps the first thing that is wrong. Never shows values: they may be secrets.
///
/// Threads  Confined.
class KubeconfigReader {
 public:
  KubeconfigReader(const YAML::Node& root, std::string directory) : root_(root), directory_(std::move(directory)) {}

  base::Result<ClusterAccess> Read() {
    const std::string current = Text(root_, "current-context");
    if (current.empty()) return Wrong("current-context names no context");
    const YAML::Node context = Named("contexts", "context", current);
    const YAML::Node cluster = Named("clusters", "cluster", Text(context, "cluster"));
    const std::string user = Text(context, "user");
    if (error_) return *error_;
    ReadCluster(cluster);
    if (!user.empty()) ReadUser(Named("users", "user", user), user);
    if (!error_) SetUrl(Text(cluster, "server"));
    if (error_) return *error_;
    return std::move(access_);
  }

 private:
  Error Wrong(std::string what) {
    if (!error_) error_ = Error(Code::kInvalidArgument, std::move(what));
    return *error_;
  }

  /// The scalar of that name; "" if there is none.
  std::string Text(const YAML::Node& mapping, const std::string& name) {
    if (!mapping.IsDefined() || mapping.IsNull()) return "";
    if (!mapping.IsMap()) {
      Wrong(fmt::format("expected a mapping that may have {}", name));
      return "";
    }
    const YAML::Node value = mapping[name];
    if (!value.IsDefined() || value.IsNull()) return "";
    if (!value.IsScalar()) {
      Wrong(fmt::format("{}: expected a text", name));
      return "";
    }
    return value.Scalar();
  }

  /// What stands under `field` in the item of a list that has this name.
  YAML::Node Named(const std::string& list, const std::string& field, const std::string& name) {
    const YAML::Node items = root_[list];
    if (items.IsDefined() && items.IsSequence()) {
      for (const YAML::Node& item : items) {
        if (item.IsMap() && Text(item, "name") == name) return item[field];
      }
    }
    Wrong(fmt::format("there is no {} of the name \"{}\"", field, name));
    return YAML::Node(YAML::NodeType::Null);
  }

  std::string PathOf(const std::string& path) const {
    return path.empty() || path.starts_with('/') ? path : fmt::format("{}/{}", directory_, path);
  }

  /// Text in the file, which wins as it does in kubectl, or a path.
  void ReadPem(const YAML::Node& mapping, const std::string& name, std::string& pem, std::string& path) {
    const std::string data = Text(mapping, name + "-data");
    if (data.empty()) {
      path = PathOf(Text(mapping, name));
      return;
    }
    if (auto decoded = DecodeBase64(data)) {
      pem = *std::move(decoded);
    } else {
      Wrong(name + "-data is not Base64");
    }
  }

  void ReadCluster(const YAML::Node& cluster) {
    net::TlsClientOptions& tls = access_.http.tls;
    ReadPem(cluster, "certificate-authority", tls.ca, tls.ca_file);
    tls.server_name = Text(cluster, "tls-server-name");
    const std::string insecure = Text(cluster, "insecure-skip-tls-verify");
    if (!insecure.empty() && insecure != "true" && insecure != "false") {
      Wrong("insecure-skip-tls-verify: expected true or false");
    }
    tls.insecure_skip_verify = insecure == "true";
    if (tls.insecure_skip_verify && !(tls.ca.empty() && tls.ca_file.empty())) {
      Wrong("give certificate-authority or insecure-skip-tls-verify, not both");
    }
    access_.http.proxy.url = Text(cluster, "proxy-url");
  }

  void ReadUser(const YAML::Node& user, const std::string& name) {
    if (!user.IsDefined() || user.IsNull()) return;  // whoever asks without a name
    for (const char* const plugin : {"exec", "auth-provider"}) {
      if (!user.IsMap() || !user[plugin].IsDefined() || user[plugin].IsNull()) continue;
      error_ = Error(Code::kUnsupported,
                     fmt::format("user \"{}\" has {}, which is not served: no programs are run for credentials. Give a "
                                 "tokenFile that is kept up to date, the token of a service account, or a client "
                                 "certificate",
                                 name, plugin));
      return;
    }
    net::TlsClientOptions& tls = access_.http.tls;
    std::string key;
    ReadPem(user, "client-certificate", tls.cert, tls.cert_file);
    ReadPem(user, "client-key", key, tls.key.file);
    tls.key.value = base::Secret(std::move(key));
    const bool has_certificate = !tls.cert.empty() || !tls.cert_file.empty();
    if (has_certificate != tls.key.is_set()) Wrong("client-certificate and client-key belong together");
    ReadToken(user);
    ReadImpersonation(user);
  }

  void ReadToken(const YAML::Node& user) {
    const std::string file = PathOf(Text(user, "tokenFile"));
    std::string token = Text(user, "token");
    const std::string username = Text(user, "username");
    if (!file.empty()) {
      access_.http.authorization.emplace().credentials.file = file;  // it is fresher than the token beside it
    } else if (!token.empty()) {
      access_.http.authorization.emplace().credentials.value = base::Secret(std::move(token));
    }
    if (username.empty()) return;
    if (access_.http.authorization) {
      Wrong("give a token or a username, not both");
      return;
    }
    access_.http.basic_auth.emplace().username = username;
    access_.http.basic_auth->password.value = base::Secret(Text(user, "password"));
  }

  /// "as" and its like: to act for somebody else.
  void ReadImpersonation(const YAML::Node& user) {
    const auto set = [&](const std::string& header, const std::string& value) {
      if (!value.empty()) access_.http.headers[header].values.push_back(value);
    };
    set("Impersonate-User", Text(user, "as"));
    set("Impersonate-Uid", Text(user, "as-uid"));
    if (!user.IsMap()) return;
    SetAll(user["as-groups"], "Impersonate-Group");
    const YAML::Node extra = user["as-user-extra"];
    if (!extra.IsDefined() || !extra.IsMap()) return;
    for (const auto& entry : extra) SetAll(entry.second, "Impersonate-Extra-" + entry.first.Scalar());
  }

  void SetAll(const YAML::Node& list, const std::string& header) {
    if (!list.IsDefined() || list.IsNull()) return;
    if (!list.IsSequence()) {
      Wrong(fmt::format("{}: expected a list", header));
      return;
    }
    for (const YAML::Node& value : list) access_.http.headers[header].values.push_back(value.Scalar());
  }

  void SetUrl(std::string server) {
    if (server.empty()) {
      Wrong("the cluster has no server");
      return;
    }
    const net::TlsClientOptions& tls = access_.http.tls;
    const bool has_tls = !tls.ca.empty() || !tls.ca_file.empty() || !tls.cert.empty() || !tls.cert_file.empty() ||
                         tls.insecure_skip_verify;
    if (server.find("://") == std::string::npos) server.insert(0, has_tls ? "https://" : "http://");
    while (server.ends_with('/')) server.pop_back();
    access_.url = std::move(server);
  }

  const YAML::Node root_;
  const std::string directory_;
  ClusterAccess access_;
  std::optional<Error> error_;
};

}  // namespace

base::Result<ClusterAccess> ParseKubeconfig(std::string_view text, const std::string& directory) {
  try {
    const YAML::Node root = YAML::Load(std::string(text));
    if (!root.IsMap()) return Fail(Code::kInvalidArgument, "expected a mapping");
    return KubeconfigReader(root, directory).Read();
  } catch (const YAML::Exception& error) {
    return Fail(Code::kInvalidArgument,
                fmt::format("line {}, column {}: not valid YAML", error.mark.line + 1, error.mark.column + 1));
  }
}

}  // namespace baro::scraper
