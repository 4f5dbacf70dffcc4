#include "tsdb/codec/value_codec.h"

#include <array>
#include <bit>
#include <cmath>
#include <vector>

#include "model/sample.h"
#include "tsdb/codec/integer_stream.h"

namespace baro::tsdb {
namespace {

enum Kind : unsigned { kConstBits = 0, kConstInteger = 1, kDecimal = 2, kBits = 3, kRaw = 4 };
enum PatchCode : unsigned { kStale = 0, kNaN = 1, kInfinity = 2, kVerbatim = 3 };
constexpr unsigned kPatchesFlag = 8;

constexpr std::uint64_t kInfinityBits = 0x7ff0000000000000;
constexpr double kExactMax = 9007199254740992.0;  // 2^53: integers up to here are exact
constexpr unsigned kExponentMax = 15;
constexpr std::array<double, kExponentMax + 1> kPowers = {1,   1e1, 1e2,  1e3,  1e4,  1e5,  1e6,  1e7,
                                                          1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15};

std::uint64_t Bits(double value) { return std::bit_cast<std::uint64_t>(value); }

std::uint64_t OrderPreserving(std::uint64_t bits) { return (bits >> 63) != 0 ? bits ^ 0x7fffffffffffffff : bits; }

// D with D / 10^e == value, bit for bit. False if there is none of at most 2^53.
bool ToDecimal(double value, unsigned exponent, std::int64_t& decimal) {
  const double scaled = value * kPowers[exponent];
  if (!(std::fabs(scaled) <= kExactMax)) return false;  // NaN and infinities too
  // Ties may go either way: the division below decides. A cast costs one instruction, std::nearbyint a call.
  decimal = static_cast<std::int64_t>(scaled + (scaled < 0 ? -0.5 : 0.5));
  return Bits(static_cast<double>(decimal) / kPowers[exponent]) == Bits(value);
}

// The least exponent from `least` on that fits, or kExponentMax + 1.
unsigned FindExponent(double value, unsigned least) {
  std::int64_t decimal = 0;
  while (least <= kExponentMax && !ToDecimal(value, least, decimal)) ++least;
  return least;
}

bool IsSpecial(double value) { return !std::isfinite(value) || Bits(value) == Bits(-0.0); }

struct Patch {
  std::size_t position = 0;
  std::size_t length = 0;
  std::uint64_t bits = 0;
};

struct Decimals {
  std::vector<std::uint64_t> values;
  std::vector<Patch> patches;
  std::size_t patched = 0;

