#include "scraper/zookeeper/session.h"

#include <algorithm>
#include <limits>

#include <fmt/format.h>

namespace baro::scraper {
namespace {

using base::Code;
using base::Fail;
using base::MonotonicTime;
using std::chrono::milliseconds;

constexpr milliseconds kTimeoutMin{1000};  // no server makes us ping without a pause
constexpr std::int32_t kExpired = -112;    // state of a session

}  // namespace

ZookeeperSession::ZookeeperSession(ZookeeperTree& tree, std::int64_t last_zxid, milliseconds timeout, MonotonicTime now)
    : tree_(tree), last_zxid_(last_zxid), timeout_(std::max(kTimeoutMin, timeout)), last_heard_(now), last_asked_(now) {
  tree_.Restart();
  constexpr std::int64_t kMax = std::numeric_limits<std::int32_t>::max();
  AppendZookeeperHello(last_zxid, static_cast<std::int32_t>(std::clamp<std::int64_t>(timeout.count(), 1, kMax)),
                       output_);
}

base::Result<> ZookeeperSession::Take(base::ByteSpan bytes, MonotonicTime now) {
  last_heard_ = now;
  base::AppendBytes(input_, bytes);
  base::ByteSpan rest = input_;
  for (;;) {
    const auto packet = BARO_TRY(FirstZookeeperPacket(rest));
    if (!packet) break;
    BARO_TRY(TakePacket(*packet));
    rest = rest.subspan(kZookeeperLengthBytes + packet->size());
  }
  input_.erase(input_.begin(), input_.end() - static_cast<std::ptrdiff_t>(rest.size()));
  if (is_open_) AskMore(now);
  return {};
}

base::Result<> ZookeeperSession::TakePacket(base::ByteSpan packet) {
  if (is_open_) return TakeReply(BARO_TRY(ReadZookeeperReply(packet)));
  timeout_ = std::max(kTimeoutMin, BARO_TRY(ReadZookeeperHello(packet)));
  is_open_ = true;
  return {};
}

base::Result<> ZookeeperSession::TakeReply(const ZookeeperReply& reply) {
  if (reply.number == ZookeeperReply::kEvent) return TakeEvent(reply.body);
  last_zxid_ = std::max(last_zxid_, reply.zxid);  // an event has none
  if (reply.number == ZookeeperReply::kPing) return {};
  if (asked_.empty() || asked_.front().first != reply.number) {
    return Fail(Code::kInvalidArgument, fmt::format("the server answers question {}, which it was not asked or has to "
                                                    "answer later",
                                                    reply.number));
  }
  const ZookeeperQuestion question = std::move(asked_.front().second);
  asked_.pop_front();
  return tree_.TakeAnswer(question, reply);
}

base::Result<> ZookeeperSession::TakeEvent(base::ByteSpan body) {
  const ZookeeperEvent event = BARO_TRY(ReadZookeeperEvent(body));
  if (event.change == ZookeeperChange::kNone && event.state == kExpired) {
    return Fail(Code::kUnavailable, "the session has expired");
  }
  tree_.TakeEvent(event);
  return {};
}

void ZookeeperSession::AskMore(MonotonicTime now) {
  while (asked_.size() < kZookeeperQuestionsMax) {
    auto question = tree_.Next();
    if (!question) return;
    last_number_ = last_number_ == std::numeric_limits<std::int32_t>::max() ? 1 : last_number_ + 1;
    AppendZookeeperQuestion(last_number_, *question, output_);
    last_asked_ = now;
    asked_.emplace_back(last_number_, *std::move(question));
  }
}

// A third of the time for a ping to go out, a third for its answer, and a third to find another server, as Apache's own
// client divides it.
base::Result<> ZookeeperSession::Tick(MonotonicTime now) {
  if (now - last_heard_ >= timeout_ * 2 / 3) {
    return Fail(Code::kTimeout, fmt::format("the server has said nothing for {} ms",
                                            std::chrono::duration_cast<milliseconds>(now - last_heard_).count()));
  }
  if (now - last_asked_ < timeout_ / 3) return {};
  if (is_open_) AppendZookeeperPing(output_);
  last_asked_ = now;
  return {};
}

MonotonicTime ZookeeperSession::due() const {
  return std::min(last_heard_ + timeout_ * 2 / 3, last_asked_ + timeout_ / 3);
}

base::ByteBuffer ZookeeperSession::Farewell() {
  base::ByteBuffer bytes;
  AppendZookeeperClose(bytes);
  return bytes;
}

}  // namespace baro::scraper
