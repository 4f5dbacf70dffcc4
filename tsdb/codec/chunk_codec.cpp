#include "tsdb/codec/chunk_codec.h"

#include <array>
#include <bit>

#include "tsdb/codec/column_codec.h"

namespace baro::tsdb {
namespace {

constexpr std::array<const ColumnCodec*, 8> kCodecs = {
    &kConstantIntegerCodec, &kConstantDecimalCodec, &kConstantBitsCodec, &kDecimalCodec, &kBitsCodec,
    &kDecimalUlpsCodec,     &kDictionaryCodec,      &kRawCodec};

const ColumnCodec& CodecOf(ColumnKind kind) { return *kCodecs[static_cast<std::size_t>(kind)]; }

constexpr std::size_t kShortDecimalBytes = 5;

// What encoding works in, kept from chunk to chunk.
struct Scratch {
  std::vector<double> filled;
  Patches specials;
  std::array<ColumnPlan, kCodecs.size()> plans;
};

Scratch& ThreadScratch() {
  thread_local Scratch scratch;
  return scratch;
}

std::size_t VarintBytes(std::uint64_t value) { return (static_cast<std::size_t>(std::bit_width(value | 1)) + 6) / 7; }

// The codec that was found to be shortest.
struct Choice {
  const ColumnCodec* codec = nullptr;
  std::size_t size = ~std::size_t{0};

