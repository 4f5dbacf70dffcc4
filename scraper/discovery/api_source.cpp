#include "scraper/discovery/api_source.h"

#include <algorithm>
#include <iterator>

#include <fmt/format.h>

#include "scraper/discovery/api_template.h"
#include "scraper/discovery/json_answer.h"
#include "scraper/discovery/xml_answer.h"

namespace baro::scraper {

using base::Code;
using base::Fail;
using base::MutexLock;

std::span<const Json> ApiAnswers::Of(std::string_view call) const {
  const auto found = items_.find(call);
  if (found == items_.end()) return {};
  return found->second;
}

void ApiAnswers::Add(std::string_view call, std::span<const Json> items) {
  auto& all = items_.try_emplace(std::string(call)).first->second;
  all.insert(all.end(), items.begin(), items.end());
}

base::Result<std::string> ApiScope::Secret(std::string_view field) const {
  const auto& source = record.Get<net::SecretSource>(field);
  if (source.file.empty()) return source.value.Reveal();
  constexpr std::size_t kSecretBytesMax = 64 * 1024;
  std::string text = BARO_TRY(base::ReadFile(files, source.file, kSecretBytesMax));
  const std::size_t end = text.find_last_not_of(" \t\r\n");
  text.resize(end == std::string::npos ? 0 : end + 1);
  return text;
}

std::string ApiScope::Answer(std::string_view call, std::string_view path) const {
  const auto items = answers.Of(call);
  if (items.empty()) return "";
  TargetList reader;
  std::string text = reader.Text(items[0], path);
  constexpr std::string_view kSpace = " \t\r\n";
  text.erase(0, text.find_first_not_of(kSpace));
  text.resize(text.find_last_not_of(kSpace) + 1);
  return text;
}

std::string ApiScope::Port() const { return fmt::format("{}", record.Get<std::int64_t>("port")); }

void ApiAnswers::Add(std::string_view call, std::vector<Json> items) {
  auto& all = items_.try_emplace(std::string(call)).first->second;
  all.insert(all.end(), std::move_iterator(items.begin()), std::move_iterator(items.end()));
}

namespace {

/// How many values a document has.
// NOLINTNEXTLINE(misc-no-recursion): no deeper than what ParseJsonAnswer() takes, and what a table puts around it
std::size_t ValuesIn(const Json& value) {
  std::size_t count = 1;
  for (const Json& part : value) {
    if (value.is_structured()) count += ValuesIn(part);
  }
  return count;
}

std::vector<Json> WithRound(std::span<const Json> items, std::size_t round) {
  std::vector<Json> all;
  for (const Json& item : items) all.push_back({{"round", round}, {"value", item}});
  return all;
}

}  // namespace

/// One refresh. Lives as long as its calls.
///
/// Threads  Confined to the callbacks of its calls, of which there is one at a time.
class ApiSource::Run : public std::enable_shared_from_this<Run> {
 public:
  Run(std::shared_ptr<ApiSource> source, Done done) : source_(std::move(source)), done_(std::move(done)) {
    if (source_->provider_.login != nullptr) login_ = source_->provider_.login();
  }

  /// Makes the next call, or ends.
  void Next() {
    while (call_ < CallCount() && item_ == RoundsOf(call())) {
      if (call().derive != nullptr && !Derive()) return;
      ++call_;
      item_ = 0;
    }
    if (call_ == CallCount()) return Finish();
    page_ = 1;
    page_items_ = 0;
    const auto url = PageUrl("");
    url ? Ask(*url) : End(url.error());
  }

 private:
  std::size_t CallCount() const { return login_.size() + source_->provider_.calls.size(); }
  const ApiCall& call() const {
    return call_ < login_.size() ? login_[call_] : source_->provider_.calls[call_ - login_.size()];
  }

  std::size_t RoundsOf(const ApiCall& call) const {
    if (call.derive != nullptr) return 0;
    if (call.is_wanted != nullptr && !call.is_wanted(source_->Scope(answers_, nullptr))) return 0;
    return call.for_each.empty() ? 1 : answers_.Of(call.for_each).size();
  }

