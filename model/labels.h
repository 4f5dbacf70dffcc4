// Label sets: the identity of a series.
//
// A label set is one block of bytes: for each label, in the order of names, the length of the name, the name, the
// length of the value and the value. Copies share the block. A set of ten labels is one allocation, equality is one
// memcmp, hashing one pass.
//
// Threads  Labels are immutable: read and copy them from any thread. LabelsBuilder is confined to one.
#pragma once

#include <compare>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <initializer_list>
#include <iterator>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"
#include "model/names.h"

namespace baro::model {

/// One label, borrowed from a Labels, a LabelsBuilder or the caller's text.
struct LabelView {
  std::string_view name;
  std::string_view value;

  friend auto operator<=>(const LabelView&, const LabelView&) = default;
};

/// The bytes of one label set may not pass this; what takes input from outside has far lower limits.
inline constexpr std::size_t kLabelsBytesMax = std::size_t{1} << 30;

/// An immutable label set: sorted by name (bytewise), names unique, no empty value (an empty value means absence).
///
/// Owns     a share of its block. A view from it lives as long as some copy of this set.
/// Cost     Copying adds to a counter. Get() and size() walk the block or read its head; sets are small.
class Labels {
 public:
  class Iterator;

  Labels() = default;
  Labels(const Labels& other) : block_(other.block_) { Retain(); }
  Labels(Labels&& other) noexcept : block_(std::exchange(other.block_, nullptr)) {}
  Labels& operator=(const Labels& other) {
    Labels copy(other);
    std::swap(block_, copy.block_);
    return *this;
  }
  Labels& operator=(Labels&& other) noexcept {
    std::swap(block_, other.block_);
    return *this;
  }
  ~Labels() { Release(); }

  /// The set of these labels, given in any order; empty values are left out.
  /// Errors   kInvalidArgument: a name twice; kLimitExceeded: over kLabelsBytesMax.
  static base::Result<Labels> Make(std::span<const LabelView> labels);

  /// Make() for literals in code and tests: a name twice is a broken contract.
  static Labels FromPairs(std::initializer_list<LabelView> labels);

  /// The set of these labels; empty values are left out.
  /// Shape    strictly increasing by name, within kLabelsBytesMax: the caller's contract.
  static Labels FromSorted(std::span<const LabelView> labels);

  /// The value of that label, or an empty view.
  std::string_view Get(std::string_view name) const;
  bool Has(std::string_view name) const { return !Get(name).empty(); }

  /// The value of `__name__`, or an empty view.
  std::string_view metric_name() const { return Get(kMetricName); }

  std::size_t size() const;
  bool empty() const { return block_ == nullptr; }
  Iterator begin() const;
  Iterator end() const;

  /// The packed bytes: equal sets have equal bytes, and the other way round. Good as a key of a map or a log record.
  /// Format   for each label: LEB128 length, name, LEB128 length, value.
  std::string_view packed() const;

  /// The set of these packed bytes, checked in full.
  /// Errors   kCorruption: cut short, not sorted, a name twice or an empty value; kLimitExceeded: too long.
  static base::Result<Labels> FromPacked(std::string_view packed);

  /// XXH64 with seed 0 over packed(): the same on every machine and in every version.
  std::uint64_t Hash() const;

  /// The set without `__name__`; the same block if there is none.
  Labels DropName() const;

  /// The set without these names and without `__name__`, as `without (...)` and `ignoring (...)` make it.
  /// Shape    `names` in any order; short, for it is searched label by label.
  Labels WithoutLabels(std::span<const std::string> names) const;

  /// Only the labels with these names, as `by (...)` and `on (...)` make it.
  /// Shape    as WithoutLabels().
  Labels WithLabelsOnly(std::span<const std::string> names) const;

  /// Appends what WithLabelsOnly(names).packed() would be: a key for looking groups up before they are made.
  void AppendPackedOnly(std::span<const std::string> names, std::string& out) const;
  /// The same of WithoutLabels().
  void AppendPackedWithout(std::span<const std::string> names, std::string& out) const;

  /// WithoutLabels(names).Hash() and WithLabelsOnly(names).Hash() without making the set.
  std::uint64_t HashWithoutLabels(std::span<const std::string> names) const;
  std::uint64_t HashWithLabels(std::span<const std::string> names) const;

  /// `{__name__="up", job="node"}`: every label inside the braces, values quoted as Go quotes.
  std::string ToString() const;

  /// `up{job="node"}`: a metric name that is a legacy name stands in front. `{}` if empty.
  std::string ToMetricString() const;

  friend bool operator==(const Labels& a, const Labels& b) { return a.block_ == b.block_ || a.packed() == b.packed(); }

