#include "net/http/body_framing.h"

#include <algorithm>

namespace baro::net::http {
namespace {

constexpr std::size_t kChunkHeaderBytesMax = 16 * 1024;
constexpr int kSizeDigitsMax = 15;  // 2^60 bytes: no overflow, and more than anybody has

int HexValue(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

std::unexpected<FramingError> Bad() { return std::unexpected(FramingError::kBadChunk); }

}  // namespace

std::expected<std::size_t, FramingError> BodyFraming::Append(std::string_view bytes, std::string& out) {
  if (bytes.size() > body_bytes_max_ - body_bytes_) return std::unexpected(FramingError::kTooLarge);
  out += bytes;
  body_bytes_ += bytes.size();
  return bytes.size();
}

std::expected<std::size_t, FramingError> BodyFraming::Put(std::string_view bytes, std::string& out) {
  if (kind_ == Kind::kUntilEnd) return Append(bytes, out);
  std::size_t used = 0;
  while (used < bytes.size() && !is_done()) {
    if (kind_ == Kind::kChunked && state_ != State::kData) {
      if (const auto stepped = Step(bytes[used]); !stepped) return std::unexpected(stepped.error());
      ++used;
      continue;
    }
    const auto piece = bytes.substr(used, std::min<std::uint64_t>(left_, bytes.size() - used));
    if (const auto appended = Append(piece, out); !appended) return appended;
    used += piece.size();
    left_ -= piece.size();
    if (left_ == 0) state_ = State::kDataCr;
  }
  return used;
}

std::expected<void, FramingError> BodyFraming::StepSize(char c) {
  const int value = HexValue(c);
  if (value >= 0) {
    if (++digits_ > kSizeDigitsMax) return Bad();
    left_ = left_ * 16 + static_cast<std::uint64_t>(value);
    return {};
  }
  if (digits_ == 0) return Bad();
  if (c == '\r') {
    state_ = State::kSizeLf;
  } else if (c == ';' || c == ' ' || c == '\t') {
    state_ = State::kExtension;
  } else {
    return Bad();
  }
  return {};
}

std::expected<void, FramingError> BodyFraming::Step(char c) {
  if (++header_bytes_ > kChunkHeaderBytesMax) return std::unexpected(FramingError::kLongHeader);
  const auto expect = [&](char want, State next) -> std::expected<void, FramingError> {
    if (c != want) return Bad();
    state_ = next;
    return {};
  };
  switch (state_) {
    case State::kSize:
      return StepSize(c);
    case State::kExtension:
      if (c == '\n') return Bad();  // a bare line feed is where others may see the line's end
      if (c == '\r') state_ = State::kSizeLf;
      return {};
    case State::kSizeLf:
      header_bytes_ = 0;
      return expect('\n', left_ == 0 ? State::kTrailerStart : State::kData);
    case State::kDataCr:
      return expect('\r', State::kDataLf);
    case State::kDataLf:
      digits_ = 0;
      header_bytes_ = 0;
      return expect('\n', State::kSize);
    case State::kTrailerStart:
      state_ = c == '\r' ? State::kEndLf : State::kTrailer;
      return c == '\n' ? std::expected<void, FramingError>(Bad()) : std::expected<void, FramingError>();
    case State::kTrailer:
      if (c == '\n') return Bad();
      if (c == '\r') state_ = State::kTrailerLf;
      return {};
    case State::kTrailerLf:
      return expect('\n', State::kTrailerStart);
    case State::kEndLf:
      return expect('\n', State::kDone);
    case State::kData:
    case State::kDone:
      break;
  }
  return Bad();
}

}  // namespace baro::net::http
