#include "tsdb/block/chunk_summary.h"

#include <algorithm>
#include <bit>
#include <cmath>

#include "tsdb/codec/integer_stream.h"
#include "tsdb/codec/page.h"

namespace baro::tsdb {
namespace {

// The members that are columns of doubles, in the order of the format.
constexpr double ValueSummary::* kMembers[] = {&ValueSummary::min, &ValueSummary::max, &ValueSummary::sum,
                                               &ValueSummary::first, &ValueSummary::last};

base::Error Damaged(const char* what) { return {base::Code::kCorruption, fmt::format("summaries: {}", what)}; }

}  // namespace

std::optional<ValueSummary> Summarize(std::span<const double> values) {
  ValueSummary summary{
      .min = values[0], .max = values[0], .sum = 0, .first = values.front(), .last = values.back(), .resets = 0};
  double sum = 0;
  double compensation = 0;
  double before = values[0];
  for (const double value : values) {
    if (std::isnan(value)) return std::nullopt;
    summary.min = std::min(summary.min, value);
    summary.max = std::max(summary.max, value);
    summary.resets += value < before ? 1 : 0;
    before = value;
    // Source: Neumaier, "Rundungsfehleranalyse einiger Verfahren zur Summation endlicher Summen", ZAMM 1974.
    const double next = sum + value;
    compensation += std::abs(sum) >= std::abs(value) ? (sum - next) + value : (value - next) + sum;
    sum = next;
  }
  summary.sum = std::isfinite(sum) ? sum + compensation : sum;  // infinities have no lost digits, only NaN ones
  return summary;
}

bool WantsSummary(std::span<const double> values) {
  if (values.size() < kSummaryRowsMin) return false;
  const auto first = std::bit_cast<std::uint64_t>(values.front());
  return std::ranges::any_of(values, [first](double value) { return std::bit_cast<std::uint64_t>(value) != first; });
}

void EncodeSummaries(std::span<const std::optional<ValueSummary>> summaries, base::ByteBuffer& out) {
  std::vector<std::uint64_t> has;
  std::vector<std::uint64_t> resets;
  for (const auto& summary : summaries) {
    has.push_back(summary ? 1 : 0);
    if (summary) resets.push_back(summary->resets);
  }
  BARO_ASSERT(!resets.empty());
  base::AppendVarint(out, has.size());
  EncodeIntegers(has, out);
  EncodeIntegers(resets, out);
  PageBuilder page;
  std::vector<double> column;
  for (const auto member : kMembers) {
    column.clear();
    for (const auto& summary : summaries) {
      if (summary) column.push_back((*summary).*member);
    }
    const std::span<const double> rest(column);
    for (std::size_t at = 0; at < rest.size(); at += kChunkRowsMax) {
      page.Add(rest.subspan(at, std::min(kChunkRowsMax, rest.size() - at)));
    }
  }
  page.Finish(0, PageForm::kHot, out);  // the frame around it says where it belongs
}

base::Result<std::vector<std::optional<ValueSummary>>> DecodeSummaries(base::ByteSpan bytes, std::size_t chunk_count) {
  base::ByteReader reader(bytes);
  if (reader.Varint() != chunk_count || !reader.ok() || chunk_count > kStreamLengthMax) {
    return Damaged("of another number of chunks");
  }
  base::ByteSpan rest = bytes.last(reader.remaining());
  std::vector<std::uint64_t> has(chunk_count);
  rest = BARO_TRY(DecodeIntegers(rest, has));
  if (std::ranges::any_of(has, [](std::uint64_t flag) { return flag > 1; })) return Damaged("flags");
  const auto count = static_cast<std::size_t>(std::ranges::count(has, std::uint64_t{1}));
  if (count == 0) return Damaged("none");
  std::vector<std::uint64_t> resets(count);
  rest = BARO_TRY(DecodeIntegers(rest, resets));
  std::vector<ValueSummary> dense(count);
  std::vector<double> column(count);
  const PageView page = BARO_TRY(PageView::Open(rest, 0));
  PageCursor cursor(page);
  std::uint32_t chunk = 0;
  for (const auto member : kMembers) {
    for (std::size_t at = 0; at < count; at += kChunkRowsMax) {
      const std::size_t rows = std::min(kChunkRowsMax, count - at);
      BARO_TRY(cursor.Decode(chunk++, rows, std::span(column).subspan(at, rows)));
    }
    for (std::size_t i = 0; i < count; ++i) dense[i].*member = column[i];
  }
  std::vector<std::optional<ValueSummary>> summaries(chunk_count);
  std::size_t at = 0;
  for (std::size_t i = 0; i < chunk_count; ++i) {
    if (has[i] == 0) continue;
    dense[at].resets = resets[at];
    summaries[i] = dense[at++];
  }
  return summaries;
}

}  // namespace baro::tsdb
