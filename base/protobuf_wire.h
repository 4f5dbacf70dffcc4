// Protobuf's wire format: tags, varints and lengths, off the front of untrusted bytes.
//
// Source   https://protobuf.dev/programming-guides/encoding/. Groups (wire types 3 and 4), which no message of ours has
//          and nobody sends, are malformed here.
// Threads  Confined.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <limits>
#include <string_view>

#include "base/bytes.h"

namespace baro::base {

enum class WireType : std::uint8_t { kVarint = 0, kFixed64 = 1, kBytes = 2, kFixed32 = 5 };

/// A field's number and wire type as they stand in front of it.
constexpr std::uint32_t WireTag(std::uint32_t field, WireType type) {
  return field << 3 | static_cast<std::uint32_t>(type);
}

/// Reads one message. After a malformed field ok() is false, AtEnd() is true, and values are zero or empty.
///
/// Owns     nothing: borrows the bytes, and so do the views that it gives.
class WireReader {
 public:
  explicit WireReader(std::string_view message) : at_(message.data()), end_(message.data() + message.size()) {}

  bool ok() const { return ok_; }
  bool AtEnd() const { return at_ == end_; }
  const char* position() const { return at_; }
  std::size_t left() const { return static_cast<std::size_t>(end_ - at_); }

  /// Passes over bytes that the caller has read itself. Shape: not more than are left.
  void Advance(std::size_t size) { at_ += size; }

  /// The next byte without taking it. Shape: not at the end.
  std::uint8_t Peek() const { return static_cast<std::uint8_t>(*at_); }

  /// The next field's tag; 0, which is none, if it is malformed.
  std::uint32_t Tag() {
    const std::uint64_t tag = Varint();
    if (tag > std::numeric_limits<std::uint32_t>::max() || tag >> 3 == 0) return Fail<std::uint32_t>();
    return static_cast<std::uint32_t>(tag);
  }

  std::uint64_t Varint() {
    if (at_ != end_ && static_cast<std::uint8_t>(*at_) < 0x80) return static_cast<std::uint8_t>(*at_++);
    return LongVarint();
  }
  std::int64_t ZigZag() { return UnZigZag(Varint()); }

  double Double() {
    if (end_ - at_ < 8) return Fail<double>();
    double value = 0;
    std::memcpy(&value, at_, sizeof value);
    at_ += sizeof value;
    return value;
  }

  /// A length and as many bytes.
  std::string_view Bytes() {
    const std::uint64_t size = Varint();
    if (size > static_cast<std::uint64_t>(end_ - at_)) return Fail<std::string_view>();
    const std::string_view bytes(at_, static_cast<std::size_t>(size));
    at_ += size;
    return bytes;
  }

  /// Passes over the value of a field that is not known.
  void Skip(std::uint32_t tag) {
    switch (static_cast<WireType>(tag & 7)) {
      case WireType::kVarint:
        Varint();
        return;
      case WireType::kFixed64:
        Forward(8);
        return;
      case WireType::kBytes:
        Bytes();
        return;
      case WireType::kFixed32:
        Forward(4);
        return;
    }
    Fail<int>();
  }

  /// From here on the message counts as malformed.
  template <typename T>
  T Fail() {
    ok_ = false;
    at_ = end_;
    return T{};
  }

 private:
  void Forward(std::ptrdiff_t size) {
    if (end_ - at_ < size) {
      Fail<int>();
      return;
    }
    at_ += size;
  }

  std::uint64_t LongVarint() {
    std::uint64_t value = 0;
    for (int shift = 0; shift < 70 && at_ != end_; shift += 7) {
      const auto byte = static_cast<std::uint8_t>(*at_++);
      if (shift == 63 && byte > 1) break;  // more than 64 bits
      value |= static_cast<std::uint64_t>(byte & 0x7f) << shift;
      if (byte < 0x80) return value;
    }
    return Fail<std::uint64_t>();
  }

  const char* at_;
  const char* end_;
  bool ok_ = true;
};

}  // namespace baro::base
