#include "remote/write/push_access.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "remote/write_receiver.h"

namespace baro::remote {
namespace {

TEST(PushAccess, KnowsLoopbackAddresses) {
  for (const char* address : {"127.0.0.1:9090", "127.255.0.9:1", "[::1]:9090", "[::ffff:127.0.0.1]:80"}) {
    EXPECT_TRUE(IsLoopbackAddress(address)) << address;
  }
  for (const char* address :
       {"", ":9090", "0.0.0.0:9090", "[::]:9090", "10.0.0.1:9090", "128.0.0.1:1", "localhost:9090", "127.0.0.1",
        "127.0.0:1", "127.0.0.1.evil.example:1", "[::1", "[::ffff:10.0.0.1]:80", "127.-1.0.0:1"}) {
    EXPECT_FALSE(IsLoopbackAddress(address)) << address;
  }
}

TEST(PushAccess, IsForThisMachineWhereNobodyElseReaches) {
  const auto access_of = [](std::vector<std::string> addresses) { return DefaultPushAccess(addresses); };
  EXPECT_EQ(access_of({"127.0.0.1:9090"}), PushAccess::kLoopback);
  EXPECT_EQ(access_of({"127.0.0.1:9090", "[::1]:9090"}), PushAccess::kLoopback);
  EXPECT_EQ(access_of({"127.0.0.1:9090", "10.0.0.1:9090"}), PushAccess::kNobody);
  EXPECT_EQ(access_of({"[::]:9090"}), PushAccess::kNobody);
  EXPECT_EQ(access_of({}), PushAccess::kNobody);
}

TEST(PushAccess, TellsProgramsFromProxiesAndPages) {
  net::HttpRequest request{.method = net::Method::kPost, .peer = "127.0.0.1:4711"};
  EXPECT_TRUE(IsLocalPush(request));
  for (const char* header : {"Forwarded", "X-Forwarded-For", "X-Real-IP", "Via", "Origin", "Sec-Fetch-Site"}) {
    net::HttpRequest other = request;
    other.headers.Add(header, "x");
    EXPECT_FALSE(IsLocalPush(other)) << header;
  }
  request.peer = "192.0.2.1:4711";
  EXPECT_FALSE(IsLocalPush(request));
}

TEST(WriteFormat, IsChecked) {
  const struct {
    const char* type;
    const char* encoding;
    int want;  // 0: taken
  } kRows[] = {
      {"application/x-protobuf", "snappy", 0},
      {"application/x-protobuf;proto=prometheus.WriteRequest", "Snappy", 0},
      {"Application/X-Protobuf; charset=x ; proto=\"prometheus.WriteRequest\"", "snappy", 0},
      {"application/x-protobuf;proto=io.prometheus.write.v2.Request", "snappy", 415},
      {"application/x-protobuf;proto=", "snappy", 415},
      {"application/json", "snappy", 415},
      {"", "", 0},
      {"application/x-protobuf", "gzip", 415},
      {"application/x-protobuf", "zstd", 415},
  };
  for (const auto& [type, encoding, want] : kRows) {
    net::HttpRequest request;
    if (*type != 0) request.headers.Add("Content-Type", type);
    if (*encoding != 0) request.headers.Add("Content-Encoding", encoding);
    const auto refusal = CheckWriteFormat(request, /*accepts_v1=*/true);
    EXPECT_EQ(refusal ? refusal->status : 0, want) << type << " " << encoding;
    EXPECT_EQ(CheckWriteFormat(request, /*accepts_v1=*/false)->status, 415);
  }
}

}  // namespace
}  // namespace baro::remote
