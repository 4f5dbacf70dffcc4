#include "scraper/discovery/target_list.h"

#include <algorithm>

#include <fmt/format.h>

#include "scraper/target_file.h"

namespace baro::scraper {
namespace {

using base::Code;

bool MayStandInName(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

bool IsContinuation(char c) { return (static_cast<unsigned char>(c) & 0xC0U) == 0x80U; }

std::string_view KindOf(const Json& value) { return value.type_name(); }

}  // namespace

const Json* FindJson(const Json& from, std::string_view path) {
  const Json* at = &from;
  while (!path.empty()) {
    const std::size_t dot = std::min(path.find('.'), path.size());
    if (!at->is_object()) return nullptr;
    const auto found = at->find(std::string(path.substr(0, dot)));
    if (found == at->end()) return nullptr;
    at = &*found;
    path.remove_prefix(std::min(dot + 1, path.size()));
  }
  return at->is_null() ? nullptr : at;
}

std::span<const Json> ItemsAt(const Json& from, std::string_view path) {
  const Json* const found = FindJson(from, path);
  if (found == nullptr) return {};
  if (!found->is_array()) return {found, 1};
  const auto& list = found->get_ref<const Json::array_t&>();
  return {list.data(), list.size()};
}

std::string CleanLabelName(std::string_view text) {
  std::string name;
  name.reserve(text.size());
  for (const char c : text) {
    if (IsContinuation(c)) continue;  // a character of several bytes is one underscore
    name += MayStandInName(c) ? c : '_';
  }
  return name;
}

std::string JoinHostPort(std::string_view host, std::string_view port) {
  const bool is_v6 = host.find(':') != std::string_view::npos;
  return is_v6 ? fmt::format("[{}]:{}", host, port) : fmt::format("{}:{}", host, port);
}

std::string JoinList(const std::vector<std::string>& parts, std::string_view separator) {
  if (parts.empty()) return "";
  std::string text(separator);
  for (const std::string& part : parts) text.append(part).append(separator);
  return text;
}

std::size_t BytesOf(const LabelMap& labels) {
  std::size_t bytes = 0;
  for (const auto& [name, value] : labels) bytes += name.size() + value.size();
  return bytes;
}

std::size_t BytesOf(const TargetGroup& group) {
  std::size_t bytes = BytesOf(group.labels) * std::max<std::size_t>(group.targets.size(), 1);
  for (const LabelMap& target : group.targets) bytes += BytesOf(target);
  return bytes;
}

void TargetList::Fail(std::string message) {
  if (!error_) error_ = base::Error(Code::kInvalidArgument, std::move(message));
}

std::string TargetList::ScalarText(const Json& value, std::string_view path) {
  switch (value.type()) {
    case Json::value_t::string:
      return value.get<std::string>();
    case Json::value_t::boolean:
      return value.get<bool>() ? "true" : "false";
    case Json::value_t::number_integer:
      return fmt::format("{}", value.get<std::int64_t>());
    case Json::value_t::number_unsigned:
      return fmt::format("{}", value.get<std::uint64_t>());
    case Json::value_t::number_float:
      return fmt::format("{}", value.get<double>());
    case Json::value_t::null:
      return "";
    default:
      Fail(fmt::format("{}: expected a text, number or truth value, found {}", path, KindOf(value)));
      return "";
  }
}

std::string TargetList::Text(const Json& item, std::string_view path) {
  const Json* const value = FindJson(item, path);
  return value == nullptr ? "" : ScalarText(*value, path);
}

std::vector<std::string> TargetList::Texts(const Json& item, std::string_view path) {
  std::vector<std::string> texts;
  for (const Json& value : ItemsAt(item, path)) texts.push_back(ScalarText(value, path));
  return texts;
}

void TargetList::ApplyMap(std::string_view label, const Json& item, std::string_view path, LabelMap& labels) {
  AddLabel({.label = label, .path = path, .shape = LabelShape::kMap}, FindJson(item, path), labels, ",");
}

void TargetList::Apply(std::span<const LabelRow> rows, const Json& item, LabelMap& labels, std::string_view separator) {
  for (const LabelRow& row : rows) AddLabel(row, FindJson(item, row.path), labels, separator);
}

void TargetList::AddLabel(const LabelRow& row, const Json* value, LabelMap& labels, std::string_view separator) {
  const std::string label(row.label);
  switch (row.shape) {
    case LabelShape::kText:
      if (value != nullptr) labels[label] = ScalarText(*value, row.path);
      return;
    case LabelShape::kNumber:
      labels[label] = value == nullptr ? "0" : ScalarText(*value, row.path);
      return;
    case LabelShape::kBool:
      labels[label] = value == nullptr ? "false" : ScalarText(*value, row.path);
      return;
    case LabelShape::kList: {
      std::vector<std::string> parts;
      if (value != nullptr && !value->is_array()) {
        return Fail(fmt::format("{}: expected a list, found {}", row.path, KindOf(*value)));
      }
      if (value != nullptr) {
        for (const Json& part : *value) parts.push_back(ScalarText(part, row.path));
      }
      labels[label] = JoinList(parts, separator);
      return;
    }
    case LabelShape::kMap:
    case LabelShape::kPresence:
      if (value == nullptr) return;
      if (!value->is_object()) {
        return Fail(fmt::format("{}: expected an object, found {}", row.path, KindOf(*value)));
      }
      for (const auto& [name, entry] : value->items()) {
        labels[label + CleanLabelName(name)] =
            row.shape == LabelShape::kPresence ? "true" : ScalarText(entry, row.path);
      }
      return;
  }
}

void TargetList::Add(LabelMap labels) {
  if (error_) return;
  if (group_.targets.size() >= kDiscoveredTargetsMax) {
    error_ = base::Error(Code::kLimitExceeded, fmt::format("more than {} targets", kDiscoveredTargetsMax));
    return;
  }
  std::erase_if(labels, [](const auto& label) { return label.second.empty(); });
  bytes_ += BytesOf(labels);
  if (bytes_ > kDiscoveredBytesMax) {
    error_ = base::Error(Code::kLimitExceeded,
                         fmt::format("labels of targets have more than {} bytes", kDiscoveredBytesMax));
    group_.targets.clear();
    return;
  }
  group_.targets.push_back(std::move(labels));
}

base::Result<std::vector<TargetGroup>> TargetList::Take(std::string source) {
  if (error_) return *error_;
  group_.source = std::move(source);
  return std::vector<TargetGroup>{std::move(group_)};
}

}  // namespace baro::scraper
