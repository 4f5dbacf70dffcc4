#include "server/api/result_json.h"

#include <nlohmann/json.hpp>

#include <gtest/gtest.h>

namespace baro::server {
namespace {

query::QueryResult Matrix(std::size_t series, std::size_t points, std::size_t padding) {
  query::MatrixResult matrix;
  for (std::size_t i = 0; i < series; ++i) {
    matrix.series.BeginSeries(
        model::Labels::FromPairs({{"__name__", "m"}, {"i", std::to_string(i)}, {"pad", std::string(padding, 'x')}}));
    for (std::size_t k = 0; k < points; ++k) matrix.series.AddFloat(static_cast<std::int64_t>(k) * 1000, 0.5);
  }
  query::QueryResult result;
  result.value = std::move(matrix);
  return result;
}

/// The body as a client receives it, from whichever way was taken.
std::string BodyOf(const net::HttpResponse& response) {
  if (!response.producer) return response.body;
  std::string body;
  std::string piece;
  for (bool has_more = true; has_more;) {
    const auto next = response.producer(piece);
    EXPECT_TRUE(next.has_value());
    has_more = next.has_value() && *next;
    body += piece;
  }
  return body;
}

void ExpectWhole(const std::string& body, std::size_t series, std::size_t points) {
  const auto answer = nlohmann::json::parse(body, nullptr, /*allow_exceptions=*/false);
  ASSERT_FALSE(answer.is_discarded());
  const auto& result = answer["data"]["result"];
  ASSERT_EQ(result.size(), series);
  for (std::size_t i = 0; i < series; ++i) {
    ASSERT_EQ(result[i]["metric"]["i"], std::to_string(i));
    ASSERT_EQ(result[i]["values"].size(), points);
  }
}

TEST(QueryResponseTest, PiecesJoinToOneDocumentWhereverTheyEnd) {
  // The length of the labels moves the ends of pieces over all places of a series: head, points, tail.
  for (std::size_t padding = 0; padding < 20; ++padding) {
    const auto response = QueryResponse(Matrix(700, 3, padding), {});
    ASSERT_TRUE(response.producer);
    ExpectWhole(BodyOf(response), 700, 3);
  }
}

TEST(QueryResponseTest, AnAnswerThatTurnsOutLongerThanGuessedIsStillWhole) {
  const auto response = QueryResponse(Matrix(50, 1, 10'000), {});
  ExpectWhole(BodyOf(response), 50, 1);
}

TEST(QueryResponseTest, ALimitCutsSeriesAndSaysSo) {
  const auto answer = nlohmann::json::parse(BodyOf(QueryResponse(Matrix(10, 2, 0), {.series_max = 4})));
  EXPECT_EQ(answer["data"]["result"].size(), 4U);
  EXPECT_EQ(answer["warnings"].size(), 1U);
}

}  // namespace
}  // namespace baro::server
