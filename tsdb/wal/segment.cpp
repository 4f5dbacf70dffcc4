#include "tsdb/wal/segment.h"

#include <algorithm>
#include <charconv>

#include <fmt/format.h>

#include "base/planted_fault.h"

#include "base/crc32c.h"

namespace baro::tsdb {
namespace {

constexpr std::string_view kMagic = "BAROLOG1";
constexpr std::uint32_t kContinuesFlag = 1;

// Where a frame stands in its commit; bits 30 and 31 of the length word.
enum Part : unsigned { kWhole = 0, kFirst = 1, kMiddle = 2, kLast = 3 };
constexpr unsigned kPartShift = 30;
constexpr std::uint32_t kLengthMask = (1U << kPartShift) - 1;
static_assert(kFramePayloadBytesMax <= kLengthMask);

// Segment and offset are mixed in, so that a frame in the wrong place is damage too.
std::uint32_t HeaderChecksum(std::uint64_t segment, std::uint64_t offset, std::uint32_t length_word) {
  std::byte bytes[20];
  base::StoreLe(bytes, segment);
  base::StoreLe(bytes + 8, offset);
  base::StoreLe(bytes + 16, length_word);
  return base::Crc32c(bytes);
}

}  // namespace

base::ByteBuffer EncodeSegmentHeader(const SegmentHeader& header) {
  base::ByteBuffer out;
  base::AppendBytes(out, base::AsBytes(kMagic));
  base::AppendLe(out, header.segment);
  base::AppendLe(out, header.previous);
  base::AppendLe(out, header.previous_end);
  base::AppendLe(out, header.continues ? kContinuesFlag : 0U);
  base::AppendLe(out, base::Crc32c(out));
  BARO_ASSERT(out.size() == kSegmentHeaderBytes);
  return out;
}

base::Result<SegmentHeader> DecodeSegmentHeader(base::ByteSpan file, std::uint64_t segment) {
  const auto damaged = [segment](std::string_view what) {
    return base::Fail(base::Code::kCorruption, fmt::format("log segment {}: {}", SegmentName(segment), what));
  };
  if (file.size() < kSegmentHeaderBytes) {
    return damaged(fmt::format("header cut short: want {} bytes, got {}", kSegmentHeaderBytes, file.size()));
  }
  const base::ByteSpan bytes = file.first(kSegmentHeaderBytes);
  base::ByteReader reader(bytes);
  if (base::AsText(reader.Bytes(kMagic.size())) != kMagic) return damaged("no log segment of version 1");
  SegmentHeader header;
  header.segment = reader.Le<std::uint64_t>();
  header.previous = reader.Le<std::uint64_t>();
  header.previous_end = reader.Le<std::uint64_t>();
  header.continues = (reader.Le<std::uint32_t>() & kContinuesFlag) != 0;
  if (reader.Le<std::uint32_t>() != base::Crc32c(bytes.first(kSegmentHeaderBytes - 4))) {
    return damaged("header's checksum is wrong");
  }
  if (header.segment != segment) return damaged(fmt::format("is segment {} by its header", header.segment));
  if (header.previous >= segment) return damaged("header names a later segment as the one before");
  return header;
}

std::string SegmentName(std::uint64_t segment) { return fmt::format("{:08}", segment); }

std::uint64_t ParseSegmentName(std::string_view name) {
  std::uint64_t segment = 0;
  const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), segment);
  if (error != std::errc() || end != name.data() + name.size() || SegmentName(segment) != name) return 0;
  return segment;
}