  void AddPatch(std::size_t position, std::uint64_t bits) {
    ++patched;
    if (!patches.empty() && patches.back().bits == bits &&
        patches.back().position + patches.back().length == position) {
      ++patches.back().length;
    } else {
      patches.push_back({.position = position, .length = 1, .bits = bits});
    }
  }
};

// The exponent that fits all ordinary values, looked for where the last one does not fit.
unsigned CommonExponent(std::span<const double> values) {
  unsigned exponent = 0;
  std::size_t misfits = 0;
  for (const double value : values) {
    if (IsSpecial(value)) continue;
    const unsigned found = FindExponent(value, exponent);
    if (found <= kExponentMax) {
      exponent = found;
    } else if (++misfits > values.size() / 10) {
      return kExponentMax + 1;
    }
  }
  return exponent;
}

// False if too many values are no decimals of that exponent.
bool ToDecimals(std::span<const double> values, unsigned exponent, Decimals& decimals) {
  decimals.values.resize(values.size());
  decimals.patches.clear();
  decimals.patched = 0;
  std::size_t verbatim = 0;
  std::int64_t last = 0;
  for (std::size_t i = 0; i < values.size(); ++i) {
    std::int64_t decimal = 0;
    if (Bits(values[i]) != Bits(-0.0) && ToDecimal(values[i], exponent, decimal)) {
      last = decimal;
    } else {
      if (!IsSpecial(values[i]) && ++verbatim > values.size() / 10) return false;
      decimals.AddPatch(i, Bits(values[i]));
    }
    decimals.values[i] = static_cast<std::uint64_t>(last);
  }
  return decimals.patched < values.size();
}

unsigned CodeOf(std::uint64_t bits) {
  switch (bits) {
    case model::kStaleNaNBits:
      return kStale;
    case model::kCanonicalNaNBits:
      return kNaN;
    case kInfinityBits:
      return kInfinity;
    default:
      return kVerbatim;
  }
}

void EncodePatches(std::span<const Patch> patches, base::ByteBuffer& out) {
  base::AppendVarint(out, patches.size());
  std::size_t behind = 0;
  for (const Patch& patch : patches) {
    base::AppendVarint(out, patch.position - behind);
    const unsigned code = CodeOf(patch.bits);
    out.push_back(static_cast<std::byte>(code));
    base::AppendVarint(out, patch.length);
    if (code == kVerbatim) base::AppendLe(out, patch.bits);
    behind = patch.position + patch.length;
  }
}

base::Error Damaged(const char* what) { return {base::Code::kCorruption, fmt::format("value column: {}", what)}; }

base::Result<std::vector<Patch>> DecodePatches(base::ByteReader& reader, std::size_t count_max) {
  const std::uint64_t count = reader.Varint();
  if (count > count_max) return Damaged("more patches than values");
  std::vector<Patch> patches(count);
  std::size_t behind = 0;
  for (Patch& patch : patches) {
    const std::uint64_t gap = reader.Varint();
    const auto code = static_cast<unsigned>(reader.Le<std::uint8_t>());
    const std::uint64_t length = reader.Varint();
    if (gap > count_max - behind || length > count_max - behind - gap || code > kVerbatim) {
      return Damaged("a patch lies outside of the column");
    }
    patch.position = behind + gap;
    patch.length = length;
    constexpr std::array<std::uint64_t, 3> kKnown = {model::kStaleNaNBits, model::kCanonicalNaNBits, kInfinityBits};
    patch.bits = code == kVerbatim ? reader.Le<std::uint64_t>() : kKnown[code];
    behind = patch.position + patch.length;
  }
  if (!reader.ok()) return Damaged("patches cut short");
  return patches;
}

// True if all values are one, which is then written.
bool EncodeConstant(std::span<const double> values, base::ByteBuffer& out) {
  const std::uint64_t first = Bits(values[0]);
  std::uint64_t differences = 0;
  for (const double value : values) differences |= Bits(value) ^ first;
  if (differences != 0) return false;
  std::int64_t decimal = 0;
  if (first != Bits(-0.0) && ToDecimal(values[0], 0, decimal)) {
    out.push_back(std::byte{kConstInteger});
    base::AppendSignedVarint(out, decimal);
  } else {
    out.push_back(std::byte{kConstBits});
    base::AppendLe(out, first);
  }
  return true;
}

void EncodeBits(std::span<const double> values, base::ByteBuffer& out) {
  thread_local std::vector<std::uint64_t> ordered;
  ordered.clear();
  for (const double value : values) ordered.push_back(OrderPreserving(Bits(value)));
  const std::size_t start = out.size();
  out.push_back(std::byte{kBits});
  EncodeIntegers(ordered, out);
  if (out.size() - start <= 1 + 8 * values.size()) return;
  out.resize(start);
  out.push_back(std::byte{kRaw});
  base::AppendBytes(out, std::as_bytes(values));
}

}  // namespace

void EncodeValues(std::span<const double> values, base::ByteBuffer& out) {
  BARO_ASSERT(!values.empty() && values.size() <= kStreamLengthMax);
  if (EncodeConstant(values, out)) return;
  thread_local Decimals decimals;
  const unsigned exponent = CommonExponent(values);
  if (exponent > kExponentMax || !ToDecimals(values, exponent, decimals)) {
    EncodeBits(values, out);
    return;
  }
  out.push_back(static_cast<std::byte>(kDecimal | (decimals.patches.empty() ? 0 : kPatchesFlag)));
  if (!decimals.patches.empty()) EncodePatches(decimals.patches, out);
  out.push_back(static_cast<std::byte>(exponent));
  EncodeIntegers(decimals.values, out);
}

base::Result<base::ByteSpan> DecodeValues(base::ByteSpan bytes, std::span<double> values) {
  base::ByteReader reader(bytes);
  const auto head = static_cast<unsigned>(reader.Le<std::uint8_t>());
  const unsigned kind = head & 7;
  if (!reader.ok() || head > 15 || kind > kRaw || ((head & kPatchesFlag) != 0 && kind != kDecimal)) {
    return Damaged("unknown kind");
  }
  if (kind == kConstBits || kind == kConstInteger) {
    const double value = kind == kConstBits ? reader.Le<double>() : static_cast<double>(reader.SignedVarint());
    if (!reader.ok()) return Damaged("cut short");
    std::ranges::fill(values, value);
    return bytes.last(reader.remaining());
  }
  if (kind == kRaw) {
    const base::ByteSpan raw = reader.Bytes(values.size_bytes());
    if (!reader.ok()) return Damaged("cut short");
    if (!raw.empty()) std::memcpy(values.data(), raw.data(), raw.size());
    return bytes.last(reader.remaining());
  }

  std::vector<Patch> patches;
  if ((head & kPatchesFlag) != 0) patches = BARO_TRY(DecodePatches(reader, values.size()));
  const unsigned exponent = kind == kDecimal ? reader.Le<std::uint8_t>() : 0;
  if (!reader.ok() || exponent > kExponentMax) return Damaged("exponent out of bounds");
  thread_local std::vector<std::uint64_t> integers;
  integers.resize(values.size());
  const base::ByteSpan rest = BARO_TRY(DecodeIntegers(bytes.last(reader.remaining()), integers));
  if (kind == kBits) {
    for (std::size_t i = 0; i < values.size(); ++i) values[i] = std::bit_cast<double>(OrderPreserving(integers[i]));
    return rest;
  }
  const double power = kPowers[exponent];
  for (std::size_t i = 0; i < values.size(); ++i) {
    values[i] = static_cast<double>(static_cast<std::int64_t>(integers[i])) / power;
  }
  for (const Patch& patch : patches) {
    std::ranges::fill(values.subspan(patch.position, patch.length), std::bit_cast<double>(patch.bits));
  }
  return rest;
}

}  // namespace baro::tsdb
