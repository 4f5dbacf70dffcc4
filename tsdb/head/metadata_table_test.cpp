#include "tsdb/head/metadata_table.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tsdb/index/families_in_use.h"

namespace baro::tsdb {
namespace {

using model::Metadata;
using model::MetricType;
using ::testing::ElementsAre;
using Outcome = MetadataTable::Outcome;

Metadata Gauge(std::string help) { return {.type = MetricType::kGauge, .help = std::move(help), .unit = {}}; }

std::vector<std::string> Texts(const MetadataTable& table, std::string_view family = {}) {
  std::vector<std::string> texts;
  for (const FamilyMetadata& each : table.Select(family)) texts.push_back(each.family + ":" + each.metadata.help);
  return texts;
}

TEST(MetadataTable, KnowsEachThingOnceTheLastSaidFirst) {
  MetadataTable table;
  EXPECT_EQ(table.Put("b", Gauge("x"), 1), Outcome::kNew);
  EXPECT_EQ(table.Put("b", Gauge("y"), 2), Outcome::kNew);
  EXPECT_EQ(table.Put("a", Gauge("z"), 3), Outcome::kNew);
  EXPECT_THAT(Texts(table), ElementsAre("a:z", "b:y", "b:x"));
  EXPECT_EQ(table.Put("b", Gauge("x"), 4), Outcome::kKnown);
  EXPECT_THAT(Texts(table, "b"), ElementsAre("b:x", "b:y"));
  table.Remove("b", Gauge("x"));
  table.Remove("a", Gauge("z"));
  table.Remove("a", Gauge("z"));
  EXPECT_THAT(Texts(table), ElementsAre("b:y"));
  table.Remove("b", Gauge("y"));
  EXPECT_TRUE(table.empty());
  EXPECT_EQ(table.SizeBytes(), 0U);
}

TEST(MetadataTable, RefusesWhatIsEmptyTooLongOrNoText) {
  MetadataTable table;
  EXPECT_EQ(table.Put("", Gauge("x"), 1), Outcome::kRefused);
  EXPECT_EQ(table.Put("a", {}, 1), Outcome::kRefused);
  EXPECT_EQ(table.Put("a", Gauge(std::string(kMetadataTextBytesMax + 1, 'x')), 1), Outcome::kRefused);
  EXPECT_EQ(table.Put("a", Gauge("\xff"), 1), Outcome::kRefused);
  EXPECT_TRUE(table.empty());
  const std::string text(kMetadataTextBytesMax, 'x');
  std::size_t taken = 0;
  while (table.Put(std::to_string(taken), Gauge(text), 1) == Outcome::kNew) ++taken;
  EXPECT_LE(table.SizeBytes(), MetadataTable::kBytesMax);
  EXPECT_GT(table.SizeBytes(), MetadataTable::kBytesMax - 2 * kMetadataTextBytesMax);
}

TEST(MetadataTable, OfTooManyVariantsTheOldestGoes) {
  MetadataTable table;
  for (std::size_t i = 0; i <= MetadataTable::kVariantsMax; ++i) {
    table.Put("a", Gauge(std::to_string(i)), i == 0 ? 100 : static_cast<std::int64_t>(i));
  }
  const auto texts = Texts(table);
  EXPECT_EQ(texts.size(), MetadataTable::kVariantsMax);
  EXPECT_EQ(texts.front(), "a:0");
  EXPECT_EQ(texts.back(), "a:2");
}

TEST(MetadataTable, ForgetsWhatIsOutOfUseOrReplaced) {
  MetadataTable table;
  table.Put("used", Gauge("old"), 1);
  table.Put("used", Gauge("older"), 0);
  table.Put("replaced", Gauge("old"), 1);
  table.Put("replaced", Gauge("new"), 9);
  table.Put("gone", Gauge("x"), 1);
  table.Put("fresh", Gauge("x"), 9);
  table.Forget([](std::string_view family) { return family == "used" || family == "replaced"; }, 5);
  EXPECT_THAT(Texts(table), ElementsAre("fresh:x", "replaced:new", "used:old"));
}

TEST(FamiliesInUse, AreThoseOfTheNameAndOfItsStem) {
  FamiliesInUse families;
  families.Add("http_requests_total");
  families.Add("latency_bucket");
  families.Add("_sum");
  for (const char* const family : {"http_requests_total", "http_requests", "latency", "latency_bucket", "_sum"}) {
    EXPECT_TRUE(families.Has(family)) << family;
  }
  EXPECT_FALSE(families.Has("http"));
  EXPECT_FALSE(families.Has(""));
}

}  // namespace
}  // namespace baro::tsdb
