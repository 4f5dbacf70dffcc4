#include "scraper/discovery/http_source.h"

#include <fmt/format.h>

#include "scraper/discovery/json_answer.h"
#include "scraper/target_file.h"

namespace baro::scraper {
namespace {

using base::Code;
using base::Fail;
using base::MutexLock;

std::string_view WithoutBlanks(std::string_view text) {
  const std::size_t begin = text.find_first_not_of(" \t\r\n");
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(" \t\r\n") - begin + 1);
}

std::string SecondsText(std::chrono::milliseconds interval) {
  return fmt::format("{}", std::chrono::duration<double>(interval).count());
}

}  // namespace

bool IsJsonContentType(std::string_view type) {
  type = WithoutBlanks(type);
  const std::size_t end = std::min(type.find(';'), type.size());
  if (!net::EqualsIgnoringCase(type.substr(0, end), "application/json")) return false;
  if (end == type.size()) return true;
  const std::string_view parameter = WithoutBlanks(type.substr(end + 1));
  return net::EqualsIgnoringCase(parameter, "charset=utf-8") || net::EqualsIgnoringCase(parameter, "charset=\"utf-8\"");
}

void HttpSource::Refresh(Done done) {
  net::FetchRequest request{.url = url_};
  request.headers.Add("Accept", "application/json");
  request.headers.Add("X-Prometheus-Refresh-Interval-Seconds", SecondsText(interval_));
  const net::FetchOptions options{.timeout = interval_, .body_bytes_max = kAnswerBytesMax + 1};
  // The lock is held over the call, so that a Cancel() from another thread comes before it or finds it.
  const MutexLock lock(mutex_);
  call_ = fetcher_->Fetch(std::move(request), options,
                          [self = shared_from_this(), done = std::move(done)](base::Result<net::FetchResponse> answer) {
                            {
                              const MutexLock callback_lock(self->mutex_);
                              self->call_.reset();
                            }
                            done(self->Read(answer));
                          });
}

void HttpSource::Cancel() {
  std::optional<net::HttpFetcher::CallId> call;
  {
    const MutexLock lock(mutex_);
    call = call_;
  }
  if (call) fetcher_->Cancel(*call);
}

base::Result<std::vector<TargetGroup>> HttpSource::Read(const base::Result<net::FetchResponse>& answer) const {
  if (!answer) return std::unexpected(answer.error());
  if (answer->status != 200) return Fail(Code::kIo, fmt::format("the server answered HTTP status {}", answer->status));
  if (const std::string_view type = answer->headers.Get("Content-Type"); !IsJsonContentType(type)) {
    return Fail(Code::kInvalidArgument,
                fmt::format("the server answered with Content-Type {:?}, expected application/json", type));
  }
  return ParseHttpTargets(answer->body, url_);
}

}  // namespace baro::scraper
