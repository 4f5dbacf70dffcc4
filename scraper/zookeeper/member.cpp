#include "scraper/zookeeper/member.h"

#include <algorithm>
#include <limits>

#include <fmt/format.h>

#include "scraper/discovery/json_answer.h"

namespace baro::scraper {
namespace {

char Lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

bool IsSameName(std::string_view a, std::string_view b) {
  return std::ranges::equal(a, b, [](char x, char y) { return Lower(x) == Lower(y); });
}

/// Reads fields of one type each, as programs in Go do: what is missing or null is empty or zero, what has another type
/// makes the whole no member.
class Fields {
 public:
  bool ok() const { return is_good_; }

  /// The field of an object; null if there is none. One that is written exactly so is preferred.
  const Json* Find(const Json* object, std::string_view name) {
    if (object == nullptr) return nullptr;
    if (!object->is_object()) return Bad();
    const auto& entries = object->get_ref<const Json::object_t&>();
    auto found = entries.find(std::string(name));
    if (found == entries.end()) {
      found = std::ranges::find_if(entries, [&](const auto& entry) { return IsSameName(entry.first, name); });
    }
    return found == entries.end() || found->second.is_null() ? nullptr : &found->second;
  }

  std::string Text(const Json* object, std::string_view name) {
    const Json* const value = Find(object, name);
    if (value == nullptr) return "";
    if (value->is_string()) return value->get<std::string>();
    Bad();
    return "";
  }

  std::string Integer(const Json* object, std::string_view name) {
    const Json* const value = Find(object, name);
    if (value == nullptr) return "0";
    constexpr std::uint64_t kMax = std::numeric_limits<std::int64_t>::max();
    const bool is_fitting =
        value->is_number_integer() && (!value->is_number_unsigned() || value->get<std::uint64_t>() <= kMax);
    if (!is_fitting) {
      Bad();
      return "0";
    }
    return fmt::format("{}", value->get<std::int64_t>());
  }

  const Json* Bad() {
    is_good_ = false;
    return nullptr;
  }

 private:
  bool is_good_ = true;
};

/// Null stands for an object without fields.
const Json* ObjectOf(const Json& value) { return value.is_null() ? nullptr : &value; }

std::optional<LabelMap> Finish(bool is_good, LabelMap labels) {
  if (!is_good) return std::nullopt;
  std::erase_if(labels, [](const auto& label) { return label.second.empty(); });
  return labels;
}

void AddEndpoint(Fields& fields, const Json* endpoint, const std::string& suffix, LabelMap& labels) {
  labels["__meta_serverset_endpoint_host" + suffix] = fields.Text(endpoint, "host");
  labels["__meta_serverset_endpoint_port" + suffix] = fields.Integer(endpoint, "port");
}

}  // namespace

std::optional<LabelMap> ReadServersetMember(base::ByteSpan data, const std::string& path) {
  const auto document = ParseJsonAnswer(base::AsText(data));
  if (!document) return std::nullopt;
  Fields fields;
  const Json* const member = ObjectOf(*document);
  LabelMap labels{{"__meta_serverset_path", path}};
  AddEndpoint(fields, fields.Find(member, "serviceEndpoint"), "", labels);
  labels["__address__"] =
      JoinHostPort(labels["__meta_serverset_endpoint_host"], labels["__meta_serverset_endpoint_port"]);
  if (const Json* const more = fields.Find(member, "additionalEndpoints")) {
    if (!more->is_object()) return std::nullopt;
    for (const auto& [name, endpoint] : more->items()) {
      AddEndpoint(fields, ObjectOf(endpoint), "_" + CleanLabelName(name), labels);
    }
  }
  labels["__meta_serverset_status"] = fields.Text(member, "status");
  labels["__meta_serverset_shard"] = fields.Integer(member, "shard");
  return Finish(fields.ok(), std::move(labels));
}

std::optional<LabelMap> ReadNerveMember(base::ByteSpan data, const std::string& path) {
  const auto document = ParseJsonAnswer(base::AsText(data));
  if (!document) return std::nullopt;
  Fields fields;
  const Json* const member = ObjectOf(*document);
  const std::string host = fields.Text(member, "host");
  const std::string port = fields.Integer(member, "port");
  LabelMap labels{{"__meta_nerve_path", path},
                  {"__address__", JoinHostPort(host, port)},
                  {"__meta_nerve_endpoint_host", host},
                  {"__meta_nerve_endpoint_port", port},
                  {"__meta_nerve_endpoint_name", fields.Text(member, "name")}};
  return Finish(fields.ok(), std::move(labels));
}

}  // namespace baro::scraper
