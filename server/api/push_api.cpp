// What other programs send in: remote write.

#include "server/api/api.h"

namespace baro::server {

void AddPushRoutes(ApiRoutes& routes, ApiState& state) {
  routes.AddPush("write", remote::kWriteBodyBytesMax, "Takes samples by remote write 1.0.",
                 [&state](const net::HttpRequest& request, const base::CancelToken&) {
                   return state.write_receiver().Handle(request);
                 });
}

}  // namespace baro::server
