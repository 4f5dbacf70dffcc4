// Signed JSON Web Tokens, as assertions for OAuth2.
//
// Source   RFC 7515 (JWS, compact form), RFC 7518 section 3.3 (RSASSA-PKCS1-v1_5).
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"

namespace baro::net {

/// base64url without padding: RFC 7515 section 2.
std::string Base64Url(std::string_view bytes);

/// Signs `payload` (JSON) with an RSA key. `algorithm` is RS256, RS384 or RS512; an empty `key_id` is left out.
/// Errors   kInvalidArgument: another algorithm, no PEM, no RSA key. The key is not in the message.
base::Result<std::string> SignJwt(std::string_view payload, const std::string& key_pem, const std::string& algorithm,
                                  const std::string& key_id);

}  // namespace baro::net
