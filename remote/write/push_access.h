// Who a push comes from, and in which format: all that is decided before its body is looked at.
//
// Threads  Pure functions.
#pragma once

#include <optional>
#include <string_view>

#include "net/http_message.h"

namespace baro::remote {

/// Whether "127.0.0.1:9090", "[::1]:9090" or "[::ffff:127.0.0.1]:9090" is of this machine alone. Only numbers count:
/// "localhost" is what a resolver says it is.
bool IsLoopbackAddress(std::string_view address);

/// Whether a program on this machine sent the request itself: neither a proxy that passes on what others say, nor a
/// page in a browser, which a site of anybody's can make send things to 127.0.0.1. Browsers put Origin on every POST.
bool IsLocalPush(const net::HttpRequest& request);

/// The refusal of a request that is no snappy-compressed prometheus.WriteRequest; nothing if it says that it is one.
std::optional<net::HttpResponse> CheckWriteFormat(const net::HttpRequest& request, bool accepts_v1);

}  // namespace baro::remote
