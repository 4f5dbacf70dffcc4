#include "net/signing.h"

#include <algorithm>
#include <array>
#include <memory>

#include <fmt/format.h>
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>

#include "net/http/credentials.h"

namespace baro::net {
namespace {

using base::Code;
using base::Fail;
using KeyPtr = std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)>;

constexpr std::size_t kSha1Bytes = 20;

/// What OpenSSL asks for an encrypted key's passphrase. Without this it would ask on the terminal.
int GivePassphrase(char* out, int size, int /*is_for_writing*/, void* passphrase) {
  const auto& text = *static_cast<const std::string*>(passphrase);
  if (text.empty() || text.size() > static_cast<std::size_t>(size)) return -1;
  std::ranges::copy(text, out);
  return static_cast<int>(text.size());
}

KeyPtr ReadKey(const std::string& pem, const base::Secret& passphrase) {
  const std::unique_ptr<BIO, decltype(&BIO_free)> memory(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())),
                                                         &BIO_free);
  std::string text = passphrase.Reveal();
  KeyPtr key(PEM_read_bio_PrivateKey(memory.get(), nullptr, GivePassphrase, &text), &EVP_PKEY_free);
  ERR_clear_error();
  return key;
}

}  // namespace

std::string Sha1Hex(std::string_view text) {
  std::array<unsigned char, kSha1Bytes> digest{};
  const bool is_done = EVP_Digest(text.data(), text.size(), digest.data(), nullptr, EVP_sha1(), nullptr) == 1;
  BARO_ASSERT(is_done);
  std::string hex;
  for (const unsigned char byte : digest) hex += fmt::format("{:02x}", byte);
  return hex;
}

base::Result<std::string> SignRsaSha256(const std::string& key_pem, const base::Secret& passphrase,
                                        std::string_view text) {
  const KeyPtr key = ReadKey(key_pem, passphrase);
  if (!key) {
    return Fail(Code::kInvalidArgument, passphrase.empty()
                                            ? "the key is no PEM of a private key, or has a passphrase"
                                            : "the key is no PEM of a private key, or has another passphrase");
  }
  if (EVP_PKEY_get_base_id(key.get()) != EVP_PKEY_RSA) return Fail(Code::kInvalidArgument, "the key is no RSA key");
  const std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> context(EVP_MD_CTX_new(), &EVP_MD_CTX_free);
  const auto* const data = reinterpret_cast<const unsigned char*>(text.data());
  std::size_t size = 0;
  std::string signature;
  bool is_signed = EVP_DigestSignInit(context.get(), nullptr, EVP_sha256(), nullptr, key.get()) == 1 &&
                   EVP_DigestSign(context.get(), nullptr, &size, data, text.size()) == 1;
  if (is_signed) {
    signature.resize(size);
    auto* const out = reinterpret_cast<unsigned char*>(signature.data());
    is_signed = EVP_DigestSign(context.get(), out, &size, data, text.size()) == 1;
  }
  ERR_clear_error();
  if (!is_signed) return Fail(Code::kInvalidArgument, "the key cannot sign");
  signature.resize(size);
  return http::Base64Encode(signature);
}

}  // namespace baro::net
