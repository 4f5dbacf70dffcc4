#include "net/http/response_parser.h"

#include <algorithm>
#include <optional>

#include <fmt/format.h>

#include "net/http/body_framing.h"
#include "net/http/message_head.h"
#include "net/http/request_parser.h"

namespace baro::net::http {
namespace {

namespace beast_http = boost::beast::http;
using base::Code;
using base::Fail;
using base::Result;
using Parser = beast_http::response_parser<beast_http::empty_body>;

constexpr int kInterimMax = 10;

}  // namespace

struct ResponseParser::Impl {
  Impl(const Limits& the_limits, bool the_is_head, std::string& the_plain, std::string& the_coded)
      : limits(the_limits), is_head(the_is_head), plain(the_plain), coded(the_coded) {}

  Result<> ParseHeader(std::string_view header);
  Result<> ChooseFraming();
  std::unexpected<base::Error> TooLarge() const {
    return Fail(Code::kLimitExceeded, fmt::format("body exceeds the limit of {} bytes", limits.body_bytes_max));
  }
  std::unexpected<base::Error> HeaderTooLarge() const {
    return Fail(Code::kLimitExceeded, fmt::format("header exceeds the limit of {} bytes", limits.header_bytes_max));
  }

  Limits limits;
  bool is_head;
  std::string& plain;
  std::string& coded;
  bool has_bytes = false;
  std::size_t searched = 0;  // for the end of the header
  int interim_count = 0;
  bool has_header = false;
  int status = 0;
  HeaderFields headers;
  bool keeps_alive = false;
  bool is_coded = false;
  BodyFraming framing = BodyFraming::None();
};

Result<> ResponseParser::Impl::ParseHeader(std::string_view header) {
  Parser parser;
  if (const auto error = ParseHead(parser, header)) {
    return Fail(Code::kCorruption, fmt::format("the answer is not HTTP/1.1: {}", error.message()));
  }
  const auto& message = parser.get();
  status = static_cast<int>(message.result_int());
  if (status / 100 == 1) {
    if (++interim_count > kInterimMax) {
      return Fail(Code::kLimitExceeded, fmt::format("more than {} interim answers (1xx)", kInterimMax));
    }
    return {};
  }
  headers = CopyFields(message);
  keeps_alive = message.keep_alive();
  is_coded = headers.Has("Content-Encoding");
  has_header = true;
  return ChooseFraming();
}

// RFC 9112 section 6.3.
Result<> ResponseParser::Impl::ChooseFraming() {
  if (is_head || status == 204 || status == 304) return {};
  const auto lengths = headers.All("Content-Length");
  const auto codings = headers.All("Transfer-Encoding");
  if (!codings.empty()) {
    if (codings.size() > 1 || !EqualsIgnoringCase(codings[0], "chunked")) {
      return Fail(Code::kUnsupported,
                  fmt::format("Transfer-Encoding {:?}: only chunked is known", codings[0].substr(0, 100)));
    }
    framing = BodyFraming::Chunked();
    // With a length beside it somebody on the way may see another end: not to be trusted with another request.
    if (!lengths.empty()) keeps_alive = false;
  } else if (!lengths.empty()) {
    const auto length = ParseLength(lengths[0]);
    const bool is_clear =
        length && std::ranges::count(lengths, lengths[0]) == static_cast<std::ptrdiff_t>(lengths.size());
    if (!is_clear)
      return Fail(Code::kCorruption, fmt::format("Content-Length {:?} is no length", lengths[0].substr(0, 100)));
    if (*length >= limits.body_bytes_max) return TooLarge();
    framing = BodyFraming::Length(*length);
    // A declared length is a claim: memory beyond this is taken as bytes come in.
    constexpr std::uint64_t kReserveMax = 1024 * 1024;
    (is_coded ? coded : plain).reserve(std::min(*length, kReserveMax));
  } else {
    framing = BodyFraming::UntilEnd();
    keeps_alive = false;
  }
  framing.set_body_bytes_max(std::max<std::size_t>(limits.body_bytes_max, 1) - 1);  // this many or more are refused
  return {};
}

ResponseParser::ResponseParser(const Limits& limits, bool is_head, std::string& plain, std::string& coded)
    : impl_(std::make_unique<Impl>(limits, is_head, plain, coded)) {}

ResponseParser::~ResponseParser() = default;

Result<std::size_t> ResponseParser::Put(std::string_view bytes) {
  impl_->has_bytes |= !bytes.empty();
  std::size_t used = 0;
  while (!impl_->has_header) {
    const auto rest = bytes.substr(used);
    const std::size_t header_size = FindHeaderEnd(rest, impl_->searched);
    if (std::min(header_size, rest.size()) > impl_->limits.header_bytes_max) return impl_->HeaderTooLarge();
    if (header_size == std::string_view::npos) {
      impl_->searched = rest.size();
      // What does not begin as an answer does need not go on until the limit.
      constexpr std::string_view kStart = "HTTP/1.";
      const auto start = rest.substr(0, kStart.size());
      if (start != kStart.substr(0, start.size()))
        return Fail(Code::kCorruption, "the answer is not HTTP/1.1: bad version");
      if (rest.size() >= impl_->limits.header_bytes_max) return impl_->HeaderTooLarge();
      return used;
    }
    impl_->searched = 0;
    BARO_TRY(impl_->ParseHeader(rest.substr(0, header_size)));
    used += header_size;
  }
  const auto body = impl_->framing.Put(bytes.substr(used), impl_->is_coded ? impl_->coded : impl_->plain);
  if (body) return used + *body;
  if (body.error() == FramingError::kTooLarge) return impl_->TooLarge();
  return Fail(Code::kCorruption, fmt::format("malformed chunk after {} bytes of the body", body_bytes()));
}

Result<> ResponseParser::PutEnd() {
  if (!has_header()) return Fail(Code::kCorruption, "the connection was closed before the end of the header");
  impl_->framing.End();
  if (is_done()) return {};
  return Fail(Code::kCorruption,
              fmt::format("the connection was closed in the middle of the body, after {} bytes", body_bytes()));
}

bool ResponseParser::has_bytes() const { return impl_->has_bytes; }
bool ResponseParser::has_header() const { return impl_->has_header; }
bool ResponseParser::is_done() const { return impl_->has_header && impl_->framing.is_done(); }
int ResponseParser::status() const { return impl_->status; }
HeaderFields ResponseParser::TakeHeaders() { return std::move(impl_->headers); }
bool ResponseParser::keeps_alive() const { return impl_->keeps_alive; }
std::size_t ResponseParser::body_bytes() const { return impl_->framing.body_bytes(); }

}  // namespace baro::net::http
