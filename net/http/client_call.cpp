#include "net/http/client_call.h"

#include <fmt/format.h>
#include <algorithm>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>

#include "net/asio/remote_event.h"
#include "net/content_decoder.h"
#include "net/http/body_receiver.h"
#include "net/http/client_connect.h"
#include "net/http/oauth2_tokens.h"
#include "net/http/response_parser.h"

namespace baro::net::http {
namespace {

using base::Code;
using base::Fail;
using base::Result;
using boost::asio::awaitable;
using std::chrono::steady_clock;
using End = ClientCall::End;

// Compressed bytes beyond this are decoded while more come in, so that memory stays near what the decoded body takes.
constexpr std::size_t kDecodePieceBytes = 1024 * 1024;

bool IsRedirect(int status) {
  return status == 301 || status == 302 || status == 303 || status == 307 || status == 308;
}

bool IsIdempotent(Method method) { return method != Method::kPost && method != Method::kPatch; }

bool IsSensitive(std::string_view header) {
  constexpr std::string_view kNames[] = {"Authorization",        "Cookie",
                                         "Proxy-Authorization",  "X-Auth-Token",
                                         "X-Amz-Security-Token", "X-aws-ec2-metadata-token"};
  return std::ranges::any_of(kNames, [&](std::string_view name) { return EqualsIgnoringCase(header, name); });
}

// Names the connections that may carry a request to `url`.
std::string ConnectionKey(const FetchRequest& request, const Url& url) {
  return fmt::format("{}{}://{}:{}", request.unix_socket, url.scheme, url.host, url.port);
}

// One piece of work for the executor, which may outlive the call.
struct DecodeJob {
  std::unique_ptr<ContentDecoder> decoder;
  std::string in;
  std::string out;
  Result<> result;
  std::shared_ptr<asio::RemoteEvent> done;
};

// A piece of a stream's body on its way to the receiver.
struct PieceJob {
  std::string piece;
  bool goes_on = true;
  std::shared_ptr<asio::RemoteEvent> done;
};

// A token that somebody fetches.
struct TokenJob {
  std::optional<Result<base::Secret>> value;
  std::shared_ptr<asio::RemoteEvent> done;
};

class CallRunner {
 public:
  CallRunner(std::shared_ptr<ClientShard> shard, std::shared_ptr<ClientCall> call)
      : charge(call->options.budget.get()), shard_(std::move(shard)), call_(std::move(call)) {}

  /// The answer as far as it is known; with `decode` set, its body is still to be made by it.
  awaitable<Result<FetchResponse>> Run();

  /// What is left to do with the last answer's body, on the executor.
  std::move_only_function<Result<FetchResponse>(FetchResponse)> decode;
  base::MemoryCharge charge;  ///< for the body

 private:
  awaitable<Result<>> Exchange();
  awaitable<Result<>> TryOnce();
  awaitable<Result<>> ReadAnswer(ResponseParser& parser);
  awaitable<Result<>> ReadPiece(ResponseParser& parser, char* buffer, std::size_t& have);
  awaitable<Result<>> DecodePiece();
  awaitable<Result<>> DeliverPiece();
  awaitable<Result<>> GetToken();
  bool NeedsNewToken();
  awaitable<void> WaitFor(std::shared_ptr<asio::RemoteEvent> done);
  bool Streams() const { return call_->receiver != nullptr && answer_.status / 100 == 2; }
  Result<> CheckStream(const ResponseParser& parser) const;
  /// Counts what is held of the body.
  Result<> Charge();
  Result<> OnHeader(ResponseParser& parser);
  Result<> Redirect();
  Result<std::string> BuildRequest();
  Result<> AddFields(HeaderFields& fields);
  void PrepareBody();
  bool MayCarryCredentials() const;

