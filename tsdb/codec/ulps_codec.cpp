// Columns of sums of decimals: rounding has moved them a few units in the last place away from decimals.
//
// A sum of durations in nanoseconds is near a decimal with nine digits, but not at it. The decimal and the distance,
// counted in doubles, are two streams: together far shorter than the double's bits.
#include <bit>
#include <limits>

#include "tsdb/codec/column_codec.h"

namespace baro::tsdb {
namespace {

// Nanoseconds, microseconds, milliseconds.
constexpr std::array<std::uint8_t, 3> kExponents = {9, 6, 3};

bool Take(std::span<const double> values, DecimalForm form, ColumnPlan& plan) {
  plan.form = form;
  plan.integers.clear();
  plan.more_integers.clear();
  for (const double value : values) {
    std::int64_t decimal = 0;
    if (!NearestDecimal(value, form.exponent, decimal)) return false;
    const auto near = std::bit_cast<std::uint64_t>(FromDecimal(decimal, form));
    plan.integers.push_back(static_cast<std::uint64_t>(decimal));
    plan.more_integers.push_back(OrderPreserving(std::bit_cast<std::uint64_t>(value)) - OrderPreserving(near));
  }
  return true;
}

std::optional<std::size_t> PlanExponent(const ColumnInput& input, std::uint8_t exponent, ColumnPlan& plan) {
  if (!Take(input.values, {.exponent = exponent}, plan)) return std::nullopt;
  return 1 + plan.stream.Plan(plan.integers) + plan.second.Plan(plan.more_integers);
}

std::optional<std::size_t> Plan(const ColumnInput& input, ColumnPlan& plan) {
  plan.form_bits = 0;
  plan.patches = *input.specials;
  std::optional<std::size_t> best;
  std::uint8_t best_exponent = 0;
  std::uint8_t last = 0;
  for (const std::uint8_t exponent : kExponents) {
    const auto size = PlanExponent(input, exponent, plan);
    last = exponent;
    if (!size || (best && *size >= *best)) continue;
    best = size;
    best_exponent = exponent;
  }
  if (best && best_exponent != last) PlanExponent(input, best_exponent, plan);
  return best;
}

bool NeedsRows(const ColumnPlan& plan) { return plan.stream.has_blocks() || plan.second.has_blocks(); }

void Write(const ColumnInput& /*input*/, const ColumnPlan& plan, base::ByteBuffer& header, base::ByteBuffer& payload) {
  WriteDecimalForm(plan, header);
  plan.stream.Write(header, payload);
  plan.second.Write(header, payload);
}

base::Result<> ReadHeader(base::ByteReader& reader, ChunkHeader& header) {
  BARO_TRY(ReadDecimalForm(reader, header));
  BARO_TRY(ReadStreamHeader(reader, header.rows, header.stream));
  BARO_TRY(ReadStreamHeader(reader, header.rows, header.second));
  header.needs_rows = !header.stream.is_all_zero || !header.second.is_all_zero;
  header.payload_bytes = header.stream.payload_bytes + header.second.payload_bytes;
  return {};
}

base::Result<> Decode(const ChunkHeader& header, base::ByteSpan payload, std::span<double> values) {
  BARO_TRY(DecodeStreamAs(header.stream, payload, header.form.rule(), std::as_writable_bytes(values)));
  std::array<std::uint64_t, kChunkRowsMax> buffer;
  const std::span<std::uint64_t> ulps = std::span(buffer).first(values.size());
  BARO_TRY(DecodeStream(header.second, payload.subspan(header.stream.payload_bytes), ulps));
  CurrentDecodeKernels().move(values, ulps);
  return {};
}

}  // namespace

constinit const ColumnCodec kDecimalUlpsCodec = {.name = "decimal and ulps",
                                                 .kind = ColumnKind::kDecimalUlps,
                                                 .plan = Plan,
                                                 .write = Write,
                                                 .needs_rows = NeedsRows,
                                                 .read_header = ReadHeader,
                                                 .decode = Decode};

}  // namespace baro::tsdb
