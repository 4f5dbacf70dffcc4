#include "net/http_fetcher.h"

namespace baro::net {

HttpFetcher::CallId HttpFetcher::Stream(FetchRequest request, FetchOptions options, BodySink sink,
                                        FetchCallback callback) {
  return Fetch(std::move(request), options,
               [sink = std::move(sink), callback = std::move(callback)](base::Result<FetchResponse> answer) {
                 if (answer && answer->status / 100 == 2) {
                   const std::string body = std::exchange(answer->body, {});
                   if (!body.empty() && !sink(body)) {
                     callback(base::Fail(base::Code::kCancelled, "the receiver of the body wants no more"));
                     return;
                   }
                 }
                 callback(std::move(answer));
               });
}

}  // namespace baro::net
