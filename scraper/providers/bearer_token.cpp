#include "scraper/providers/bearer_token.h"

#include "base/secret.h"

namespace baro::scraper {

base::Result<> AddBearerToken(const ApiScope& scope, std::initializer_list<std::string_view> calls,
                              net::FetchRequest& request) {
  for (const std::string_view call : calls) {
    const base::Secret token(scope.Answer(call, "access_token"));
    if (token.empty()) continue;
    request.headers.Set("Authorization", "Bearer " + token.Reveal());
    return {};
  }
  return base::Fail(base::Code::kInvalidArgument, "the server of tokens answered without an access_token");
}

}  // namespace baro::scraper
