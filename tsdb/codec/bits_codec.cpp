// Columns of doubles that are no decimals: their bits as integers, and their bits as they are.
#include <bit>

#include "tsdb/codec/column_codec.h"

namespace baro::tsdb {
namespace {

std::optional<std::size_t> Plan(const ColumnInput& input, ColumnPlan& plan) {
  plan.form_bits = 0;
  plan.patches = *input.specials;
  plan.integers.clear();
  for (const double value : input.values) plan.integers.push_back(OrderPreserving(std::bit_cast<std::uint64_t>(value)));
  return plan.stream.Plan(plan.integers);
}

bool NeedsRows(const ColumnPlan& plan) { return plan.stream.has_blocks(); }

void Write(const ColumnInput& /*input*/, const ColumnPlan& plan, base::ByteBuffer& header, base::ByteBuffer& payload) {
  plan.stream.Write(header, payload);
}

base::Result<> ReadHeader(base::ByteReader& reader, ChunkHeader& header) {
  if (header.form_bits != 0) return DamagedChunk("unknown form");
  BARO_TRY(ReadStreamHeader(reader, header.rows, header.stream));
  header.needs_rows = !header.stream.is_all_zero;
  header.payload_bytes = header.stream.payload_bytes;
  return {};
}

base::Result<> Decode(const ChunkHeader& header, base::ByteSpan payload, std::span<double> values) {
  return DecodeStreamAs(header.stream, payload, {.conversion = Conversion::kOrdered}, std::as_writable_bytes(values));
}

std::optional<std::size_t> PlanRaw(const ColumnInput& input, ColumnPlan& plan) {
  plan.form_bits = 0;
  plan.patches = *input.specials;
  return input.values.size_bytes();
}

bool RawNeedsRows(const ColumnPlan& /*plan*/) { return true; }

void WriteRaw(const ColumnInput& input, const ColumnPlan& /*plan*/, base::ByteBuffer& /*header*/,
              base::ByteBuffer& payload) {
  base::AppendBytes(payload, std::as_bytes(input.values));
}

base::Result<> ReadRawHeader(base::ByteReader& /*reader*/, ChunkHeader& header) {
  if (header.form_bits != 0) return DamagedChunk("unknown form");
  header.needs_rows = true;
  header.payload_bytes = header.rows * static_cast<std::uint32_t>(sizeof(double));
  return {};
}

base::Result<> DecodeRaw(const ChunkHeader& /*header*/, base::ByteSpan payload, std::span<double> values) {
  std::memcpy(values.data(), payload.data(), values.size_bytes());
  return {};
}

}  // namespace

constinit const ColumnCodec kBitsCodec = {.name = "bits",
                                          .kind = ColumnKind::kBits,
                                          .plan = Plan,
                                          .write = Write,
                                          .needs_rows = NeedsRows,
                                          .read_header = ReadHeader,
                                          .decode = Decode};

constinit const ColumnCodec kRawCodec = {.name = "raw",
                                         .kind = ColumnKind::kRaw,
                                         .plan = PlanRaw,
                                         .write = WriteRaw,
                                         .needs_rows = RawNeedsRows,
                                         .read_header = ReadRawHeader,
                                         .decode = DecodeRaw};

}  // namespace baro::tsdb
