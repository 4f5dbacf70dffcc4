// Certificates for tests, made when they are needed.
#pragma once

#include <string>

#include <gtest/gtest.h>
#include <openssl/bio.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

namespace baro::net::testing {

/// PEM texts.
struct Certificate {
  std::string cert;
  std::string key;
};

template <typename Write>
std::string Pem(Write write) {
  BIO* memory = BIO_new(BIO_s_mem());
  write(memory);
  char* data = nullptr;
  const long size = BIO_get_mem_data(memory, &data);
  std::string text(data, static_cast<std::size_t>(size));
  BIO_free(memory);
  return text;
}

inline void AddExtension(X509* cert, int id, const std::string& value) {
  X509_EXTENSION* extension = X509V3_EXT_conf_nid(nullptr, nullptr, id, value.c_str());
  ASSERT_NE(extension, nullptr);
  X509_add_ext(cert, extension, -1);
  X509_EXTENSION_free(extension);
}

/// For a name or an IPv4 address, good for an hour; signed by `issuer`, or by itself if that is null.
inline Certificate MakeCertificate(const std::string& name, const Certificate* issuer) {
  static long serial = 1;
  EVP_PKEY* key = EVP_EC_gen("P-256");
  X509* cert = X509_new();
  X509_set_version(cert, 2);
  ASN1_INTEGER_set(X509_get_serialNumber(cert), serial++);
  X509_gmtime_adj(X509_getm_notBefore(cert), -3600);
  X509_gmtime_adj(X509_getm_notAfter(cert), 3600);
  X509_set_pubkey(cert, key);
  X509_NAME_add_entry_by_txt(X509_get_subject_name(cert), "CN", MBSTRING_ASC,
                             reinterpret_cast<const unsigned char*>(name.c_str()), -1, -1, 0);
  X509* issuer_cert = cert;
  EVP_PKEY* issuer_key = key;
  if (issuer != nullptr) {
    BIO* cert_text = BIO_new_mem_buf(issuer->cert.data(), static_cast<int>(issuer->cert.size()));
    BIO* key_text = BIO_new_mem_buf(issuer->key.data(), static_cast<int>(issuer->key.size()));
    issuer_cert = PEM_read_bio_X509(cert_text, nullptr, nullptr, nullptr);
    issuer_key = PEM_read_bio_PrivateKey(key_text, nullptr, nullptr, nullptr);
    BIO_free(cert_text);
    BIO_free(key_text);
    const bool is_address = name.find_first_not_of("0123456789.") == std::string::npos;
    AddExtension(cert, NID_subject_alt_name, (is_address ? "IP:" : "DNS:") + name);
  } else {
    AddExtension(cert, NID_basic_constraints, "critical,CA:TRUE");
  }
  X509_set_issuer_name(cert, X509_get_subject_name(issuer_cert));
  X509_sign(cert, issuer_key, EVP_sha256());
  Certificate made{
      .cert = Pem([&](BIO* out) { PEM_write_bio_X509(out, cert); }),
      .key = Pem([&](BIO* out) { PEM_write_bio_PrivateKey(out, key, nullptr, nullptr, 0, nullptr, nullptr); })};
  if (issuer != nullptr) {
    X509_free(issuer_cert);
    EVP_PKEY_free(issuer_key);
  }
  X509_free(cert);
  EVP_PKEY_free(key);
  return made;
}

}  // namespace baro::net::testing
