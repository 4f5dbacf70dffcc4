#include "net/content_decoder.h"

#include <algorithm>
#include <cstring>

#include <fmt/format.h>
#include <libdeflate.h>
#include <zlib.h>
#include <zstd.h>

namespace baro::net {
namespace {

using base::Code;
using base::Fail;
using base::Result;

Result<> CheckLimits(const DecodeLimits& limits, std::size_t in_bytes, std::size_t out_bytes) {
  if (out_bytes >= limits.output_bytes_max) {
    return Fail(Code::kLimitExceeded, fmt::format("body exceeds the limit of {} bytes", limits.output_bytes_max));
  }
  if (out_bytes > limits.ratio_from_bytes && out_bytes / limits.ratio_max >= in_bytes) {
    return Fail(Code::kLimitExceeded,
                fmt::format("body expands more than {}:1 ({} bytes gave {})", limits.ratio_max, in_bytes, out_bytes));
  }
  return {};
}

// How much room to offer for the next piece: enough that few steps are needed, and never far past the limit.
std::size_t NextRoom(const DecodeLimits& limits, std::size_t in_bytes, std::size_t out_bytes) {
  constexpr std::size_t kRoomMin = 64 * 1024;
  return std::min(std::max(kRoomMin, 4 * in_bytes), limits.output_bytes_max - out_bytes);
}

// Appends at most `room` bytes by `fill(pointer)`, which returns how many it wrote.
template <typename Fill>
void AppendUpTo(std::string& out, std::size_t room, Fill fill) {
  const std::size_t before = out.size();
  // Growth doubles, but only up to what is asked for: a body just over a power of two must not take twice its size.
  if (out.capacity() < before + room) out.reserve(std::max(before + room, before + before / 2));
  out.resize_and_overwrite(before + room, [&](char* data, std::size_t) { return before + fill(data + before); });
}

class IdentityDecoder final : public ContentDecoder {
 public:
  explicit IdentityDecoder(const DecodeLimits& limits) : limits_(limits) {}

  Result<> Feed(std::string_view in, std::string& out) override {
    if (in.size() >= limits_.output_bytes_max - std::min(out.size(), limits_.output_bytes_max)) {
      return CheckLimits(limits_, 1, limits_.output_bytes_max);
    }
    out += in;
    return {};
  }
  Result<> Finish() override { return {}; }

 private:
  DecodeLimits limits_;
};

class ZlibDecoder final : public ContentDecoder {
 public:
  ZlibDecoder(ContentCoding coding, const DecodeLimits& limits) : coding_(coding), limits_(limits) {}
  ZlibDecoder(const ZlibDecoder&) = delete;
  ZlibDecoder& operator=(const ZlibDecoder&) = delete;
  ~ZlibDecoder() override {
    if (is_open_) inflateEnd(&stream_);
  }

  Result<> Feed(std::string_view in, std::string& out) override {
    in_bytes_ += in.size();
    stream_.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(in.data()));
    stream_.avail_in = static_cast<uInt>(in.size());
    bool may_hold_output = false;
    while (stream_.avail_in > 0 || may_hold_output) {
      if (!is_open_) BARO_TRY(Open(*stream_.next_in));
      if (is_at_end_) BARO_TRY(NextMember());
      BARO_TRY(Step(out));
      may_hold_output = stream_.avail_out == 0 && !is_at_end_;
    }
    return {};
  }

  Result<> Finish() override {
    if (is_at_end_) return {};
    return Fail(Code::kCorruption, fmt::format("{} body is cut short after {} bytes", Name(), in_bytes_));
  }

 private:
  std::string_view Name() const { return ContentCodingName(coding_); }

  Result<> Open(Bytef first) {
    // "deflate" means the zlib format, but some send bare deflate data. A zlib header's low nibble is 8 (RFC 1950),
    // which in bare deflate would be a stored block with bits that no encoder sets.
    constexpr int kWindowBits = 15;
    constexpr int kGzip = 16;
    int bits = kWindowBits + kGzip;
    if (coding_ == ContentCoding::kDeflate) bits = (first & 0x0f) == 8 ? kWindowBits : -kWindowBits;
    if (inflateInit2(&stream_, bits) != Z_OK) return Fail(Code::kLimitExceeded, "no memory to decode the body");
    is_open_ = true;
    return {};
  }

  Result<> NextMember() {
    if (coding_ != ContentCoding::kGzip) {
      return Fail(Code::kCorruption, fmt::format("{} body has bytes behind its end", Name()));
    }
    inflateReset(&stream_);
    is_at_end_ = false;
    return {};
  }

  Result<> Step(std::string& out) {
    // zlib counts in 32 bits.
    const auto room = std::min<std::size_t>(NextRoom(limits_, stream_.avail_in, out.size()), 1U << 30);
    int status = Z_OK;
    AppendUpTo(out, room, [&](char* data) {
      stream_.next_out = reinterpret_cast<Bytef*>(data);
      stream_.avail_out = static_cast<uInt>(room);
      status = inflate(&stream_, Z_NO_FLUSH);
      return room - stream_.avail_out;
    });
    is_at_end_ = status == Z_STREAM_END;
    if (status != Z_OK && status != Z_STREAM_END && status != Z_BUF_ERROR) {
      return Fail(Code::kCorruption,
                  fmt::format("{} body is damaged near byte {}: {}", Name(), in_bytes_ - stream_.avail_in,
                              stream_.msg != nullptr ? stream_.msg : "unknown reason"));
    }
    return CheckLimits(limits_, in_bytes_ - stream_.avail_in, out.size());
  }

