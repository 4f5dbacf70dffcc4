// Requests and answers as plain values, and the small grammar around them: URLs, query strings, header fields.
//
// Source   RFC 9110 (semantics), RFC 9112 (messages), RFC 3986 (URLs), WHATWG URL (application/x-www-form-urlencoded).
// Threads  Values and pure functions.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"

namespace baro::net {

enum class Method : std::uint8_t { kGet, kHead, kPost, kPut, kDelete, kPatch, kOptions };

/// "GET", "HEAD", ...
std::string_view MethodName(Method method);
/// The method of that name (case matters, RFC 9110 section 9.1); nothing if it is not one of ours.
std::optional<Method> ParseMethod(std::string_view name);

/// "Not Found" for 404; "Unknown" for a number without a registered phrase.
std::string_view StatusPhrase(int status);

/// Whether two ASCII strings are equal when case does not count.
bool EqualsIgnoringCase(std::string_view a, std::string_view b);

/// Header fields in their order; names compare without case, and are kept as they were written.
class HeaderFields {
 public:
  using Field = std::pair<std::string, std::string>;

  HeaderFields() = default;
  HeaderFields(std::initializer_list<Field> fields) : fields_(fields) {}

  void Add(std::string name, std::string value) { fields_.emplace_back(std::move(name), std::move(value)); }
  /// Replaces all fields of that name by one.
  void Set(std::string name, std::string value);
  void Remove(std::string_view name);

  /// The first value of that name; empty if there is none. A loan until the next change.
  std::string_view Get(std::string_view name) const;
  bool Has(std::string_view name) const;
  std::size_t Count(std::string_view name) const;
  /// All values of that name, in order. A loan until the next change.
  std::vector<std::string_view> All(std::string_view name) const;

  auto begin() const { return fields_.begin(); }
  auto end() const { return fields_.end(); }
  std::size_t size() const { return fields_.size(); }
  bool empty() const { return fields_.empty(); }
  void clear() { fields_.clear(); }

  friend bool operator==(const HeaderFields&, const HeaderFields&) = default;

 private:
  std::vector<Field> fields_;
};

/// Decoded parameters of a query string or a form, in their order; a name may repeat; names are compared exactly.
class Params {
 public:
  using Param = std::pair<std::string, std::string>;

  Params() = default;
  Params(std::initializer_list<Param> params) : params_(params) {}

  void Add(std::string name, std::string value) { params_.emplace_back(std::move(name), std::move(value)); }
  /// The first value of that name; empty if there is none. A loan until the next change.
  std::string_view Get(std::string_view name) const;
  bool Has(std::string_view name) const;
  /// All values of that name, in order. A loan until the next change.
  std::vector<std::string_view> All(std::string_view name) const;

  auto begin() const { return params_.begin(); }
  auto end() const { return params_.end(); }
  std::size_t size() const { return params_.size(); }
  bool empty() const { return params_.empty(); }

  friend bool operator==(const Params&, const Params&) = default;

 private:
  std::vector<Param> params_;
};

/// A request as a handler sees it.
struct HttpRequest {
  Method method = Method::kGet;
  std::string target;  ///< as sent: "/api/v1/query?query=up"
  std::string path;    ///< decoded path without the route prefix: "/api/v1/query"
  std::string query;   ///< undecoded text behind '?', for those who pass it on
  Params params;       ///< form fields of an urlencoded body first, then the query string's, as in Go's `Request.Form`
  Params path_params;  ///< values of the route pattern's `{name}` segments, decoded
  HeaderFields headers;
  std::string body;
  std::string peer;  ///< the client's address, "127.0.0.1:51422"
  std::string user;  ///< who it is, once the access hook has found out; empty: nobody said
  bool is_tls = false;
};

/// Produces a body piece by piece: clears and fills `chunk`, returns true if there may be more. A failure after the
/// first piece cuts the connection, so that the client does not take half an answer for a whole one.
/// Threads  Called by one thread at a time, on the executor that ran the handler.
using BodyProducer = std::function<base::Result<bool>(std::string& chunk)>;

/// An answer as a handler makes it. Content-Length, Date, Connection, Transfer-Encoding, Content-Encoding and Vary are
/// the server's to set.
struct HttpResponse {
  int status = 200;
  HeaderFields headers;
  std::string body;
  BodyProducer producer;  ///< if set, the body comes from here, chunked, and `body` is ignored
  bool compress = true;   ///< false: the body is sent as it is, whatever the client accepts

