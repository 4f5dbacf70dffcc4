#include "remote/write_receiver.h"

#include <utility>
#include <vector>

#include "base/mutex.h"
#include "remote/write/push_access.h"
#include "remote/write/request_writer.h"
#include "remote/write/series_cache.h"
#include "remote/write/snappy_block.h"
#include "remote/write/write_metrics.h"
#include "remote/write/write_request.h"

namespace baro::remote {
namespace {

// A sender waits this long before it tries again; the log looks once a second whether it can write again.
constexpr const char* kRetryAfterSeconds = "5";
// Memory of requests that were larger than nearly all is given back, and so is that of more than a few at a time.
constexpr std::size_t kKeptBytesMax = 4 * 1024 * 1024;
constexpr std::size_t kKeptSamplesMax = 100'000;
constexpr std::size_t kKeptDesksMax = 16;

/// What one request needs while it is worked on.
struct Desk {
  Desk(tsdb::AppenderSource& storage, SeriesCache& cache) : writer(storage, cache) {}

  bool IsWorthKeeping() const {
    return body.capacity() <= kKeptBytesMax && request.samples.capacity() <= kKeptSamplesMax &&
           request.series.capacity() <= kKeptSamplesMax && writer.capacity() <= 2 * kKeptSamplesMax;
  }

  SnappyBlock body;
  WriteRequest request;
  RequestWriter writer;
};

/// Source   Prometheus: what the sender could mend is 400, all else is worth another try.
net::HttpResponse Refusal(const base::Error& error) {
  switch (error.code()) {
    case base::Code::kInvalidArgument:
    case base::Code::kLimitExceeded:
      return net::HttpResponse::Text(400, error.message() + "\n");
    case base::Code::kNoSpace:
    case base::Code::kIo:
    case base::Code::kUnavailable: {
      net::HttpResponse response = net::HttpResponse::Text(503, error.message() + "\n");
      response.headers.Set("Retry-After", kRetryAfterSeconds);
      return response;
    }
    default:
      return net::HttpResponse::Text(500, error.message() + "\n");
  }
}

}  // namespace

class WriteReceiver::Impl {
 public:
  Impl(WriteReceiverOptions options, WriteReceiverParts parts)
      : options_(options), parts_(std::move(parts)), cache_(options.series_cache_bytes_max), metrics_(parts_.registry) {
    collector_ = parts_.registry.AddCollector([this](std::vector<base::MetricFamily>& out) { CollectCache(out); });
  }
  ~Impl() { parts_.registry.RemoveCollector(collector_); }

  net::HttpResponse Handle(const net::HttpRequest& request) {
    const bool may_push = options_.push_access == PushAccess::kEverybody ||
                          (options_.push_access == PushAccess::kLoopback && IsLocalPush(request));
    if (!may_push) {
      return net::HttpResponse::Text(
          404, "remote write receiver needs to be enabled with --web.enable-remote-write-receiver\n");
    }
    if (auto refusal = CheckWriteFormat(request, options_.accepts_v1)) return *std::move(refusal);
    std::unique_ptr<Desk> desk = TakeDesk();
    net::HttpResponse response = Store(request.body, *desk);
    KeepDesk(std::move(desk));
    return response;
  }

 private:
  net::HttpResponse Store(std::string_view body, Desk& desk) {
    const auto message = desk.body.Decode(body, kWriteBodyBytesMax);
    if (!message) return Refuse(message.error());
    if (auto decoded = DecodeWriteRequest(*message, parts_.hash_seed, desk.request); !decoded) {
      return Refuse(decoded.error());
    }
    const auto outcome = desk.writer.Write(desk.request);
    if (!outcome) return Refuse(outcome.error());
    metrics_.Count(*outcome, desk.request.metadata.size());
    if (outcome->refused() == 0) return net::HttpResponse::Empty(204);
    parts_.log.Debug("remote write: not all was taken", {{"err", outcome->problem}});
    return net::HttpResponse::Text(400, outcome->problem + "\n");
  }

  net::HttpResponse Refuse(const base::Error& error) const {
    parts_.log.Debug("remote write: a request was refused", {{"err", error.message()}});
    return Refusal(error);
  }

  std::unique_ptr<Desk> TakeDesk() {
    {
      const base::MutexLock lock(mutex_);
      if (!desks_.empty()) {
        std::unique_ptr<Desk> desk = std::move(desks_.back());
        desks_.pop_back();
        return desk;
      }
    }
    return std::make_unique<Desk>(parts_.storage, cache_);
  }

  void KeepDesk(std::unique_ptr<Desk> desk) {
    if (!desk->IsWorthKeeping()) return;
    desk->request.Clear();
    const base::MutexLock lock(mutex_);
    if (desks_.size() < kKeptDesksMax) desks_.push_back(std::move(desk));
  }

  void CollectCache(std::vector<base::MetricFamily>& out) const {
    const SeriesCache::Stats stats = cache_.stats();
    const auto add = [&out](const char* name, const char* help, std::size_t value) {
      out.push_back({.name = name,
                     .help = help,
                     .kind = base::MetricKind::kGauge,
                     .points = {{.suffix = "", .labels = {}, .value = static_cast<double>(value)}}});
    };
    add("barograph_remote_write_series_cache_entries", "Series that remote write recognises by their bytes.",
        stats.entries);
    add("barograph_remote_write_series_cache_bytes", "Memory of these.", stats.size_bytes);
  }

  const WriteReceiverOptions options_;
  const WriteReceiverParts parts_;
  SeriesCache cache_;
  WriteMetrics metrics_;
  base::Registry::CollectorId collector_ = 0;
  base::Mutex mutex_;  // a leaf
  std::vector<std::unique_ptr<Desk>> desks_ BARO_GUARDED_BY(mutex_);
};

WriteReceiver::WriteReceiver(WriteReceiverOptions options, WriteReceiverParts parts)
    : impl_(std::make_unique<Impl>(options, std::move(parts))) {}
WriteReceiver::~WriteReceiver() = default;

net::HttpResponse WriteReceiver::Handle(const net::HttpRequest& request) { return impl_->Handle(request); }

}  // namespace baro::remote
