// Metadata by metric family, with the memory of ten expositions that Prometheus keeps.
//
// Threads  Confined.
#pragma once

#include <cstdint>
#include <deque>
#include <span>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "scraper/expo/line_parser.h"
#include "scraper/exposition.h"

namespace baro::scraper::expo {

class FamilyTable {
 public:
  /// `revision` is that of the empty table, at least 1.
  explicit FamilyTable(std::uint64_t revision = 1) : revision_(revision) {}
  FamilyTable(const FamilyTable&) = delete;
  FamilyTable& operator=(const FamilyTable&) = delete;

  /// Takes what the line says; returns the family's number, which stays until Settle() lets it go.
  std::uint32_t Update(const MetadataLine& line);

  /// What a message says of a family, all at once.
  struct Said {
    model::MetricType type = model::MetricType::kUnknown;
    std::string_view help;
    std::string_view unit;
  };
  /// `guess`: a number that it may have.
  std::uint32_t Update(std::string_view family, const Said& said, std::uint32_t guess);

  /// After an exposition with these families (others may name them twice): marks who is there, and lets go of those
  /// that were not for more than kKeptExpositions. Numbers of families that are there stay as they are.
  void Settle(std::span<const std::uint32_t> present);
  /// After an exposition with the same families as the one before.
  void SettleUnchanged();
  /// After a bad exposition: what it said of families that were known is taken back. Those that only it named are
  /// forgotten in time, however many fail in a row.
  void TakeBack();

  std::span<const FamilyMetadata> families() const;
  const model::Metadata* MetadataOf(std::string_view family) const {
    const auto found = numbers_.find(family);
    return found == numbers_.end() ? nullptr : &by_number_[found->second].metadata;
  }
  std::uint64_t revision() const { return revision_; }

 private:
  static constexpr std::uint64_t kKeptExpositions = 10;

  struct Slot {
    std::uint64_t left_at = 0;  // exposition in which it was missing first, if it is not there
    std::uint64_t made_at = 0;  // exposition that named it first
    bool is_used = false;
    bool is_remembered = false;  // in before_
  };
  std::uint32_t NumberOf(std::string_view family);
  void DropOld();
  template <typename Field, typename Value>
  void Set(std::uint32_t number, Field model::Metadata::* field, const Value& value);
  void ForgetBefore();

  // Slots are numbered for good; the public list is made when asked for after a change.
  std::deque<FamilyMetadata> by_number_;  // stays in place: names are viewed by numbers_
  std::vector<Slot> slots_;
  std::vector<std::uint32_t> free_;
  std::unordered_map<std::string_view, std::uint32_t> numbers_;
  std::uint32_t newest_ = 0;  // of the last line: HELP and TYPE of a family stand together
  /// What changed since the last exposition was settled, as it was then.
  std::vector<std::pair<std::uint32_t, model::Metadata>> before_;
  std::uint64_t expositions_ = 0;
  std::size_t absent_count_ = 0;
  std::uint64_t revision_;
  mutable std::vector<FamilyMetadata> listed_;
  mutable std::uint64_t listed_revision_ = 0;
};

}  // namespace baro::scraper::expo
