#include "tsdb/block/side_records.h"

#include <bit>

namespace baro::tsdb {
namespace {

base::Error Damaged(const char* what) { return {base::Code::kCorruption, fmt::format("block: {}", what)}; }

void AppendText(base::ByteBuffer& out, std::string_view text) {
  base::AppendVarint(out, text.size());
  base::AppendBytes(out, base::AsBytes(text));
}

// Differences wrap around: times may be as far apart as 64 bits allow.
std::int64_t Difference(std::int64_t a, std::int64_t b) {
  return static_cast<std::int64_t>(static_cast<std::uint64_t>(a) - static_cast<std::uint64_t>(b));
}
std::int64_t Sum(std::int64_t a, std::int64_t b) {
  return static_cast<std::int64_t>(static_cast<std::uint64_t>(a) + static_cast<std::uint64_t>(b));
}

}  // namespace

void EncodeFamily(const FamilyMetadata& family, base::ByteBuffer& out) {
  AppendText(out, family.family);
  out.push_back(static_cast<std::byte>(family.metadata.type));
  base::AppendSignedVarint(out, family.seen_ms);
  AppendText(out, family.metadata.unit);
  AppendText(out, family.metadata.help);
}

base::Result<FamilyMetadata> DecodeFamily(base::ByteSpan bytes) {
  base::ByteReader reader(bytes);
  FamilyMetadata family;
  family.family = reader.Text();
  const auto type = reader.Le<std::uint8_t>();
  family.seen_ms = reader.SignedVarint();
  family.metadata.unit = reader.Text();
  family.metadata.help = reader.Text();
  if (!reader.ok() || !reader.AtEnd() || family.family.empty()) return Damaged("metadata of a family is cut short");
  if (type <= static_cast<std::uint8_t>(model::MetricType::kStateSet)) {
    family.metadata.type = static_cast<model::MetricType>(type);
  }
  return family;
}

void EncodeExemplars(std::span<const model::Exemplar> exemplars, base::ByteBuffer& out) {
  std::int64_t last_ms = 0;
  for (const model::Exemplar& exemplar : exemplars) {
    base::AppendSignedVarint(out, Difference(*exemplar.timestamp_ms, last_ms));
    last_ms = *exemplar.timestamp_ms;
    base::AppendLe(out, std::bit_cast<std::uint64_t>(exemplar.value));
    AppendText(out, exemplar.labels.packed());
  }
}

base::Result<> DecodeExemplars(base::ByteSpan bytes, std::vector<model::Exemplar>& exemplars) {
  base::ByteReader reader(bytes);
  std::int64_t last_ms = 0;
  while (!reader.AtEnd()) {
    last_ms = Sum(last_ms, reader.SignedVarint());
    const auto value = std::bit_cast<double>(reader.Le<std::uint64_t>());
    auto labels = model::Labels::FromPacked(reader.Text());
    if (!reader.ok() || !labels) return Damaged("exemplars are cut short");
    exemplars.push_back({.labels = *std::move(labels), .value = value, .timestamp_ms = last_ms});
  }
  return {};
}

void EncodeStarts(std::span<const StartRun> runs, base::ByteBuffer& out) {
  std::int64_t last_ms = 0;
  for (const StartRun& run : runs) {
    base::AppendSignedVarint(out, Difference(run.from_ms, last_ms));
    last_ms = run.from_ms;
    // What is not known is 0; a start lies near its first sample, or long before.
    const bool is_known = run.start_ms != 0;
    out.push_back(static_cast<std::byte>(is_known ? 1 : 0));
    if (is_known) base::AppendSignedVarint(out, Difference(run.from_ms, run.start_ms));
  }
}

base::Result<> DecodeStarts(base::ByteSpan bytes, std::vector<StartRun>& runs) {
  base::ByteReader reader(bytes);
  const std::size_t first = runs.size();
  std::int64_t last_ms = 0;
  while (!reader.AtEnd()) {
    const std::int64_t from_ms = Sum(last_ms, reader.SignedVarint());
    const auto is_known = reader.Le<std::uint8_t>();
    const std::int64_t start_ms = is_known != 0 ? Difference(from_ms, reader.SignedVarint()) : 0;
    if (!reader.ok() || is_known > 1 || (runs.size() > first && from_ms <= last_ms)) {
      return Damaged("start times are cut short or out of order");
    }
    runs.push_back({.from_ms = from_ms, .start_ms = start_ms});
    last_ms = from_ms;
  }
  return {};
}

}  // namespace baro::tsdb
