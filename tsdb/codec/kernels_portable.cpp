// Kernels without vector instructions: the reference for all others.
#include <bit>

#include "tsdb/codec/bit_packing.h"
#include "tsdb/codec/decode_kernels.h"

namespace baro::tsdb {
namespace {

void Unpack(const std::byte* bytes, unsigned width, std::span<std::uint64_t> values) {
  UnpackBits({bytes, PackedBytes(values.size(), width)}, width, values);
}

void Integrate(std::span<std::uint64_t> values, const IntegrationRule& rule, IntegrationState& state) {
  for (std::uint64_t& slot : values) {
    const std::uint64_t step = rule.is_zigzag ? static_cast<std::uint64_t>(base::UnZigZag(slot)) : slot;
    const std::uint64_t difference = step * rule.divisor + rule.base;
    switch (rule.predictor) {
      case 0:
        slot = difference;
        break;
      case 1:
        slot = state.value += difference;
        break;
      default:
        state.delta += difference;
        slot = state.value += state.delta;
    }
  }
}

void Convert(std::span<const std::uint64_t> values, Conversion conversion, double scale, double* out) {
  for (const std::uint64_t value : values) {
    const auto number = static_cast<double>(static_cast<std::int64_t>(value));
    switch (conversion) {
      case Conversion::kInteger:
        *out++ = number;
        break;
      case Conversion::kDivided:
        *out++ = number / scale;
        break;
      case Conversion::kMultiplied:
        *out++ = number * scale;
        break;
      case Conversion::kOrdered:
        *out++ = std::bit_cast<double>((value >> 63) != 0 ? value ^ 0x7fffffffffffffff : value);
    }
  }
}

}  // namespace

constinit const DecodeKernels kPortableKernels = {
    .name = "portable", .unpack = Unpack, .integrate = Integrate, .convert = Convert};

}  // namespace baro::tsdb
