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

// Gives kernels bytes that they may read behind. What is copied is readable as long as this.
class Slack {
 public:
  const std::byte* Behind(base::ByteSpan bytes, std::size_t size) {
    if (bytes.size() >= size + kReadSlackBytes) return bytes.data();
    if (size != 0) std::memcpy(copy_.data(), bytes.data(), size);
    std::memset(copy_.data() + size, 0, kReadSlackBytes);
    return copy_.data();
  }

 private:
  // Low bits and exceptions are at most 64 bits together, and positions a byte.
  std::array<std::byte, kBlockLengthMax * (sizeof(std::uint64_t) + 1) + kReadSlackBytes> copy_;
};

constexpr std::array<std::byte, kReadSlackBytes> kNoBytes{};

// As ByteReader::Varint(): all bytes of most at once, as numbers in headers of counters have five or six.
std::uint64_t TakeVarint(base::ByteReader& reader) {
  const base::ByteSpan rest = base::ByteReader(reader).Bytes(reader.remaining());
  if (rest.size() < sizeof(std::uint64_t)) return reader.Varint();
  auto word = base::LoadLe<std::uint64_t>(rest.data());
  const std::uint64_t ends = ~word & 0x8080808080808080;
  if (ends == 0) return reader.Varint();
  // Seven bits of each byte up to the first without a continuation, moved together in three steps.
  word &= (ends ^ (ends - 1)) & 0x7f7f7f7f7f7f7f7f;
  word = (word & 0x007f007f007f007f) | (word & 0x7f007f007f007f00) >> 1;
  word = (word & 0x00003fff00003fff) | (word & 0x3fff00003fff0000) >> 2;
  word = (word & 0x000000000fffffff) | (word & 0x0fffffff00000000) >> 4;
  reader.Bytes(static_cast<std::uint64_t>(std::countr_zero(ends)) / 8 + 1);
  return word;
}

std::uint64_t TakeSigned(base::ByteReader& reader) {
  return static_cast<std::uint64_t>(base::UnZigZag(TakeVarint(reader)));
}

}  // namespace

base::Result<> ReadStreamHeader(base::ByteReader& reader, std::size_t count, StreamHeader& header) {
  const auto flags = reader.Le<std::uint8_t>();
  header = {.count = static_cast<std::uint32_t>(count),
            .predictor = static_cast<std::uint8_t>(flags & kPredictorMask),
            .is_zigzag = (flags & kZigZag) != 0,
            .is_all_zero = (flags & kAllZero) != 0};
  if (header.predictor >= 1) header.first = TakeSigned(reader);
  if (header.predictor == 2) header.delta = TakeSigned(reader);
  if ((flags & kHasBase) != 0) header.base = TakeSigned(reader);
  if ((flags & kHasDivisor) != 0) header.divisor = TakeVarint(reader);
  if (!reader.ok()) return Damaged("header cut short");
  if (flags > kStreamFlagsMax || header.predictor > kPredictorMax) return Damaged("unknown form");
  if ((flags & kScaled) != 0) {
    header.first *= header.divisor;
    header.delta *= header.divisor;
    header.base *= header.divisor;
  }
  if (header.is_all_zero) return {};
  if (header.predictor >= count) return Damaged("fewer integers than its predictor needs");

  const std::size_t residuals = count - header.predictor;
  const std::size_t length_max = BlockLength(residuals);
  // A copy of the reader may go ahead to see what is left.
  const base::ByteSpan blocks = base::ByteReader(reader).Bytes(reader.remaining());
  header.blocks = blocks.data();
  header.block_length = static_cast<std::uint32_t>(length_max);
  const std::byte* at = blocks.data();
  const std::byte* const end = at + blocks.size();
  std::size_t payload = 0;
  for (std::size_t done = 0; done < residuals; done += length_max) {
    const std::size_t length = std::min(length_max, residuals - done);
    if (at == end) return Damaged("block headers cut short");
    const auto first = static_cast<unsigned>(*at);
    if (first <= kWidthMax) {  // no exceptions
      payload += PackedBytes(length, first);
      ++at;
      continue;
    }
    if ((first & kHasExceptions) != 0 && end - at < 3) return Damaged("block headers cut short");
    BlockHeader block;
    at = ReadBlockHeader(at, length, block);
    if (block.width + block.high_width > kWidthMax || block.exceptions > length) {
      return Damaged("widths or exceptions out of bounds");
    }
    payload += block.PayloadBytes(length);
  }
  reader.Bytes(static_cast<std::size_t>(at - blocks.data()));
  header.payload_bytes = static_cast<std::uint32_t>(payload);
  return {};
}