void AppendFrames(base::ByteSpan payload, std::uint64_t segment, std::uint64_t offset, base::ByteBuffer& out) {
  BARO_ASSERT(!payload.empty());
  bool is_first = true;
  while (!payload.empty()) {
    const base::ByteSpan piece = payload.first(std::min(payload.size(), kFramePayloadBytesMax));
    payload = payload.subspan(piece.size());
    const bool is_last = payload.empty();
    const unsigned part = is_first ? (is_last ? kWhole : kFirst) : (is_last ? kLast : kMiddle);
    const std::uint32_t length_word = static_cast<std::uint32_t>(piece.size()) | (part << kPartShift);
    const std::uint32_t checksum = HeaderChecksum(segment, offset, length_word);
    base::AppendLe(out, length_word);
    base::AppendLe(out, checksum);
    base::AppendLe(out, base::Crc32c(piece, checksum));
    base::AppendBytes(out, piece);
    offset += kFrameHeaderBytes + piece.size();
    is_first = false;
  }
}

std::size_t FramesBytes(std::size_t payload_bytes) {
  const std::size_t frames = (payload_bytes + kFramePayloadBytesMax - 1) / kFramePayloadBytesMax;
  return payload_bytes + frames * kFrameHeaderBytes;
}

bool FrameScanner::ReadFrame(std::uint64_t offset, Frame& frame) const {
  if (file_.size() - offset < kFrameHeaderBytes) return false;
  const std::byte* head = file_.data() + offset;
  const auto length_word = base::LoadLe<std::uint32_t>(head);
  const std::size_t length = length_word & kLengthMask;
  if (length == 0 || length > kFramePayloadBytesMax) return false;
  const auto checksum = base::LoadLe<std::uint32_t>(head + 4);
  if (checksum != HeaderChecksum(segment_, offset, length_word)) return false;
  if (file_.size() - offset - kFrameHeaderBytes < length) return false;
  frame.part = length_word >> kPartShift;
  frame.payload = file_.subspan(offset + kFrameHeaderBytes, length);
  if (BARO_PLANTED(kChecksumNotCompared)) return true;
  return base::LoadLe<std::uint32_t>(head + 8) == base::Crc32c(frame.payload, checksum);
}

// Moves `offset` to the next good frame. The header has a checksum of its own, so looking at a byte costs twenty bytes
// of checksum, not a frame's length.
bool FrameScanner::FindFrame(std::uint64_t& offset) const {
  Frame frame;
  for (; offset + kFrameHeaderBytes < file_.size(); ++offset) {
    if (ReadFrame(offset, frame)) return true;
  }
  return false;
}

FrameScanner::Event FrameScanner::Damage() {
  is_in_parts_ = false;
  damage_begin_ = offset_;
  std::uint64_t next = offset_ + 1;
  if (FindFrame(next)) {
    offset_ = next;
    return Event::kDamage;
  }
  offset_ = file_.size();
  return Event::kTornTail;
}

FrameScanner::Event FrameScanner::Next() {
  for (;;) {
    if (offset_ >= file_.size()) {
      if (!is_in_parts_) return Event::kEnd;
      is_in_parts_ = false;  // a commit whose last part never came
      damage_begin_ = file_.size();
      return Event::kTornTail;
    }
    Frame frame;
    if (!ReadFrame(offset_, frame)) return Damage();
    const bool is_start = frame.part == kWhole || frame.part == kFirst;
    if (is_start == is_in_parts_) {  // a part without its begin, or a begin where a part should be
      if (!is_in_parts_) {
        damage_begin_ = offset_;
        offset_ += kFrameHeaderBytes + frame.payload.size();
      } else {
        damage_begin_ = offset_;
        is_in_parts_ = false;
      }
      return Event::kDamage;
    }
    offset_ += kFrameHeaderBytes + frame.payload.size();
    if (frame.part == kWhole) {
      payload_ = frame.payload;
      return Event::kCommit;
    }
    if (frame.part == kFirst) parts_.clear();
    base::AppendBytes(parts_, frame.payload);
    is_in_parts_ = frame.part != kLast;
    if (frame.part == kLast) {
      payload_ = parts_;
      return Event::kCommit;
    }
  }
}

}  // namespace baro::tsdb
