// Protobuf's wire format, written: fields behind the end of a string.
//
// Source   https://protobuf.dev/programming-guides/encoding/. What WireReader (base/protobuf_wire.h) reads.
// Threads  Confined.
#pragma once

#include <bit>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <string_view>

#include "base/protobuf_wire.h"

namespace baro::base {

/// Appends the fields of one message. A message within is written to a string of its own first.
///
/// Owns     nothing: borrows `out`.
class WireWriter {
 public:
  explicit WireWriter(std::string& out) : out_(out) {}

  /// A number without a field around it: the length in front of a message that stands alone.
  void RawVarint(std::uint64_t value) {
    for (; value >= 0x80; value >>= 7) out_ += static_cast<char>((value & 0x7f) | 0x80);
    out_ += static_cast<char>(value);
  }

  /// uint64, and int64 that is cast to it.
  void Varint(std::uint32_t field, std::uint64_t value) {
    RawVarint(WireTag(field, WireType::kVarint));
    RawVarint(value);
  }
  /// sint32 and sint64.
  void ZigZag(std::uint32_t field, std::int64_t value) { Varint(field, base::ZigZag(value)); }

  void Double(std::uint32_t field, double value) {
    RawVarint(WireTag(field, WireType::kFixed64));
    AppendDouble(value);
  }

  /// string, bytes, and messages.
  void Bytes(std::uint32_t field, std::string_view bytes) {
    RawVarint(WireTag(field, WireType::kBytes));
    RawVarint(bytes.size());
    out_ += bytes;
  }

  /// Packed; nothing if there are none.
  void Doubles(std::uint32_t field, std::span<const double> values) {
    if (values.empty()) return;
    RawVarint(WireTag(field, WireType::kBytes));
    RawVarint(values.size() * sizeof(double));
    for (const double value : values) AppendDouble(value);
  }

 private:
  void AppendDouble(double value) {
    static_assert(std::endian::native == std::endian::little);
    char bytes[sizeof value];
    std::memcpy(bytes, &value, sizeof value);
    out_.append(bytes, sizeof bytes);
  }

  std::string& out_;
};

}  // namespace baro::base