  /// Returns false if that ended the refresh.
  bool Derive() {
    TargetList reader;
    std::vector<Json> items = call().derive(source_->Scope(answers_, nullptr), reader);
    if (const auto told = reader.Take(""); !told) {
      End(told.error());
      return false;
    }
    // What was answered may be in them once more.
    for (const Json& item : items) values_ += ValuesIn(item);
    if (const auto counted = CheckValues(); !counted) {
      End(counted.error());
      return false;
    }
    answers_.Add(call().name, std::move(items));
    return true;
  }

  base::Result<> CheckValues() const {
    if (values_ <= source_->limits_.values) return {};
    return Fail(Code::kLimitExceeded, fmt::format("the answers have more than {} values", source_->limits_.values));
  }

  ApiScope Scope() const {
    const Json* const item = call().for_each.empty() ? nullptr : &answers_.Of(call().for_each)[item_];
    return source_->Scope(answers_, item);
  }

  /// The call's URL; `cursor` is the value of its paging parameter, if it has one.
  base::Result<std::string> PageUrl(const std::string& cursor) const {
    const ApiScope scope = Scope();
    std::string url = call().base == nullptr ? source_->origin_.url : BARO_TRY(call().base(scope));
    url += BARO_TRY(FillTemplate(call().path, scope, Encoding::kUrl));
    char joint = url.find('?') == std::string::npos ? '?' : '&';
    const auto add = [&](std::string_view name, const std::string& value) {
      if (value.empty()) return;
      url += fmt::format("{}{}={}", joint, name, net::UrlEncode(value));
      joint = '&';
    };
    for (const ApiParameter& parameter : call().parameters) {
      add(parameter.name, BARO_TRY(FillTemplate(parameter.value, scope, Encoding::kNone)));
    }
    const bool has_number = call().paging == Paging::kPages || call().paging == Paging::kFull;
    if (!call().parameter.empty()) add(call().parameter, has_number ? fmt::format("{}", page_) : cursor);
    return url;
  }

  void Ask(const std::string& url) {
    if (++calls_made_ > source_->limits_.calls) {
      return End({Code::kLimitExceeded, fmt::format("more than {} calls", source_->limits_.calls)});
    }
    net::FetchRequest request{.method = call().method, .url = url, .unix_socket = source_->origin_.unix_socket};
    if (call().form != AnswerForm::kText) {
      request.headers.Add("Accept", call().form == AnswerForm::kXml ? "application/xml" : "application/json");
    }
    url_ = url;
    if (call().prepare != nullptr) {
      if (const auto prepared = call().prepare(Scope(), request); !prepared) return End(prepared.error());
    }
    source_->Fetch(call(), std::move(request), [self = shared_from_this()](base::Result<net::FetchResponse> answer) {
      self->Take(std::move(answer));
    });
  }

  void Take(base::Result<net::FetchResponse> answer) {
    if (answer && call().may_be_missing && (answer->status == 404 || answer->status == call().missing_status)) {
      ++item_;
      return Next();
    }
    next_header_ = answer && call().paging == Paging::kHeader ? answer->headers.Get(call().next) : "";
    const auto document = answer ? Read(*answer) : base::Result<Json>(answer.error());
    const auto next = document ? Use(*document) : base::Result<std::string>(document.error());
    if (!next && !call().is_optional) return End(next.error());
    if (next && !next->empty()) return Ask(*next);
    ++item_;
    Next();
  }

  /// Keeps the items; returns the URL of the next page, or nothing.
  base::Result<std::string> Use(const Json& document) {
    const auto items = ItemsAt(document, call().items);
    if (call().inner.empty()) {
      Keep(items);
    } else {
      for (const Json& item : items) Keep(ItemsAt(item, call().inner));
    }
    page_items_ = items.size();
    return NextUrl(document);
  }

  void Keep(std::span<const Json> items) {
    if (call().tells_round) {
      values_ += 2 * items.size();
      return answers_.Add(call().name, WithRound(items, item_));
    }
    answers_.Add(call().name, items);
  }

