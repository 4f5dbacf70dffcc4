#include <algorithm>

#include "config/sections/sections.h"

namespace baro::config {
namespace {

// Every field of the configuration file whose value is a secret, under whatever section it stands.
constexpr std::string_view kSecretFields[] = {"access_key",
                                              "account_key",
                                              "api_key",
                                              "application_credential_secret",
                                              "application_secret",
                                              "auth_token",
                                              "bearer_token",
                                              "client_certificate_key",
                                              "client_secret",
                                              "consumer_key",
                                              "credentials",
                                              "key",
                                              "password",
                                              "private_key",
                                              "secret_key",
                                              "secret_key_id",
                                              "secrets",
                                              "service_account_key",
                                              "token"};

std::string MaskUrl(const std::string& text) {
  const std::size_t scheme = text.find("://");
  if (scheme == std::string::npos) return text;
  const std::size_t host_end = text.find_first_of("/?#", scheme + 3);
  const std::size_t at = text.rfind('@', host_end);
  if (at == std::string::npos || at < scheme + 3) return text;
  const std::size_t colon = text.find(':', scheme + 3);
  if (colon == std::string::npos || colon > at) return text;
  return text.substr(0, colon + 1) + "xxxxx" + text.substr(at);
}

// Recursion is bounded: ParseYaml refuses documents nested deeper than kYamlDepthMax.
void Emit(const YAML::Node& node, bool is_secret, YAML::Emitter& out) {
  switch (node.Type()) {
    case YAML::NodeType::Scalar:
      out << (is_secret && !node.Scalar().empty() ? "<secret>" : MaskUrl(node.Scalar()));
      break;
    case YAML::NodeType::Sequence:
      out << YAML::BeginSeq;
      for (const auto& item : node) Emit(item, is_secret, out);
      out << YAML::EndSeq;
      break;
    case YAML::NodeType::Map:
      out << YAML::BeginMap;
      for (const auto& entry : node) {
        const std::string name = entry.first.IsScalar() ? entry.first.Scalar() : "";
        out << YAML::Key << name << YAML::Value;
        Emit(entry.second, is_secret || std::ranges::find(kSecretFields, name) != std::end(kSecretFields), out);
      }
      out << YAML::EndMap;
      break;
    case YAML::NodeType::Null:
    case YAML::NodeType::Undefined:
      out << YAML::Null;
      break;
  }
}

}  // namespace

std::string MaskSecrets(const YAML::Node& document) {
  YAML::Emitter out;
  Emit(document, false, out);
  return std::string(out.c_str(), out.size()) + "\n";
}

}  // namespace baro::config
