// Columns that move between a few decimals: the sorted distinct ones as a stream, and an index for each row.
#include <algorithm>
#include <bit>

#include "tsdb/codec/bit_packing.h"
#include "tsdb/codec/column_codec.h"

namespace baro::tsdb {
namespace {

unsigned IndexWidth(std::size_t count) { return static_cast<unsigned>(std::bit_width(count - 1)); }

// Distinct numbers and their places in the order of their coming.
class DistinctNumbers {
 public:
  // The number's place; nothing if there are too many.
  std::optional<std::uint16_t> Add(std::uint64_t number) {
    std::size_t at = (number * 0x9e3779b97f4a7c15) >> (64 - kSlotBits);
    while (places_[at] != 0) {
      if (numbers_[places_[at] - 1] == number) return static_cast<std::uint16_t>(places_[at] - 1);
      at = (at + 1) % places_.size();
    }
    if (count_ == kDictionaryMax) return std::nullopt;
    numbers_[count_] = number;
    places_[at] = ++count_;
    return static_cast<std::uint16_t>(count_ - 1);
  }
  std::span<const std::uint64_t> numbers() const { return std::span(numbers_).first(count_); }

 private:
  static constexpr unsigned kSlotBits = 10;
  std::array<std::uint16_t, std::size_t{1} << kSlotBits> places_{};  // 0: free
  std::array<std::uint64_t, kDictionaryMax> numbers_;
  std::uint16_t count_ = 0;
};

std::optional<std::size_t> Plan(const ColumnInput& input, ColumnPlan& plan) {
  if (!input.form) return std::nullopt;
  plan.form = *input.form;
  plan.form_bits = plan.form == DecimalForm{} ? kIsIntegerForm : 0;
  plan.patches = *input.specials;
  std::vector<std::uint64_t>& indexes = plan.more_integers;
  indexes.clear();
  DistinctNumbers found;
  for (const double value : input.values) {
    std::int64_t decimal = 0;
    if (!ToDecimal(value, plan.form, decimal)) return std::nullopt;
    const auto place = found.Add(static_cast<std::uint64_t>(decimal));
    if (!place) return std::nullopt;
    indexes.push_back(*place);
  }
  std::vector<std::uint64_t>& distinct = plan.integers;
  distinct.assign(found.numbers().begin(), found.numbers().end());
  std::ranges::sort(distinct, {}, [](std::uint64_t number) { return static_cast<std::int64_t>(number); });
  std::array<std::uint64_t, kDictionaryMax> rank;  // by place
  for (std::size_t i = 0; i < distinct.size(); ++i) rank[*found.Add(distinct[i])] = i;
  for (std::uint64_t& slot : indexes) slot = rank[slot];
  return (plan.form_bits == 0 ? 1 : 0) + 1 + plan.stream.Plan(distinct) +
         PackedBytes(indexes.size(), IndexWidth(distinct.size()));
}

bool NeedsRows(const ColumnPlan& /*plan*/) { return true; }

void Write(const ColumnInput& /*input*/, const ColumnPlan& plan, base::ByteBuffer& header, base::ByteBuffer& payload) {
  WriteDecimalForm(plan, header);
  header.push_back(static_cast<std::byte>(plan.integers.size() - 1));
  plan.stream.Write(header, payload);
  PackBits(plan.more_integers, IndexWidth(plan.integers.size()), payload);
}

base::Result<> ReadHeader(base::ByteReader& reader, ChunkHeader& header) {
  BARO_TRY(ReadDecimalForm(reader, header));
  header.distinct_count = static_cast<std::uint16_t>(reader.Le<std::uint8_t>() + 1);
  BARO_TRY(ReadStreamHeader(reader, header.distinct_count, header.stream));
  header.needs_rows = true;
  header.payload_bytes = header.stream.payload_bytes +
                         static_cast<std::uint32_t>(PackedBytes(header.rows, IndexWidth(header.distinct_count)));
  return {};
}

base::Result<> Decode(const ChunkHeader& header, base::ByteSpan payload, std::span<double> values) {
  std::array<double, kDictionaryMax> dictionary;
  BARO_TRY(DecodeStreamAs(header.stream, payload, header.form.rule(),
                          std::as_writable_bytes(std::span(dictionary).first(header.distinct_count))));
  const unsigned width = IndexWidth(header.distinct_count);
  const base::ByteSpan indexes = payload.subspan(header.stream.payload_bytes);
  const std::byte* at = indexes.data();
  const std::size_t size = PackedBytes(values.size(), width);
  std::array<std::byte, kChunkRowsMax + kReadSlackBytes> copy;  // kernels read behind what they need
  if (indexes.size() < size + kReadSlackBytes) {
    if (size != 0) std::memcpy(copy.data(), at, size);
    at = copy.data();
  }
  const bool is_good = CurrentDecodeKernels().look_up(at, width, dictionary, header.distinct_count, values);
  return is_good ? base::Result<>() : DamagedChunk("an index behind its dictionary");
}

}  // namespace

constinit const ColumnCodec kDictionaryCodec = {.name = "dictionary",
                                                .kind = ColumnKind::kDictionary,
                                                .plan = Plan,
                                                .write = Write,
                                                .needs_rows = NeedsRows,
                                                .read_header = ReadHeader,
                                                .decode = Decode};

}  // namespace baro::tsdb