  std::shared_ptr<ClientShard> shard_;
  std::shared_ptr<ClientCall> call_;
  Url origin_;  // of the request as it was asked for
  Url url_;     // of the current hop
  Method method_ = Method::kGet;
  std::optional<base::Secret> token_;  // for Authorization
  bool has_new_token_ = false;         // because the first one was not taken
  const Url* proxy_ = nullptr;         // of the current hop
  std::unique_ptr<ClientConnection> connection_;
  FetchResponse answer_;
  std::string plain_;  // a body without coding
  std::string coded_;  // a body with one, what has not been decoded yet
  std::optional<ContentCoding> coding_;
  std::shared_ptr<DecodeJob> job_;
  bool may_retry_ = false;
  SteadyTime sent_;
};

awaitable<Result<FetchResponse>> CallRunner::Run() {
  auto url = ParseUrl(call_->request.url);
  if (!url) co_return std::unexpected(std::move(url).error());
  url_ = *std::move(url);
  origin_ = url_;
  method_ = call_->request.method;
  plain_ = std::move(call_->request.reuse);
  while (true) {
    auto exchanged = co_await Exchange();
    if (!exchanged && answer_.redirects > 0) {
      co_return exchanged.error().WithContext(fmt::format("after a redirect to {}", url_.ToString()));
    }
    if (!exchanged) co_return std::unexpected(std::move(exchanged).error());
    if (NeedsNewToken()) continue;
    if (!shard_->shared().options.follow_redirects || !IsRedirect(answer_.status) || !answer_.headers.Has("Location")) {
      break;
    }
    if (auto redirected = Redirect(); !redirected) co_return std::unexpected(std::move(redirected).error());
  }
  if (answer_.redirects > 0) answer_.final_url = url_.ToString();
  PrepareBody();
  answer_.timings.total = steady_clock::now() - call_->started;
  co_return std::move(answer_);
}

Result<> CallRunner::Redirect() {
  if (answer_.redirects >= call_->options.redirects_max) {
    return Fail(Code::kLimitExceeded, fmt::format("stopped after {} redirects", call_->options.redirects_max));
  }
  auto next = ResolveUrl(url_, answer_.headers.Get("Location"));
  if (!next) return next.error().WithContext("redirect");
  // 301 and 302 turn POST into GET, as all clients do (RFC 9110 section 15.4.2, note); 307 and 308 keep the method.
  const bool keeps_method = answer_.status == 307 || answer_.status == 308 || method_ == Method::kHead;
  if (!keeps_method && (answer_.status == 303 || method_ == Method::kPost)) {
    method_ = Method::kGet;
    call_->request.body.clear();
  }
  url_ = *std::move(next);
  ++answer_.redirects;
  return {};
}

// Credentials go to the host that they are for, and never from an encrypted to an open connection.
bool CallRunner::MayCarryCredentials() const {
  return url_.host == origin_.host && !(origin_.scheme == "https" && url_.scheme == "http");
}

Result<> CallRunner::AddFields(HeaderFields& fields) {
  const bool may_carry = MayCarryCredentials();
  for (const auto& [name, value] : call_->request.headers) {
    if (!IsToken(name) || !IsFieldValue(value)) {
      return Fail(Code::kInvalidArgument, fmt::format("header {:?} is malformed", name.substr(0, 100)));
    }
    if (may_carry || !IsSensitive(name)) fields.Add(name, value);
  }
  if (!may_carry) return {};
  if (!url_.userinfo.empty() && !fields.Has("Authorization")) {
    const auto user = UrlDecode(url_.userinfo);
    if (!user) return Fail(Code::kInvalidArgument, "user or password of the URL has a broken escape");
    fields.Add("Authorization", fmt::format("Basic {}", Base64Encode(*user)));
  }
  if (token_ && !fields.Has("Authorization")) fields.Add("Authorization", token_->Reveal());
  return shard_->credentials().AddTo(fields);
}

Result<std::string> CallRunner::BuildRequest() {
  HeaderFields fields;
  BARO_TRY(AddFields(fields));
  const auto& settings = shard_->shared().settings;
  const bool through_proxy = proxy_ != nullptr && url_.scheme == "http" && !IsSocks(*proxy_);
  std::string text =
      fmt::format("{} {}{} HTTP/1.1\r\nHost: {}\r\n", MethodName(method_),
                  through_proxy ? fmt::format("http://{}", url_.HostHeader()) : "", url_.target, url_.HostHeader());
  const auto add = [&](std::string_view name, std::string_view value) {
    text += name;
    text += ": ";
    text += value;
    text += "\r\n";
  };
  if (!fields.Has("User-Agent")) add("User-Agent", settings.user_agent);
  if (!fields.Has("Accept-Encoding")) {
    const auto& options = call_->options;
    add("Accept-Encoding", options.accept_zstd   ? (options.accept_gzip ? "zstd, gzip" : "zstd")
                           : options.accept_gzip ? "gzip"
                                                 : "identity");
  }
  if (through_proxy && !proxy_->userinfo.empty()) {
    const auto user = UrlDecode(proxy_->userinfo);
    if (!user) return Fail(Code::kInvalidArgument, "user or password of the proxy's URL has a broken escape");
    add("Proxy-Authorization", fmt::format("Basic {}", Base64Encode(*user)));
  }
  for (const auto& [name, value] : fields) {
    const bool is_ours = EqualsIgnoringCase(name, "Host") || EqualsIgnoringCase(name, "Content-Length") ||
                         EqualsIgnoringCase(name, "Transfer-Encoding") || EqualsIgnoringCase(name, "Connection");
    if (!is_ours) add(name, value);
  }
  const bool has_body =
      !call_->request.body.empty() || method_ == Method::kPost || method_ == Method::kPut || method_ == Method::kPatch;
  if (has_body) add("Content-Length", fmt::to_string(call_->request.body.size()));
  text += "\r\n";
  return text;
}

awaitable<void> CallRunner::WaitFor(std::shared_ptr<asio::RemoteEvent> done) {
  const asio::Attachment attachment(done);
  call_->event = &done->local();
  if (call_->end == End::kNone) co_await done->local().Wait();
  call_->event = nullptr;
}

// A token can end before its time: its server was restarted, or somebody withdrew it.
bool CallRunner::NeedsNewToken() {
  if (!token_ || answer_.status != 401) return false;
  return shard_->shared().tokens->Reject(*token_) && !std::exchange(has_new_token_, true);
}

awaitable<Result<>> CallRunner::GetToken() {
  OAuth2Tokens* const tokens = shard_->shared().tokens;
  token_.reset();
  if (!MayCarryCredentials() || call_->request.headers.Has("Authorization")) co_return Result<>();
  token_ = tokens->Current();
  if (token_) co_return Result<>();
  const auto job = std::make_shared<TokenJob>();
  job->done = std::make_shared<asio::RemoteEvent>(shard_->context());
  const OAuth2Tokens::Done got = [job, done = job->done](Result<base::Secret> value) {
    job->value = std::move(value);
    done->Set();
  };
  ArmTimer(call_, call_->started + call_->options.timeout, End::kTimeout);
  tokens->Fetch(got);
  co_await WaitFor(job->done);
  if (call_->end != End::kNone) co_return EndError(*call_, "waiting for an OAuth2 token");
  if (!*job->value) co_return std::unexpected(job->value->error());
  token_ = **job->value;
  co_return Result<>();
}

awaitable<Result<>> CallRunner::Exchange() {
  if (shard_->shared().tokens != nullptr) {
    auto token = co_await GetToken();
    if (!token) co_return token;
  }
  proxy_ = call_->request.unix_socket.empty() ? shard_->shared().proxies.For(url_) : nullptr;
  auto first = co_await TryOnce();
  // A kept connection that ended before a byte of the answer came was closed while idle: that is nobody's fault.
  if (first || !may_retry_ || call_->end != End::kNone) co_return first;
  co_return co_await TryOnce();
}

awaitable<Result<>> CallRunner::TryOnce() {
  const auto request = BuildRequest();
  if (!request) co_return std::unexpected(request.error());
  const bool is_second_try = may_retry_;
  may_retry_ = false;
  if (!is_second_try) connection_ = shard_->TakeIdle(ConnectionKey(call_->request, url_));
  const bool is_reused = connection_ != nullptr;
  if (!connection_) {
    Connector connector(*shard_, call_, url_, proxy_, answer_.timings);
    auto opened = co_await connector.Open();
    if (!opened) co_return std::unexpected(std::move(opened).error());
    connection_ = *std::move(opened);
  }
  answer_.is_reused_connection = is_reused;
  ArmTimer(call_, call_->started + call_->options.timeout, End::kTimeout);
  call_->stream = &connection_->stream;

  boost::system::error_code error;
  co_await connection_->stream.Write(boost::asio::buffer(*request), boost::asio::buffer(call_->request.body), error);
  Result<> outcome;
  bool has_bytes = false;
  bool keeps_alive = false;
  if (call_->end != End::kNone) {
    outcome = EndError(*call_, "sending the request");
  } else if (error) {
    outcome = Fail(Code::kIo, fmt::format("sending the request: {}", asio::Describe(error)));
  } else {
    sent_ = steady_clock::now();
    plain_.clear();
    coded_.clear();
    coding_.reset();
    job_.reset();
    ResponseParser parser({.header_bytes_max = std::min(call_->options.header_bytes_max, ClientShard::kReadBytes),
                           .body_bytes_max = call_->receiver ? SIZE_MAX : call_->options.body_bytes_max},
                          method_ == Method::kHead, plain_, coded_);
    outcome = co_await ReadAnswer(parser);
    has_bytes = parser.has_bytes();
    keeps_alive = outcome.has_value() && parser.keeps_alive();
    if (parser.has_header()) answer_.wire_body_bytes = parser.body_bytes();
  }
  call_->stream = nullptr;
  may_retry_ = !outcome && is_reused && !is_second_try && !has_bytes && outcome.error().code() != Code::kTimeout &&
               IsIdempotent(method_);
  if (keeps_alive) shard_->KeepIdle(ConnectionKey(call_->request, url_), std::move(connection_));
  connection_.reset();
  co_return outcome;
}

awaitable<Result<>> CallRunner::ReadAnswer(ResponseParser& parser) {
  boost::system::error_code error;
  // No buffer is held for the time that the other side thinks.
  co_await connection_->stream.WaitReadable(error);
  if (call_->end != End::kNone) co_return EndError(*call_, "waiting for the answer");
  std::unique_ptr<char[]> buffer = shard_->TakeBuffer();
  std::size_t have = 0;
  Result<> outcome;
  while (outcome && !parser.is_done()) {
    outcome = co_await ReadPiece(parser, buffer.get(), have);
    if (outcome && parser.has_header() && !coding_) outcome = OnHeader(parser);
    if (outcome && call_->receiver && parser.has_header()) outcome = CheckStream(parser);
    if (outcome && !Streams()) outcome = Charge();
    if (outcome && Streams()) {
      outcome = co_await DeliverPiece();
    } else if (outcome && coded_.size() >= kDecodePieceBytes) {
      outcome = co_await DecodePiece();
    }
  }
  shard_->ReturnBuffer(std::move(buffer));
  // Bytes behind the answer belong to nobody: such a connection is not to be trusted with another request.
  if (outcome && have > 0) connection_->stream.Close();
  co_return outcome;
}

awaitable<Result<>> CallRunner::ReadPiece(ResponseParser& parser, char* buffer, std::size_t& have) {
  boost::system::error_code error;
  const auto space = boost::asio::buffer(buffer + have, ClientShard::kReadBytes - have);
  const std::size_t size = co_await connection_->stream.ReadSome(space, error);
  have += size;
  if (call_->end != End::kNone) {
    co_return EndError(*call_, parser.has_header()
                                   ? fmt::format("reading the body ({} received)", SizeText(parser.body_bytes()))
                               : parser.has_bytes() ? "reading the header"
                                                    : "waiting for the answer");
  }
  if (error == boost::asio::error::eof) co_return parser.PutEnd();
  if (error) co_return Fail(Code::kIo, fmt::format("reading the answer: {}", asio::Describe(error)));
  const auto used = parser.Put(std::string_view(buffer, have));
  if (!used) co_return std::unexpected(used.error());
  std::memmove(buffer, buffer + *used, have - *used);
  have -= *used;
  if (have == ClientShard::kReadBytes) {
    co_return Fail(Code::kLimitExceeded, fmt::format("a header line exceeds {}", SizeText(ClientShard::kReadBytes)));
  }
  co_return Result<>();
}

Result<> CallRunner::OnHeader(ResponseParser& parser) {
  answer_.timings.first_byte = steady_clock::now() - sent_;
  answer_.status = parser.status();
  answer_.headers = parser.TakeHeaders();
  const std::string_view name = answer_.headers.Get("Content-Encoding");
  coding_ = name.empty() ? ContentCoding::kIdentity : ParseContentCoding(name);
  if (!coding_ || answer_.headers.Count("Content-Encoding") > 1) {
    return Fail(Code::kUnsupported,
                fmt::format("the answer's Content-Encoding {:?} is none that was asked for", name.substr(0, 100)));
  }
  return {};
}

Result<> CallRunner::CheckStream(const ResponseParser& parser) const {
  if (Streams() && *coding_ != ContentCoding::kIdentity) {
    return Fail(Code::kUnsupported, "the answer has a Content-Encoding, which a stream did not ask for");
  }
  if (!Streams() && parser.body_bytes() >= call_->options.body_bytes_max) {
    return Fail(Code::kLimitExceeded, fmt::format("body exceeds the limit of {} bytes", call_->options.body_bytes_max));
  }
  return {};
}

Result<> CallRunner::Charge() { return charge.Set(plain_.size() + coded_.size() + (job_ ? job_->out.size() : 0)); }

awaitable<Result<>> CallRunner::DeliverPiece() {
  const auto job = std::make_shared<PieceJob>();
  if (!plain_.empty()) {
    job->piece = std::move(plain_);
    plain_.clear();
    job->done = std::make_shared<asio::RemoteEvent>(shard_->context());
    base::Task task = [job, done = job->done, receiver = call_->receiver] {
      job->goes_on = receiver->Give(job->piece);
      done->Set();
    };
    call_->receiver->Begin();
    call_->timer.cancel();  // the receiver's time is not the other side's
    shard_->shared().settings.executor->Post(std::move(task));
    co_await WaitFor(job->done);
    if (call_->end != End::kNone) co_return EndError(*call_, "the body was being received");
    if (!job->goes_on) co_return Fail(Code::kCancelled, "the receiver of the body wants no more");
  }
  ArmTimer(call_, steady_clock::now() + call_->options.idle_timeout, End::kIdleTimeout);
  co_return Result<>();
}

awaitable<Result<>> CallRunner::DecodePiece() {
  if (!job_) {
    job_ = std::make_shared<DecodeJob>();
    job_->decoder = ContentDecoder::Make(*coding_, {.output_bytes_max = call_->options.body_bytes_max});
    job_->out = std::move(plain_);
    job_->out.clear();
  }
  job_->in.swap(coded_);
  coded_.clear();
  job_->done = std::make_shared<asio::RemoteEvent>(shard_->context());
  const asio::Attachment attachment(job_->done);
  base::Task task = [job = job_, done = job_->done]() {
    job->result = job->decoder->Feed(job->in, job->out);
    done->Set();
  };
  shard_->shared().settings.executor->Post(std::move(task));
  call_->event = &job_->done->local();
  co_await job_->done->local().Wait();
  call_->event = nullptr;
  if (call_->end != End::kNone) co_return EndError(*call_, "decoding the body");
  co_return std::move(job_->result);
}

void CallRunner::PrepareBody() {
  if (answer_.wire_body_bytes == 0 || *coding_ == ContentCoding::kIdentity) {
    answer_.body = std::move(plain_);
    return;
  }
  if (!job_) {
    decode = [coding = *coding_, coded = std::move(coded_), plain = std::move(plain_),
              limit = call_->options.body_bytes_max](FetchResponse answer) mutable -> Result<FetchResponse> {
      BARO_TRY(DecodeContent(coding, coded, {.output_bytes_max = limit}, plain));
      answer.body = std::move(plain);
      return answer;
    };
    return;
  }
  decode = [job = std::move(job_), coded = std::move(coded_)](FetchResponse answer) -> Result<FetchResponse> {
    BARO_TRY(job->decoder->Feed(coded, job->out));
    BARO_TRY(job->decoder->Finish());
    answer.body = std::move(job->out);
    return answer;
  };
}

/// The charge stays with what is left to do, which ends behind the callback.
void HoldUntilTaken(CallRunner& runner, std::shared_ptr<base::MemoryBudget> budget) {
  runner.decode = [budget = std::move(budget), charge = std::move(runner.charge),
                   decode = std::move(runner.decode)](FetchResponse answer) mutable -> Result<FetchResponse> {
    if (!decode) return answer;
    auto decoded = decode(std::move(answer));
    if (decoded) BARO_TRY(charge.Set(decoded->body.size()));
    return decoded;
  };
}

awaitable<void> RunCall(std::shared_ptr<ClientShard> shard, HttpFetcher::CallId id, std::shared_ptr<ClientCall> call) {
  CallRunner runner(shard, call);
  auto answer = co_await runner.Run();
  call->timer.cancel();
  if (call->options.budget) HoldUntilTaken(runner, call->options.budget);
  shard->Finish(id, std::move(answer), std::move(runner.decode));
}

}  // namespace

void SpawnCall(std::shared_ptr<ClientShard> shard, HttpFetcher::CallId id, std::shared_ptr<ClientCall> call) {
  auto& context = shard->context();
  boost::asio::co_spawn(context, RunCall(std::move(shard), id, std::move(call)), boost::asio::detached);
}

}  // namespace baro::net::http
