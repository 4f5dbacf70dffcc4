// Signatures of requests that are neither Amazon's (sigv4.h) nor tokens.
//
// Threads  Pure functions.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"
#include "base/secret.h"

namespace baro::net {

/// SHA-1 as 40 hexadecimal digits in lower case. Source  FIPS 180-4. For services whose signatures are made with it.
std::string Sha1Hex(std::string_view text);

/// The signature of a text with an RSA key and SHA-256, in Base64. Source  RFC 8017 section 8.2 (RSASSA-PKCS1-v1_5).
///   passphrase  of the key; empty: it has none
/// Errors   kInvalidArgument: no PEM, no RSA key, another passphrase. Nothing of the key is in the message.
base::Result<std::string> SignRsaSha256(const std::string& key_pem, const base::Secret& passphrase,
                                        std::string_view text);

}  // namespace baro::net
