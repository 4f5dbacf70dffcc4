#include "scraper/expo/family_table.h"

#include <string>

namespace baro::scraper::expo {
std::uint32_t FamilyTable::NumberOf(std::string_view family) {
  if (newest_ < by_number_.size() && slots_[newest_].is_used && by_number_[newest_].family == family) return newest_;
  if (const auto found = numbers_.find(family); found != numbers_.end()) return newest_ = found->second;
  if (free_.empty()) {
    newest_ = static_cast<std::uint32_t>(by_number_.size());
    by_number_.emplace_back();
    slots_.emplace_back();
  } else {
    newest_ = free_.back();
    free_.pop_back();
  }
  by_number_[newest_].family = family;
  numbers_.emplace(by_number_[newest_].family, newest_);
  slots_[newest_] = {.left_at = expositions_, .made_at = expositions_, .is_used = true};
  ++absent_count_;  // until its exposition is settled
  ++revision_;
  return newest_;
}

std::uint32_t FamilyTable::Update(const MetadataLine& line) {
  const std::uint32_t number = NumberOf(line.family);
  switch (line.kind) {
    case MetadataLine::Kind::kHelp:
      Set(number, &model::Metadata::help, line.text);
      break;
    case MetadataLine::Kind::kUnit:
      Set(number, &model::Metadata::unit, line.text);
      break;
    case MetadataLine::Kind::kType:
      Set(number, &model::Metadata::type, line.type);
      break;
    default:
      break;
  }
  return number;
}

std::uint32_t FamilyTable::Update(std::string_view family, const Said& said, std::uint32_t guess) {
  newest_ = guess;
  const std::uint32_t number = NumberOf(family);
  Set(number, &model::Metadata::type, said.type);
  Set(number, &model::Metadata::help, said.help);
  Set(number, &model::Metadata::unit, said.unit);
  return number;
}

template <typename Field, typename Value>
void FamilyTable::Set(std::uint32_t number, Field model::Metadata::* field, const Value& value) {
  model::Metadata& metadata = by_number_[number].metadata;
  if (metadata.*field == value) return;
  Slot& slot = slots_[number];
  if (!slot.is_remembered && slot.made_at != expositions_) {
    slot.is_remembered = true;
    before_.emplace_back(number, metadata);
  }
  metadata.*field = value;
  ++revision_;
}

void FamilyTable::TakeBack() {
  for (auto& [number, metadata] : before_) {
    by_number_[number].metadata = std::move(metadata);
    ++revision_;
  }
  SettleUnchanged();
}

void FamilyTable::ForgetBefore() {
  for (const auto& [number, metadata] : before_) slots_[number].is_remembered = false;
  before_.clear();
}

void FamilyTable::Settle(std::span<const std::uint32_t> present) {
  ++expositions_;
  ForgetBefore();
  std::vector<bool> is_there(by_number_.size());
  for (const std::uint32_t number : present) is_there[number] = true;
  absent_count_ = 0;
  for (std::size_t number = 0; number < by_number_.size(); ++number) {
    if (!slots_[number].is_used) continue;
    FamilyMetadata& family = by_number_[number];
    if (family.is_present != is_there[number]) {
      if (family.is_present) slots_[number].left_at = expositions_;
      family.is_present = is_there[number];
      ++revision_;
    }
    if (!family.is_present) ++absent_count_;
  }
  DropOld();
}

void FamilyTable::SettleUnchanged() {
  ++expositions_;
  ForgetBefore();
  if (absent_count_ > 0) DropOld();
}

void FamilyTable::DropOld() {
  for (std::uint32_t number = 0; number < by_number_.size() && absent_count_ > 0; ++number) {
    if (!slots_[number].is_used || by_number_[number].is_present) continue;
    if (expositions_ - slots_[number].left_at < kKeptExpositions) continue;
    numbers_.erase(by_number_[number].family);
    by_number_[number] = {};
    slots_[number] = {};
    free_.push_back(number);
    --absent_count_;
    ++revision_;
  }
}

std::span<const FamilyMetadata> FamilyTable::families() const {
  if (listed_revision_ != revision_) {
    listed_.clear();
    for (std::size_t number = 0; number < by_number_.size(); ++number) {
      if (slots_[number].is_used) listed_.push_back(by_number_[number]);
    }
    listed_revision_ = revision_;
  }
  return listed_;
}

}  // namespace baro::scraper::expo
