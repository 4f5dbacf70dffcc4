#include <algorithm>
#include <cstring>

#include "model/labels.h"

namespace baro::model {

void LabelsBuilder::Reset(const Labels& base) {
  base_ = base;
  is_changed_ = false;
  labels_.assign(base_.begin(), base_.end());
  block_index_ = 0;
  block_used_bytes_ = 0;
}

std::size_t LabelsBuilder::Find(std::string_view name) const {
  const auto at = std::lower_bound(labels_.begin(), labels_.end(), name,
                                   [](const LabelView& label, std::string_view wanted) { return label.name < wanted; });
  return static_cast<std::size_t>(at - labels_.begin());
}

std::string_view LabelsBuilder::Store(std::string_view text) {
  if (text.empty()) return {};
  while (block_index_ < blocks_.size() && blocks_[block_index_].size_bytes - block_used_bytes_ < text.size()) {
    ++block_index_;
    block_used_bytes_ = 0;
  }
  if (block_index_ == blocks_.size()) {
    const std::size_t size_bytes = std::max(kBlockBytes, text.size());
    blocks_.push_back({.bytes = std::make_unique_for_overwrite<char[]>(size_bytes), .size_bytes = size_bytes});
  }
  char* const out = blocks_[block_index_].bytes.get() + block_used_bytes_;
  std::memcpy(out, text.data(), text.size());
  block_used_bytes_ += text.size();
  return {out, text.size()};
}

void LabelsBuilder::Set(std::string_view name, std::string_view value) {
  if (name.empty()) return;
  if (value.empty()) return Delete(name);
  const std::size_t at = Find(name);
  if (at < labels_.size() && labels_[at].name == name) {
    if (labels_[at].value == value) return;
    labels_[at].value = Store(value);
  } else {
    const LabelView label{.name = Store(name), .value = Store(value)};
    labels_.insert(labels_.begin() + static_cast<std::ptrdiff_t>(at), label);
  }
  is_changed_ = true;
}

void LabelsBuilder::Delete(std::string_view name) {
  const std::size_t at = Find(name);
  if (at == labels_.size() || labels_[at].name != name) return;
  labels_.erase(labels_.begin() + static_cast<std::ptrdiff_t>(at));
  is_changed_ = true;
}

void LabelsBuilder::Delete(std::span<const std::string> names) {
  for (const std::string& name : names) Delete(name);
}

void LabelsBuilder::Keep(std::span<const std::string> names) {
  const std::size_t erased = std::erase_if(labels_, [names](const LabelView& label) {
    return std::none_of(names.begin(), names.end(), [&](const std::string& name) { return name == label.name; });
  });
  if (erased > 0) is_changed_ = true;
}

std::string_view LabelsBuilder::Get(std::string_view name) const {
  const std::size_t at = Find(name);
  return at < labels_.size() && labels_[at].name == name ? labels_[at].value : std::string_view();
}

Labels LabelsBuilder::Build() const {
  if (!is_changed_) return base_;
  return Labels::FromSorted(labels_);
}

}  // namespace baro::model
