#include "scraper/zookeeper/packets.h"

#include <fmt/format.h>

#include "model/names.h"

namespace baro::scraper {
namespace {

using base::ByteBuffer;
using base::ByteSpan;
using base::Code;
using base::Fail;

constexpr std::size_t kPasswordBytes = 16;

template <typename T>
T Swapped(T value) {
  if constexpr (sizeof(T) == 8) return static_cast<T>(__builtin_bswap64(static_cast<std::uint64_t>(value)));
  return static_cast<T>(__builtin_bswap32(static_cast<std::uint32_t>(value)));
}

void AppendInt(ByteBuffer& out, std::int32_t value) { base::AppendLe(out, Swapped(value)); }
void AppendLong(ByteBuffer& out, std::int64_t value) { base::AppendLe(out, Swapped(value)); }
void AppendBool(ByteBuffer& out, bool value) { out.push_back(static_cast<std::byte>(value ? 1 : 0)); }
void AppendText(ByteBuffer& out, std::string_view text) {
  AppendInt(out, static_cast<std::int32_t>(text.size()));
  base::AppendBytes(out, base::AsBytes(text));
}

/// Puts the length in front of what `fill` appends.
template <typename Fill>
void AppendPacket(ByteBuffer& out, Fill fill) {
  const std::size_t start = out.size();
  AppendInt(out, 0);
  fill();
  const auto size = static_cast<std::int32_t>(out.size() - start - kZookeeperLengthBytes);
  base::StoreLe(out.data() + start, Swapped(size));
}

/// Takes values off the front; see base::ByteReader.
class Reader {
 public:
  explicit Reader(ByteSpan bytes) : bytes_(bytes) {}

  bool ok() const { return bytes_.ok(); }
  std::size_t remaining() const { return bytes_.remaining(); }
  std::int32_t Int() { return Swapped(bytes_.Le<std::int32_t>()); }
  std::int64_t Long() { return Swapped(bytes_.Le<std::int64_t>()); }
  /// A text or a buffer; what is none is empty.
  ByteSpan Buffer() {
    const std::int32_t size = Int();
    return size < 0 ? ByteSpan() : bytes_.Bytes(static_cast<std::uint64_t>(size));
  }
  std::string_view Text() { return base::AsText(Buffer()); }
  ByteSpan Rest() { return bytes_.Bytes(remaining()); }
  void Skip(std::size_t size) { (void)bytes_.Bytes(size); }

