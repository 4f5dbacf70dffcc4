#include "config/difference.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace baro::config {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

TEST(Difference, NamesWhatIsNewGoneAndChanged) {
  EXPECT_THAT(DifferenceOf("a: 1\nb: {c: x, d: y}\ngone: [1, 2]\n", "a: 1\nnew: z\nb: {c: w, d: y}\n"),
              ElementsAre(FieldDifference{"new", "", "z"}, FieldDifference{"b.c", "x", "w"},
                          FieldDifference{"gone", "[1, 2]", ""}));
  EXPECT_THAT(DifferenceOf("a: 1\nb: {c: x}\n", "b: {c: x}\na: 1\n"), IsEmpty());
}

TEST(Difference, ComparesMappingsInListsByPlace) {
  EXPECT_THAT(DifferenceOf("r: [{x: 1}, {x: 2, y: 3}]\n", "r: [{x: 1}, {x: 5, y: 3}, {x: 6}]\n"),
              ElementsAre(FieldDifference{"r[1].x", "2", "5"}, FieldDifference{"r[2]", "", "{x: 6}"}));
  EXPECT_THAT(DifferenceOf("r: [{x: 1}]\n", "r: []\n"), ElementsAre(FieldDifference{"r", "[{x: 1}]", "[]"}));
}

TEST(Difference, ComparesOtherListsAsOne) {
  EXPECT_THAT(DifferenceOf("t: [a, b]\n", "t: [a, c, d]\n"), ElementsAre(FieldDifference{"t", "[a, b]", "[a, c, d]"}));
}

}  // namespace
}  // namespace baro::config
