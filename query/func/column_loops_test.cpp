// Loops over columns against the plainest way to write them.
#include "query/func/column_loops.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>
#include <random>
#include <vector>

namespace baro::query::func {
namespace {

using exec::Kind;

constexpr double kInfinity = std::numeric_limits<double>::infinity();

// Numbers of all sizes, and in some columns now and then one that is none.
class Numbers {
 public:
  explicit Numbers(unsigned seed) : random_(seed), is_odd_(seed % 3 == 0) {}

  double Next() {
    constexpr double kOdd[] = {
        kInfinity, -kInfinity, 0.0, -0.0, 1e308, -1e308, std::numeric_limits<double>::quiet_NaN()};
    if (is_odd_ && random_() % 8 == 0) return kOdd[random_() % std::size(kOdd)];
    const double mantissa = static_cast<double>(random_() % 2'000'001) - 1'000'000;
    return std::ldexp(mantissa, static_cast<int>(random_() % 80) - 40);
  }
  std::vector<double> Column(std::size_t size) {
    std::vector<double> column(size);
    std::ranges::generate(column, [this] { return Next(); });
    return column;
  }
  std::size_t Below(std::size_t bound) { return random_() % bound; }

 private:
  std::mt19937 random_;
  bool is_odd_;
};

TEST(ColumnLoops, AnswerAsLoopsWithBranchesDo) {
  for (unsigned seed = 1; seed <= 500; ++seed) {
    Numbers numbers(seed);
    const std::vector<double> values = numbers.Column(numbers.Below(70));
    EXPECT_EQ(HasNaN(values), std::ranges::any_of(values, [](double v) { return std::isnan(v); })) << seed;
    EXPECT_EQ(HasDecrease(values), std::ranges::adjacent_find(values, std::greater<>()) != values.end()) << seed;
    double greatest = 0;
    for (const double value : values) {
      if (!std::isnan(value)) greatest = std::max(greatest, std::fabs(value));
    }
    EXPECT_EQ(GreatestMagnitude(values), greatest) << seed;

    std::vector<Kind> kinds(numbers.Below(600), Kind::kFloat);
    if (seed % 2 == 0) {
      for (Kind& kind : kinds) kind = static_cast<Kind>(numbers.Below(3));
    }
    const auto none = static_cast<std::size_t>(std::ranges::count(kinds, Kind::kNone));
    EXPECT_EQ(CountFilled(kinds), kinds.size() - none) << seed;
    const auto floats = static_cast<std::size_t>(std::ranges::count(kinds, Kind::kFloat));
    EXPECT_EQ(AreAllFloats(kinds), floats == kinds.size()) << seed;
  }
}

TEST(ColumnLoops, ManySumsAtOnceAreBitByBitThoseOfOneAfterTheOther) {
  for (unsigned seed = 1; seed <= 300; ++seed) {
    Numbers numbers(seed);
    const std::size_t size = numbers.Below(40);
    std::vector<double> sums(size);
    std::vector<double> lost(size);
    std::vector<CompensatedSum> want(size);
    for (int row = 0; row < 20; ++row) {
      const std::vector<double> values = numbers.Column(size);
      AddToSums(values, sums, lost);
      for (std::size_t i = 0; i < size; ++i) want[i].Add(values[i]);
    }
    for (std::size_t i = 0; i < size; ++i) {
      if (std::isnan(want[i].sum)) {
        EXPECT_TRUE(std::isnan(sums[i])) << seed;
        continue;
      }
      EXPECT_EQ(std::bit_cast<std::uint64_t>(sums[i]), std::bit_cast<std::uint64_t>(want[i].sum)) << seed;
      EXPECT_TRUE(lost[i] == want[i].lost || (std::isnan(lost[i]) && std::isnan(want[i].lost))) << seed;
    }
  }
}

TEST(ColumnLoops, SumsInLanesDifferFromTheTruthByOneRoundingOnly) {
  for (unsigned seed = 1; seed <= 300; ++seed) {
    if (seed % 3 == 0) continue;  // numbers only
    Numbers numbers(seed);
    const std::vector<double> values = numbers.Column(numbers.Below(400));
    long double want = 0;
    for (const double value : values) want += value;
    const double found = SumInLanes(values).value();
    EXPECT_NEAR(found, static_cast<double>(want), 1e-14 * std::fabs(static_cast<double>(want)) + 1e-9) << seed;
  }
  const double infinite[] = {1, kInfinity, 2, 3, 4, 5};
  EXPECT_EQ(SumInLanes(infinite).value(), kInfinity);
  EXPECT_EQ(SumInLanes({}).value(), 0);
}

}  // namespace
}  // namespace baro::query::func
