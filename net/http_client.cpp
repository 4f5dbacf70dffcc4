#include "net/http_client.h"

#include <algorithm>
#include <atomic>
#include <latch>

#include <boost/asio/post.hpp>

#include "net/asio/io_threads_impl.h"
#include "net/http/body_receiver.h"
#include "net/http/client_shard.h"
#include "net/http/oauth2_tokens.h"

namespace baro::net {

struct HttpClient::Impl {
  std::shared_ptr<http::OAuth2Tokens> tokens;  // outlives the calls
  std::vector<std::shared_ptr<http::ClientShard>> shards;
  std::atomic<std::uint64_t> last_id{0};

  // One loop per origin, so that its connections are found there.
  std::size_t ShardOf(const FetchRequest& request) const {
    if (!request.unix_socket.empty()) return std::hash<std::string_view>()(request.unix_socket) % shards.size();
    const std::string& url = request.url;
    const auto scheme_end = url.find("://");
    const auto path = url.find_first_of("/?#", scheme_end == std::string::npos ? 0 : scheme_end + 3);
    return std::hash<std::string_view>()(std::string_view(url).substr(0, path)) % shards.size();
  }
};

HttpClient::HttpClient(std::shared_ptr<Impl> impl) : impl_(std::move(impl)) {}

base::Result<std::shared_ptr<HttpClient>> HttpClient::Make(HttpClientOptions options, HttpClientSettings settings) {
  BARO_ASSERT(settings.threads != nullptr && settings.executor != nullptr);
  auto shared = std::make_shared<http::ClientShared>();
  shared->proxies = BARO_TRY(http::ProxyRules::Make(options.proxy, http::ProcessEnvironment));
  shared->tls = BARO_TRY(tls::ClientContextSource::Make(options.tls));
  shared->options = std::move(options);
  shared->settings = settings;

  auto impl = std::make_shared<Impl>();
  if (const auto& oauth2 = shared->options.oauth2) {
    if (shared->options.basic_auth || shared->options.authorization) {
      return base::Fail(base::Code::kInvalidArgument, "at most one of basic_auth, authorization and oauth2 may be set");
    }
    auto fetcher = BARO_TRY(Make({.tls = oauth2->tls, .proxy = oauth2->proxy}, settings));
    impl->tokens = BARO_TRY(http::OAuth2Tokens::Make(*oauth2, std::move(fetcher), std::chrono::system_clock::now));
    shared->tokens = impl->tokens.get();
  }
  auto& threads = settings.threads->impl();
  for (std::size_t i = 0; i < threads.size(); ++i) {
    auto credentials = BARO_TRY(http::Credentials::Make(shared->options));
    impl->shards.push_back(
        std::make_shared<http::ClientShard>(threads.context(i), threads.resolver, shared, std::move(credentials)));
  }
  return std::shared_ptr<HttpClient>(new HttpClient(std::move(impl)));
}

HttpClient::~HttpClient() {
  const auto is_here = [](const auto& shard) { return shard->context().get_executor().running_in_this_thread(); };
  const auto is_over = [](const auto& shard) { return shard->context().stopped(); };
  if (std::ranges::any_of(impl_->shards, is_over)) return;  // no loop runs any more: there is nobody to wait for
  if (std::ranges::any_of(impl_->shards, is_here)) {
    // The last who held this was a callback that nobody ran. A loop cannot wait for itself: what runs keeps what it
    // needs.
    for (const auto& shard : impl_->shards) {
      boost::asio::post(shard->context(), [shard, tokens = impl_->tokens] { shard->Close([tokens] {}); });
    }
    return;
  }
  std::latch closed(static_cast<std::ptrdiff_t>(impl_->shards.size()));
  for (const auto& shard : impl_->shards) {
    boost::asio::post(shard->context(), [shard, &closed] { shard->Close([&closed] { closed.count_down(); }); });
  }
  closed.wait();
}

HttpFetcher::CallId HttpClient::Fetch(FetchRequest request, FetchOptions options, FetchCallback callback) {
  return Start(std::move(request), options, nullptr, std::move(callback));
}

HttpFetcher::CallId HttpClient::Stream(FetchRequest request, FetchOptions options, BodySink sink,
                                       FetchCallback callback) {
  BARO_ASSERT(sink != nullptr);
  options.accept_gzip = false;
  options.accept_zstd = false;
  return Start(std::move(request), options, std::move(sink), std::move(callback));
}

HttpFetcher::CallId HttpClient::Start(FetchRequest request, FetchOptions options, BodySink sink,
                                      FetchCallback callback) {
  const std::size_t index = impl_->ShardOf(request);
  // The id says which loop the call lives on. relaxed: it only has to be different from all others.
  const auto turn = impl_->last_id.fetch_add(1, std::memory_order_relaxed) + 1;
  const auto id = static_cast<CallId>(turn * impl_->shards.size() + index);
  const auto& shard = impl_->shards[index];
  auto call = std::make_shared<http::ClientCall>(shard->context());
  call->request = std::move(request);
  call->options = options;
  call->callback = std::move(callback);
  if (sink) call->receiver = std::make_shared<http::BodyReceiver>(std::move(sink));
  call->started = std::chrono::steady_clock::now();
  boost::asio::post(shard->context(),
                    [shard, id, call = std::move(call)]() mutable { shard->Start(id, std::move(call)); });
  return id;
}

void HttpClient::Cancel(CallId call) {
  const auto& shard = impl_->shards[static_cast<std::uint64_t>(call) % impl_->shards.size()];
  boost::asio::post(shard->context(), [shard, call] { shard->Cancel(call); });
}

FetcherFactory MakeHttpClientFactory(HttpClientSettings settings) {
  return [settings](const HttpClientOptions& options) -> base::Result<std::shared_ptr<HttpFetcher>> {
    std::shared_ptr<HttpFetcher> client = BARO_TRY(HttpClient::Make(options, settings));
    return client;
  };
}

}  // namespace baro::net