  base::Result<Json> Read(const net::FetchResponse& answer) {
    if (answer.status < 200 || answer.status > 299) {
      return Fail(Code::kIo, fmt::format("the server answered HTTP status {}", answer.status));
    }
    bytes_ += answer.body.size();
    if (bytes_ > source_->limits_.bytes) {
      return Fail(Code::kLimitExceeded, fmt::format("the answers have more than {} bytes", source_->limits_.bytes));
    }
    if (call().form == AnswerForm::kText) return Json({{"text", answer.body}});
    const bool is_xml = call().form == AnswerForm::kXml;
    Json document = BARO_TRY(is_xml ? ParseXmlAnswer(answer.body) : ParseJsonAnswer(answer.body));
    values_ += is_xml ? CountXmlValues(answer.body) : CountValues(answer.body);
    BARO_TRY(CheckValues());
    if (!call().header.empty() && document.is_object()) document["header"] = answer.headers.Get(call().header);
    return document;
  }

  /// Of the next page; empty: this was the last.
  base::Result<std::string> NextUrl(const Json& document) {
    TargetList reader;
    if (call().paging == Paging::kRelLink) return RelLink(document);
    const bool is_told = !call().next.empty() && call().paging != Paging::kHeader;
    const std::string next = is_told ? reader.Text(document, call().next) : next_header_;
    switch (call().paging) {
      case Paging::kRelLink:
      case Paging::kNone:
        return "";
      case Paging::kLink:
        return next.empty() ? base::Result<std::string>("") : SameOrigin(next);
      case Paging::kCursor:
      case Paging::kHeader:
        return next.empty() ? base::Result<std::string>("") : PageUrl(next);
      case Paging::kPages:
        if (fmt::format("{}", page_) == next || next.empty() || page_items_ == 0) return "";
        break;
      case Paging::kFull:
        if (page_items_ < call().page_items) return "";
        break;
    }
    ++page_;
    return PageUrl("");
  }

  /// Of such a link only the query counts: behind a proxy, servers do not know the scheme and host that they have.
  base::Result<std::string> RelLink(const Json& document) const {
    TargetList reader;
    for (const Json& link : ItemsAt(document, call().next)) {
      if (reader.Text(link, "rel") != "next") continue;
      const std::string href = reader.Text(link, "href");
      const std::size_t mark = href.find('?');
      if (mark == std::string::npos) return Fail(Code::kInvalidArgument, "the link to the next page has no query");
      net::Url url = BARO_TRY(net::ParseUrl(url_));
      url.target = url.target.substr(0, url.target.find('?')) + href.substr(mark);
      return url.ToString();
    }
    return "";
  }

  /// A link leads to where credentials may go only if it leads to where they went.
  base::Result<std::string> SameOrigin(const std::string& link) const {
    const net::Url from = BARO_TRY(net::ParseUrl(url_));
    net::Url to = BARO_TRY(net::ResolveUrl(from, link));
    if (to.scheme != from.scheme || to.host != from.host || to.port != from.port) {
      return Fail(Code::kInvalidArgument,
                  fmt::format("the next page is said to be at {}, another server", to.HostHeader()));
    }
    return to.ToString();
  }

  void Finish() {
    TargetList list;
    const ApiProvider& provider = source_->provider_;
    const ApiScope scope = source_->Scope(answers_, nullptr);
    if (provider.targets != nullptr) {
      provider.targets(scope, list);
    } else {
      const std::string port = scope.Port();
      for (const Json& item : answers_.Of(provider.calls.back().name)) {
        LabelMap labels;
        list.Apply(provider.labels, item, labels);
        list.Add(std::move(labels), list.Text(item, provider.host), port);
      }
    }
    done_(list.Take(std::string(provider.group)));
  }

  void End(base::Error error) {
    if (!call().name.empty()) error = error.WithContext(call().name);
    done_(std::move(error));
  }

