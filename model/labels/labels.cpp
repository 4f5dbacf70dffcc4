#include "model/labels.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

#include <algorithm>
#include <atomic>
#include <cstring>
#include <new>

#include <fmt/format.h>

#include "model/quote.h"

namespace baro::model {

// The head of the one allocation; the packed bytes follow it.
struct Labels::Block {
  std::atomic<std::uint32_t> references;
  std::uint32_t count;
  std::uint32_t size_bytes;

  char* bytes() { return reinterpret_cast<char*>(this + 1); }
  const char* bytes() const { return reinterpret_cast<const char*>(this + 1); }

  static Block* Allocate(std::size_t count, std::size_t size_bytes) {
    void* memory = ::operator new(sizeof(Block) + size_bytes);
    return new (memory) Block{.references = 1,
                              .count = static_cast<std::uint32_t>(count),
                              .size_bytes = static_cast<std::uint32_t>(size_bytes)};
  }
};

namespace {

std::size_t LengthBytes(std::size_t length) {
  std::size_t bytes = 1;
  for (; length >= 0x80; length >>= 7) ++bytes;
  return bytes;
}

std::size_t PieceBytes(std::string_view piece) { return LengthBytes(piece.size()) + piece.size(); }

char* PutPiece(char* out, std::string_view piece) {
  std::size_t length = piece.size();
  for (; length >= 0x80; length >>= 7) *out++ = static_cast<char>(0x80 | (length & 0x7f));
  *out++ = static_cast<char>(length);
  if (!piece.empty()) std::memcpy(out, piece.data(), piece.size());
  return out + piece.size();
}

bool Contains(std::span<const std::string> names, std::string_view name) {
  return std::any_of(names.begin(), names.end(), [name](const std::string& each) { return each == name; });
}

// Takes one length-prefixed piece off untrusted bytes; false if there is none.
bool TakeCheckedPiece(std::string_view& bytes, std::string_view& piece) {
  std::size_t length = 0;
  for (int shift = 0;; shift += 7) {
    if (bytes.empty() || shift > 28) return false;
    const auto byte = static_cast<unsigned char>(bytes.front());
    bytes.remove_prefix(1);
    length |= static_cast<std::size_t>(byte & 0x7f) << shift;
    if (byte < 0x80) {
      if (byte == 0 && shift > 0) return false;  // a longer form than needed: bytes would not be unique
      break;
    }
  }
  if (length > bytes.size()) return false;
  piece = bytes.substr(0, length);
  bytes.remove_prefix(length);
  return true;
}

}  // namespace

void Labels::Retain() const {
  // Relaxed: who copies already holds a reference, nothing is published by counting.
  if (block_ != nullptr) block_->references.fetch_add(1, std::memory_order_relaxed);
}

void Labels::Release() {
  // Acquire and release: the last holder frees what others have read before they let go.
  if (block_ == nullptr || block_->references.fetch_sub(1, std::memory_order_acq_rel) != 1) return;
  block_->~Block();
  ::operator delete(block_);
}

base::Result<Labels> Labels::Make(std::span<const LabelView> labels) {
  std::vector<LabelView> sorted(labels.begin(), labels.end());
  std::sort(sorted.begin(), sorted.end());
  std::size_t size_bytes = 0;
  for (std::size_t i = 0; i < sorted.size(); ++i) {
    if (i > 0 && sorted[i].name == sorted[i - 1].name) {
      return base::Fail(base::Code::kInvalidArgument,
                        fmt::format("label {} stands twice in one label set", Quoted(sorted[i].name)));
    }
    if (sorted[i].name.empty()) {
      return base::Fail(base::Code::kInvalidArgument, "a label has an empty name: every label needs one");
    }
    size_bytes += PieceBytes(sorted[i].name) + PieceBytes(sorted[i].value);
  }
  if (size_bytes > kLabelsBytesMax) {
    return base::Fail(base::Code::kLimitExceeded,
                      fmt::format("label set too large: {} bytes, at most {} are stored", size_bytes, kLabelsBytesMax));
  }
  return FromSorted(sorted);
}

Labels Labels::FromPairs(std::initializer_list<LabelView> labels) {
  auto made = Make(std::span(labels.begin(), labels.size()));
  BARO_ASSERT(made.has_value());
  return *std::move(made);
}

Labels Labels::FromSorted(std::span<const LabelView> labels) {
  std::size_t count = 0;
  std::size_t size_bytes = 0;
  std::string_view previous;
  for (const auto& [name, value] : labels) {
    BARO_ASSERT(previous < name);
    previous = name;
    if (value.empty()) continue;
    ++count;
    size_bytes += PieceBytes(name) + PieceBytes(value);
  }
  if (count == 0) return {};
  BARO_ASSERT(size_bytes <= kLabelsBytesMax);

  Block* block = Block::Allocate(count, size_bytes);
  char* out = block->bytes();
  for (const auto& [name, value] : labels) {
    if (!value.empty()) out = PutPiece(PutPiece(out, name), value);
  }
  return Labels(block);
}

base::Result<Labels> Labels::FromPacked(std::string_view packed) {
  if (packed.empty()) return Labels();
  if (packed.size() > kLabelsBytesMax) {
    return base::Fail(base::Code::kLimitExceeded, fmt::format("label set too large: {} bytes, at most {} are stored",
                                                              packed.size(), kLabelsBytesMax));
  }
  std::string_view rest = packed;
  std::string_view previous;
  std::size_t count = 0;
  while (!rest.empty()) {
    std::string_view name;
    std::string_view value;
    if (!TakeCheckedPiece(rest, name) || !TakeCheckedPiece(rest, value)) {
      return base::Fail(base::Code::kCorruption, fmt::format("label set cut short in label {}", count));
    }
    if (name <= previous || value.empty()) {
      return base::Fail(base::Code::kCorruption,
                        fmt::format("label set with label {} ({}) out of order or empty", count, Quoted(name)));
    }
    previous = name;
    ++count;
  }
  Block* block = Block::Allocate(count, packed.size());
  std::memcpy(block->bytes(), packed.data(), packed.size());
  return Labels(block);
}

std::string_view Labels::Get(std::string_view name) const {
  for (const LabelView& label : *this) {
    if (label.name == name) return label.value;
    // Sorted: the first byte tells most misses without a comparison of strings.
    if (!name.empty() && static_cast<unsigned char>(label.name.front()) > static_cast<unsigned char>(name.front()))
      break;
  }
  return {};
}

std::size_t Labels::size() const { return block_ == nullptr ? 0 : block_->count; }

std::string_view Labels::packed() const {
  return block_ == nullptr ? std::string_view() : std::string_view(block_->bytes(), block_->size_bytes);
}

Labels::Iterator Labels::begin() const {
  const std::string_view bytes = packed();
  return {bytes.data(), bytes.data() + bytes.size()};
}

Labels::Iterator Labels::end() const {
  const char* const end = packed().data() + packed().size();
  return {end, end};
}

std::uint64_t Labels::Hash() const {
  const std::string_view bytes = packed();
  return XXH64(bytes.data(), bytes.size(), 0);
}

// Copies the labels that `keep` wants, as bytes: a label's packed form does not depend on its neighbours.
template <typename Keep>
Labels Labels::Filter(const Keep& keep) const {
  std::size_t count = 0;
  std::size_t size_bytes = 0;
  for (auto it = begin(); it != end(); ++it) {
    if (!keep(it->name)) continue;
    ++count;
    size_bytes += static_cast<std::size_t>(it.next_ - it.position_);
  }
  if (count == size()) return *this;
  if (count == 0) return {};
  Block* block = Block::Allocate(count, size_bytes);
  char* out = block->bytes();
  for (auto it = begin(); it != end(); ++it) {
    if (keep(it->name)) out = std::copy(it.position_, it.next_, out);
  }
  return Labels(block);
}

template <typename Keep>
void Labels::FilterInto(const Keep& keep, std::string& out) const {
  const Iterator last = end();
  for (auto it = begin(); it != last; ++it) {
    if (keep(it->name)) out.append(it.position_, it.next_);
  }
}

template <typename Keep>
std::uint64_t Labels::FilterHash(const Keep& keep) const {
  // Most keys fit the stack; what does not is hashed in pieces, with the same outcome.
  std::array<char, 512> buffer;
  if (packed().size() <= buffer.size()) {
    char* out = buffer.data();
    for (auto it = begin(); it != end(); ++it) {
      if (keep(it->name)) out = std::copy(it.position_, it.next_, out);
    }
    return XXH64(buffer.data(), static_cast<std::size_t>(out - buffer.data()), 0);
  }
  XXH64_state_t state;
  XXH64_reset(&state, 0);
  for (auto it = begin(); it != end(); ++it) {
    if (keep(it->name)) XXH64_update(&state, it.position_, static_cast<std::size_t>(it.next_ - it.position_));
  }
  return XXH64_digest(&state);
}

Labels Labels::DropName() const {
  return Filter([](std::string_view name) { return name != kMetricName; });
}

Labels Labels::WithoutLabels(std::span<const std::string> names) const {
  return Filter([names](std::string_view name) { return name != kMetricName && !Contains(names, name); });
}

Labels Labels::WithLabelsOnly(std::span<const std::string> names) const {
  return Filter([names](std::string_view name) { return Contains(names, name); });
}

void Labels::AppendPackedOnly(std::span<const std::string> names, std::string& out) const {
  FilterInto([names](std::string_view name) { return Contains(names, name); }, out);
}

void Labels::AppendPackedWithout(std::span<const std::string> names, std::string& out) const {
  FilterInto([names](std::string_view name) { return name != kMetricName && !Contains(names, name); }, out);
}

std::uint64_t Labels::HashWithoutLabels(std::span<const std::string> names) const {
  return FilterHash([names](std::string_view name) { return name != kMetricName && !Contains(names, name); });
}

std::uint64_t Labels::HashWithLabels(std::span<const std::string> names) const {
  return FilterHash([names](std::string_view name) { return Contains(names, name); });
}

// Where two byte strings differ first, or how long the shorter one is.
static std::size_t FirstDifference(std::string_view a, std::string_view b) {
  const std::size_t size = std::min(a.size(), b.size());
  std::size_t at = 0;
  for (; at + 8 <= size; at += 8) {
    std::uint64_t left = 0;
    std::uint64_t right = 0;
    std::memcpy(&left, a.data() + at, 8);
    std::memcpy(&right, b.data() + at, 8);
    if (left != right) break;
  }
  while (at < size && a[at] == b[at]) ++at;
  return at;
}

// Sets that are compared have most in common (the order of a selection's series): what is equal is skipped in steps of
// eight bytes, and only the piece with the difference is looked at.
std::strong_ordering operator<=>(const Labels& a, const Labels& b) {
  if (a.block_ == b.block_) return std::strong_ordering::equal;
  const std::string_view left = a.packed();
  const std::string_view right = b.packed();
  const std::size_t difference = FirstDifference(left, right);
  if (difference == std::min(left.size(), right.size())) return a.size() <=> b.size();
  const char* at = left.data();
  for (;;) {
    const char* const begin = at;
    const std::string_view piece = Labels::Iterator::TakePiece(at);
    if (difference >= static_cast<std::size_t>(at - left.data())) continue;
    // The pieces before are equal, so that the other set's piece begins at the same place.
    const char* other_at = right.data() + (begin - left.data());
    return piece <=> Labels::Iterator::TakePiece(other_at);
  }
}

namespace {

void AppendLabels(std::string& out, const Labels& labels, bool with_name) {
  out += '{';
  bool is_first = true;
  for (const auto& [name, value] : labels) {
    if (!with_name && name == kMetricName) continue;
    if (!is_first) out += ", ";
    is_first = false;
    AppendLabelName(out, name);
    out += '=';
    AppendQuoted(out, value);
  }
  out += '}';
}

}  // namespace

std::string Labels::ToString() const {
  std::string out;
  AppendLabels(out, *this, true);
  return out;
}

std::string Labels::ToMetricString() const {
  const std::string_view name = metric_name();
  if (!IsLegacyMetricName(name)) return ToString();
  std::string out(name);
  if (size() > 1) AppendLabels(out, *this, false);
  return out;
}

}  // namespace baro::model
