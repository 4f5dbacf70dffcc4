#include "tsdb/promblock/wal_reader.h"

#include <algorithm>
#include <array>

#include <fmt/format.h>
#include <snappy.h>
#include <zstd.h>

#include "base/crc32c.h"
#include "tsdb/promblock/big_endian.h"
#include "tsdb/promblock/chunk_segments.h"

namespace baro::tsdb {
namespace {

using base::ByteBuffer;
using base::ByteSpan;
using base::Code;
using base::Fail;

constexpr std::size_t kPageBytes = 32 * 1024;
constexpr std::size_t kFragmentHeaderBytes = 7;
constexpr std::size_t kDamageMax = 1000;

constexpr unsigned kSnappyFlag = 0x08;
constexpr unsigned kZstdFlag = 0x10;
constexpr unsigned kTypeMask = 0x07;

enum class FragmentType : std::uint8_t { kPageEnd = 0, kFull = 1, kFirst = 2, kMiddle = 3, kLast = 4 };

struct Fragment {
  FragmentType type = FragmentType::kPageEnd;
  unsigned flags = 0;
  ByteSpan data;
};

}  // namespace

/// Undoes the compression of records.
struct WalReader::Decompressor {
  struct FreeContext {
    void operator()(ZSTD_DCtx* context) const { ZSTD_freeDCtx(context); }
  };

  std::unique_ptr<ZSTD_DCtx, FreeContext> zstd{ZSTD_createDCtx()};
  ByteBuffer buffer;

  base::Result<ByteSpan> Undo(unsigned flags, ByteSpan record) {
    if ((flags & kSnappyFlag) != 0) return UndoSnappy(record);
    if ((flags & kZstdFlag) != 0) return UndoZstd(record);
    return record;
  }

  base::Result<ByteSpan> UndoSnappy(ByteSpan record) {
    const auto* const data = reinterpret_cast<const char*>(record.data());
    std::size_t size = 0;
    if (!snappy::GetUncompressedLength(data, record.size(), &size)) {
      return Fail(Code::kCorruption, "snappy: no length");
    }
    // Three bytes say 64 at most, so that a claim of more is a lie that costs no memory.
    if (size > kWalRecordBytesMax || size / 64 > record.size()) {
      return Fail(Code::kCorruption, fmt::format("snappy: {} bytes claim to be {}", record.size(), size));
    }
    buffer.resize(size);
    if (!snappy::RawUncompress(data, record.size(), reinterpret_cast<char*>(buffer.data()))) {
      return Fail(Code::kCorruption, "snappy: malformed");
    }
    return ByteSpan(buffer);
  }

  base::Result<ByteSpan> UndoZstd(ByteSpan record) {
    ZSTD_DCtx_reset(zstd.get(), ZSTD_reset_session_only);
    ZSTD_inBuffer in{.src = record.data(), .size = record.size(), .pos = 0};
    buffer.resize(std::max<std::size_t>(buffer.capacity(), 64 * 1024));
    std::size_t size = 0;
    for (;;) {
      ZSTD_outBuffer out{.dst = buffer.data(), .size = buffer.size(), .pos = size};
      const std::size_t status = ZSTD_decompressStream(zstd.get(), &out, &in);
      if (ZSTD_isError(status) != 0) {
        return Fail(Code::kCorruption, fmt::format("zstd: {}", ZSTD_getErrorName(status)));
      }
      size = out.pos;
      if (status == 0 && in.pos == in.size) break;
      if (size == buffer.size()) {
        if (size >= kWalRecordBytesMax) {
          return Fail(Code::kCorruption, fmt::format("zstd: more than {} bytes", kWalRecordBytesMax));
        }
        buffer.resize(2 * size);
      } else if (in.pos == in.size) {
        return Fail(Code::kCorruption, "zstd: cut short");
      }
    }
    return ByteSpan(buffer).first(size);
  }
};

/// Takes fragments off one segment.
class WalReader::Segment {
 public:
  explicit Segment(ByteSpan bytes) : bytes_(bytes) {}

  bool AtEnd() const { return at_ >= bytes_.size(); }
  std::uint64_t offset() const { return at_; }

