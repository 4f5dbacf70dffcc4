// Target groups that an HTTP server sends as JSON: http_sd_configs.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "base/mutex.h"
#include "net/http_fetcher.h"
#include "scraper/discovery/target_source.h"

namespace baro::scraper {

/// Source   Prometheus 3.14, docs/http_sd.md.
class HttpSource : public TargetSource, public std::enable_shared_from_this<HttpSource> {
 public:
  /// `interval` is told to the server, and is how long it may take to answer.
  HttpSource(std::string url, std::chrono::milliseconds interval, std::shared_ptr<net::HttpFetcher> fetcher)
      : url_(std::move(url)), interval_(interval), fetcher_(std::move(fetcher)) {}

  void Refresh(Done done) override;
  void Cancel() override;

 private:
  base::Result<std::vector<TargetGroup>> Read(const base::Result<net::FetchResponse>& answer) const;

  const std::string url_;
  const std::chrono::milliseconds interval_;
  const std::shared_ptr<net::HttpFetcher> fetcher_;

  base::Mutex mutex_;  // a leaf
  std::optional<net::HttpFetcher::CallId> call_ BARO_GUARDED_BY(mutex_);
};

/// Whether a Content-Type is JSON in UTF-8 and nothing else.
bool IsJsonContentType(std::string_view type);

}  // namespace baro::scraper
