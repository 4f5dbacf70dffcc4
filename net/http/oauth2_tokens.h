// Access tokens that an OAuth2 server gives out: fetched when needed, kept until shortly before they end.
//
// Source   RFC 6749 section 4.4 (client credentials) and 5 (answers), RFC 7523 section 2.1 (JWT bearer grant).
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string_view>

#include "base/result.h"
#include "base/secret.h"
#include "net/http_client_options.h"
#include "net/http_fetcher.h"

namespace baro::net::http {

inline constexpr std::string_view kJwtBearerGrant = "urn:ietf:params:oauth:grant-type:jwt-bearer";

/// Threads  Any. One fetch runs at a time; all who ask meanwhile get its outcome.
class OAuth2Tokens {
 public:
  using Now = std::function<std::chrono::system_clock::time_point()>;
  /// The value for Authorization, "Bearer …".
  using Done = std::function<void(base::Result<base::Secret>)>;

  /// `fetcher` asks for the tokens: it has the TLS and proxy options of `options`.
  /// Errors   kInvalidArgument: an unknown grant, claims that are no JSON object. A token_url that is none is an error
  /// of
  ///          each Fetch(), as in Prometheus: one mistyped job does not stop a reload.
  static base::Result<std::unique_ptr<OAuth2Tokens>> Make(OAuth2Options options, std::shared_ptr<HttpFetcher> fetcher,
                                                          Now now);
  ~OAuth2Tokens();
  OAuth2Tokens(const OAuth2Tokens&) = delete;
  OAuth2Tokens& operator=(const OAuth2Tokens&) = delete;

  /// The value in force; nothing if it must be fetched first: there is none, it ends, or the file of the secret that it
  /// was given for has another one.
  std::optional<base::Secret> Current();

  /// Asks for a token, unless there is one in force. `done` is called once, on the fetcher's executor; at once with
  /// what is there already, or if there is nothing to ask with.
  void Fetch(const Done& done);

  /// A server did not take this value. Returns whether another one is to be had: one that was fetched meanwhile, or a
  /// new one, which Fetch() asks for. That is so once a minute: else a server that takes none would have us fetch for
  /// each call.
  bool Reject(const base::Secret& value);

 private:
  struct State;
  OAuth2Tokens(std::shared_ptr<State> state, std::shared_ptr<HttpFetcher> fetcher);
  std::shared_ptr<State> state_;
  std::shared_ptr<HttpFetcher> fetcher_;  // cancels what runs at its end
};

}  // namespace baro::net::http
