// The end of a header in a stream of bytes, and Beast's parser for one that is there as a whole.
//
// Source   RFC 9112 sections 2 to 5.
#pragma once

#include <cstddef>
#include <optional>
#include <string_view>

#include <boost/asio/buffer.hpp>
#include <boost/beast/http/empty_body.hpp>
#include <boost/beast/http/error.hpp>
#include <boost/beast/http/parser.hpp>

#include "net/http_message.h"

namespace baro::net::http {

/// Parses a whole header, blank line and all, with Beast. Its body framing is not used: see body_framing.h.
template <bool kIsRequest>
boost::system::error_code ParseHead(boost::beast::http::parser<kIsRequest, boost::beast::http::empty_body>& parser,
                                    std::string_view header) {
  parser.header_limit(1U << 30);  // the caller has the header's size in hand already
  parser.body_limit(boost::none);
  boost::system::error_code error;
  std::size_t used = 0;
  while (used < header.size() && !parser.is_header_done()) {
    const std::size_t size = parser.put(boost::asio::buffer(header.data() + used, header.size() - used), error);
    used += size;
    // A header that is whole cannot need more, nor leave a rest.
    if (error == boost::beast::http::error::need_more || (!error && size == 0)) {
      return boost::beast::http::error::bad_field;
    }
    if (error) return error;
  }
  return parser.is_header_done() ? error : boost::beast::http::error::bad_field;
}

template <typename Message>
HeaderFields CopyFields(const Message& message) {
  HeaderFields fields;
  for (const auto& field : message) fields.Add(std::string(field.name_string()), std::string(field.value()));
  return fields;
}

/// A Content-Length; nothing if it is not a plain number that fits.
inline std::optional<std::uint64_t> ParseLength(std::string_view text) {
  if (text.empty() || text.size() > 18 || text.find_first_not_of("0123456789") != std::string_view::npos) return {};
  std::uint64_t length = 0;
  for (const char c : text) length = length * 10 + static_cast<std::uint64_t>(c - '0');
  return length;
}

}  // namespace baro::net::http
