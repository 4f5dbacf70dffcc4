#include "net/signing.h"

#include <algorithm>
#include <memory>

#include <gtest/gtest.h>
#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>

namespace baro::net {
namespace {

using KeyPtr = std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)>;

/// In PEM, encrypted if there is a passphrase.
std::string PemOf(EVP_PKEY* key, const std::string& passphrase) {
  const std::unique_ptr<BIO, decltype(&BIO_free)> memory(BIO_new(BIO_s_mem()), &BIO_free);
  PEM_write_bio_PrivateKey(memory.get(), key, passphrase.empty() ? nullptr : EVP_aes_128_cbc(),
                           reinterpret_cast<const unsigned char*>(passphrase.data()),
                           static_cast<int>(passphrase.size()), nullptr, nullptr);
  char* text = nullptr;
  const auto size = BIO_get_mem_data(memory.get(), &text);
  return {text, static_cast<std::size_t>(size)};
}

bool Verifies(EVP_PKEY* key, const std::string& signature_base64, const std::string& text) {
  std::string signature(signature_base64.size(), '\0');
  const int size = EVP_DecodeBlock(reinterpret_cast<unsigned char*>(signature.data()),
                                   reinterpret_cast<const unsigned char*>(signature_base64.data()),
                                   static_cast<int>(signature_base64.size()));
  const auto padding = std::count(signature_base64.begin(), signature_base64.end(), '=');
  signature.resize(static_cast<std::size_t>(size - padding));
  const std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> context(EVP_MD_CTX_new(), &EVP_MD_CTX_free);
  return EVP_DigestVerifyInit(context.get(), nullptr, EVP_sha256(), nullptr, key) == 1 &&
         EVP_DigestVerify(context.get(), reinterpret_cast<const unsigned char*>(signature.data()), signature.size(),
                          reinterpret_cast<const unsigned char*>(text.data()), text.size()) == 1;
}

TEST(Signing, Sha1) {
  EXPECT_EQ(Sha1Hex("abc"), "a9993e364706816aba3e25717850c26c9cd0d89d");
  EXPECT_EQ(Sha1Hex(""), "da39a3ee5e6b4b0d3255bfef95601890afd80709");
}

TEST(Signing, RsaWithAndWithoutAPassphrase) {
  const KeyPtr key(EVP_RSA_gen(2048), &EVP_PKEY_free);
  for (const std::string passphrase : {"", "long words"}) {
    const auto signature = SignRsaSha256(PemOf(key.get(), passphrase), base::Secret(passphrase), "what is signed");
    ASSERT_TRUE(signature) << signature.error().message();
    EXPECT_TRUE(Verifies(key.get(), *signature, "what is signed"));
    EXPECT_FALSE(Verifies(key.get(), *signature, "another text"));
  }
  EXPECT_EQ(SignRsaSha256(PemOf(key.get(), "a b c d"), base::Secret(), "x").error().message(),
            "the key is no PEM of a private key, or has a passphrase");
  EXPECT_EQ(SignRsaSha256(PemOf(key.get(), "a b c d"), base::Secret("other"), "x").error().message(),
            "the key is no PEM of a private key, or has another passphrase");
  EXPECT_FALSE(SignRsaSha256("no key", base::Secret(), "x"));
  const KeyPtr curve(EVP_EC_gen("P-256"), &EVP_PKEY_free);
  EXPECT_EQ(SignRsaSha256(PemOf(curve.get(), ""), base::Secret(), "x").error().message(), "the key is no RSA key");
}

}  // namespace
}  // namespace baro::net
