// Columns of one value, which is then all in the header.
#include <bit>

#include "tsdb/codec/column_codec.h"

namespace baro::tsdb {
namespace {

bool IsConstant(std::span<const double> values) {
  const auto first = std::bit_cast<std::uint64_t>(values[0]);
  std::uint64_t differences = 0;
  for (const double value : values) differences |= std::bit_cast<std::uint64_t>(value) ^ first;
  return differences == 0;
}

std::size_t SignedVarintBytes(std::int64_t value) {
  return (static_cast<std::size_t>(std::bit_width(base::ZigZag(value) | 1)) + 6) / 7;
}

std::optional<std::size_t> PlanInteger(const ColumnInput& input, ColumnPlan& plan) {
  std::int64_t decimal = 0;
  if (!IsConstant(input.values) || !ToDecimal(input.values[0], {}, decimal)) return std::nullopt;
  plan.patches = *input.specials;
  plan.form_bits = decimal == 0 ? kConstantZero : decimal == 1 ? kConstantOne : 0;
  plan.integers.assign(1, static_cast<std::uint64_t>(decimal));
  return plan.form_bits != 0 ? 0 : SignedVarintBytes(decimal);
}

std::optional<std::size_t> PlanDecimal(const ColumnInput& input, ColumnPlan& plan) {
  std::int64_t decimal = 0;
  const auto form = FindDecimalForm(input.values.first(1));
  if (!IsConstant(input.values) || !form || !ToDecimal(input.values[0], *form, decimal)) return std::nullopt;
  plan.patches = *input.specials;
  plan.form = *form;
  plan.form_bits = *form == DecimalForm{} ? kIsIntegerForm : 0;
  plan.integers.assign(1, static_cast<std::uint64_t>(decimal));
  return 1 + SignedVarintBytes(decimal);
}

std::optional<std::size_t> PlanBits(const ColumnInput& input, ColumnPlan& plan) {
  if (!IsConstant(input.values)) return std::nullopt;
  plan.patches = *input.specials;
  plan.form_bits = 0;
  return sizeof(double);
}

bool NeedsNoRows(const ColumnPlan& /*plan*/) { return false; }

void WriteInteger(const ColumnInput& /*input*/, const ColumnPlan& plan, base::ByteBuffer& header,
                  base::ByteBuffer& /*payload*/) {
  if (plan.form_bits == 0) base::AppendSignedVarint(header, static_cast<std::int64_t>(plan.integers[0]));
}

void WriteDecimal(const ColumnInput& /*input*/, const ColumnPlan& plan, base::ByteBuffer& header,
                  base::ByteBuffer& /*payload*/) {
  WriteDecimalForm(plan, header);
  base::AppendSignedVarint(header, static_cast<std::int64_t>(plan.integers[0]));
}

void WriteBits(const ColumnInput& input, const ColumnPlan& /*plan*/, base::ByteBuffer& header,
               base::ByteBuffer& /*payload*/) {
  base::AppendLe(header, input.values[0]);
}

base::Result<> ReadInteger(base::ByteReader& reader, ChunkHeader& header) {
  if (header.form_bits == kFormBits) return DamagedChunk("zero and one at once");
  const std::int64_t decimal = header.form_bits == 0 ? reader.SignedVarint() : header.form_bits == kConstantOne ? 1 : 0;
  header.constant = static_cast<double>(decimal);
  return {};
}

base::Result<> ReadDecimal(base::ByteReader& reader, ChunkHeader& header) {
  BARO_TRY(ReadDecimalForm(reader, header));
  header.constant = FromDecimal(reader.SignedVarint(), header.form);
  return {};
}

base::Result<> ReadBits(base::ByteReader& reader, ChunkHeader& header) {
  if (header.form_bits != 0) return DamagedChunk("unknown form");
  header.constant = reader.Le<double>();
  return {};
}

base::Result<> Decode(const ChunkHeader& header, base::ByteSpan /*payload*/, std::span<double> values) {
  CurrentDecodeKernels().fill(values, header.constant);
  return {};
}

}  // namespace

constinit const ColumnCodec kConstantIntegerCodec = {.name = "constant integer",
                                                     .kind = ColumnKind::kConstantInteger,
                                                     .plan = PlanInteger,
                                                     .write = WriteInteger,
                                                     .needs_rows = NeedsNoRows,
                                                     .read_header = ReadInteger,
                                                     .decode = Decode};

constinit const ColumnCodec kConstantDecimalCodec = {.name = "constant decimal",
                                                     .kind = ColumnKind::kConstantDecimal,
                                                     .plan = PlanDecimal,
                                                     .write = WriteDecimal,
                                                     .needs_rows = NeedsNoRows,
                                                     .read_header = ReadDecimal,
                                                     .decode = Decode};

constinit const ColumnCodec kConstantBitsCodec = {.name = "constant bits",
                                                  .kind = ColumnKind::kConstantBits,
                                                  .plan = PlanBits,
                                                  .write = WriteBits,
                                                  .needs_rows = NeedsNoRows,
                                                  .read_header = ReadBits,
                                                  .decode = Decode};

}  // namespace baro::tsdb
