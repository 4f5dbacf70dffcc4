#include "tsdb/head/histogram_chunk.h"

#include <algorithm>

#include "tsdb/codec/histogram_codec.h"
#include "tsdb/codec/integer_stream.h"

namespace baro::tsdb {
namespace {

constexpr std::size_t kJoined = 4;

std::shared_ptr<const HistogramChunk> MakeChunk(std::span<const HistogramSample> samples) {
  auto chunk = std::make_shared<HistogramChunk>();
  chunk->min_ms = samples.front().timestamp_ms;
  chunk->max_ms = samples.back().timestamp_ms;
  chunk->count = samples.size();
  std::vector<std::uint64_t> stamps;
  for (const HistogramSample& sample : samples) stamps.push_back(static_cast<std::uint64_t>(sample.timestamp_ms));
  EncodeIntegers(stamps, chunk->bytes);
  if (!EncodeHistograms(samples, chunk->bytes)) return nullptr;
  chunk->bytes.shrink_to_fit();
  return chunk;
}

}  // namespace

base::Result<> ReadHistogramChunk(const HistogramChunk& chunk, std::vector<HistogramSample>& samples) {
  std::vector<std::uint64_t> stamps(chunk.count);
  const base::ByteSpan rest = BARO_TRY(DecodeIntegers(chunk.bytes, stamps));
  const std::vector<std::int64_t> timestamps_ms(stamps.begin(), stamps.end());
  return DecodeHistograms(rest, timestamps_ms, samples);
}

bool SealedHistograms::Add(std::span<const HistogramSample> samples) {
  auto chunk = MakeChunk(samples);
  if (chunk == nullptr) return false;
  chunks_.push_back(std::move(chunk));
  JoinEqual();
  return true;
}

void SealedHistograms::JoinEqual() {
  while (chunks_.size() >= kJoined) {
    const std::span last(chunks_.end() - kJoined, chunks_.end());
    const std::size_t count = last.front()->count;
    const bool are_equal = std::ranges::all_of(last, [count](const auto& chunk) { return chunk->count == count; });
    if (!are_equal || count * kJoined > kChunkCountMax) return;
    std::vector<HistogramSample> samples;
    for (const auto& chunk : last) {
      if (!ReadHistogramChunk(*chunk, samples)) return;  // stays as it is; readers will say so
    }
    auto joined = MakeChunk(samples);
    if (joined == nullptr) return;  // larger than a chunk may be
    chunks_.resize(chunks_.size() - kJoined);
    chunks_.push_back(std::move(joined));
  }
}

void SealedHistograms::DropBefore(std::int64_t cutoff_ms) {
  std::erase_if(chunks_, [cutoff_ms](const auto& chunk) { return chunk->max_ms < cutoff_ms; });
}

std::size_t SealedHistograms::SizeBytes() const {
  std::size_t size = 0;
  for (const auto& chunk : chunks_) size += sizeof(HistogramChunk) + sizeof(chunk) + 16 + chunk->bytes.capacity();
  return size;
}

}  // namespace baro::tsdb
