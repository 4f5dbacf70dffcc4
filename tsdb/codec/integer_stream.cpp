#include "tsdb/codec/integer_stream.h"

#include <algorithm>
#include <bit>

#include "tsdb/codec/bit_packing.h"
#include "tsdb/codec/decode_kernels.h"
#include "tsdb/codec/stream_format.h"

namespace baro::tsdb {
namespace {

base::Error Damaged(const char* what) { return {base::Code::kCorruption, fmt::format("integer stream: {}", what)}; }

// A block's header.
struct BlockHeader {
  unsigned width = 0;
  unsigned high_width = 0;
  std::size_t exceptions = 0;
  std::size_t position_bytes = 0;
  bool is_bitmap = false;

  std::size_t PayloadBytes(std::size_t length) const {
    return PackedBytes(length, width) + position_bytes + PackedBytes(exceptions, high_width);
  }
};

// Reads what ReadStreamHeader() has checked, or is checking: three bytes are readable.
const std::byte* ReadBlockHeader(const std::byte* at, std::size_t length, BlockHeader& header) {
  const auto first = static_cast<unsigned>(*at++);
  header = {.width = first & kWidthMask};
  if ((first & kHasExceptions) == 0) return at;
  const auto second = static_cast<unsigned>(*at++);
  header.high_width = second & kWidthMask;
  header.exceptions = static_cast<std::size_t>(*at++) + 1;
  header.is_bitmap = (second & kPositionsAreBitmap) != 0;
  header.position_bytes = header.is_bitmap ? (length + 7) / 8 : header.exceptions;
  return at;
}

base::Result<> Patch(const BlockHeader& header, base::ByteSpan payload, std::span<std::uint64_t> block) {
  std::array<std::uint64_t, kBlockLengthMax> high;
  UnpackBits(payload.subspan(header.position_bytes), header.high_width, std::span(high).first(header.exceptions));
  // A width of 64 leaves no room for exceptions, whose bits are then none.
  const unsigned width = std::min(header.width, kWidthMax - 1);
  if (!header.is_bitmap) {
    for (std::size_t i = 0; i < header.exceptions; ++i) {
      const auto position = static_cast<std::size_t>(payload[i]);
      if (position >= block.size()) return Damaged("an exception lies outside of its block");
      block[position] |= high[i] << width;
    }
    return {};
  }
  std::size_t done = 0;
  for (std::size_t i = 0; i < header.position_bytes; ++i) {
    for (auto bits = static_cast<unsigned>(payload[i]); bits != 0; bits &= bits - 1) {
      const std::size_t position = 8 * i + static_cast<std::size_t>(std::countr_zero(bits));
      if (position >= block.size() || done == header.exceptions) return Damaged("a bitmap has too many bits");
      block[position] |= high[done++] << width;
    }
  }
  return {};
}

// The block's low bits, by a kernel that may read behind them.
void Unpack(const DecodeKernels& kernels, base::ByteSpan payload, unsigned width, std::span<std::uint64_t> block) {
  const std::size_t size = PackedBytes(block.size(), width);
  if (payload.size() >= size + kReadSlackBytes) return kernels.unpack(payload.data(), width, block);
  std::array<std::byte, kBlockLengthMax * sizeof(std::uint64_t) + kReadSlackBytes> copy;
  if (size != 0) std::memcpy(copy.data(), payload.data(), size);
  std::memset(copy.data() + size, 0, kReadSlackBytes);
  kernels.unpack(copy.data(), width, block);
}

}  // namespace

base::Result<StreamHeader> ReadStreamHeader(base::ByteReader& reader, std::size_t count) {
  StreamHeader header;
  const auto flags = reader.Le<std::uint8_t>();
  header.count = static_cast<std::uint32_t>(count);
  header.predictor = flags & kPredictorMask;
  header.is_zigzag = (flags & kZigZag) != 0;
  header.is_all_zero = (flags & kAllZero) != 0;
  if (header.predictor >= 1) header.first = static_cast<std::uint64_t>(reader.SignedVarint());
  if (header.predictor == 2) header.delta = static_cast<std::uint64_t>(reader.SignedVarint());
  if ((flags & kHasBase) != 0) header.base = static_cast<std::uint64_t>(reader.SignedVarint());
  if ((flags & kHasDivisor) != 0) header.divisor = reader.Varint();
  if (!reader.ok()) return Damaged("header cut short");
  if (flags > kStreamFlagsMax || header.predictor > kPredictorMax) return Damaged("unknown form");
  if ((flags & kScaled) != 0) {
    header.first *= header.divisor;
    header.delta *= header.divisor;
    header.base *= header.divisor;
  }
  if (header.is_all_zero) return header;
  if (header.predictor >= count) return Damaged("fewer integers than its predictor needs");

  const std::size_t residuals = count - header.predictor;
  const std::size_t length_max = BlockLength(residuals);
  // A copy of the reader may go ahead to see what is left.
  const base::ByteSpan blocks = base::ByteReader(reader).Bytes(reader.remaining());
  header.blocks = blocks.data();
  std::size_t at = 0;
  std::size_t payload = 0;
  for (std::size_t done = 0; done < residuals; done += length_max) {
    const std::size_t length = std::min(length_max, residuals - done);
    if (at >= blocks.size()) return Damaged("block headers cut short");
    const auto first = static_cast<unsigned>(blocks[at]);
    if ((first & kHasExceptions) != 0 && blocks.size() - at < 3) return Damaged("block headers cut short");
    BlockHeader block;
    at = static_cast<std::size_t>(ReadBlockHeader(blocks.data() + at, length, block) - blocks.data());
    if (block.width + block.high_width > kWidthMax || block.exceptions > length) {
      return Damaged("widths or exceptions out of bounds");
    }
    payload += block.PayloadBytes(length);
  }
  reader.Bytes(at);
  header.payload_bytes = static_cast<std::uint32_t>(payload);
  return header;
}

base::Result<> DecodeStream(const StreamHeader& header, base::ByteSpan payload, std::span<std::uint64_t> values) {
  BARO_ASSERT(payload.size() >= header.payload_bytes && (header.is_all_zero || values.size() == header.count));
  const DecodeKernels& kernels = CurrentDecodeKernels();
  const IntegrationRule rule = {
      .predictor = header.predictor, .is_zigzag = header.is_zigzag, .divisor = header.divisor, .base = header.base};
  IntegrationState state = {.value = header.first, .delta = header.delta};
  if (header.predictor >= 1 && !values.empty()) values[0] = header.first;
  if (header.predictor == 2 && values.size() >= 2) values[1] = state.value = header.first + header.delta;
  const std::span<std::uint64_t> residuals = values.subspan(std::min<std::size_t>(header.predictor, values.size()));
  if (residuals.empty()) return {};
  if (header.is_all_zero) {
    std::ranges::fill(residuals, 0);
    kernels.integrate(residuals, rule, state);
    return {};
  }
  const std::size_t length_max = BlockLength(residuals.size());
  const std::byte* at = header.blocks;
  for (std::size_t done = 0; done < residuals.size(); done += length_max) {
    const std::span<std::uint64_t> block = residuals.subspan(done, std::min(length_max, residuals.size() - done));
    BlockHeader block_header;
    at = ReadBlockHeader(at, block.size(), block_header);
    Unpack(kernels, payload, block_header.width, block);
    if (block_header.exceptions != 0) {
      BARO_TRY(Patch(block_header, payload.subspan(PackedBytes(block.size(), block_header.width)), block));
    }
    payload = payload.subspan(block_header.PayloadBytes(block.size()));
    kernels.integrate(block, rule, state);
  }
  return {};
}

base::Result<base::ByteSpan> DecodeIntegers(base::ByteSpan bytes, std::span<std::uint64_t> values) {
  base::ByteReader reader(bytes);
  const StreamHeader header = BARO_TRY(ReadStreamHeader(reader, values.size()));
  const base::ByteSpan payload = bytes.last(reader.remaining());
  if (header.payload_bytes > payload.size()) return Damaged("cut short");
  BARO_TRY(DecodeStream(header, payload, values));
  return payload.subspan(header.payload_bytes);
}

}  // namespace baro::tsdb
