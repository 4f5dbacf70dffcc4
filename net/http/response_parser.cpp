#include "net/http/response_parser.h"

#include <algorithm>
#include <optional>

#include <fmt/format.h>
#include <boost/asio/buffer.hpp>
#include <boost/beast/http/error.hpp>
#include <boost/beast/http/fields.hpp>
#include <boost/beast/http/parser.hpp>

#include "net/http/append_body.h"

namespace baro::net::http {
namespace {

namespace beast_http = boost::beast::http;
using base::Code;
using base::Fail;
using base::Result;

using Parser = beast_http::response_parser<AppendBody>;

}  // namespace

struct ResponseParser::Impl {
  Impl(const Limits& the_limits, bool the_is_head, std::string& the_plain, std::string& the_coded)
      : limits(the_limits), is_head(the_is_head), plain(the_plain), coded(the_coded) {
    Start();
  }

  void Start() {
    parser.emplace();
    parser->eager(true);
    parser->header_limit(static_cast<std::uint32_t>(std::min<std::size_t>(limits.header_bytes_max, 1U << 30)));
    parser->body_limit(boost::none);
    parser->skip(is_head);
    parser->get().body() = {.plain = &plain, .coded = &coded, .bytes_max = limits.body_bytes_max};
  }

  bool IsInterim() const { return parser->is_header_done() && parser->get().result_int() / 100 == 1; }

  std::unexpected<base::Error> Refuse(const boost::system::error_code& error) const {
    if (error == beast_http::error::body_limit) {
      return Fail(Code::kLimitExceeded, fmt::format("body exceeds the limit of {} bytes", limits.body_bytes_max));
    }
    if (error == beast_http::error::header_limit) {
      return Fail(Code::kLimitExceeded, fmt::format("header exceeds the limit of {} bytes", limits.header_bytes_max));
    }
    return Fail(Code::kCorruption, fmt::format("the answer is not HTTP/1.1: {}", error.message()));
  }

  Limits limits;
  bool is_head;
  std::string& plain;
  std::string& coded;
  std::optional<Parser> parser;
  bool has_bytes = false;
  int interim_count = 0;
};

ResponseParser::ResponseParser(const Limits& limits, bool is_head, std::string& plain, std::string& coded)
    : impl_(std::make_unique<Impl>(limits, is_head, plain, coded)) {}

ResponseParser::~ResponseParser() = default;

Result<std::size_t> ResponseParser::Put(std::string_view bytes) {
  impl_->has_bytes |= !bytes.empty();
  std::size_t used = 0;
  while (used < bytes.size() && !is_done()) {
    boost::system::error_code error;
    const std::size_t size = impl_->parser->put(boost::asio::buffer(bytes.data() + used, bytes.size() - used), error);
    used += size;
    if (error == beast_http::error::need_more) break;
    if (error) return impl_->Refuse(error);
    if (impl_->IsInterim() && impl_->parser->is_done()) {
      constexpr int kInterimMax = 10;
      if (++impl_->interim_count > kInterimMax) {
        return Fail(Code::kLimitExceeded, fmt::format("more than {} interim answers (1xx)", kInterimMax));
      }
      impl_->Start();
    } else if (size == 0) {
      break;
    }
  }
  return used;
}

Result<> ResponseParser::PutEnd() {
  boost::system::error_code error;
  if (impl_->parser->got_some()) {
    impl_->parser->put_eof(error);
    if (!error && is_done()) return {};
  }
  if (!has_header()) return Fail(Code::kCorruption, "the connection was closed before the end of the header");
  return Fail(Code::kCorruption,
              fmt::format("the connection was closed in the middle of the body, after {} bytes", body_bytes()));
}

bool ResponseParser::has_bytes() const { return impl_->has_bytes; }
bool ResponseParser::has_header() const { return impl_->parser->is_header_done() && !impl_->IsInterim(); }
bool ResponseParser::is_done() const { return impl_->parser->is_done() && !impl_->IsInterim(); }
int ResponseParser::status() const { return static_cast<int>(impl_->parser->get().result_int()); }
bool ResponseParser::keeps_alive() const { return impl_->parser->keep_alive(); }
std::size_t ResponseParser::body_bytes() const { return impl_->parser->get().body().bytes; }

HeaderFields ResponseParser::TakeHeaders() {
  HeaderFields headers;
  for (const auto& field : impl_->parser->get()) {
    headers.Add(std::string(field.name_string()), std::string(field.value()));
  }
  return headers;
}

}  // namespace baro::net::http