base::Result<> DecodeStreamAs(const StreamHeader& header, base::ByteSpan payload, const ConversionRule& conversion,
                              std::span<std::byte> out) {
  const std::size_t count = out.size() / sizeof(std::uint64_t);
  BARO_ASSERT(payload.size() >= header.payload_bytes && (header.is_all_zero || count <= header.count));
  const DecodeKernels& kernels = CurrentDecodeKernels();
  const IntegrationRule rule = {
      .predictor = header.predictor, .is_zigzag = header.is_zigzag, .divisor = header.divisor, .base = header.base};
  IntegrationState state = {.value = header.first, .delta = header.delta};
  std::size_t head = 0;
  for (; head < std::min<std::size_t>(header.predictor, count); ++head) {
    if (head == 1) state.value += state.delta;
    base::StoreLe(out.data() + head * sizeof(std::uint64_t), Converted(state.value, conversion));
  }
  std::byte* at_out = out.data() + head * sizeof(std::uint64_t);
  const std::size_t residuals = count - head;
  if (header.is_all_zero) {
    kernels.decode({.bytes = kNoBytes.data(), .width = 0, .length = residuals}, rule, conversion, state, at_out);
    return {};
  }
  Residuals patched;  // not initialized: written before it is read, as are the copies
  Slack slack;
  const std::size_t length_max = header.block_length;
  const std::byte* at = header.blocks;
  for (std::size_t done = 0; done < residuals; done += length_max) {
    // A block is whole where it stands, however few of its residuals are wanted.
    const std::size_t length = std::min(length_max, header.count - header.predictor - done);
    PackedBlock block = {.length = std::min(length, residuals - done)};
    BlockHeader block_header;
    at = ReadBlockHeader(at, length, block_header);
    const std::size_t size = block_header.PayloadBytes(length);
    const std::byte* const bytes = slack.Behind(payload, size);
    block.width = block_header.width;
    block.bits = block_header.width + block_header.high_width;
    block.bytes = bytes;
    if (block_header.exceptions != 0) {
      const std::byte* const positions = bytes + PackedBytes(length, block.width);
      kernels.unpack(bytes, block.width, std::span(patched).first(length));
      const bool is_good = kernels.patch({.positions = positions,
                                          .position_bytes = block_header.position_bytes,
                                          .is_bitmap = block_header.is_bitmap,
                                          .count = block_header.exceptions,
                                          .high = positions + block_header.position_bytes,
                                          .width = block_header.high_width,
                                          // A width of 64 leaves no room for exceptions, whose bits are then none.
                                          .shift = std::min(block.width, kWidthMax - 1)},
                                         length, patched);
      if (!is_good) return Damaged("exceptions outside of their block");
      block.width = kWidthMax;
      block.bytes = reinterpret_cast<const std::byte*>(patched.data());
    }
    kernels.decode(block, rule, conversion, state, at_out);
    payload = payload.subspan(size);
    at_out += block.length * sizeof(std::uint64_t);
  }
  return {};
}

base::Result<> DecodeStream(const StreamHeader& header, base::ByteSpan payload, std::span<std::uint64_t> values) {
  return DecodeStreamAs(header, payload, {}, std::as_writable_bytes(values));
}

base::Result<base::ByteSpan> DecodeIntegers(base::ByteSpan bytes, std::span<std::uint64_t> values) {
  base::ByteReader reader(bytes);
  StreamHeader header;
  BARO_TRY(ReadStreamHeader(reader, values.size(), header));
  const base::ByteSpan payload = bytes.last(reader.remaining());
  if (header.payload_bytes > payload.size()) return Damaged("cut short");
  BARO_TRY(DecodeStream(header, payload, values));
  return payload.subspan(header.payload_bytes);
}

}  // namespace baro::tsdb
