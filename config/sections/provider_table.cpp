#include "config/sections/provider_table.h"

#include <algorithm>
#include <charconv>

#include <fmt/format.h>

#include "base/duration_text.h"
#include "config/sections/values.h"

namespace baro::config {
namespace {

using scraper::DiscoveryRecord;

std::chrono::milliseconds DurationOf(std::string_view text) {
  return text.empty() ? std::chrono::milliseconds(0) : base::ParseDuration(text).value();
}

std::int64_t IntegerOf(std::string_view text) {
  std::int64_t value = 0;
  std::from_chars(text.data(), text.data() + text.size(), value);
  return value;
}

void ReadRecord(std::span<const ProviderField> fields, const std::string& prefix, Mapping& mapping,
                const FileContext& context, DiscoveryRecord& record);

/// Reads one field of a table, once for all kinds.
///
/// Threads  Confined.
class FieldReader {
 public:
  FieldReader(const ProviderField& field, Mapping& mapping, const FileContext& context)
      : field_(field), mapping_(mapping), context_(context) {}

  void Read(const std::string& name, DiscoveryRecord& record) {
    switch (field_.type) {
      case FieldType::kText:
      case FieldType::kPath:
      case FieldType::kUrl:
      case FieldType::kHostUrl:
      case FieldType::kHttpUrl:
      case FieldType::kChoice:
        record.values[name] = ReadText();
        break;
      case FieldType::kSecret:
      case FieldType::kSecretOrFile:
        record.values[name] = ReadSecretValue();
        break;
      case FieldType::kBool: {
        bool value = field_.standard == "true";
        mapping_.Bool(field_.name, value, show());
        record.values[name] = value;
        break;
      }
      case FieldType::kInteger:
        record.values[name] = ReadInteger();
        break;
      case FieldType::kDuration:
        record.values[name] = ReadDuration();
        break;
      case FieldType::kTextList: {
        std::vector<std::string> list;
        mapping_.TextList(field_.name, list);
        if (list.empty()) ReportEmpty();
        record.values[name] = std::move(list);
        break;
      }
      case FieldType::kTextMap: {
        std::map<std::string, std::string> map;
        mapping_.TextMap(field_.name, map);
        record.values[name] = std::move(map);
        break;
      }
      case FieldType::kRecord:
        ReadNested(name, record);
        break;
      case FieldType::kRecordList:
        record.values[name] = ReadRecords();
        break;
    }
  }

 private:
  Show show() const { return field_.need == Need::kShown ? Show::kAlways : Show::kUnlessZero; }

  void ReportEmpty() {
    if (field_.need == Need::kFilled) {
      mapping_.Fail(field_.name, fmt::format("the field \"{}\" is needed and may not be empty", field_.name));
    }
  }

  std::string ReadText() {
    std::string value(field_.standard);
    switch (field_.type) {
      case FieldType::kPath:
        ReadPath(mapping_, field_.name, context_, value);
        break;
      case FieldType::kUrl:
        ReadUrl(mapping_, field_.name, UrlNeed::kNothing, value);
        break;
      case FieldType::kHostUrl:
        ReadUrl(mapping_, field_.name, UrlNeed::kHost, value);
        break;
      case FieldType::kHttpUrl:
        ReadUrl(mapping_, field_.name, UrlNeed::kHttp, value);
        break;
      case FieldType::kChoice:
        mapping_.Choice(field_.name, value, field_.choices, field_.ignore_case);
        if (value.empty() && field_.need == Need::kFilled && !mapping_.HasValue(field_.name)) {
          mapping_.Fail(field_.name, fmt::format("the field \"{}\" is needed: one of {}", field_.name, Choices()));
        }
        return value;
      default:
        mapping_.Text(field_.name, value, show());
        break;
    }
    if (value.find_first_not_of(' ') == std::string::npos) ReportEmpty();
    return value;
  }

  std::string Choices() const {
    std::string text;
    for (const std::string_view choice : field_.choices) text += fmt::format("{}{}", text.empty() ? "" : ", ", choice);
    return text;
  }

  net::SecretSource ReadSecretValue() {
    net::SecretSource source;
    mapping_.Secret(field_.name, source.value);
    if (field_.type == FieldType::kSecretOrFile) {
      const std::string file = fmt::format("{}_file", field_.name);
      ReadPath(mapping_, file, context_, source.file);
      if (!source.value.empty() && !source.file.empty()) {
        mapping_.Fail(file, fmt::format("give {} or {}, not both", field_.name, file));
      }
    }
    if (!source.is_set()) ReportEmpty();
    return source;
  }

  std::int64_t ReadInteger() {
    std::int64_t value = IntegerOf(field_.standard);
    mapping_.Integer(field_.name, value, INT64_MIN, INT64_MAX, show());
    if (value <= 0 && field_.need == Need::kFilled) {
      mapping_.Fail(field_.name, fmt::format("expected a number greater than 0, found {}", value));
    }
    return value;
  }

  std::chrono::milliseconds ReadDuration() {
    std::chrono::milliseconds value = DurationOf(field_.standard);
    mapping_.Duration(field_.name, value, show());
    if (value.count() == 0 && field_.need == Need::kFilled) {
      mapping_.Fail(field_.name, "expected a duration greater than 0, found 0s");
    }
    return value;
  }

  void ReadNested(const std::string& name, DiscoveryRecord& record) {
    const auto read = [&](Mapping& child) { ReadRecord(field_.fields, name + ".", child, context_, record); };
    if (mapping_.Child(field_.name, read)) return;
    // The defaults, from a mapping without fields, of which nothing is shown.
    Diagnostics unused("");
    Mapping nothing(YAML::Node(YAML::NodeType::Map), "", unused);
    ReadRecord(field_.fields, name + ".", nothing, context_, record);
  }

  std::vector<DiscoveryRecord> ReadRecords() {
    std::vector<DiscoveryRecord> records;
    mapping_.Children(field_.name,
                      [&](Mapping& child) { ReadRecord(field_.fields, "", child, context_, records.emplace_back()); });
    return records;
  }

  const ProviderField& field_;
  Mapping& mapping_;
  const FileContext& context_;
};

// NOLINTNEXTLINE(misc-no-recursion): as deep as the tables are
void ReadRecord(std::span<const ProviderField> fields, const std::string& prefix, Mapping& mapping,
                const FileContext& context, DiscoveryRecord& record) {
  for (const ProviderField& field : fields) {
    FieldReader(field, mapping, context).Read(prefix + std::string(field.name), record);
  }
}

std::vector<Provider> AllProviders() {
  std::vector<Provider> all;
  for (const auto& group : {kAwsProviders, kCloudProviders, kClusterProviders, kRegistryProviders}) {
    all.insert(all.end(), group.begin(), group.end());
  }
  std::ranges::sort(all, {}, &Provider::kind);
  return all;
}

}  // namespace

std::span<const Provider> Providers() {
  static const std::vector<Provider> kAll = AllProviders();
  return kAll;
}

scraper::DiscoveryOptions ReadProvider(const Provider& provider, Mapping& mapping, const FileContext& context) {
  scraper::DiscoveryOptions options{.kind = std::string(provider.kind)};
  if (provider.http == ProviderHttp::kClient) ReadHttpClient(mapping, context, options.http);
  if (provider.http == ProviderHttp::kTls) ReadTls(mapping, context, options.http.tls);
  ReadRecord(provider.fields, "", mapping, context, options.record);
  if (provider.check != nullptr) provider.check(mapping, options);
  return options;
}

}  // namespace baro::config