  /// The next fragment; kPageEnd where the rest of the page is empty.
  /// Errors   kCorruption: call SkipPage() to go on.
  base::Result<Fragment> Next() {
    const ByteSpan page = bytes_.subspan(at_, std::min(PageRest(), bytes_.size() - at_));
    const auto head = static_cast<unsigned>(page[0]);
    Fragment fragment;
    fragment.flags = head & (kSnappyFlag | kZstdFlag);
    if ((head & kTypeMask) > 4 || (head & ~(kTypeMask | kSnappyFlag | kZstdFlag)) != 0) {
      return Fail(Code::kCorruption, fmt::format("fragment of unknown type {:#04x}", head));
    }
    fragment.type = static_cast<FragmentType>(head & kTypeMask);
    if (fragment.type == FragmentType::kPageEnd) {
      if (std::ranges::any_of(page, [](std::byte byte) { return byte != std::byte{0}; })) {
        return Fail(Code::kCorruption, "the rest of the page should be zeros");
      }
      at_ += page.size();
      return fragment;
    }
    if (page.size() < kFragmentHeaderBytes) return Fail(Code::kCorruption, "the fragment's header is cut short");
    const std::size_t size = LoadBe<std::uint16_t>(page.data() + 1);
    const auto crc = LoadBe<std::uint32_t>(page.data() + 3);
    if (size > page.size() - kFragmentHeaderBytes) {
      return Fail(Code::kCorruption, fmt::format("a fragment of {} bytes reaches beyond its page", size));
    }
    fragment.data = page.subspan(kFragmentHeaderBytes, size);
    if (base::Crc32c(fragment.data) != crc) return Fail(Code::kCorruption, "the fragment's checksum does not match");
    at_ += kFragmentHeaderBytes + size;
    return fragment;
  }

  void SkipPage() { at_ += PageRest(); }
  /// Whether the segment ends within or with this page.
  bool IsInLastPage() const { return at_ + PageRest() >= bytes_.size(); }

 private:
  std::size_t PageRest() const { return kPageBytes - at_ % kPageBytes; }

  ByteSpan bytes_;
  std::size_t at_ = 0;
};

WalReader::WalReader() : decompressor_(std::make_unique<Decompressor>()) {}
WalReader::~WalReader() = default;

void WalReader::Note(const std::string& path, std::uint64_t offset, std::string what) {
  if (++damage_count_ <= kDamageMax) damage_.push_back({.path = path, .offset = offset, .what = std::move(what)});
}

base::Result<> WalReader::Read(base::FileSystem& files, const std::string& path, bool is_last, const Visit& visit,
                               const base::CancelToken& cancel) {
  const auto file = BARO_TRY(files.Map(path));
  Segment segment(file->bytes());
  ByteBuffer joined;
  bool is_joining = false;
  std::uint64_t record_begin = 0;
  while (!segment.AtEnd()) {
    if (cancel.Cancelled()) return Fail(Code::kCancelled, "reading a Prometheus log: cancelled");
    const std::uint64_t offset = segment.offset();
    auto fragment = segment.Next();
    if (!fragment) {
      const bool is_torn = is_last && segment.IsInLastPage();
      if (!is_torn) Note(path, offset, fragment.error().message());
      is_joining = false;
      segment.SkipPage();
      continue;
    }
    if (fragment->type == FragmentType::kPageEnd) continue;
    const bool begins = fragment->type == FragmentType::kFull || fragment->type == FragmentType::kFirst;
    if (begins && is_joining) Note(path, record_begin, "a record without an end");
    if (!begins && !is_joining) {
      // Behind damage this is what is left of a record that was noted already.
      if (damage_count_ == 0) Note(path, offset, "the end of a record without a beginning");
      continue;
    }
    if (begins) {
      joined.clear();
      record_begin = offset;
    }
    is_joining = fragment->type == FragmentType::kFirst || fragment->type == FragmentType::kMiddle;
    if (is_joining || !begins) base::AppendBytes(joined, fragment->data);
    if (is_joining) continue;
    const auto record = decompressor_->Undo(fragment->flags, begins ? fragment->data : ByteSpan(joined));
    const auto done = record ? visit(*record) : base::Result<>(record.error());
    if (done) continue;
    if (done.error().code() != Code::kCorruption) return done;
    Note(path, record_begin, done.error().message());
  }
  if (is_joining && !is_last) Note(path, record_begin, "a record without an end");
  return {};
}

base::Result<std::vector<std::string>> ListWalSegments(base::FileSystem& files, const std::string& directory,
                                                       std::uint64_t from_number) {
  std::vector<std::pair<std::uint64_t, std::string>> numbered;
  for (const std::string& name : BARO_TRY(files.ListDirectory(directory))) {
    const auto number = SegmentNumber(name);
    if (number && *number >= from_number) numbered.emplace_back(*number, directory + "/" + name);
  }
  std::ranges::sort(numbered);
  std::vector<std::string> paths;
  for (auto& [number, path] : numbered) paths.push_back(std::move(path));
  return paths;
}

}  // namespace baro::tsdb
