// Segments of the log: their header, and frames that carry commits.
//
// Format   docs/formats/log.md, sections 2 and 3.
// Threads  Pure functions; FrameScanner is confined.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/bytes.h"
#include "base/result.h"

namespace baro::tsdb {

inline constexpr std::size_t kSegmentHeaderBytes = 40;
inline constexpr std::size_t kFrameHeaderBytes = 12;
/// A longer commit is split.
inline constexpr std::size_t kFramePayloadBytesMax = std::size_t{64} << 20;

/// What a segment says about itself and about what lies before it: from byte `previous_end` of segment `previous` up to
/// this segment's begin nothing counts. So a writer that lost trust in a file leaves it behind, whatever it holds.
struct SegmentHeader {
  std::uint64_t segment = 0;
  std::uint64_t previous = 0;  ///< 0: there is none
  std::uint64_t previous_end = 0;
  /// The first rows here are differences to rows of `previous`: the two leave together.
  bool continues = false;

  friend bool operator==(const SegmentHeader&, const SegmentHeader&) = default;
};

base::ByteBuffer EncodeSegmentHeader(const SegmentHeader& header);
/// Errors   kCorruption: not a header of that segment.
base::Result<SegmentHeader> DecodeSegmentHeader(base::ByteSpan file, std::uint64_t segment);

/// "00000012".
std::string SegmentName(std::uint64_t segment);
/// 0 if the name is none of a segment.
std::uint64_t ParseSegmentName(std::string_view name);

/// Appends the frames of one commit; `offset` is where in the segment they will stand.
void AppendFrames(base::ByteSpan payload, std::uint64_t segment, std::uint64_t offset, base::ByteBuffer& out);
/// The bytes that AppendFrames() will append.
std::size_t FramesBytes(std::size_t payload_bytes);

/// Walks the commits of a segment and skips what is damaged.
///
/// Owns     nothing but the parts of a split commit; borrows the bytes.
class FrameScanner {
 public:
  /// Shape  `file` begins at the segment's first byte; scanning begins at `offset`.
  FrameScanner(base::ByteSpan file, std::uint64_t segment, std::uint64_t offset)
      : file_(file), segment_(segment), offset_(offset) {}

  enum class Event {
    kCommit,    ///< payload() is a commit
    kDamage,    ///< bytes damage_begin() to offset() are none of ours; good frames follow
    kTornTail,  ///< from damage_begin() on there is no good frame
    kEnd
  };
  Event Next();

  /// Valid until the next call.
  base::ByteSpan payload() const { return payload_; }
  /// Whether the payload lies in the file as it is, and so is valid for as long as that.
  bool payload_is_in_file() const { return payload_.data() != parts_.data(); }
  std::uint64_t damage_begin() const { return damage_begin_; }
  std::uint64_t offset() const { return offset_; }

 private:
  struct Frame {
    unsigned part = 0;
    base::ByteSpan payload;
  };
  bool ReadFrame(std::uint64_t offset, Frame& frame) const;
  bool FindFrame(std::uint64_t& offset) const;
  Event Damage();

  base::ByteSpan file_;
  std::uint64_t segment_;
  std::uint64_t offset_;
  std::uint64_t damage_begin_ = 0;
  base::ByteBuffer parts_;  // of a commit whose last frame is still to come
  bool is_in_parts_ = false;
  base::ByteSpan payload_;
};

}  // namespace baro::tsdb
