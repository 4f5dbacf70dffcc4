#include <algorithm>
#include <bit>
#include <numeric>

#include "tsdb/codec/bit_packing.h"
#include "tsdb/codec/integer_stream.h"
#include "tsdb/codec/stream_format.h"

namespace baro::tsdb {
namespace {

unsigned BitLength(std::uint64_t value) { return static_cast<unsigned>(std::bit_width(value)); }
std::size_t VarintBytes(std::uint64_t value) { return value == 0 ? 1 : (BitLength(value) + 6) / 7; }
std::size_t SignedVarintBytes(std::uint64_t value) {
  return VarintBytes(base::ZigZag(static_cast<std::int64_t>(value)));
}
std::size_t BitsToBytes(std::size_t bits) { return (bits + 7) / 8; }

// What all residuals are multiples of; 0 if all are 0. Shape    as numbers with a sign if `is_signed`.
std::uint64_t Divisor(std::span<const std::uint64_t> residuals, bool is_signed) {
  std::uint64_t divisor = 0;
  for (const std::uint64_t residual : residuals) {
    if (residual == 0) continue;
    const std::uint64_t size = is_signed && (residual >> 63) != 0 ? 0 - residual : residual;
    if (divisor != 0 && size % divisor == 0) continue;
    divisor = std::gcd(divisor, size);
    if (divisor == 1) return 1;
  }
  return divisor;
}

// Divides multiples of the divisor, of either sign: by shifting out its even part, and multiplying with the inverse of
// its odd one in arithmetic modulo 2^64.
void DivideExactly(std::span<std::uint64_t> residuals, std::uint64_t divisor, bool is_signed) {
  const auto shift = static_cast<unsigned>(std::countr_zero(divisor));
  const std::uint64_t odd = divisor >> shift;
  std::uint64_t inverse = odd;  // right in its last three bits; each step doubles them (Newton)
  for (int step = 0; step < 5; ++step) inverse *= 2 - odd * inverse;
  for (std::uint64_t& residual : residuals) {
    const std::uint64_t shifted =
        is_signed ? static_cast<std::uint64_t>(static_cast<std::int64_t>(residual) >> shift) : residual >> shift;
    residual = shifted * inverse;
  }
}

}  // namespace

std::size_t StreamEncoder::Plan(std::span<const std::uint64_t> values) {
  // Values as they are want their least one taken off, second differences are as often above zero as below, first ones
  // may be like either.
  static constexpr struct {
    unsigned predictor;
    bool is_zigzag;
  } kForms[kCandidates] = {{1, true}, {1, false}, {2, true}, {0, false}};
  std::size_t best = ~std::size_t{0};
  for (std::size_t i = 0; i < kCandidates; ++i) {
    if (kForms[i].predictor > values.size()) continue;
    Candidate& candidate = candidates_[i];
    candidate.predictor = kForms[i].predictor;
    candidate.is_zigzag = kForms[i].is_zigzag;
    const std::size_t size = PlanCandidate(values, candidate);
    if (size >= best) continue;
    best = size;
    chosen_ = i;
    if (candidate.is_all_zero) break;  // a dozen bytes: the others are not worth a look
  }
  return best;
}

std::size_t StreamEncoder::PlanCandidate(std::span<const std::uint64_t> values, Candidate& candidate) {
  TakeResiduals(values, candidate);
  std::vector<std::uint64_t>& residuals = candidate.residuals;
  candidate.base = 0;
  if (!candidate.is_zigzag && !residuals.empty()) {
    auto least = static_cast<std::int64_t>(residuals[0]);
    for (const std::uint64_t residual : residuals) least = std::min(least, static_cast<std::int64_t>(residual));
    candidate.base = static_cast<std::uint64_t>(least);
    for (std::uint64_t& residual : residuals) residual -= candidate.base;
  }
  candidate.divisor = Divisor(residuals, candidate.is_zigzag);
  candidate.is_all_zero = candidate.divisor == 0;
  if (candidate.is_all_zero) candidate.divisor = 1;
  if (candidate.divisor > 1) DivideExactly(residuals, candidate.divisor, candidate.is_zigzag);
  if (candidate.is_zigzag) {
    for (std::uint64_t& residual : residuals) residual = base::ZigZag(static_cast<std::int64_t>(residual));
  }
  ScaleHead(candidate);
  PlanBlocks(candidate);
  std::size_t size = 1;
  if (candidate.predictor > 0) size += SignedVarintBytes(candidate.first);
  if (candidate.predictor > 1) size += SignedVarintBytes(candidate.delta);
  if (candidate.base != 0) size += SignedVarintBytes(candidate.base);
  if (candidate.divisor > 1) size += VarintBytes(candidate.divisor);
  for (const Block& block : candidate.blocks) size += block.bytes;
  return size;
}

void StreamEncoder::TakeResiduals(std::span<const std::uint64_t> values, Candidate& candidate) {
  candidate.first = candidate.predictor > 0 ? values[0] : 0;
  candidate.delta = candidate.predictor > 1 ? values[1] - values[0] : 0;
  const std::size_t count = values.size() - candidate.predictor;
  candidate.residuals.resize(count);
  std::uint64_t* const out = candidate.residuals.data();
  const std::uint64_t* const in = values.data();
  switch (candidate.predictor) {
    case 0:
      std::ranges::copy(values, out);
      break;
    case 1:
      for (std::size_t i = 0; i < count; ++i) out[i] = in[i + 1] - in[i];
      break;
    default:
      for (std::size_t i = 0; i < count; ++i) out[i] = in[i + 2] - 2 * in[i + 1] + in[i];
      break;
  }
}

// Where all of the head are multiples of the divisor, too, they are written divided by it.
void StreamEncoder::ScaleHead(Candidate& candidate) {
  candidate.is_scaled = false;
  const auto divisor = static_cast<std::int64_t>(candidate.divisor);
  if (divisor <= 1) return;
  const std::array<std::uint64_t*, 3> head = {&candidate.first, &candidate.delta, &candidate.base};
  candidate.is_scaled = std::ranges::all_of(
      head, [divisor](const std::uint64_t* part) { return static_cast<std::int64_t>(*part) % divisor == 0; });
  if (!candidate.is_scaled) return;
  for (std::uint64_t* part : head) *part = static_cast<std::uint64_t>(static_cast<std::int64_t>(*part) / divisor);
}

StreamEncoder::Block StreamEncoder::PlanBlock(std::span<const std::uint64_t> residuals) {
  // Two counters each, so that runs of equal lengths do not wait for one.
  std::array<std::array<std::uint16_t, 66>, 2> counts{};
  std::uint64_t all = 0;
  for (std::size_t i = 0; i < residuals.size(); ++i) {
    ++counts[i % 2][BitLength(residuals[i])];
    all |= residuals[i];
  }
  std::array<std::uint16_t, 66>& lengths = counts[0];
  for (std::size_t i = 0; i < lengths.size(); ++i) lengths[i] = static_cast<std::uint16_t>(lengths[i] + counts[1][i]);
  const unsigned longest = BitLength(all);
  const std::size_t count = residuals.size();
  Block best{.bytes = static_cast<std::uint32_t>(1 + BitsToBytes(count * longest)),
             .width = static_cast<std::uint8_t>(longest)};
  std::size_t exceptions = 0;
  for (unsigned width = longest; width-- > 0;) {
    exceptions += lengths[width + 1];
    const std::size_t bitmap = BitsToBytes(count);
    const std::size_t bytes =
        3 + BitsToBytes(count * width) + std::min(exceptions, bitmap) + BitsToBytes(exceptions * (longest - width));
    if (bytes < best.bytes) {
      best = {.bytes = static_cast<std::uint32_t>(bytes),
              .exceptions = static_cast<std::uint16_t>(exceptions),
              .width = static_cast<std::uint8_t>(width),
              .high_width = static_cast<std::uint8_t>(longest - width),
              .is_bitmap = exceptions > bitmap};
    }
  }
  return best;
}

void StreamEncoder::PlanBlocks(Candidate& candidate) {
  candidate.blocks.clear();
  const std::span<const std::uint64_t> residuals = candidate.residuals;
  if (candidate.is_all_zero || residuals.empty()) return;
  const std::size_t length = BlockLength(residuals.size());
  for (std::size_t at = 0; at < residuals.size(); at += length) {
    candidate.blocks.push_back(PlanBlock(residuals.subspan(at, std::min(length, residuals.size() - at))));
  }
}

void StreamEncoder::WriteBlock(const Block& block, std::span<const std::uint64_t> residuals, base::ByteBuffer& header,
                               base::ByteBuffer& payload) {
  header.push_back(static_cast<std::byte>(block.width | (block.exceptions != 0 ? kHasExceptions : 0)));
  PackBits(residuals, block.width, payload);
  if (block.exceptions == 0) return;
  header.push_back(static_cast<std::byte>(block.high_width | (block.is_bitmap ? kPositionsAreBitmap : 0)));
  header.push_back(static_cast<std::byte>(block.exceptions - 1));
  std::array<std::uint64_t, kBlockLengthMax> high;
  std::array<std::byte, kBlockLengthMax> positions{};
  std::size_t count = 0;
  for (std::size_t i = 0; i < residuals.size(); ++i) {
    if (residuals[i] >> block.width == 0) continue;
    if (block.is_bitmap) {
      positions[i / 8] |= static_cast<std::byte>(1U << (i % 8));
    } else {
      positions[count] = static_cast<std::byte>(i);
    }
    high[count++] = residuals[i] >> block.width;
  }
  base::AppendBytes(payload, {positions.data(), block.is_bitmap ? BitsToBytes(residuals.size()) : count});
  PackBits({high.data(), count}, block.high_width, payload);
}

void StreamEncoder::Write(base::ByteBuffer& header, base::ByteBuffer& payload) const {
  const Candidate& chosen = candidates_[chosen_];
  auto flags = static_cast<std::uint8_t>(chosen.predictor);
  if (chosen.is_zigzag) flags |= kZigZag;
  if (chosen.divisor > 1) flags |= kHasDivisor;
  if (chosen.is_all_zero) flags |= kAllZero;
  if (chosen.is_scaled) flags |= kScaled;
  if (chosen.base != 0) flags |= kHasBase;
  header.push_back(static_cast<std::byte>(flags));
  if (chosen.predictor >= 1) base::AppendSignedVarint(header, static_cast<std::int64_t>(chosen.first));
  if (chosen.predictor == 2) base::AppendSignedVarint(header, static_cast<std::int64_t>(chosen.delta));
  if (chosen.base != 0) base::AppendSignedVarint(header, static_cast<std::int64_t>(chosen.base));
  if (chosen.divisor > 1) base::AppendVarint(header, chosen.divisor);
  if (chosen.blocks.empty()) return;
  const std::span<const std::uint64_t> residuals = chosen.residuals;
  const std::size_t length = BlockLength(residuals.size());
  std::size_t at = 0;
  for (const Block& block : chosen.blocks) {
    WriteBlock(block, residuals.subspan(at, std::min(length, residuals.size() - at)), header, payload);
    at += length;
  }
}

void EncodeIntegers(std::span<const std::uint64_t> values, base::ByteBuffer& out) {
  BARO_ASSERT(values.size() <= kStreamLengthMax);
  thread_local StreamEncoder encoder;
  thread_local base::ByteBuffer payload;
  payload.clear();
  encoder.Plan(values);
  encoder.Write(out, payload);
  base::AppendBytes(out, payload);
}

}  // namespace baro::tsdb
