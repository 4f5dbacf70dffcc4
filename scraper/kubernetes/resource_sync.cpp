#include "scraper/kubernetes/resource_sync.h"

#include <algorithm>
#include <charconv>

#include <fmt/format.h>

#include "model/names.h"
#include "scraper/kubernetes/json_cursor.h"

namespace baro::scraper {
namespace {

using base::Code;
using base::Fail;
using std::chrono::nanoseconds;
using std::chrono::seconds;

constexpr int kGone = 410;
constexpr std::int64_t kWatchSecondsMin = 300;  // as other clients; the server would end it after 30 to 60 minutes
constexpr std::int64_t kWatchSecondsSpread = 300;
/// A watch that lasted this long was answered: without a header it would have ended after FetchOptions::timeout, 30 s.
/// Balancers cut connections that are quiet for a minute.
constexpr seconds kOpenWatch{35};
constexpr seconds kShortWatch{1};  // a server that ends watches at once is not to be asked again at once
constexpr std::uint64_t kFailedWatchesMax = 3;
constexpr seconds kPauseMax{60};
constexpr std::size_t kMessageBytesMax = 500;

/// The server's answer when it did not do what it was asked to.
struct ApiStatus {
  std::int64_t code = 0;
  std::string reason;
  std::string message;
};

std::optional<ApiStatus> ParseStatus(std::string_view text) {
  ApiStatus status;
  JsonCursor json(text);
  json.Object([&](std::string_view field) {
    if (field == "code") status.code = json.Integer();
    if (field == "reason") status.reason = json.Text();
    if (field == "message") status.message = json.Text();
  });
  if (!json.Finish()) return std::nullopt;
  if (status.message.size() <= kMessageBytesMax) return status;
  std::string cut;
  model::AppendValidUtf8(cut, std::string_view(status.message).substr(0, kMessageBytesMax));
  status.message = cut + "…";
  return status;
}

base::Error HttpError(const net::FetchResponse& answer) {
  std::string text = fmt::format("the server answered HTTP status {}", answer.status);
  const auto status = ParseStatus(answer.body);
  if (status && !status->message.empty()) text += ": " + status->message;
  return {Code::kIo, std::move(text)};
}

seconds RetryAfter(const net::FetchResponse& answer) {
  const std::string_view text = answer.headers.Get("Retry-After");
  std::int64_t value = 0;
  const auto parsed = std::from_chars(text.data(), text.data() + text.size(), value);
  if (parsed.ec != std::errc() || value < 0) return seconds(0);
  return std::min(seconds(value), kPauseMax);
}

}  // namespace

ResourceSync::Question ResourceSync::Next() {
  is_watching_ = !version_.empty();
  is_expired_ = false;
  events_ = 0;
  splitter_ =
      std::make_unique<ObjectSplitter>(is_watching_ ? ObjectSplitter::Form::kEvents : ObjectSplitter::Form::kList);
  const auto accept = [&](std::string_view kind) {
    constexpr std::string_view kJson = "application/json";
    return query_.is_meta_only ? fmt::format("{0};as={1};v=v1;g=meta.k8s.io,{0}", kJson, kind) : std::string(kJson);
  };
  if (is_watching_) {
    const std::uint64_t spread = (query_.spread + 7919 * ++watches_) % kWatchSecondsSpread;
    return {.url = fmt::format("{}?watch=true&allowWatchBookmarks=true&resourceVersion={}&timeoutSeconds={}{}",
                               query_.url, net::UrlEncode(version_),
                               kWatchSecondsMin + static_cast<std::int64_t>(spread), query_.selectors),
            .accept = accept("PartialObjectMetadata"),
            .is_watch = true};
  }
  if (continue_.empty()) {
    table_.BeginList();
    pages_ = 0;
  }
  std::string url = query_.url + "?";
  if (!is_in_one_piece_) url += fmt::format("limit={}", kListPageObjects);
  if (!continue_.empty()) url += "&continue=" + net::UrlEncode(continue_);
  url += query_.selectors;
  return {.url = std::move(url), .accept = accept("PartialObjectMetadataList")};
}

base::Result<> ResourceSync::Feed(std::string_view piece) {
  return splitter_->Feed(
      piece, [this](std::string_view object) { return is_watching_ ? TakeEvent(object) : TakeItem(object); });
}

base::Result<> ResourceSync::TakeItem(std::string_view object) {
  has_news_ |= BARO_TRY(table_.Put(object)).is_news;
  return {};
}

base::Result<> ResourceSync::TakeEvent(std::string_view event) {
  std::string type;
  std::string_view object;
  JsonCursor json(event);
  json.Object([&](std::string_view field) {
    if (field == "type") type = json.Text();
    if (field == "object") object = json.Skip();
  });
  BARO_TRY(json.Finish());
  if (type == "ERROR") return ReadStatus(object);
  BARO_TRY(type == "BOOKMARK" ? TakeBookmark(object) : Apply(type, object));
  ++events_;
  failed_watches_ = 0;
  is_fresh_ = false;
  return {};
}

base::Result<> ResourceSync::Apply(std::string_view type, std::string_view object) {
  const bool is_deletion = type == "DELETED";
  if (!is_deletion && type != "ADDED" && type != "MODIFIED") {
    return Fail(Code::kInvalidArgument, "a watch told an event of an unknown type");
  }
  auto applied = BARO_TRY(is_deletion ? table_.Remove(object) : table_.Put(object));
  has_news_ |= applied.is_news;
  if (!applied.version.empty()) version_ = std::move(applied.version);
  ++(is_deletion ? counts_.deleted : type == "ADDED" ? counts_.added : counts_.modified);
  return {};
}

base::Result<> ResourceSync::TakeBookmark(std::string_view object) {
  ObjectMeta meta;
  MetaExtras extras;
  JsonCursor json(object);
  json.Object([&](std::string_view field) {
    if (field == "metadata") ReadMeta(json, meta, extras);
  });
  BARO_TRY(json.Finish());
  if (!extras.version.empty()) version_ = std::move(extras.version);
  return {};
}

/// What an event of type ERROR says.
base::Error ResourceSync::ReadStatus(std::string_view object) {
  const auto status = ParseStatus(object);
  if (!status) return {Code::kInvalidArgument, "a watch told an error that cannot be read"};
  is_expired_ = status->code == kGone || status->reason == "Expired" || status->reason == "Gone";
  return {Code::kUnavailable, fmt::format("the watch ended with status {}: {}", status->code, status->message)};
}

ResourceSync::Outcome ResourceSync::Finish(const base::Result<net::FetchResponse>& answer, nanoseconds lasted) {
  return is_watching_ ? FinishWatch(answer, lasted) : FinishList(answer);
}

/// A page that failed is asked for again: what came of it is put a second time.
ResourceSync::Outcome ResourceSync::FinishList(const base::Result<net::FetchResponse>& answer) {
  if (!answer) return {.error = answer.error(), .is_at_once = false};
  if (answer->status == kGone && !continue_.empty()) {
    is_in_one_piece_ = true;  // the pages' state is forgotten after some minutes; one answer has no such end
    return ListAnew();
  }
  if (answer->status != 200) {
    return {.error = HttpError(*answer), .is_at_once = false, .not_before = RetryAfter(*answer)};
  }
  const auto is_last = CompletePage();
  if (!is_last) {
    continue_.clear();
    return {.error = is_last.error(), .is_at_once = false};
  }
  return {.has_listed = *is_last};
}

/// Returns whether the list is complete.
base::Result<bool> ResourceSync::CompletePage() {
  BARO_TRY(splitter_->End());
  std::string version;
  std::string next;
  JsonCursor json(splitter_->shell());
  json.Object([&](std::string_view field) {
    if (field != "metadata") return;
    json.Object([&](std::string_view inner) {
      if (inner == "resourceVersion") version = json.Text();
      if (inner == "continue") next = json.Text();
    });
  });
  BARO_TRY(json.Finish());
  if (version.empty()) return Fail(Code::kInvalidArgument, "the list has no resourceVersion");
  if (++pages_ > kListPagesMax) {
    return Fail(Code::kLimitExceeded, fmt::format("the list has more than {} pages", kListPagesMax));
  }
  continue_ = std::move(next);
  if (!continue_.empty()) return false;
  has_news_ |= table_.EndList();
  version_ = std::move(version);
  is_in_one_piece_ = false;
  is_fresh_ = true;
  failed_watches_ = 0;
  return true;
}

ResourceSync::Outcome ResourceSync::FinishWatch(const base::Result<net::FetchResponse>& answer, nanoseconds lasted) {
  const bool is_gone = is_expired_ || (answer && answer->status == kGone);
  if (is_gone && !is_fresh_) return ListAnew();
  if (is_gone) {
    ListAnew();
    return {.error = base::Error(Code::kIo, "the server does not know the version that it gave a moment ago"),
            .is_at_once = false};
  }
  if (answer && answer->status != 200) {
    Outcome outcome = FailWatch(HttpError(*answer), /*is_refused=*/answer->status == 400 || answer->status == 404);
    outcome.not_before = RetryAfter(*answer);
    return outcome;
  }
  const bool was_open = events_ > 0 || lasted >= kOpenWatch;
  const bool was_cut = !answer && (answer.error().code() == Code::kIo || answer.error().code() == Code::kTimeout);
  if (!answer && !(was_cut && was_open)) return FailWatch(answer.error(), /*is_refused=*/!was_cut);
  failed_watches_ = 0;
  is_fresh_ = false;
  return {.is_at_once = lasted >= kShortWatch};
}

ResourceSync::Outcome ResourceSync::ListAnew() {
  version_.clear();
  continue_.clear();
  return {};
}

/// `is_refused`: by what was said, not by the connection. An event that cannot be read would be told again by each
/// watch from there: a list leads past it.
ResourceSync::Outcome ResourceSync::FailWatch(base::Error error, bool is_refused) {
  if (is_refused && ++failed_watches_ >= kFailedWatchesMax) ListAnew();
  return {.error = std::move(error), .is_at_once = false};
}

}  // namespace baro::scraper
