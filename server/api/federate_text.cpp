#include "server/api/federate_text.h"

#include <fmt/format.h>

#include "base/metrics_text.h"
#include "base/number_text.h"

namespace baro::server {
namespace {

void AppendQuotedName(std::string& out, std::string_view name) {
  out += '"';
  base::AppendLabelValue(out, name);
  out += '"';
}

/// Writes the lines of one family after the other.
///
/// Threads  Confined. Borrows all.
class FederatedText {
 public:
  FederatedText(const std::map<std::string, std::string>& external, model::EscapingScheme escaping, std::string& out)
      : external_(external), escaping_(escaping), out_(out) {}

  void Append(const FederatedSample& sample) {
    const std::string_view name = sample.labels.Get(model::kMetricName);
    const model::FloatHistogram* const histogram = sample.histogram.get();
    if (name.empty() || (histogram != nullptr && !histogram->uses_custom_buckets())) return;
    BeginFamily(model::EscapeName(name, escaping_), TypeOf(histogram));
    if (histogram == nullptr) {
      AppendLine(sample, "", "", sample.value);
    } else {
      AppendBuckets(sample, *histogram);
    }
  }

 private:
  static std::string_view TypeOf(const model::FloatHistogram* histogram) {
    // The text has no type for histograms that are gauges.
    return histogram == nullptr ? "untyped" : "histogram";
  }

  void BeginFamily(std::string name, std::string_view type) {
    if (name == name_ && type == type_) return;
    name_ = std::move(name);
    type_ = type;
    out_ += "# TYPE ";
    if (model::IsLegacyMetricName(name_)) {
      out_ += name_;
    } else {
      AppendQuotedName(out_, name_);
    }
    out_ += ' ';
    out_ += type_;
    out_ += '\n';
  }

  /// The first label of a line opens the braces.
  void AppendLabel(std::string_view name, std::string_view value) {
    out_ += is_open_ ? ',' : '{';
    is_open_ = true;
    if (model::IsLegacyLabelName(name)) {
      out_ += name;
    } else {
      AppendQuotedName(out_, name);
    }
    out_ += "=\"";
    base::AppendLabelValue(out_, value);
    out_ += '"';
  }

  void AppendName(std::string_view suffix) {
    is_open_ = !model::IsLegacyMetricName(name_);
    if (is_open_) {
      out_ += '{';
      AppendQuotedName(out_, fmt::format("{}{}", name_, suffix));
    } else {
      out_ += name_;
      out_ += suffix;
    }
  }

  /// `bound`: the label `le`, none if it is empty.
  void AppendLine(const FederatedSample& sample, std::string_view suffix, std::string_view bound, double value) {
    AppendName(suffix);
    for (const model::LabelView label : sample.labels) {
      if (label.name != model::kMetricName) AppendLabel(model::EscapeName(label.name, escaping_), label.value);
    }
    for (const auto& [name, value_of] : external_) {
      if (!sample.labels.Has(name)) AppendLabel(model::EscapeName(name, escaping_), value_of);
    }
    if (!bound.empty()) AppendLabel(model::kBucketLabel, bound);
    if (is_open_) out_ += '}';
    out_ += ' ';
    base::AppendFloatG(out_, value);
    fmt::format_to(std::back_inserter(out_), " {}\n", sample.timestamp_ms);
  }

  /// Cumulative counts at each bound, populated or not, as classic histograms have them.
  void AppendBuckets(const FederatedSample& sample, const model::FloatHistogram& histogram) {
    auto cursor = model::PositiveBuckets(histogram);
    bool has_more = cursor.Next();
    double cumulative = 0;
    for (const double bound : histogram.custom_values) {
      for (; has_more && cursor.bucket().upper <= bound; has_more = cursor.Next()) cumulative += cursor.bucket().count;
      std::string text;
      base::AppendFloatG(text, bound);
      AppendLine(sample, "_bucket", text, cumulative);
    }
    AppendLine(sample, "_bucket", "+Inf", histogram.count);
    AppendLine(sample, "_sum", "", histogram.sum);
    AppendLine(sample, "_count", "", histogram.count);
  }

  const std::map<std::string, std::string>& external_;
  const model::EscapingScheme escaping_;
  std::string& out_;
  std::string name_;  // of the family that was begun
  std::string_view type_;
  bool is_open_ = false;  // braces of this line
};

}  // namespace

void AppendFederatedText(std::span<const FederatedSample> samples, const std::map<std::string, std::string>& external,
                         model::EscapingScheme escaping, std::string& out) {
  FederatedText text(external, escaping, out);
  for (const FederatedSample& sample : samples) text.Append(sample);
}

}  // namespace baro::server
