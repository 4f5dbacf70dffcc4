#include "tsdb/block/float_page.h"

#include "tsdb/block/block_files.h"
#include "tsdb/codec/integer_stream.h"
#include "tsdb/codec/value_codec.h"

namespace baro::tsdb {
namespace {

base::Error Damaged(const char* what) { return {base::Code::kCorruption, fmt::format("page of chunks: {}", what)}; }

}  // namespace

void FloatPageBuilder::Add(std::span<const double> values) {
  const std::size_t before = payload_.size();
  EncodeValues(values, payload_);
  sizes_.push_back(payload_.size() - before);
}

void FloatPageBuilder::Finish(std::uint32_t seed, BlockForm form, base::ByteBuffer& out) {
  base::ByteBuffer content;
  base::AppendVarint(content, sizes_.size());
  EncodeIntegers(sizes_, content);
  base::AppendBytes(content, payload_);
  AppendFrame(FrameKind::kFloats, content, form == BlockForm::kCold ? FrameForm::kSmallest : FrameForm::kPlain, seed,
              out);
  sizes_.clear();
  payload_.clear();
}

base::Result<> FloatPage::Check(base::ByteSpan bytes, std::uint32_t seed) {
  const FrameView frame = BARO_TRY(CheckFrame(bytes, 0, FrameKind::kFloats, seed));
  return frame.size_bytes() == bytes.size() ? base::Result<>() : Damaged("bytes behind its end");
}

base::Result<FloatPage> FloatPage::Open(base::ByteSpan bytes) {
  FloatPage page;
  const FrameView frame = BARO_TRY(LookAtFrame(bytes, 0, FrameKind::kFloats));
  const base::ByteSpan content = BARO_TRY(FrameContent(frame, page.buffer_));
  base::ByteReader reader(content);
  const std::uint64_t count = reader.Varint();
  if (!reader.ok() || count == 0 || count > kFloatPageChunksMax) return Damaged("no chunks, or too many");
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

base::Result<> FloatPage::Decode(std::size_t chunk, std::span<double> values) const {
  if (chunk >= ends_.size()) return Damaged("a chunk that does not exist");
  const std::uint64_t begin = chunk == 0 ? 0 : ends_[chunk - 1];
  const base::ByteSpan rest = BARO_TRY(DecodeValues(payload_.subspan(begin, ends_[chunk] - begin), values));
  return rest.empty() ? base::Result<>() : Damaged("a chunk of another length");
}

}  // namespace baro::tsdb
