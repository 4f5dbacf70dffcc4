// Kernels without vector instructions: the reference for all others.
#include <algorithm>
#include <bit>

#include "tsdb/codec/bit_packing.h"
#include "tsdb/codec/decode_kernels.h"
#include "tsdb/codec/decode_table.h"

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

void Decode(const PackedBlock& block, const IntegrationRule& rule, const ConversionRule& conversion,
            IntegrationState& state, std::byte* out) {
  std::array<std::uint64_t, kBlockLengthMax> buffer;
  for (std::size_t done = 0; done < block.length;) {
    // Pieces begin at bytes; streams without blocks are longer than one.
    const auto piece = std::span(buffer).first(std::min(kBlockLengthMax, block.length - done));
    Unpack(block.bytes + PackedBytes(done, block.width), block.width, piece);
    Integrate(piece, rule, state);
    for (std::uint64_t& slot : piece) slot = Converted(slot, conversion);
    std::memcpy(out, piece.data(), piece.size_bytes());
    out += piece.size_bytes();
    done += piece.size();
  }
}

bool Patch(const PackedExceptions& exceptions, std::size_t length, Residuals& residuals) {
  if (!ArePositionsGood(exceptions, length)) return false;
  Residuals high;
  Unpack(exceptions.high, exceptions.width, std::span(high).first(exceptions.count));
  PatchWith(exceptions, high, residuals);
  return true;
}

bool LookUp(const std::byte* bytes, unsigned width, const std::array<double, kDictionaryMax>& dictionary,
            std::size_t count, std::span<double> values) {
  std::array<std::uint64_t, kBlockLengthMax> indexes;
  for (std::size_t done = 0; done < values.size(); done += indexes.size()) {
    const std::span<double> piece = values.subspan(done, std::min(indexes.size(), values.size() - done));
    Unpack(bytes + PackedBytes(done, width), width, std::span(indexes).first(piece.size()));
    for (std::size_t i = 0; i < piece.size(); ++i) {
      if (indexes[i] >= count) return false;
      piece[i] = dictionary[indexes[i]];
    }
  }
  return true;
}

void Move(std::span<double> values, std::span<const std::uint64_t> distances) {
  for (std::size_t i = 0; i < values.size(); ++i) {
    const std::uint64_t order = OrderPreserving(std::bit_cast<std::uint64_t>(values[i])) + distances[i];
    values[i] = std::bit_cast<double>(OrderPreserving(order));
  }
}

void Fill(std::span<double> values, double value) { std::ranges::fill(values, value); }

}  // namespace

constinit const DecodeKernels kPortableKernels = {.name = "portable",
                                                  .decode = Decode,
                                                  .unpack = Unpack,
                                                  .patch = Patch,
                                                  .look_up = LookUp,
                                                  .move = Move,
                                                  .fill = Fill};

}  // namespace baro::tsdb