  void Try(ColumnKind kind, const ColumnInput& input, Scratch& scratch) {
    const ColumnCodec& candidate = CodecOf(kind);
    ColumnPlan& plan = scratch.plans[static_cast<std::size_t>(kind)];
    auto candidate_size = candidate.plan(input, plan);
    if (!candidate_size) return;
    if (!plan.patches.empty()) {
      const std::size_t patch_bytes = plan.patches.SizeBytes();
      *candidate_size += patch_bytes + VarintBytes(patch_bytes);
    }
    if (*candidate_size >= size) return;
    codec = &candidate;
    size = *candidate_size;
  }
};

bool HasSpecials(std::span<const double> values) {
  bool found = false;
  for (const double value : values) found |= IsSpecial(value);
  return found;
}

ColumnInput InputOf(std::span<const double> values, Scratch& scratch) {
  if (!HasSpecials(values)) {
    scratch.specials.Clear();
    return {.values = values, .specials = &scratch.specials, .form = {}};
  }
  TakeSpecials(values, scratch.filled, scratch.specials);
  return {.values = scratch.filled, .specials = &scratch.specials, .form = {}};
}

const ColumnCodec* Choose(ColumnInput& input, ChunkHint* hint, Scratch& scratch) {
  Choice choice;
  choice.Try(ColumnKind::kConstantInteger, input, scratch);
  if (choice.codec == nullptr) choice.Try(ColumnKind::kConstantDecimal, input, scratch);
  choice.Try(ColumnKind::kConstantBits, input, scratch);
  if (choice.codec != nullptr) return choice.codec;

  input.form = FindDecimalForm(input.values);
  if (hint != nullptr) hint->form = input.form;
  choice.Try(ColumnKind::kDecimal, input, scratch);
  // Each look costs as much as writing. Decimals that are short are never beaten by the doubles' bits.
  const bool is_decimal =
      choice.codec != nullptr && scratch.plans[static_cast<std::size_t>(ColumnKind::kDecimal)].patches.runs().size() ==
                                     scratch.specials.runs().size();
  if (!is_decimal || choice.size > input.values.size() * kShortDecimalBytes) {
    choice.Try(ColumnKind::kBits, input, scratch);
    choice.Try(ColumnKind::kDecimalUlps, input, scratch);
  }
  // An index into a few values has hardly less than two bits.
  if (choice.size * 4 > input.values.size()) choice.Try(ColumnKind::kDictionary, input, scratch);
  choice.Try(ColumnKind::kRaw, input, scratch);
  return choice.codec;
}

EncodedChunk Write(const ColumnCodec& codec, const ColumnInput& input, const ColumnPlan& plan, base::ByteBuffer& header,
                   base::ByteBuffer& payload) {
  const bool has_patches = !plan.patches.empty();
  header.push_back(
      static_cast<std::byte>(static_cast<std::uint8_t>(codec.kind) | (has_patches ? kHasPatches : 0) | plan.form_bits));
  if (has_patches) base::AppendVarint(header, plan.patches.SizeBytes());
  codec.write(input, plan, header, payload);
  if (has_patches) plan.patches.Write(payload);
  return {.needs_rows = codec.needs_rows(plan)};
}

}  // namespace

std::span<const ColumnCodec* const> ColumnCodecs() { return kCodecs; }

EncodedChunk EncodeChunk(std::span<const double> values, ChunkHint* hint, base::ByteBuffer& header,
                         base::ByteBuffer& payload) {
  BARO_ASSERT(!values.empty() && values.size() <= kChunkRowsMax);
  Scratch& scratch = ThreadScratch();
  ColumnInput input = {.values = values, .specials = nullptr, .form = {}};
  scratch.specials.Clear();
  input.specials = &scratch.specials;
  if (const auto size = kConstantBitsCodec.plan(input, scratch.plans[2]); !size)
    input = InputOf(values, scratch);
  else if (IsSpecial(values[0]))
    return Write(kConstantBitsCodec, input, scratch.plans[2], header, payload);
  const ColumnCodec* codec = Choose(input, hint, scratch);
  return Write(*codec, input, scratch.plans[static_cast<std::size_t>(codec->kind)], header, payload);
}

bool EncodeChunkAs(ColumnKind kind, std::span<const double> values, base::ByteBuffer& header,
                   base::ByteBuffer& payload) {
  BARO_ASSERT(!values.empty() && values.size() <= kChunkRowsMax);
  Scratch& scratch = ThreadScratch();
  ColumnInput input = InputOf(values, scratch);
  input.form = FindDecimalForm(input.values);
  ColumnPlan& plan = scratch.plans[static_cast<std::size_t>(kind)];
  const ColumnCodec& codec = CodecOf(kind);
  if (!codec.plan(input, plan)) return false;
  Write(codec, input, plan, header, payload);
  return true;
}

void WriteDecimalForm(const ColumnPlan& plan, base::ByteBuffer& header) {
  if ((plan.form_bits & kIsIntegerForm) != 0) return;
  header.push_back(static_cast<std::byte>(plan.form.exponent | (plan.form.is_multiplied ? 0x20U : 0U)));
}

base::Result<> ReadDecimalForm(base::ByteReader& reader, ChunkHeader& header) {
  header.form = {};
  if (header.form_bits == kIsIntegerForm) return {};
  const auto form = static_cast<unsigned>(reader.Le<std::uint8_t>());
  if (header.form_bits != 0 || form > 0x3f || (form & 0x1f) > kExponentMax) return DamagedChunk("unknown decimal form");
  header.form = {.exponent = static_cast<std::uint8_t>(form & 0x1f), .is_multiplied = (form & 0x20) != 0};
  return {};
}

base::Result<> ReadChunkHeader(std::uint8_t first_byte, std::uint32_t rows, base::ByteReader& reader,
                               ChunkHeader& header) {
  header.kind = static_cast<ColumnKind>(first_byte & kKindMask);
  header.form_bits = first_byte & kFormBits;
  header.rows = rows;
  header.needs_rows = false;
  header.payload_bytes = 0;
  const std::uint64_t patch_bytes = (first_byte & kHasPatches) != 0 ? reader.Varint() : 0;
  if (patch_bytes > kChunkRowsMax * kPatchBytesMax) return DamagedChunk("too many patches");
  header.patch_bytes = static_cast<std::uint32_t>(patch_bytes);
  BARO_TRY(CodecOf(header.kind).read_header(reader, header));
  if (!reader.ok()) return DamagedChunk("header cut short");
  header.payload_bytes += header.patch_bytes;
  return {};
}

base::Result<> DecodeChunk(const ChunkHeader& header, base::ByteSpan payload, std::size_t rows,
                           std::span<double> values) {
  BARO_ASSERT(payload.size() >= header.payload_bytes && !values.empty() && values.size() <= rows &&
              rows <= kChunkRowsMax);
  if (header.needs_rows && header.rows != rows) {
    return DamagedChunk(fmt::format("it has {} rows, its window {}", header.rows, rows));
  }
  BARO_TRY(CodecOf(header.kind).decode(header, payload, values));
  if (header.patch_bytes == 0) return {};
  return ApplyPatches(payload.subspan(header.payload_bytes - header.patch_bytes, header.patch_bytes), rows, values);
}

std::optional<double> FirstOf(const ChunkHeader& header) {
  if (header.patch_bytes != 0) return std::nullopt;
  if (header.kind <= ColumnKind::kConstantBits) return header.constant;
  if (header.stream.predictor == 0) return std::nullopt;
  if (header.kind == ColumnKind::kDecimal) {
    return FromDecimal(static_cast<std::int64_t>(header.stream.first), header.form);
  }
  if (header.kind == ColumnKind::kBits) return std::bit_cast<double>(OrderPreserving(header.stream.first));
  return std::nullopt;
}

}  // namespace baro::tsdb
