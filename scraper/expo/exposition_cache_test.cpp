#include <random>

#include <gtest/gtest.h>

#include "model/quote.h"
#include "scraper/expo/naive_scrape.h"
#include "scraper/exposition.h"

namespace baro::scraper {
namespace {

using expo::NaiveScrape;
using expo::RecordingResolver;
using expo::ScrapedSamples;

constexpr ExpositionCache::Options kText = {.format = ExpositionFormat::kText};

std::string Parsed(ExpositionCache& cache, RecordingResolver& resolver, std::string_view body,
                   ExpositionCache::Options options = kText) {
  const base::Result<> result = cache.Parse(body, options, resolver);
  resolver.Forget(cache.parsed().released());
  return result ? "" : result.error().message();
}

TEST(ExpositionCache, AsksForEachSeriesOnceAndPredictsItAfterwards) {
  ExpositionCache cache;
  RecordingResolver resolver;
  EXPECT_EQ(Parsed(cache, resolver, "# TYPE a counter\na{x=\"1\"} 1\na{x=\"2\"} 2\nb 3\n"), "");
  EXPECT_EQ(cache.parsed().resolved_count(), 3U);
  const std::uint64_t revision = cache.parsed().row_revision();
  EXPECT_EQ(Parsed(cache, resolver, "# TYPE a counter\na{x=\"1\"} 1.5\na{x=\"2\"} -2e3\nb NaN\n"), "");
  EXPECT_EQ(cache.parsed().resolved_count(), 0U);
  EXPECT_EQ(cache.parsed().predicted_count(), 3U);
  EXPECT_EQ(cache.parsed().row_revision(), revision);
  ASSERT_EQ(cache.parsed().values().size(), 3U);
  EXPECT_EQ(cache.parsed().values()[0], 1.5);
  EXPECT_EQ(cache.parsed().values()[1], -2000);
  EXPECT_EQ(std::bit_cast<std::uint64_t>(cache.parsed().values()[2]), 0x7ff8000000000001U);
}

TEST(ExpositionCache, ReportsSeriesThatVanishedAndGoesOnPredictingBehindThem) {
  ExpositionCache cache;
  RecordingResolver resolver;
  EXPECT_EQ(Parsed(cache, resolver, "a 1\nb 2\nc 3\nd 4 77\n"), "");
  EXPECT_EQ(Parsed(cache, resolver, "a 1\nnew 9\nc 3\n"), "");
  EXPECT_EQ(cache.parsed().resolved_count(), 1U);
  std::string released;
  for (const ReleasedSeries& gone : cache.parsed().released()) {
    released += fmt::format("{}{}{} ", static_cast<std::uint32_t>(gone.series), gone.was_present ? " was" : "",
                            gone.had_timestamp ? " timed" : "");
  }
  EXPECT_EQ(released, "1 was 3 was timed ");
  EXPECT_EQ(Parsed(cache, resolver, "a 1\nnew 9\nc 3\n"), "");
  EXPECT_EQ(cache.parsed().predicted_count(), 3U);
  EXPECT_TRUE(cache.parsed().released().empty());
}

TEST(ExpositionCache, KeepsPredictingTheLastGoodBodyAfterABrokenOneAndReleasesWhatThatBrought) {
  ExpositionCache cache;
  RecordingResolver resolver;
  EXPECT_EQ(Parsed(cache, resolver, "a 1\nb 2\n"), "");
  EXPECT_EQ(Parsed(cache, resolver, "a 1\nnew 3\nb x\n"),
            "line 3, column 3: found \"x\", expected a number that fits in a double");
  ASSERT_EQ(cache.parsed().released().size(), 1U);
  EXPECT_FALSE(cache.parsed().released()[0].was_present);
  EXPECT_EQ(Parsed(cache, resolver, "a 5\nb 6\n"), "");
  EXPECT_EQ(cache.parsed().predicted_count(), 2U);
  EXPECT_EQ(cache.PresentSeries().size(), 2U);
}

TEST(ExpositionCache, PutsTheSecondSampleOfASeriesAsideAndTimestampedOnesToo) {
  ExpositionCache cache;
  RecordingResolver resolver;
  const std::string_view body =
      "a{x=\"1\",y=\"2\"} 1\na{y=\"2\",x=\"1\"} 7\na{x=\"1\",y=\"2\"} 1\nb 5 1000\nb 6 2000\n";
  for (int i = 0; i < 2; ++i) {
    EXPECT_EQ(Parsed(cache, resolver, body), "");
    ASSERT_EQ(cache.parsed().values().size(), 1U);
    ASSERT_EQ(cache.parsed().repeated().size(), 2U);
    EXPECT_FALSE(cache.parsed().repeated()[0].is_same());
    EXPECT_TRUE(cache.parsed().repeated()[1].is_same());
    ASSERT_EQ(cache.parsed().timestamped().size(), 2U);
    EXPECT_EQ(cache.parsed().timestamped()[1].timestamp_ms, 2000);
    EXPECT_EQ(cache.parsed().samples_count(), 5U);
  }
  EXPECT_EQ(Parsed(cache, resolver, body, {.honor_timestamps = false}), "");
  EXPECT_EQ(cache.parsed().values().size(), 2U);
  EXPECT_EQ(cache.parsed().repeated().size(), 3U);
}

TEST(ExpositionCache, CountsDroppedSeriesAndAsksForThemOnce) {
  ExpositionCache cache;
  RecordingResolver resolver;
  EXPECT_EQ(Parsed(cache, resolver, "drop_me 1\na 2\n"), "");
  EXPECT_EQ(Parsed(cache, resolver, "drop_me 1\na 2\n"), "");
  EXPECT_EQ(cache.parsed().resolved_count(), 0U);
  EXPECT_EQ(cache.parsed().dropped_count(), 1U);
  EXPECT_EQ(cache.parsed().values().size(), 1U);
}

TEST(ExpositionCache, AsksAgainWhenTheTypeAboveALineChangesWhatItsBoundsMean) {
  ExpositionCache cache;
  RecordingResolver resolver;
  EXPECT_EQ(Parsed(cache, resolver, "a_bucket{le=\"1\"} 4\n"), "");
  EXPECT_EQ(resolver.last(), "a_bucket{le=\"1\"}");
  EXPECT_EQ(Parsed(cache, resolver, "# TYPE a histogram\na_bucket{le=\"1\"} 4\n"), "");
  EXPECT_EQ(resolver.last(), "a_bucket{le=\"1.0\"}");
  EXPECT_EQ(cache.parsed().released().size(), 1U);
}

TEST(ExpositionCache, DoesNotMistakeALongerNameForTheExpectedOne) {
  ExpositionCache cache;
  RecordingResolver resolver;
  EXPECT_EQ(Parsed(cache, resolver, "a+1\nb{x=\"1\"}2\n"), "");  // Prometheus needs no blank here
  EXPECT_EQ(Parsed(cache, resolver, "a1 5\nb{x=\"1\"}3\n"), "");
  EXPECT_EQ(resolver.last(), "a1{}");
  EXPECT_EQ(Parsed(cache, resolver, "a 1\n"), "");
  EXPECT_EQ(Parsed(cache, resolver, "a {x=\"1\"} 1\n"), "");
  EXPECT_EQ(resolver.last(), "a{x=\"1\"}");
}

TEST(ExpositionCache, KeepsExemplarsAndPredictsTheirLines) {
  ExpositionCache cache;
  RecordingResolver resolver;
  const ExpositionCache::Options options = {.format = ExpositionFormat::kOpenMetrics};
  const std::string_view body = "a_total 1 # {id=\"x\\\"y\",z=\"1\"} 0.5 1.5\n# EOF\n";
  for (int i = 0; i < 2; ++i) {
    EXPECT_EQ(Parsed(cache, resolver, body, options), "");
    ASSERT_EQ(cache.parsed().exemplars().size(), 1U);
    const SeriesExemplar& exemplar = cache.parsed().exemplars()[0];
    ASSERT_EQ(exemplar.labels.size(), 2U);
    EXPECT_EQ(exemplar.labels[0].value, "x\"y");
    EXPECT_EQ(exemplar.timestamp_ms, 1500);
    EXPECT_EQ(exemplar.value, 0.5);
  }
  EXPECT_EQ(cache.parsed().predicted_count(), 1U);
  EXPECT_EQ(Parsed(cache, resolver, "a_total 1\n", options),
            "line 2, column 1: found the end of the exposition, expected # EOF as the last line");
}

TEST(ExpositionCache, RefusesWhatTheResolverRefusesWithItsLine) {
  class Refuser : public SeriesResolver {
    base::Result<SeriesHandle> Resolve(const SampleLine&) override {
      return base::Fail(base::Code::kLimitExceeded, "too many labels");
    }
  };
  ExpositionCache cache;
  Refuser refuser;
  const base::Result<> result = cache.Parse("# HELP a b\na 1\n", kText, refuser);
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error(), base::Error(base::Code::kLimitExceeded, "line 2: too many labels"));
}

TEST(ExpositionCache, KeepsMetadataForTenExpositionsAfterItsFamilyLeft) {
  ExpositionCache cache;
  RecordingResolver resolver;
  EXPECT_EQ(Parsed(cache, resolver, "# HELP a says\n# TYPE a counter\na 1\n# TYPE b gauge\nb 1\n"), "");
  ASSERT_EQ(cache.metadata().size(), 2U);
  EXPECT_EQ(cache.metadata()[0].family, "a");
  EXPECT_EQ(cache.metadata()[0].metadata.help, "says");
  EXPECT_EQ(cache.metadata()[0].metadata.type, model::MetricType::kCounter);
  for (int i = 0; i < 10; ++i) {
    EXPECT_EQ(Parsed(cache, resolver, "# TYPE b gauge\nb 1\n"), "");
    ASSERT_EQ(cache.metadata().size(), 2U) << i;
    EXPECT_FALSE(cache.metadata()[0].is_present);
    EXPECT_TRUE(cache.metadata()[1].is_present);
  }
  const std::uint64_t revision = cache.metadata_revision();
  EXPECT_EQ(Parsed(cache, resolver, "# TYPE b gauge\nb 1\n"), "");
  ASSERT_EQ(cache.metadata().size(), 1U);
  EXPECT_NE(cache.metadata_revision(), revision);
}

TEST(ExpositionCache, ForgetsFamiliesThatOnlyBrokenExpositionsNamed) {
  ExpositionCache cache;
  RecordingResolver resolver;
  EXPECT_EQ(Parsed(cache, resolver, "# TYPE kept gauge\nkept 1\n"), "");
  for (int i = 0; i < 100; ++i) {
    EXPECT_NE(Parsed(cache, resolver, fmt::format("# TYPE f{} gauge\nf{} x\n", i, i)), "");
    EXPECT_LE(cache.metadata().size(), 12U) << i;
  }
  EXPECT_NE(cache.MetadataOf("kept"), nullptr);
  EXPECT_EQ(Parsed(cache, resolver, "# TYPE kept gauge\nkept 2\n"), "");
  EXPECT_EQ(cache.parsed().predicted_count(), 1U);
  EXPECT_TRUE(cache.metadata()[0].is_present);
}

TEST(ExpositionCache, TakesBackWhatABrokenExpositionSaidOfKnownFamilies) {
  ExpositionCache cache;
  RecordingResolver resolver;
  const std::string good = "# HELP a old\n# TYPE a gauge\na 1\n# HELP b b\nb 1\n";
  EXPECT_EQ(Parsed(cache, resolver, good), "");
  EXPECT_NE(Parsed(cache, resolver, "# HELP a new\n# TYPE a counter\na 1\n# HELP a newer\nbroken{\n"), "");
  EXPECT_EQ(cache.MetadataOf("a")->help, "old");
  EXPECT_EQ(cache.MetadataOf("a")->type, model::MetricType::kGauge);
  const std::uint64_t revision = cache.metadata_revision();
  EXPECT_EQ(Parsed(cache, resolver, good), "") << "its lines are as expected, and nobody reads them";
  EXPECT_EQ(cache.MetadataOf("a")->help, "old");
  EXPECT_EQ(cache.metadata_revision(), revision);
  EXPECT_EQ(Parsed(cache, resolver, "# HELP a new\n# TYPE a gauge\na 1\n# HELP b b\nb 1\n"), "");
  EXPECT_EQ(cache.MetadataOf("a")->help, "new");
  EXPECT_NE(cache.metadata_revision(), revision);
}

TEST(ExpositionCache, KeepsOnlySoManyExemplars) {
  ExpositionCache cache;
  RecordingResolver resolver;
  std::string body = "# TYPE c counter\n";
  for (std::size_t i = 0; i < kExemplarsMax + 2; ++i) body += fmt::format("c_total 1 # {{t=\"{}\"}} 1\n", i);
  EXPECT_EQ(Parsed(cache, resolver, body + "# EOF\n", {.format = ExpositionFormat::kOpenMetrics}), "");
  ASSERT_EQ(cache.parsed().exemplars().size(), kExemplarsMax);
  EXPECT_EQ(cache.parsed().exemplars().back().labels[0].value, std::to_string(kExemplarsMax - 1));
  EXPECT_EQ(cache.parsed().exemplars_left_out_count(), 2U);
  const std::string longest(600, 'x');
  EXPECT_EQ(Parsed(cache, resolver, "c_total 1 # {t=\"" + longest + "\"} 1\n# EOF\n",
                   {.format = ExpositionFormat::kOpenMetrics}),
            "");
  EXPECT_TRUE(cache.parsed().exemplars().empty()) << "storage would refuse it";
  EXPECT_EQ(cache.parsed().exemplars_left_out_count(), 0U);
}

TEST(ExpositionCache, NeverGivesARevisionOfMetadataTwice) {
  ExpositionCache cache;
  RecordingResolver resolver;
  EXPECT_EQ(Parsed(cache, resolver, "# TYPE a gauge\na 1\n"), "");
  const std::uint64_t before = cache.metadata_revision();
  cache.Clear();
  EXPECT_TRUE(cache.metadata().empty());
  EXPECT_GT(cache.metadata_revision(), before);
  EXPECT_EQ(Parsed(cache, resolver, "# TYPE b gauge\nb 1\n"), "");
  EXPECT_GT(cache.metadata_revision(), before + 1);
  ASSERT_EQ(cache.metadata().size(), 1U);
  EXPECT_EQ(cache.metadata()[0].family, "b");
}

// --- Against the naive parser ------------------------------------------------------------------------------------

std::vector<std::string> SomeLines(std::mt19937& random) {
  const std::vector<std::string> pool = {"# HELP m Something \\n said",
                                         "# TYPE m counter",
                                         "# TYPE m histogram",
                                         "# TYPE s summary",
                                         "#",
                                         "",
                                         "  ",
                                         "# a comment",
                                         "m 1",
                                         "m  2",
                                         "m 3 1000",
                                         "m +4",
                                         "m{a=\"b\"} 1.25",
                                         "m{a=\"b\",c=\"d\"} 0.1",
                                         "m{c=\"d\",a=\"b\"} 12345678901234567890",
                                         "m_bucket{le=\"1\"} 3",
                                         "m_bucket{le=\"+Inf\"} 1e3",
                                         "s{quantile=\"1\"} NaN",
                                         "s{quantile=\"0.5\",} -Inf",
                                         "{\"u.v\",\"x y\"=\"z\"} 1e-7",
                                         "drop_this 5",
                                         "m{a=\"line\\nend \\\"q\\\"\"} 1",
                                         "m{a=\"real\nline end\"} 1",
                                         " m{a=\"b\"}7",
                                         "m-1",
                                         "m1 5",
                                         "m{a=\"b\"} 5 ",
                                         "m 0.000123456789012345678 12"};
  std::vector<std::string> lines;
  const std::size_t count = random() % 40;
  for (std::size_t i = 0; i < count; ++i) lines.push_back(pool[random() % pool.size()]);
  return lines;
}

void Mutate(std::vector<std::string>& lines, std::mt19937& random) {
  const auto any = [&] { return random() % lines.size(); };
  for (std::size_t changes = random() % 4; changes > 0 && !lines.empty(); --changes) {
    switch (random() % 6) {
      case 0:
        std::swap(lines[any()], lines[any()]);
        break;
      case 1:
        lines.erase(lines.begin() + static_cast<std::ptrdiff_t>(any()));
        break;
      case 2:
        lines.insert(lines.begin() + static_cast<std::ptrdiff_t>(any()), lines[any()]);
        break;
      case 3:
        lines.push_back(fmt::format("fresh{{n=\"{}\"}} {}", random() % 50, random()));
        break;
      case 4: {  // another value
        std::string& line = lines[any()];
        const std::size_t blank = line.rfind(' ');
        if (blank != std::string::npos && !line.starts_with('#'))
          line = line.substr(0, blank + 1) + std::to_string(random());
        break;
      }
      case 5:
        if (random() % 3 == 0) {  // a byte of garbage
          std::string& line = lines[any()];
          if (!line.empty()) line[random() % line.size()] = "\"{}\\ #\n\t1aE\xff,="[random() % 15];
        }
        break;
    }
  }
}

TEST(ExpositionCache, GivesWhatTheNaiveParserGivesHoweverTheExpositionChanges) {
  for (unsigned seed = 0; seed < 1500; ++seed) {
    std::mt19937 random(seed);
    ExpositionCache cache(seed);
    RecordingResolver resolver;
    std::vector<std::string> lines = SomeLines(random);
    for (int step = 0; step < 12; ++step) {
      std::string body;
      for (const std::string& line : lines) body += line + "\n";
      if (random() % 8 == 0 && !body.empty()) body.pop_back();
      const ExpositionCache::Options options = {.honor_timestamps = random() % 4 != 0};
      const ScrapedSamples want = NaiveScrape(body, options);
      const ScrapedSamples got = expo::CachedScrape(cache, resolver, body, options);
      ASSERT_EQ(got.error, want.error) << "seed " << seed << " step " << step << "\n" << body;
      ASSERT_EQ(got.samples, want.samples) << "seed " << seed << " step " << step << "\n" << body;
      ASSERT_EQ(got.problem, "") << "seed " << seed << " step " << step << "\n" << body;
      Mutate(lines, random);
    }
  }
}

}  // namespace
}  // namespace baro::scraper
