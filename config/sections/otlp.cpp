// otlp: how metrics of OpenTelemetry become series.
#include <set>

#include <fmt/format.h>

#include "config/sections/sections.h"

namespace baro::config {
namespace {

std::string Trimmed(const std::string& text) {
  constexpr std::string_view kBlanks = " \t\r\n";
  const std::size_t start = text.find_first_not_of(kBlanks);
  return start == std::string::npos ? "" : text.substr(start, text.find_last_not_of(kBlanks) - start + 1);
}

// Names of attributes without the blanks around them; neither empty nor twice.
void CheckAttributes(Mapping& fields, std::string_view field, std::vector<std::string>& attributes) {
  std::set<std::string> seen;
  for (std::string& attribute : attributes) {
    attribute = Trimmed(attribute);
    if (attribute.empty()) {
      fields.Fail(field, "the name of an attribute is empty");
    } else if (!seen.insert(attribute).second) {
      fields.Fail(field, fmt::format("the attribute \"{}\" is given twice", attribute));
    }
  }
  fields.Note(field, NormalForm::TextList(attributes));
}

void CheckPromotion(Mapping& fields, remote::OtlpOptions& otlp) {
  if (!otlp.promote_all_resource_attributes) {
    if (!otlp.ignore_resource_attributes.empty()) {
      fields.Fail("ignore_resource_attributes", "needs promote_all_resource_attributes: true");
    }
    CheckAttributes(fields, "promote_resource_attributes", otlp.promote_resource_attributes);
    return;
  }
  if (!otlp.promote_resource_attributes.empty()) {
    fields.Fail("promote_resource_attributes",
                "give promote_resource_attributes or promote_all_resource_attributes, not both");
  }
  CheckAttributes(fields, "ignore_resource_attributes", otlp.ignore_resource_attributes);
}

}  // namespace

void ReadOtlp(Mapping& top, model::NameScheme scheme, remote::OtlpOptions& otlp) {
  const auto read = [&otlp, scheme](Mapping& fields) {
    fields.Bool("promote_all_resource_attributes", otlp.promote_all_resource_attributes);
    fields.TextList("promote_resource_attributes", otlp.promote_resource_attributes);
    fields.TextList("ignore_resource_attributes", otlp.ignore_resource_attributes);
    fields.Choice("translation_strategy", otlp.translation_strategy,
                  {"UnderscoreEscapingWithSuffixes", "UnderscoreEscapingWithoutSuffixes", "NoUTF8EscapingWithSuffixes",
                   "NoTranslation"});
    fields.Bool("keep_identifying_resource_attributes", otlp.keep_identifying_resource_attributes);
    fields.Bool("convert_histograms_to_nhcb", otlp.convert_histograms_to_nhcb);
    fields.Bool("promote_scope_metadata", otlp.promote_scope_metadata);
    fields.Bool("label_name_underscore_sanitization", otlp.label_name_underscore_sanitization);
    fields.Bool("label_name_preserve_multiple_underscores", otlp.label_name_preserve_multiple_underscores);
    CheckPromotion(fields, otlp);
    if (otlp.translation_strategy.starts_with("No") && scheme == model::NameScheme::kLegacy) {
      fields.Fail("translation_strategy",
                  fmt::format("{} keeps names that global.metric_name_validation_scheme: legacy forbids",
                              otlp.translation_strategy));
    }
  };
  top.Child("otlp", read, WhenAbsent::kReadDefaults);
  if (otlp != remote::OtlpOptions()) top.NotServed("otlp");  // the defaults stand in every normal form
}

}  // namespace baro::config
