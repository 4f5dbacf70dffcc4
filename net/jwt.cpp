#include "net/jwt.h"

#include <memory>

#include <fmt/format.h>
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <nlohmann/json.hpp>

#include "net/http/credentials.h"

namespace baro::net {
namespace {

using base::Code;
using base::Fail;

const EVP_MD* DigestOf(std::string_view algorithm) {
  if (algorithm == "RS256") return EVP_sha256();
  if (algorithm == "RS384") return EVP_sha384();
  if (algorithm == "RS512") return EVP_sha512();
  return nullptr;
}

using KeyPtr = std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)>;

KeyPtr ReadKey(const std::string& pem) {
  const std::unique_ptr<BIO, decltype(&BIO_free)> memory(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())),
                                                         &BIO_free);
  // An encrypted key would make OpenSSL ask for its password on the terminal.
  const auto no_password = [](char*, int, int, void*) { return -1; };
  return {PEM_read_bio_PrivateKey(memory.get(), nullptr, no_password, nullptr), &EVP_PKEY_free};
}

}  // namespace

std::string Base64Url(std::string_view bytes) {
  std::string text = http::Base64Encode(bytes);
  while (text.ends_with('=')) text.pop_back();
  for (char& c : text) {
    if (c == '+') c = '-';
    if (c == '/') c = '_';
  }
  return text;
}

base::Result<std::string> SignJwt(std::string_view payload, const std::string& key_pem, const std::string& algorithm,
                                  const std::string& key_id) {
  const EVP_MD* const digest = DigestOf(algorithm);
  if (digest == nullptr) {
    return Fail(Code::kInvalidArgument, fmt::format("signature algorithm {:?}: want RS256, RS384 or RS512", algorithm));
  }
  const KeyPtr key = ReadKey(key_pem);
  ERR_clear_error();
  if (!key) return Fail(Code::kInvalidArgument, "the key is no PEM of a private key without password");
  if (EVP_PKEY_get_base_id(key.get()) != EVP_PKEY_RSA) return Fail(Code::kInvalidArgument, "the key is no RSA key");
  nlohmann::json header = {{"alg", algorithm}, {"typ", "JWT"}};
  if (!key_id.empty()) header["kid"] = key_id;
  const std::string head = header.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
  std::string token = fmt::format("{}.{}", Base64Url(head), Base64Url(payload));

  const std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> context(EVP_MD_CTX_new(), &EVP_MD_CTX_free);
  std::size_t size = 0;
  const auto* const data = reinterpret_cast<const unsigned char*>(token.data());
  if (EVP_DigestSignInit(context.get(), nullptr, digest, nullptr, key.get()) != 1 ||
      EVP_DigestSign(context.get(), nullptr, &size, data, token.size()) != 1) {
    ERR_clear_error();
    return Fail(Code::kInvalidArgument, "the key cannot sign");
  }
  std::string signature(size, '\0');
  auto* const out = reinterpret_cast<unsigned char*>(signature.data());
  if (EVP_DigestSign(context.get(), out, &size, data, token.size()) != 1) {
    ERR_clear_error();
    return Fail(Code::kInvalidArgument, "the key cannot sign");
  }
  signature.resize(size);
  token += '.';
  token += Base64Url(signature);
  return token;
}

}  // namespace baro::net
