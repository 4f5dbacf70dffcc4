#include "server/api/federate_format.h"

#include <gtest/gtest.h>

#include "scraper/exposition_format.h"

namespace baro::server {
namespace {

using enum FederationFormat::Encoding;
using enum model::EscapingScheme;

constexpr const char* kDelimited =
    "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited";

TEST(FederateFormat, IsWhatTheReaderPrefersOfWhatThereIs) {
  const std::string protobuf = kDelimited;
  const struct Row {
    std::string accept;
    FederationFormat want;
  } rows[] = {
      {"", {kText, kUnderscores}},
      {"*/*", {kText, kUnderscores}},
      {protobuf, {kProtobuf, kUnderscores}},
      {protobuf + ";escaping=dots", {kProtobuf, kDots}},
      {protobuf + ";q=0.3, text/plain;version=0.0.4;q=0.4", {kText, kUnderscores}},
      {"text/plain; version=0.0.4; q=0.3 , " + protobuf + " ; q=0.4", {kProtobuf, kUnderscores}},
      {protobuf + ";q=0", {kText, kUnderscores}},
      {"text/plain;q=1,application/vnd.google.protobuf", {kText, kUnderscores}},
      {"application/vnd.google.protobuf;proto=\"io.prometheus.client.MetricFamily\";encoding=\"delimited\"",
       {kProtobuf, kUnderscores}},
      {"application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=text", {kText, kUnderscores}},
      {"application/vnd.google.protobuf;proto=other;encoding=delimited", {kText, kUnderscores}},
      {"text/plain;version=1.0.0;escaping=values;q=0.5," + protobuf + ";q=0.1", {kProtobuf, kValues}},
      {"text/plain;escaping=none;q=0.9,text/plain;version=0.0.4;escaping=dots;q=0.8", {kText, kUnderscores}},
      {"text/plain;version=0.0.4;q=0.9,application/openmetrics-text;escaping=allow-utf-8;q=0.5", {kText, kUnderscores}},
      {";;,=,q=,a/b;q=x;escaping,", {kText, kUnderscores}},
  };
  for (const Row& row : rows) EXPECT_EQ(NegotiateFederation(row.accept), row.want) << row.accept;
}

TEST(FederateFormat, UnderstandsWhatOurScraperAsksFor) {
  using enum scraper::ScrapeProtocol;
  const auto asked = [](std::initializer_list<scraper::ScrapeProtocol> protocols) {
    return NegotiateFederation(scraper::AcceptHeader(protocols, kAllowUtf8));
  };
  EXPECT_EQ(asked({kPrometheusProto, kOpenMetricsText1_0_0, kPrometheusText0_0_4}),
            (FederationFormat{kProtobuf, kAllowUtf8}));
  EXPECT_EQ(asked({kPrometheusText1_0_0, kPrometheusText0_0_4}), (FederationFormat{kText, kAllowUtf8}));
  EXPECT_EQ(asked({kPrometheusText0_0_4, kPrometheusProto}), (FederationFormat{kText, kUnderscores}));
}

TEST(FederateFormat, IsNamedInTheAnswer) {
  EXPECT_EQ(ContentTypeOf({kText, kDots}), "text/plain; version=0.0.4; charset=utf-8; escaping=dots");
  const std::string protobuf = ContentTypeOf({kProtobuf, kAllowUtf8});
  EXPECT_EQ(protobuf,
            "application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; encoding=delimited; "
            "escaping=allow-utf-8");
  EXPECT_EQ(scraper::FormatOfContentType(protobuf, std::nullopt).value(), scraper::ExpositionFormat::kProtobuf);
}

}  // namespace
}  // namespace baro::server