  const std::shared_ptr<ApiSource> source_;
  const Done done_;
  std::span<const ApiCall> login_;
  ApiAnswers answers_;
  std::size_t call_ = 0;  // index of the one that runs, in login_ and behind it the provider's calls
  std::size_t item_ = 0;  // that it runs for
  std::size_t page_ = 1;
  std::size_t page_items_ = 0;  // of the last page
  std::string url_;             // of the last page
  std::string next_header_;     // of the last page
  std::size_t calls_made_ = 0;
  std::size_t bytes_ = 0;
  std::size_t values_ = 0;
};

ApiSource::ApiSource(const ApiProvider& provider, const DiscoveryOptions& options, ApiOrigin origin, Fetchers fetchers,
                     const DiscoveryContext& context, ApiLimits limits)
    : provider_(provider),
      record_(options.record),
      origin_(std::move(origin)),
      limits_(limits),
      call_timeout_(options.record.Get<std::chrono::milliseconds>("refresh_interval")),
      fetchers_(std::move(fetchers)),
      executor_(context.executor),
      files_(context.files),
      clock_(context.clock),
      environment_(context.environment) {}

base::Result<std::shared_ptr<TargetSource>> ApiSource::Make(const ApiProvider& provider,
                                                            const DiscoveryOptions& options,
                                                            const DiscoveryContext& context, ApiLimits limits) {
  ApiOrigin origin;
  if (provider.origin != nullptr) {
    origin = BARO_TRY(provider.origin(options.record));
  } else {
    const ApiAnswers none;
    const ApiScope scope{.record = options.record,
                         .answers = none,
                         .files = context.files,
                         .clock = context.clock,
                         .environment = context.environment};
    origin.url = BARO_TRY(FillTemplate(provider.base, scope, Encoding::kNone));
  }
  while (origin.url.ends_with('/')) origin.url.pop_back();
  if (const auto url = net::ParseUrl(origin.url); !url) return std::unexpected(url.error());
  Fetchers fetchers = BARO_TRY(MakeFetchers(provider, options, context));
  return std::shared_ptr<TargetSource>(
      new ApiSource(provider, options, std::move(origin), std::move(fetchers), context, limits));
}

base::Result<ApiSource::Fetchers> ApiSource::MakeFetchers(const ApiProvider& provider, const DiscoveryOptions& options,
                                                          const DiscoveryContext& context) {
  const auto login = provider.login == nullptr ? std::span<const ApiCall>() : provider.login();
  const auto has = [&](Route route) {
    const auto takes = [route](const ApiCall& call) { return call.route == route; };
    return std::ranges::any_of(login, takes) || std::ranges::any_of(provider.calls, takes);
  };
  net::HttpClientOptions http = options.http;
  if (provider.takes_environment_proxy) http.proxy.from_environment = true;
  Fetchers fetchers;
  fetchers.api = BARO_TRY(context.make_fetcher(http));
  if (has(Route::kLogin)) {
    const net::HttpClientOptions bare{.tls = http.tls, .proxy = http.proxy};
    fetchers.login = BARO_TRY(context.make_fetcher(bare));
  }
  if (has(Route::kMachine)) fetchers.machine = BARO_TRY(context.make_fetcher(net::HttpClientOptions()));
  return fetchers;
}

void ApiSource::Refresh(Done done) {
  {
    const MutexLock lock(mutex_);
    is_cancelled_ = false;
  }
  executor_.Post([run = std::make_shared<Run>(shared_from_this(), std::move(done))] { run->Next(); });
}

void ApiSource::Fetch(const ApiCall& call, net::FetchRequest request,
                      std::function<void(base::Result<net::FetchResponse>)> then) {
  net::FetchOptions options{.timeout = call_timeout_, .body_bytes_max = kAnswerBytesMax + 1};
  if (call.is_secret) options.redirects_max = 0;
  const auto& fetcher = call.route == Route::kApi     ? fetchers_.api
                        : call.route == Route::kLogin ? fetchers_.login
                                                      : fetchers_.machine;
  // The lock is held over the call, so that a Cancel() from another thread comes before it or finds it.
  const MutexLock lock(mutex_);
  if (is_cancelled_) {
    executor_.Post([then = std::move(then)] { then(Fail(Code::kCancelled, "the refresh was ended")); });
    return;
  }
  call_ = RunningCall{.fetcher = fetcher.get(), .id = fetcher->Fetch(std::move(request), options, std::move(then))};
}

void ApiSource::Cancel() {
  std::optional<RunningCall> call;
  {
    const MutexLock lock(mutex_);
    is_cancelled_ = true;
    call = call_;
  }
  if (call) call->fetcher->Cancel(call->id);
}

}  // namespace baro::scraper
