// TLS on both sides: our client against our server, over real sockets.
#include <fstream>
#include <future>

#include <gtest/gtest.h>
#include <openssl/bio.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include "base/executor.h"
#include "net/http_client.h"
#include "net/testing/raw_socket.h"
#include "net/testing/test_server.h"

namespace baro::net {
namespace {

using base::Code;
using base::Secret;
using testing::RawSocket;
using testing::TestServer;

struct Certificate {
  std::string cert;  // PEM
  std::string key;   // PEM
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

void AddExtension(X509* cert, int id, const std::string& value) {
  X509_EXTENSION* extension = X509V3_EXT_conf_nid(nullptr, nullptr, id, value.c_str());
  ASSERT_NE(extension, nullptr);
  X509_add_ext(cert, extension, -1);
  X509_EXTENSION_free(extension);
}

// Signed by `issuer`, or by itself if that is null.
Certificate MakeCertificate(const std::string& name, const Certificate* issuer) {
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

struct TlsTest : ::testing::Test, TestServer {
  base::ThreadExecutor executor{1};
  Certificate authority = MakeCertificate("test authority", nullptr);
  Certificate address = MakeCertificate("127.0.0.1", &authority);

  void StartTls(TlsServerOptions tls) {
    Add("/", [](const HttpRequest& request, const auto&) {
      return HttpResponse::Text(200, (request.is_tls ? "tls" : "plain") + std::string(100'000, 'x'));
    });
    Start({.tls = std::move(tls)});
  }
  TlsServerOptions Server(const Certificate& own) { return {.cert = own.cert, .key = {.value = Secret(own.key)}}; }

  base::Result<FetchResponse> Get(TlsClientOptions tls, int calls = 1) {
    HttpClientOptions options;
    options.tls = std::move(tls);
    auto client = HttpClient::Make(std::move(options), {.threads = &threads, .executor = &executor});
    if (!client) return std::unexpected(client.error());
    base::Result<FetchResponse> last = FetchResponse{};
    for (int i = 0; i < calls; ++i) {
      std::promise<base::Result<FetchResponse>> promise;
      (*client)->Fetch({.url = url("/", "https")}, {}, [&](auto answer) { promise.set_value(std::move(answer)); });
      last = promise.get_future().get();
    }
    return last;
  }
};

TEST_F(TlsTest, SpeaksWithAServerWhoseAuthorityIsTrustedAndKeepsTheConnection) {
  StartTls(Server(address));
  const auto answer = Get({.ca = authority.cert}, 3);
  ASSERT_TRUE(answer) << answer.error().message();
  EXPECT_EQ(answer->body, "tls" + std::string(100'000, 'x'));
  EXPECT_TRUE(answer->is_reused_connection);
}

TEST_F(TlsTest, RefusesUntrustedServersAndWrongNames) {
  const Certificate other = MakeCertificate("example.org", &authority);
  StartTls(Server(other));
  const auto untrusted = Get({});
  ASSERT_FALSE(untrusted);
  EXPECT_NE(untrusted.error().message().find("certificate verify failed (unable to get local issuer certificate)"),
            std::string::npos)
      << untrusted.error().message();
  const auto wrong_name = Get({.ca = authority.cert});
  ASSERT_FALSE(wrong_name);
  EXPECT_NE(wrong_name.error().message().find("IP address mismatch"), std::string::npos)
      << wrong_name.error().message();
  EXPECT_TRUE(Get({.ca = authority.cert, .server_name = "example.org"}));
  EXPECT_FALSE(Get({.ca = authority.cert, .server_name = "example.com"}));
  EXPECT_TRUE(Get({.insecure_skip_verify = true}));
}

TEST_F(TlsTest, AsksForClientCertificatesAsTold) {
  auto options = Server(address);
  options.client_auth = ClientAuth::kRequireAndVerifyClientCert;
  options.client_ca = authority.cert;
  StartTls(std::move(options));
  const Certificate mine = MakeCertificate("me", &authority);
  const Certificate strangers_authority = MakeCertificate("stranger", nullptr);
  const Certificate stranger = MakeCertificate("me", &strangers_authority);
  EXPECT_TRUE(Get({.ca = authority.cert, .cert = mine.cert, .key = {.value = Secret(mine.key)}}));
  EXPECT_FALSE(Get({.ca = authority.cert}));
  EXPECT_FALSE(Get({.ca = authority.cert, .cert = stranger.cert, .key = {.value = Secret(stranger.key)}}));
}

TEST_F(TlsTest, HoldsToTheVersionsThatBothAllow) {
  auto options = Server(address);
  options.min_version = TlsVersion::kTls13;
  StartTls(std::move(options));
  EXPECT_TRUE(Get({.ca = authority.cert}));
  EXPECT_FALSE(Get({.ca = authority.cert, .max_version = TlsVersion::kTls12}));
}

TEST_F(TlsTest, AnswersPlainHttpWithAHint) {
  StartTls(Server(address));
  auto socket = RawSocket::Connect(port());
  socket.Send("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
  const auto answer = socket.ReadToEnd();
  EXPECT_TRUE(answer.starts_with("HTTP/1.1 400 ")) << answer;
  EXPECT_NE(answer.find("HTTPS"), std::string::npos);
}

TEST_F(TlsTest, TakesRenewedFilesAndKeepsTheOldOnesWhenTheNewAreBroken) {
  const std::string base = ::testing::TempDir() + "/net_tls_" + std::to_string(::getpid());
  const auto write = [](const std::string& path, const std::string& text) { std::ofstream(path) << text; };
  write(base + ".crt", address.cert);
  write(base + ".key", address.key);
  StartTls({.cert_file = base + ".crt", .key = {.file = base + ".key"}});
  EXPECT_TRUE(Get({.ca = authority.cert}));

  write(base + ".crt", "broken");
  for (int i = 0; i < 15; ++i) {
    ASSERT_TRUE(Get({.ca = authority.cert}));
    std::this_thread::sleep_for(std::chrono::milliseconds(100));
  }
  const Certificate new_authority = MakeCertificate("new authority", nullptr);
  const Certificate renewed = MakeCertificate("127.0.0.1", &new_authority);
  write(base + ".key", renewed.key);
  write(base + ".crt", renewed.cert);
  while (!Get({.ca = new_authority.cert})) std::this_thread::sleep_for(std::chrono::milliseconds(50));
  ::unlink((base + ".crt").c_str());
  ::unlink((base + ".key").c_str());
}

TEST(TlsOptions, AreRefusedWhenTheyContradict) {
  IoThreads threads(1);
  base::ComputePool pool({.threads = 1});
  const Router router;
  const HttpServerParts parts{.router = &router, .threads = &threads, .pool = &pool};
  const Certificate authority = MakeCertificate("authority", nullptr);
  const Certificate one = MakeCertificate("one", &authority);
  const Certificate two = MakeCertificate("two", &authority);
  std::vector<TlsServerOptions> bad(6, {.cert = one.cert, .key = {.value = Secret(one.key)}});
  bad[0].key.value = Secret(two.key);
  bad[1].key.value = Secret();
  bad[2].cert_file = "/also/a/file";
  bad[3].client_auth = ClientAuth::kRequireAndVerifyClientCert;
  bad[4].min_version = TlsVersion::kTls13;
  bad[4].max_version = TlsVersion::kTls12;
  bad[5].ciphers = "no such cipher";
  for (const auto& tls : bad) {
    EXPECT_FALSE(HttpServer::Start({.listen_addresses = {"127.0.0.1:0"}, .tls = tls}, parts));
  }
}

}  // namespace
}  // namespace baro::net
