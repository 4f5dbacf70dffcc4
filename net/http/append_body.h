// Where Beast's parser puts the body bytes that it has unframed: at the end of a string, within a limit.
#pragma once

#include <algorithm>
#include <cstdint>
#include <functional>
#include <string>

#include <boost/asio/buffer.hpp>
#include <boost/beast/http/error.hpp>
#include <boost/beast/http/field.hpp>
#include <boost/optional.hpp>
#include <boost/system/error_code.hpp>

namespace baro::net::http {

/// A body type in Beast's sense.
struct AppendBody {
  struct value_type {
    std::string* plain = nullptr;  ///< takes a body without Content-Encoding
    std::string* coded = nullptr;  ///< takes one with; may be the same string
    std::string* out = nullptr;    ///< the one of the two that is taken
    std::size_t bytes = 0;         ///< appended so far, also what the owner has taken out of the string since
    std::size_t bytes_max = 0;     ///< this many or more are refused with beast::http::error::body_limit
  };

  class reader {
   public:
    template <bool kIsRequest, typename Fields>
    reader(boost::beast::http::header<kIsRequest, Fields>& header, value_type& body)
        : body_(body), is_coded_([&header] { return header.count(boost::beast::http::field::content_encoding) > 0; }) {}

    void init(const boost::optional<std::uint64_t>& declared, boost::system::error_code& error) {
      error = {};
      body_.out = is_coded_() ? body_.coded : body_.plain;  // the reader is made before the header is parsed
      if (!declared) return;
      if (*declared >= body_.bytes_max) {
        error = boost::beast::http::error::body_limit;
        return;
      }
      // A declared length is a claim: memory beyond this is taken as bytes come in.
      constexpr std::size_t kReserveMax = 1024 * 1024;
      body_.out->reserve(std::min<std::size_t>(*declared, kReserveMax));
    }

    template <typename Buffers>
    std::size_t put(const Buffers& buffers, boost::system::error_code& error) {
      error = {};
      std::size_t total = 0;
      const auto end = boost::asio::buffer_sequence_end(buffers);
      for (auto at = boost::asio::buffer_sequence_begin(buffers); at != end; ++at) {
        const boost::asio::const_buffer buffer = *at;
        if (buffer.size() >= body_.bytes_max - body_.bytes) {
          error = boost::beast::http::error::body_limit;
          return total;
        }
        body_.out->append(static_cast<const char*>(buffer.data()), buffer.size());
        body_.bytes += buffer.size();
        total += buffer.size();
      }
      return total;
    }

    void finish(boost::system::error_code& error) { error = {}; }

   private:
    value_type& body_;
    std::function<bool()> is_coded_;
  };
};

}  // namespace baro::net::http