  /// Order of label sets: by the first name that differs, then by its value; a prefix comes first.
  friend std::strong_ordering operator<=>(const Labels& a, const Labels& b);

 private:
  struct Block;

  friend class LabelsBuilder;

  explicit Labels(Block* block) : block_(block) {}
  template <typename Keep>
  Labels Filter(const Keep& keep) const;
  template <typename Keep>
  void FilterInto(const Keep& keep, std::string& out) const;
  template <typename Keep>
  std::uint64_t FilterHash(const Keep& keep) const;
  void Retain() const;
  void Release();

  Block* block_ = nullptr;  // null if and only if the set is empty
};

/// Walks a label set in the order of names.
class Labels::Iterator {
 public:
  using iterator_category = std::input_iterator_tag;  // views are made on the way, not referred to
  using value_type = LabelView;
  using difference_type = std::ptrdiff_t;
  using pointer = const LabelView*;
  using reference = const LabelView&;

  Iterator() = default;
  const LabelView& operator*() const { return label_; }
  const LabelView* operator->() const { return &label_; }
  Iterator& operator++() {
    position_ = next_;
    Decode();
    return *this;
  }
  Iterator operator++(int) {
    Iterator old = *this;
    ++*this;
    return old;
  }
  friend bool operator==(const Iterator& a, const Iterator& b) { return a.position_ == b.position_; }

 private:
  friend class Labels;
  friend std::strong_ordering operator<=>(const Labels& a, const Labels& b);
  Iterator(const char* position, const char* end) : position_(position), end_(end) { Decode(); }

  static std::string_view TakePiece(const char*& at) {
    std::size_t length = static_cast<unsigned char>(*at++);
    if (length >= 0x80) [[unlikely]] {
      length &= 0x7f;
      for (int shift = 7;; shift += 7) {
        const auto byte = static_cast<unsigned char>(*at++);
        length |= static_cast<std::size_t>(byte & 0x7f) << shift;
        if (byte < 0x80) break;
      }
    }
    const std::string_view piece(at, length);
    at += length;
    return piece;
  }
  void Decode() {
    if (position_ == end_) return;
    next_ = position_;
    label_.name = TakePiece(next_);
    label_.value = TakePiece(next_);
  }

  const char* position_ = nullptr;
  const char* next_ = nullptr;
  const char* end_ = nullptr;
  LabelView label_;
};

/// Changes a label set step by step. Meant to be kept and Reset(): after the first few uses it allocates nothing but
/// the block that Build() returns.
///
/// Owns     copies of all that was Set(); shares the base set's block. Views from it live until Reset().
class LabelsBuilder {
 public:
  LabelsBuilder() = default;
  explicit LabelsBuilder(const Labels& base) { Reset(base); }
  LabelsBuilder(const LabelsBuilder&) = delete;
  LabelsBuilder& operator=(const LabelsBuilder&) = delete;
  LabelsBuilder(LabelsBuilder&&) = default;
  LabelsBuilder& operator=(LabelsBuilder&&) = default;

  /// Starts again from `base`, keeping the memory.
  void Reset(const Labels& base = {});

  /// Sets a label; an empty value deletes it. Both views may come from this builder. An empty name is refused by doing
  /// nothing: no label set has one.
  void Set(std::string_view name, std::string_view value);
  void Delete(std::string_view name);
  void Delete(std::span<const std::string> names);

  /// Deletes all labels but these.
  void Keep(std::span<const std::string> names);

  std::string_view Get(std::string_view name) const;

  /// The labels as they stand, sorted by name. Valid until the next change.
  std::span<const LabelView> labels() const { return labels_; }

  /// The set. If nothing changed it is the base set itself.
  Labels Build() const;

 private:
  std::size_t Find(std::string_view name) const;  // where it is or would be
  std::string_view Store(std::string_view text);

  // Text that was Set() lives in blocks that never move, so that views stay good while labels_ changes.
  static constexpr std::size_t kBlockBytes = 4096;
  struct TextBlock {
    std::unique_ptr<char[]> bytes;
    std::size_t size_bytes = 0;
  };

  Labels base_;
  bool is_changed_ = false;
  std::vector<LabelView> labels_;  // sorted by name, unique; views into base_ or blocks_
  std::vector<TextBlock> blocks_;
  std::size_t block_index_ = 0;  // the block being filled
  std::size_t block_used_bytes_ = 0;
};

}  // namespace baro::model

template <>
struct std::hash<baro::model::Labels> {
  std::size_t operator()(const baro::model::Labels& labels) const noexcept { return labels.Hash(); }
};
