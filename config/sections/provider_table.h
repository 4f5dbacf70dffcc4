// Service discoveries as tables: which fields an item of `<kind>_sd_configs` has, of which type, with which default.
//
// Format   One row a field. A new kind is a table in providers_*.cpp and its line in kProviders; a rule between fields
// that a
//          table cannot say is a function of its own (`check`).
// Source   Prometheus 3.14, docs/configuration/configuration.md and the meaning of its fields.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "config/sections/sections.h"
#include "scraper/discovery_options.h"

namespace baro::config {

enum class FieldType : std::uint8_t {
  kText,          ///< std::string
  kPath,          ///< std::string, joined to the file's folder
  kUrl,           ///< std::string, well formed
  kHostUrl,       ///< std::string, a URL with scheme and host
  kHttpUrl,       ///< std::string, an http or https URL with a host
  kChoice,        ///< std::string, one of `choices`
  kSecret,        ///< net::SecretSource, the text only
  kSecretOrFile,  ///< net::SecretSource; `<name>_file` stands beside it
  kBool,          ///< bool
  kInteger,       ///< std::int64_t
  kDuration,      ///< std::chrono::milliseconds
  kTextList,      ///< std::vector<std::string>
  kTextMap,       ///< std::map<std::string, std::string>
  kRecord,        ///< the values of `fields`, each named "<name>.<field>"
  kRecordList,    ///< std::vector<scraper::DiscoveryRecord>, each with the values of `fields`
};

/// Whether a field may be left out, or be empty.
enum class Need : std::uint8_t {
  kOptional,
  kFilled,  ///< a text, a secret, a list: not empty; a number or duration: greater than 0
  kShown,   ///< optional; the normal form has it although it is empty, as Prometheus has it
};

struct ProviderField {
  std::string_view name;
  FieldType type = FieldType::kText;
  std::string_view standard;  ///< the default as it stands in a file; "" is the zero of the type
  Need need = Need::kOptional;
  std::span<const std::string_view> choices;  ///< of kChoice
  bool ignore_case = false;                   ///< of kChoice
  std::span<const ProviderField> fields;      ///< of kRecord and kRecordList
};

enum class ProviderHttp : std::uint8_t { kNone, kTls, kClient };

struct Provider {
  std::string_view kind;  ///< the field of a job is "<kind>_sd_configs"
  ProviderHttp http = ProviderHttp::kClient;
  std::span<const ProviderField> fields;
  void (*check)(Mapping& mapping, const scraper::DiscoveryOptions& options) = nullptr;
};

/// All kinds but static and file, in the order of their names.
std::span<const Provider> Providers();

/// Reads one item. Errors  through `mapping`; the options then have defaults in the place of what is wrong.
scraper::DiscoveryOptions ReadProvider(const Provider& provider, Mapping& mapping, const FileContext& context);

// The tables, by who runs what they find.
extern const std::span<const Provider> kAwsProviders;
extern const std::span<const Provider> kCloudProviders;
extern const std::span<const Provider> kClusterProviders;
extern const std::span<const Provider> kRegistryProviders;

}  // namespace baro::config
