#include "query/exec/natural_order.h"

#include <gtest/gtest.h>

#include <array>

namespace baro::query::exec {
namespace {

TEST(NaturalOrder, TakesRunsOfDigitsAsNumbers) {
  struct Row {
    const char* a;
    const char* b;
    std::strong_ordering want;
  };
  const auto less = std::strong_ordering::less;
  const Row rows[] = {{"a2", "a10", less},
                      {"a", "a0", less},
                      {"1.9", "1.10", less},
                      {"007", "7", less},  // equal numbers: by the text
                      {"cpu9", "cpu09x", less},
                      {"", "a", less},
                      {"x99999999999999999999999", "x100000000000000000000000", less},
                      {"b", "b", std::strong_ordering::equal}};
  for (const Row& row : rows) {
    EXPECT_EQ(CompareNaturally(row.a, row.b), row.want) << row.a << " " << row.b;
    EXPECT_EQ(CompareNaturally(row.b, row.a), 0 <=> row.want) << row.b << " " << row.a;
  }
}

TEST(NaturalOrder, FallsBackToAllLabels) {
  const auto a = model::Labels::FromPairs({{"i", "1"}, {"j", "a"}});
  const auto b = model::Labels::FromPairs({{"i", "1"}, {"j", "b"}});
  const std::array<std::string_view, 1> names = {"i"};
  EXPECT_EQ(CompareByLabels(a, b, names), std::strong_ordering::less);
  EXPECT_EQ(CompareByLabels(a, a, names), std::strong_ordering::equal);
}

}  // namespace
}  // namespace baro::query::exec
