// fuzz: net
// URLs, query strings, Accept-Encoding and compressed bodies from anywhere: no crash, and what was read can be written
// and read again.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "net/content_decoder.h"
#include "net/http_message.h"

namespace net = baro::net;

namespace {

void CheckUrl(std::string_view text) {
  const auto url = net::ParseUrl(text);
  if (url) {
    const auto again = net::ParseUrl(url->ToString());
    if (!again || again->ToString() != url->ToString()) std::abort();
  }
  const auto base = net::ParseUrl("https://user@example.org:8443/a/b/../c?d");
  const auto resolved = net::ResolveUrl(*base, text);
  if (resolved && resolved->target.front() != '/' && resolved->target.front() != '?') std::abort();
}

void CheckQuery(std::string_view text) {
  const auto params = net::ParseQuery(text);
  if (!params) return;
  const auto again = net::ParseQuery(net::EncodeQuery(*params));
  // A parameter with neither name nor value is written as "=", and is read as itself.
  if (!again || *again != *params) std::abort();
}

void CheckBody(std::string_view text) {
  constexpr net::DecodeLimits kLimits{.output_bytes_max = 1 << 20, .ratio_max = 200, .ratio_from_bytes = 4096};
  for (const auto coding : {net::ContentCoding::kGzip, net::ContentCoding::kZstd, net::ContentCoding::kDeflate}) {
    std::string whole;
    const bool is_whole_good = net::DecodeContent(coding, text, kLimits, whole).has_value();
    std::string pieces;
    const auto decoder = net::ContentDecoder::Make(coding, kLimits);
    bool is_good = true;
    for (std::size_t at = 0; is_good && at < text.size(); at += 7) {
      is_good = decoder->Feed(text.substr(at, 7), pieces).has_value();
    }
    is_good = is_good && decoder->Finish().has_value();
    // The ratio is looked at between pieces, so a body near it may pass one way and not the other; two good ones agree.
    if (is_good && is_whole_good && whole != pieces) std::abort();
    if (whole.size() > kLimits.output_bytes_max || pieces.size() > kLimits.output_bytes_max) std::abort();
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  CheckUrl(text);
  CheckQuery(text);
  net::ChooseContentCoding(text);
  if (const auto decoded = net::UrlDecode(text); decoded && net::UrlDecode(net::UrlEncode(*decoded)) != decoded) {
    std::abort();
  }
  CheckBody(text);
  return 0;
}
