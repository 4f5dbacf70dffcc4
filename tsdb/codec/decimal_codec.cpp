// Columns of decimals: one exponent, a stream of integers, and patches for the few that are none.
#include "tsdb/codec/column_codec.h"

namespace baro::tsdb {
namespace {

// Fills the plan with integers; false if more than a tenth of the values are no decimals of that form.
bool TakeDecimals(const ColumnInput& input, DecimalForm form, ColumnPlan& plan) {
  plan.form = form;
  plan.form_bits = form == DecimalForm{} ? kIsIntegerForm : 0;
  plan.integers.resize(input.values.size());
  plan.patches.Clear();
  std::span<const PatchRun> specials = input.specials->runs();
  std::size_t misfits = 0;
  std::int64_t last = 0;
  bool is_last_known = false;
  for (std::size_t i = 0; i < input.values.size(); ++i) {
    std::int64_t decimal = 0;
    const bool fits = ToDecimal(input.values[i], form, decimal);
    while (!specials.empty() && specials[0].position + specials[0].length <= i) specials = specials.subspan(1);
    if (!specials.empty() && specials[0].position <= i) {
      plan.patches.Add(i, specials[0].bits);
      decimal = fits ? decimal : last;
    } else if (!fits) {
      if (++misfits > input.values.size() / 10) return false;
      plan.patches.Add(i, std::bit_cast<std::uint64_t>(input.values[i]));
      decimal = last;
    }
    if (!is_last_known && fits) {
      // Misfits in front of the first decimal repeat it, too.
      std::ranges::fill(std::span(plan.integers).first(i), static_cast<std::uint64_t>(decimal));
      is_last_known = true;
    }
    last = decimal;
    plan.integers[i] = static_cast<std::uint64_t>(decimal);
  }
  return true;
}

std::optional<std::size_t> Plan(const ColumnInput& input, ColumnPlan& plan) {
  if (!input.form || !TakeDecimals(input, *input.form, plan)) return std::nullopt;
  return (plan.form_bits == 0 ? 1 : 0) + plan.stream.Plan(plan.integers);
}

bool NeedsRows(const ColumnPlan& plan) { return plan.stream.has_blocks(); }

void Write(const ColumnInput& /*input*/, const ColumnPlan& plan, base::ByteBuffer& header, base::ByteBuffer& payload) {
  WriteDecimalForm(plan, header);
  plan.stream.Write(header, payload);
}

base::Result<> ReadHeader(base::ByteReader& reader, ChunkHeader& header) {
  BARO_TRY(ReadDecimalForm(reader, header));
  BARO_TRY(ReadStreamHeader(reader, header.rows, header.stream));
  header.needs_rows = !header.stream.is_all_zero;
  header.payload_bytes = header.stream.payload_bytes;
  return {};
}

base::Result<> Decode(const ChunkHeader& header, base::ByteSpan payload, std::span<double> values) {
  return DecodeStreamAs(header.stream, payload, header.form.rule(), std::as_writable_bytes(values));
}

}  // namespace

constinit const ColumnCodec kDecimalCodec = {.name = "decimal",
                                             .kind = ColumnKind::kDecimal,
                                             .plan = Plan,
                                             .write = Write,
                                             .needs_rows = NeedsRows,
                                             .read_header = ReadHeader,
                                             .decode = Decode};

}  // namespace baro::tsdb