  static HttpResponse Text(int status, std::string body);  ///< text/plain; charset=utf-8
  static HttpResponse Json(int status, std::string body);  ///< application/json
  static HttpResponse Html(int status, std::string body);  ///< text/html; charset=utf-8
  /// `status` is 301, 302, 303, 307 or 308; `location` is put into the header as it is.
  static HttpResponse Redirect(int status, std::string location);
  static HttpResponse Empty(int status);
};

// --- URLs ------------------------------------------------------------------------------------------------------------

/// An absolute http or https URL, taken apart. `host` is without brackets.
struct Url {
  std::string scheme;        ///< "http" or "https", of proxies also "socks5" and "socks5h"; lower case
  std::string userinfo;      ///< undecoded "user:password", mostly empty
  std::string host;          ///< lower case name or address
  std::uint16_t port = 0;    ///< the scheme's default if the URL names none
  std::string target = "/";  ///< path and query as sent in the request line; never empty; without fragment

  /// "host:port" with brackets around an IPv6 address; the port is left out if it is the scheme's own.
  std::string HostHeader() const;
  /// The whole URL, without userinfo, so that it can be logged.
  std::string ToString() const;
};

inline constexpr std::size_t kUrlBytesMax = 64 * 1024;

/// Errors   kInvalidArgument: no http(s) URL, or one with bytes that may not stand in a request line; longer than
///          `kUrlBytesMax`.
base::Result<Url> ParseUrl(std::string_view text);

/// As ParseUrl() for the URL of a proxy, which may be one of SOCKS too. Its port is 1080 if the URL names none.
/// Errors   as ParseUrl(). kUnsupported: another scheme.
base::Result<Url> ParseProxyUrl(std::string_view text);

/// Follows a Location header from `base` (RFC 3986 section 5.2, without fragments).
/// Errors   as ParseUrl().
base::Result<Url> ResolveUrl(const Url& base, std::string_view reference);

/// Percent-encodes all but unreserved characters (RFC 3986 section 2.3).
std::string UrlEncode(std::string_view text);
/// As UrlEncode(), with '/' left alone.
std::string UrlEncodePath(std::string_view text);
/// Decodes %XX; '+' stays a plus. Nothing if a '%' is not followed by two hexadecimal digits.
std::optional<std::string> UrlDecode(std::string_view text);

inline constexpr std::size_t kParamsMax = 10'000;

/// Decodes `a=1&b=x+y`. '+' is a space.
/// Errors   kInvalidArgument: bad escape, with its position. kLimitExceeded: more than `kParamsMax`.
base::Result<Params> ParseQuery(std::string_view query);
/// As ParseQuery(), behind the parameters that `params` has.
base::Result<> AppendQuery(std::string_view query, Params& params);
/// The reverse of ParseQuery(), in the spelling of HTML forms and of Go's url.Values: a space is '+'.
std::string EncodeQuery(const Params& params);

/// Fills `request.query` and `request.params` from its target, and from its body if that is an urlencoded form.
/// Errors   as ParseQuery().
base::Result<> DecodeParams(HttpRequest& request);

// --- header grammar --------------------------------------------------------------------------------------------------

enum class ContentCoding : std::uint8_t { kIdentity, kGzip, kZstd, kDeflate };

/// "gzip", "zstd", "deflate", "identity".
std::string_view ContentCodingName(ContentCoding coding);
/// The coding of that name (case does not count; "x-gzip" is gzip); nothing if it is not one of ours.
std::optional<ContentCoding> ParseContentCoding(std::string_view name);

/// What to answer with, from the client's Accept-Encoding: the highest q of gzip, zstd and deflate; with equal q zstd
/// comes before gzip before deflate. Identity if none is accepted or `accept_encoding` is empty or malformed.
/// Source   RFC 9110 section 12.5.3.
ContentCoding ChooseContentCoding(std::string_view accept_encoding);

/// "Sun, 06 Nov 1994 08:49:37 GMT" (RFC 9110 section 5.6.7).
std::string FormatHttpDate(std::chrono::sys_seconds time);

/// Whether `text` may stand as a field value: no control characters but tab, no space at its ends.
bool IsFieldValue(std::string_view text);
/// Whether `text` is a token (RFC 9110 section 5.6.2), as field names and methods are.
bool IsToken(std::string_view text);

/// The media type in lower case without its parameters: "text/html" of "Text/HTML; charset=utf-8".
std::string MediaType(std::string_view content_type);

}  // namespace baro::net