  ContentCoding coding_;
  DecodeLimits limits_;
  z_stream stream_{};
  bool is_open_ = false;
  bool is_at_end_ = false;
  std::size_t in_bytes_ = 0;
};

class ZstdDecoder final : public ContentDecoder {
 public:
  explicit ZstdDecoder(const DecodeLimits& limits) : limits_(limits), context_(ZSTD_createDCtx(), &ZSTD_freeDCtx) {
    // RFC 9659: at most 8 MiB of window for zstd as a content coding.
    if (context_) ZSTD_DCtx_setParameter(context_.get(), ZSTD_d_windowLogMax, 23);
  }

  Result<> Feed(std::string_view in, std::string& out) override {
    if (!context_) return Fail(Code::kLimitExceeded, "no memory to decode the body");
    ZSTD_inBuffer input{in.data(), in.size(), 0};
    bool may_hold_output = false;
    while (input.pos < input.size || may_hold_output) {
      const std::size_t room = NextRoom(limits_, input.size - input.pos, out.size());
      std::size_t status = 0;
      std::size_t written = 0;
      AppendUpTo(out, room, [&](char* data) {
        ZSTD_outBuffer output{data, room, 0};
        status = ZSTD_decompressStream(context_.get(), &output, &input);
        return written = output.pos;
      });
      if (ZSTD_isError(status) != 0U) {
        return Fail(Code::kCorruption, fmt::format("zstd body is damaged near byte {}: {}", in_bytes_ + input.pos,
                                                   ZSTD_getErrorName(status)));
      }
      is_at_end_ = status == 0;
      may_hold_output = written == room;
      BARO_TRY(CheckLimits(limits_, in_bytes_ + input.pos, out.size()));
    }
    in_bytes_ += in.size();
    return {};
  }

  Result<> Finish() override {
    if (is_at_end_) return {};
    return Fail(Code::kCorruption, fmt::format("zstd body is cut short after {} bytes", in_bytes_));
  }

 private:
  DecodeLimits limits_;
  std::unique_ptr<ZSTD_DCtx, decltype(&ZSTD_freeDCtx)> context_;
  bool is_at_end_ = false;
  std::size_t in_bytes_ = 0;
};

// gzip ends with the size of its last member's content, modulo 2^32 (RFC 1952 section 2.3.1). It may lie: it is a hint
// for the buffer, and the limits are held against it before memory is taken.
std::size_t GzipSizeHint(std::string_view in) {
  constexpr std::size_t kGzipBytesMin = 18;
  if (in.size() < kGzipBytesMin) return 0;
  std::uint32_t size = 0;
  for (int i = 0; i < 4; ++i) {
    size |= static_cast<std::uint32_t>(static_cast<unsigned char>(in[in.size() - 4 + static_cast<std::size_t>(i)]))
            << (8 * i);
  }
  return size;
}

// The quick way for the common body: one member whose trailer tells the truth. False: take the slow way, which also
// knows what is wrong.
bool TryWholeGzip(std::string_view in, const DecodeLimits& limits, std::string& out) {
  const std::size_t size = GzipSizeHint(in);
  if (size == 0 || !CheckLimits(limits, in.size(), size)) return false;
  thread_local const std::unique_ptr<libdeflate_decompressor, decltype(&libdeflate_free_decompressor)> decompressor(
      libdeflate_alloc_decompressor(), &libdeflate_free_decompressor);
  if (!decompressor) return false;
  std::size_t in_used = 0;
  std::size_t out_used = 0;
  libdeflate_result result = LIBDEFLATE_BAD_DATA;
  out.clear();
  AppendUpTo(out, size, [&](char* data) {
    result = libdeflate_gzip_decompress_ex(decompressor.get(), in.data(), in.size(), data, size, &in_used, &out_used);
    return result == LIBDEFLATE_SUCCESS ? out_used : 0;
  });
  return result == LIBDEFLATE_SUCCESS && in_used == in.size();
}

}  // namespace

std::unique_ptr<ContentDecoder> ContentDecoder::Make(ContentCoding coding, const DecodeLimits& limits) {
  switch (coding) {
    case ContentCoding::kIdentity:
      return std::make_unique<IdentityDecoder>(limits);
    case ContentCoding::kZstd:
      return std::make_unique<ZstdDecoder>(limits);
    case ContentCoding::kGzip:
    case ContentCoding::kDeflate:
      break;
  }
  return std::make_unique<ZlibDecoder>(coding, limits);
}

Result<> DecodeContent(ContentCoding coding, std::string_view in, const DecodeLimits& limits, std::string& out) {
  if (coding == ContentCoding::kGzip && TryWholeGzip(in, limits, out)) return {};
  out.clear();
  const auto decoder = ContentDecoder::Make(coding, limits);
  // Pieces, so that the ratio is looked at long before all of a large bomb is read, and zlib's 32-bit counts suffice.
  constexpr std::size_t kPieceBytes = 256 * 1024;
  for (std::size_t at = 0; at < in.size(); at += kPieceBytes) {
    BARO_TRY(decoder->Feed(in.substr(at, kPieceBytes), out));
  }
  return decoder->Finish();
}

}  // namespace baro::net
