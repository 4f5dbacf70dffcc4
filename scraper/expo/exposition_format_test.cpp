#include "scraper/exposition_format.h"

#include <gtest/gtest.h>

namespace baro::scraper {
namespace {

TEST(AcceptHeader, ListsProtocolsFromBestToWorstAndThenAnything) {
  EXPECT_EQ(AcceptHeader(DefaultScrapeProtocols(), model::EscapingScheme::kAllowUtf8),
            "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,"
            "application/openmetrics-text;version=0.0.1;q=0.5,"
            "text/plain;version=1.0.0;escaping=allow-utf-8;q=0.4,text/plain;version=0.0.4;q=0.3,*/*;q=0.2");
  constexpr ScrapeProtocol kOne[] = {ScrapeProtocol::kPrometheusText1_0_0};
  EXPECT_EQ(AcceptHeader(kOne, model::EscapingScheme::kUnderscores),
            "text/plain;version=1.0.0;escaping=underscores;q=0.6,*/*;q=0.5");
}

TEST(ScrapeProtocol, GoesByItsNameInTheConfiguration) {
  for (const char* name : {"PrometheusProto", "OpenMetricsText0.0.1", "OpenMetricsText1.0.0", "PrometheusText0.0.4",
                           "PrometheusText1.0.0"}) {
    const auto protocol = ParseScrapeProtocol(name);
    ASSERT_TRUE(protocol) << name;
    EXPECT_EQ(ScrapeProtocolName(*protocol), name);
  }
  const auto unknown = ParseScrapeProtocol("OpenMetricsText2");
  ASSERT_FALSE(unknown);
  EXPECT_EQ(unknown.error().message(),
            "unknown scrape protocol 'OpenMetricsText2', supported: PrometheusProto, OpenMetricsText0.0.1, "
            "OpenMetricsText1.0.0, PrometheusText0.0.4, PrometheusText1.0.0");
}

TEST(FormatOfContentType, KnowsTheFormatsByTheirMediaType) {
  struct Row {
    std::string_view content_type;
    ExpositionFormat want;
  };
  constexpr Row kRows[] = {
      {"text/plain", ExpositionFormat::kText},
      {"text/plain; version=0.0.4; charset=utf-8; escaping=underscores", ExpositionFormat::kText},
      {"Text/Plain;charset=\"utf-8; x\"", ExpositionFormat::kText},
      {"text/plain;", ExpositionFormat::kText},
      {"application/openmetrics-text; version=1.0.0; charset=utf-8", ExpositionFormat::kOpenMetrics}};
  for (const auto& [content_type, want] : kRows) {
    const auto got = FormatOfContentType(content_type, {});
    ASSERT_TRUE(got) << content_type;
    EXPECT_EQ(*got, want) << content_type;
  }
}

TEST(FormatOfContentType, FallsBackOnlyIfToldSo) {
  for (const std::string_view content_type :
       {"", "  ", "text", "text/html", "text/plain; =", "text/plain; a=\"", "a b/c"}) {
    EXPECT_FALSE(FormatOfContentType(content_type, {})) << content_type;
    EXPECT_EQ(FormatOfContentType(content_type, ScrapeProtocol::kOpenMetricsText0_0_1), ExpositionFormat::kOpenMetrics)
        << content_type;
    EXPECT_EQ(FormatOfContentType(content_type, ScrapeProtocol::kPrometheusText0_0_4), ExpositionFormat::kText);
  }
  EXPECT_EQ(FormatOfContentType("text/html", {}).error().message(),
            "received unsupported Content-Type \"text/html\" and no fallback_scrape_protocol specified for target");
}

TEST(FormatOfContentType, TakesProtobufByItsMediaTypeAlone) {
  EXPECT_EQ(FormatOfContentType("application/vnd.google.protobuf; proto=x; encoding=delimited",
                                ScrapeProtocol::kPrometheusText0_0_4),
            ExpositionFormat::kProtobuf);
  EXPECT_EQ(FormatOfContentType("", ScrapeProtocol::kPrometheusProto), ExpositionFormat::kProtobuf);
}

}  // namespace
}  // namespace baro::scraper
