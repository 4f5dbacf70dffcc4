#include "remote/write/series_labels.h"

#include <algorithm>

#include <fmt/format.h>

#include "model/names.h"
#include "model/quote.h"
#include "remote/write/wire.h"

namespace baro::remote {
namespace {

constexpr auto kLabel = WireTag(1, WireType::kBytes);
constexpr auto kName = WireTag(1, WireType::kBytes);
constexpr auto kValue = WireTag(2, WireType::kBytes);

// Names in messages are cut to this: they may be anything.
constexpr std::size_t kShownBytesMax = 100;

std::string Shown(std::string_view text) { return model::Quoted(text.substr(0, kShownBytesMax)); }

bool ReadLabel(std::string_view message, model::LabelView& label) {
  WireReader reader(message);
  while (!reader.AtEnd()) {
    const std::uint32_t tag = reader.Tag();
    if (tag == kName) {
      label.name = reader.Bytes();
    } else if (tag == kValue) {
      label.value = reader.Bytes();
    } else {
      if (tag >> 3 <= 2) return false;
      reader.Skip(tag);
    }
  }
  return reader.ok();
}

}  // namespace

LabelsVerdict LabelsParser::Parse(std::string_view fields, bool needs_name) {
  views_.clear();
  problem_.clear();
  bool is_over_limit = false;
  WireReader reader(fields);
  while (!reader.AtEnd()) {
    const std::uint32_t tag = reader.Tag();
    if (tag != kLabel) {
      reader.Skip(tag);
      continue;
    }
    model::LabelView label;
    if (!ReadLabel(reader.Bytes(), label)) return LabelsVerdict::kMalformed;
    is_over_limit |= views_.size() == kLabelsMax;
    if (!is_over_limit) views_.push_back(label);
  }
  if (!reader.ok()) return LabelsVerdict::kMalformed;
  if (is_over_limit) {
    problem_ = fmt::format("a series has more labels than allowed: {}", kLabelsMax);
    return LabelsVerdict::kOverLimit;
  }
  return Check(needs_name);
}

LabelsVerdict LabelsParser::Check(bool needs_name) {
  const auto by_name = [](const model::LabelView& a, const model::LabelView& b) { return a.name < b.name; };
  if (!std::is_sorted(views_.begin(), views_.end(), by_name)) std::sort(views_.begin(), views_.end(), by_name);
  bool has_name = false;
  for (std::size_t i = 0; i < views_.size(); ++i) {
    const auto& [name, value] = views_[i];
    if (name.size() > kLabelNameBytesMax || value.size() > kLabelValueBytesMax) {
      problem_ = fmt::format("label {} is too long: {} bytes of name, {} of value, the limits are {} and {}",
                             Shown(name), name.size(), value.size(), kLabelNameBytesMax, kLabelValueBytesMax);
      return LabelsVerdict::kOverLimit;
    }
    const bool is_metric_name = name == model::kMetricName;
    has_name |= is_metric_name;
    if (!model::IsValidLabelName(name) || !model::IsValidUtf8(value) || (is_metric_name && value.empty())) {
      problem_ = fmt::format("label {} has an invalid name or value", Shown(name));
      return LabelsVerdict::kInvalid;
    }
    if (i > 0 && views_[i - 1].name == name) {
      problem_ = fmt::format("label {} stands twice in one series", Shown(name));
      return LabelsVerdict::kInvalid;
    }
  }
  if (needs_name && !has_name) {
    problem_ = "a series has no metric name";
    return LabelsVerdict::kInvalid;
  }
  return LabelsVerdict::kGood;
}

}  // namespace baro::remote
