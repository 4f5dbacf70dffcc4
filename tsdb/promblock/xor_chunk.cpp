#include "tsdb/promblock/xor_chunk.h"

#include "base/result.h"

namespace baro::tsdb {

XorChunkReader::XorChunkReader(base::ByteSpan data) : in_(data) { count_ = static_cast<std::uint32_t>(in_.Bits(16)); }

bool XorChunkReader::Next() {
  if (read_ == count_ || !in_.ok()) return false;
  if (read_ == 0) {
    timestamp_ = static_cast<std::uint64_t>(base::UnZigZag(in_.Varint()));
    value_.bits = in_.Bits(64);
  } else {
    if (read_ == 1) {
      delta_ = in_.Varint();
    } else {
      delta_ += static_cast<std::uint64_t>(ReadSigned(in_, kTimestampWidths));
    }
    timestamp_ += delta_;
    ReadXor(in_, value_);
  }
  ++read_;
  return in_.ok();
}

XorChunkWriter::XorChunkWriter() { out_.Bits(0, 16); }

void XorChunkWriter::Append(model::Sample sample) {
  BARO_ASSERT(count_ < kChunkSamplesMax);
  const auto timestamp = static_cast<std::uint64_t>(sample.timestamp_ms);
  if (count_ == 0) {
    out_.Varint(base::ZigZag(sample.timestamp_ms));
    value_.bits = std::bit_cast<std::uint64_t>(sample.value);
    out_.Bits(value_.bits, 64);
  } else {
    const std::uint64_t delta = timestamp - timestamp_;
    if (count_ == 1) {
      out_.Varint(delta);
    } else {
      WriteSigned(out_, static_cast<std::int64_t>(delta - delta_), kTimestampWidths);
    }
    delta_ = delta;
    WriteXor(out_, value_, sample.value);
  }
  timestamp_ = timestamp;
  ++count_;
}

base::ByteBuffer XorChunkWriter::Take() {
  base::ByteBuffer bytes = std::move(out_.bytes());
  bytes[0] = static_cast<std::byte>(count_ >> 8);
  bytes[1] = static_cast<std::byte>(count_ & 0xff);
  bytes.shrink_to_fit();  // the head keeps many of them
  *this = XorChunkWriter();
  return bytes;
}

}  // namespace baro::tsdb
