#include "tsdb/block/histogram_page.h"

#include "tsdb/block/block_files.h"
#include "tsdb/codec/histogram_codec.h"
#include "tsdb/codec/integer_stream.h"

namespace baro::tsdb {
namespace {

base::Error Damaged(const char* what) { return {base::Code::kCorruption, fmt::format("page of histograms: {}", what)}; }

}  // namespace

base::Result<> HistogramPageBuilder::Add(std::span<const HistogramSample> samples) {
  const std::size_t before = payload_.size();
  BARO_TRY(EncodeHistograms(samples, payload_));
  sizes_.push_back(payload_.size() - before);
  return {};
}

void HistogramPageBuilder::Finish(std::uint32_t seed, base::ByteBuffer& out) {
  base::ByteBuffer content;
  base::AppendVarint(content, sizes_.size());
  EncodeIntegers(sizes_, content);
  base::AppendBytes(content, payload_);
  AppendFrame(FrameKind::kHistograms, content, FrameForm::kSmallest, seed, out);
  sizes_.clear();
  payload_.clear();
}

base::Result<> HistogramPage::Check(base::ByteSpan bytes, std::uint32_t seed) {
  const FrameView frame = BARO_TRY(CheckFrame(bytes, 0, FrameKind::kHistograms, seed));
  return frame.size_bytes() == bytes.size() ? base::Result<>() : Damaged("bytes behind its end");
}

base::Result<HistogramPage> HistogramPage::Open(base::ByteSpan bytes) {
  HistogramPage page;
  const FrameView frame = BARO_TRY(LookAtFrame(bytes, 0, FrameKind::kHistograms));
  const base::ByteSpan content = BARO_TRY(FrameContent(frame, page.buffer_));
  base::ByteReader reader(content);
  const std::uint64_t count = reader.Varint();
  if (!reader.ok() || count == 0 || count > kHistogramPageChunksMax) return Damaged("no chunks, or too many");
  page.ends_.resize(count);
  page.payload_ = BARO_TRY(DecodeIntegers(content.last(reader.remaining()), page.ends_));
  std::uint64_t end = 0;
  for (std::uint64_t& size : page.ends_) {
    if (size > page.payload_.size() - end) return Damaged("chunks cut short");
    end += size;
    size = end;
  }
  if (end != page.payload_.size()) return Damaged("bytes behind the chunks");
  return page;
}

base::Result<> HistogramPage::Decode(std::size_t chunk, std::span<const std::int64_t> timestamps_ms,
                                     std::vector<HistogramSample>& samples) const {
  if (chunk >= ends_.size()) return Damaged("a chunk that does not exist");
  const std::uint64_t begin = chunk == 0 ? 0 : ends_[chunk - 1];
  return DecodeHistograms(payload_.subspan(begin, ends_[chunk] - begin), timestamps_ms, samples);
}

}  // namespace baro::tsdb
