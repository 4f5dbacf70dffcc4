#include "net/tls/tls_context.h"

#include <fmt/format.h>
#include <openssl/err.h>
#include <openssl/ssl.h>

#include "base/file_system.h"

namespace baro::net::tls {
namespace {

namespace ssl = boost::asio::ssl;
using base::Code;
using base::Fail;
using base::Result;

int ProtocolNumber(TlsVersion version) {
  switch (version) {
    case TlsVersion::kTls10:
      return TLS1_VERSION;
    case TlsVersion::kTls11:
      return TLS1_1_VERSION;
    case TlsVersion::kTls12:
      return TLS1_2_VERSION;
    case TlsVersion::kTls13:
      break;
  }
  return TLS1_3_VERSION;
}

std::string OpenSslReason() {
  const unsigned long code = ERR_get_error();
  const char* reason = ERR_reason_error_string(code);
  ERR_clear_error();
  return reason != nullptr ? reason : "unknown reason";
}

std::unexpected<base::Error> Bad(std::string_view what) {
  return Fail(Code::kInvalidArgument, fmt::format("TLS: {}", what));
}

// Text, or the file's content; empty if neither is given.
Result<std::string> TextOrFile(std::string_view name, const std::string& text, const std::string& file) {
  if (!text.empty() && !file.empty()) return Bad(fmt::format("at most one of {0} and {0}_file may be set", name));
  if (file.empty()) return text;
  auto content = base::ReadFile(base::RealFileSystem(), file, kSmallFileBytesMax);
  if (!content) return content.error().WithContext(fmt::format("TLS {}", name));
  return content;
}

Result<> SetVersions(ssl::context& context, TlsVersion min, TlsVersion max) {
  if (min > max) return Bad("min_version is above max_version");
  SSL_CTX_set_min_proto_version(context.native_handle(), ProtocolNumber(min));
  SSL_CTX_set_max_proto_version(context.native_handle(), ProtocolNumber(max));
  // OpenSSL's default security level refuses the signatures that TLS 1.0 and 1.1 need.
  if (min < TlsVersion::kTls12) SSL_CTX_set_security_level(context.native_handle(), 0);
  return {};
}

Result<> SetCertificate(ssl::context& context, const std::string& cert, const std::string& key) {
  boost::system::error_code error;
  context.use_certificate_chain(boost::asio::buffer(cert), error);
  if (error) return Bad(fmt::format("certificate is no PEM: {}", error.message()));
  context.use_private_key(boost::asio::buffer(key), ssl::context::pem, error);
  if (error) return Bad(fmt::format("key does not fit the certificate, or is no PEM: {}", error.message()));
  if (SSL_CTX_check_private_key(context.native_handle()) != 1) {
    return Bad(fmt::format("key does not fit the certificate: {}", OpenSslReason()));
  }
  return {};
}

Result<> AddAuthorities(ssl::context& context, const std::string& pem) {
  boost::system::error_code error;
  context.add_certificate_authority(boost::asio::buffer(pem), error);
  if (error) return Bad(fmt::format("authorities are no PEM: {}", error.message()));
  return {};
}

// The system's authorities, read once: 140 certificates, which take 15 ms and some MB, shared by all clients.
X509_STORE* SystemAuthorities() {
  static X509_STORE* const store = [] {
    X509_STORE* made = X509_STORE_new();
    BARO_ASSERT(made != nullptr);
    X509_STORE_set_default_paths(made);
    return made;
  }();
  return store;
}

ssl::verify_mode VerifyMode(ClientAuth auth) {
  switch (auth) {
    case ClientAuth::kNoClientCert:
      return ssl::verify_none;
    case ClientAuth::kRequestClientCert:
    case ClientAuth::kVerifyClientCertIfGiven:
      return ssl::verify_peer;
    case ClientAuth::kRequireAnyClientCert:
    case ClientAuth::kRequireAndVerifyClientCert:
      break;
  }
  return ssl::verify_peer | ssl::verify_fail_if_no_peer_cert;
}

bool Verifies(ClientAuth auth) {
  return auth == ClientAuth::kVerifyClientCertIfGiven || auth == ClientAuth::kRequireAndVerifyClientCert;
}

int AcceptAnyCertificate(int, X509_STORE_CTX*) { return 1; }

Result<> SetClientAuth(ssl::context& context, const TlsServerOptions& options) {
  const auto authorities = BARO_TRY(TextOrFile("client_ca", options.client_ca, options.client_ca_file));
  if (Verifies(options.client_auth) == authorities.empty()) {
    return Bad(authorities.empty() ? "verifying client certificates needs a client_ca"
                                   : "client_ca needs a client_auth_type that verifies");
  }
  if (!authorities.empty()) BARO_TRY(AddAuthorities(context, authorities));
  SSL_CTX* native = context.native_handle();
  SSL_CTX_set_verify(native, VerifyMode(options.client_auth),
                     Verifies(options.client_auth) ? nullptr : AcceptAnyCertificate);
  return {};
}

std::vector<const std::string*> Files(const TlsClientOptions& options) {
  return {&options.ca_file, &options.cert_file, &options.key.file};
}

std::vector<const std::string*> Files(const TlsServerOptions& options) {
  return {&options.client_ca_file, &options.cert_file, &options.key.file};
}

}  // namespace

Result<ContextPtr> MakeContext(const TlsClientOptions& options) {
  ERR_clear_error();
  auto context = std::make_shared<ssl::context>(ssl::context::tls_client);
  BARO_TRY(SetVersions(*context, options.min_version.value_or(TlsVersion::kTls12),
                       options.max_version.value_or(TlsVersion::kTls13)));
  const auto authorities = BARO_TRY(TextOrFile("ca", options.ca, options.ca_file));
  const auto cert = BARO_TRY(TextOrFile("cert", options.cert, options.cert_file));
  const auto key = BARO_TRY(TextOrFile("key", options.key.value.Reveal(), options.key.file));
  if (cert.empty() != key.empty()) return Bad("cert and key go together");
  if (!cert.empty()) BARO_TRY(SetCertificate(*context, cert, key));
  if (!authorities.empty()) {
    BARO_TRY(AddAuthorities(*context, authorities));
  } else {
    SSL_CTX_set1_cert_store(context->native_handle(), SystemAuthorities());
  }
  boost::system::error_code ignored;
  context->set_verify_mode(options.insecure_skip_verify ? ssl::verify_none : ssl::verify_peer, ignored);
  return context;
}

Result<ContextPtr> MakeContext(const TlsServerOptions& options) {
  ERR_clear_error();
  auto context = std::make_shared<ssl::context>(ssl::context::tls_server);
  SSL_CTX* native = context->native_handle();
  BARO_TRY(SetVersions(*context, options.min_version, options.max_version));
  const auto cert = BARO_TRY(TextOrFile("cert", options.cert, options.cert_file));
  const auto key = BARO_TRY(TextOrFile("key", options.key.value.Reveal(), options.key.file));
  if (cert.empty() || key.empty()) return Bad("a server needs both cert and key");
  BARO_TRY(SetCertificate(*context, cert, key));
  BARO_TRY(SetClientAuth(*context, options));
  if (!options.ciphers.empty() && SSL_CTX_set_cipher_list(native, options.ciphers.c_str()) != 1) {
    return Bad(fmt::format("cipher list {:?}: {}", options.ciphers, OpenSslReason()));
  }
  if (!options.curves.empty() && SSL_CTX_set1_curves_list(native, options.curves.c_str()) != 1) {
    return Bad(fmt::format("curve list {:?}: {}", options.curves, OpenSslReason()));
  }
  if (options.prefer_server_ciphers) SSL_CTX_set_options(native, SSL_OP_CIPHER_SERVER_PREFERENCE);
  SSL_CTX_set_options(native, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION);
  // Idle connections then hold no 34 KB of buffers.
  SSL_CTX_set_mode(native, SSL_MODE_RELEASE_BUFFERS);
  static constexpr unsigned char kSessionContext[] = "barograph";
  SSL_CTX_set_session_id_context(native, kSessionContext, sizeof kSessionContext - 1);
  return context;
}

template <typename Options>
Result<std::shared_ptr<ContextSource<Options>>> ContextSource<Options>::Make(Options options) {
  std::shared_ptr<ContextSource> source(new ContextSource(std::move(options)));
  source->stamps_ = source->Stamps();
  source->context_ = BARO_TRY(MakeContext(source->options_));
  source->checked_at_ = std::chrono::steady_clock::now();
  return source;
}

template <typename Options>
std::vector<FileStamp> ContextSource<Options>::Stamps() const {
  std::vector<FileStamp> stamps;
  for (const std::string* file : Files(options_)) stamps.push_back(file->empty() ? FileStamp{} : StampOf(*file));
  return stamps;
}

template <typename Options>
ContextPtr ContextSource<Options>::Get() {
  constexpr auto kCheckInterval = std::chrono::seconds(1);
  const std::lock_guard lock(mutex_);
  const auto now = std::chrono::steady_clock::now();
  if (now - checked_at_ < kCheckInterval) return context_;
  checked_at_ = now;
  auto stamps = Stamps();
  if (stamps == stamps_) return context_;
  auto renewed = MakeContext(options_);
  last_error_ = renewed ? "" : renewed.error().message();
  if (renewed) context_ = *std::move(renewed);
  // Remembered after a failure too: the files are looked at again when they change again.
  stamps_ = std::move(stamps);
  return context_;
}

template <typename Options>
std::string ContextSource<Options>::last_error() const {
  const std::lock_guard lock(mutex_);
  return last_error_;
}

template class ContextSource<TlsClientOptions>;
template class ContextSource<TlsServerOptions>;

}  // namespace baro::net::tls