 private:
  base::ByteReader bytes_;
};

std::unexpected<base::Error> Malformed(std::string_view what) {
  return Fail(Code::kInvalidArgument, fmt::format("the server does not speak ZooKeeper: malformed {}", what));
}

bool IsName(std::string_view name) {
  return !name.empty() && name != "." && name != ".." && name.find('/') == std::string_view::npos &&
         name.find('\0') == std::string_view::npos && model::IsValidUtf8(name);
}

}  // namespace

void AppendZookeeperHello(std::int64_t last_zxid, std::int32_t timeout_ms, ByteBuffer& out) {
  AppendPacket(out, [&] {
    AppendInt(out, 0);  // version of the protocol
    AppendLong(out, last_zxid);
    AppendInt(out, timeout_ms);
    AppendLong(out, 0);  // a new session
    AppendText(out, std::string(kPasswordBytes, '\0'));
    AppendBool(out, false);  // not from servers that have lost the others
  });
}

void AppendZookeeperQuestion(std::int32_t number, const ZookeeperQuestion& question, ByteBuffer& out) {
  AppendPacket(out, [&] {
    AppendInt(out, number);
    AppendInt(out, static_cast<std::int32_t>(question.op));
    AppendText(out, question.path);
    AppendBool(out, true);  // watch
  });
}

void AppendZookeeperPing(ByteBuffer& out) {
  AppendPacket(out, [&] {
    AppendInt(out, ZookeeperReply::kPing);
    AppendInt(out, static_cast<std::int32_t>(ZookeeperOp::kPing));
  });
}

void AppendZookeeperClose(ByteBuffer& out) {
  AppendPacket(out, [&] {
    AppendInt(out, 0);
    AppendInt(out, static_cast<std::int32_t>(ZookeeperOp::kClose));
  });
}

base::Result<std::optional<ByteSpan>> FirstZookeeperPacket(ByteSpan bytes) {
  if (bytes.size() < kZookeeperLengthBytes) return std::optional<ByteSpan>();
  const std::int32_t size = Reader(bytes).Int();
  if (size < 0) return Malformed("length");
  if (static_cast<std::size_t>(size) > kZookeeperPacketBytesMax) {
    return Fail(Code::kLimitExceeded,
                fmt::format("the server sends a packet of {} bytes, the limit is {}", size, kZookeeperPacketBytesMax));
  }
  const ByteSpan rest = bytes.subspan(kZookeeperLengthBytes);
  if (rest.size() < static_cast<std::size_t>(size)) return std::optional<ByteSpan>();
  return std::optional(rest.first(static_cast<std::size_t>(size)));
}

base::Result<std::chrono::milliseconds> ReadZookeeperHello(ByteSpan packet) {
  Reader reader(packet);
  (void)reader.Int();  // version
  const std::int32_t timeout_ms = reader.Int();
  (void)reader.Long();    // number of the session
  (void)reader.Buffer();  // its password
  if (!reader.ok()) return Malformed("handshake");
  if (timeout_ms <= 0) return Fail(Code::kUnavailable, "the server gives no session");
  return std::chrono::milliseconds(timeout_ms);
}

base::Result<ZookeeperReply> ReadZookeeperReply(ByteSpan packet) {
  Reader reader(packet);
  ZookeeperReply reply;
  reply.number = reader.Int();
  reply.zxid = reader.Long();
  reply.error = reader.Int();
  reply.body = reader.Rest();
  if (!reader.ok()) return Malformed("header of an answer");
  return reply;
}

std::string ZookeeperErrorText(std::int32_t error) {
  switch (error) {
    case kZookeeperNoNode:
      return "the node does not exist";
    case kZookeeperNoPermission:
      return "no permission to read the node";
    case -112:
      return "the session has expired";
    case -115:
      return "authentication failed";
    case -8:
      return "the server takes it for a bad argument";
    default:
      return fmt::format("the server answered with ZooKeeper's error {}", error);
  }
}

base::Result<ZookeeperEvent> ReadZookeeperEvent(ByteSpan body) {
  Reader reader(body);
  ZookeeperEvent event;
  event.change = static_cast<ZookeeperChange>(reader.Int());
  event.state = reader.Int();
  event.path = reader.Text();
  if (!reader.ok()) return Malformed("event");
  return event;
}

base::Result<ZookeeperData> ReadZookeeperData(ByteSpan body) {
  Reader reader(body);
  ZookeeperData data;
  data.data = reader.Buffer();
  // What is told of the node: when it was created and changed (zxid and time), three versions, whose it is, lengths.
  reader.Skip(4 * sizeof(std::int64_t) + 3 * sizeof(std::int32_t));
  // Above zero: the session that the node goes with. Below there are sessions too, but also nodes that end when they
  // have no children, or by time.
  data.is_ephemeral = reader.Long() > 0;
  reader.Skip(2 * sizeof(std::int32_t) + sizeof(std::int64_t));
  if (!reader.ok()) return Malformed("node");
  return data;
}

base::Result<std::vector<std::string>> ReadZookeeperChildren(ByteSpan body) {
  Reader reader(body);
  const std::int32_t count = reader.Int();
  // Each name has a length: a count beyond that is a lie, for which no memory is taken.
  if (count > 0 && static_cast<std::size_t>(count) > reader.remaining() / sizeof(std::int32_t)) {
    return Malformed("list of children");
  }
  std::vector<std::string> names;
  for (std::int32_t i = 0; i < count && reader.ok(); ++i) {
    const std::string_view name = reader.Text();
    if (!reader.ok() || !IsName(name)) return Malformed("name of a child");
    names.emplace_back(name);
  }
  if (!reader.ok()) return Malformed("list of children");
  return names;
}

}  // namespace baro::scraper
