#include "query/exec/budget.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace baro::query::exec {
namespace {

using testing::HasSubstr;

TEST(Budget, NamesTheLimitItsValueAndTheNeed) {
  Budget budget(1000, 10);
  ASSERT_TRUE(budget.Take(900, 10));
  const auto bytes = budget.Take(200, 0);
  ASSERT_FALSE(bytes);
  EXPECT_EQ(bytes.error().code(), base::Code::kLimitExceeded);
  EXPECT_THAT(bytes.error().message(), HasSubstr("limit 1000 bytes (--query.max-memory), needed at least 1100"));
  const auto samples = budget.Take(0, 3);
  ASSERT_FALSE(samples);
  EXPECT_THAT(samples.error().message(), HasSubstr("limit 10 samples (--query.max-samples), needed at least 13"));
  // What was refused is not held.
  EXPECT_TRUE(budget.Take(100, 0));
  EXPECT_EQ(budget.bytes_peak(), 1000U);
  EXPECT_EQ(budget.samples_peak(), 10U);
}

TEST(Budget, IsAPartOfTheBudgetOfAllQueries) {
  Budget all({.bytes_max = 1000}, BudgetOf::kAllQueries, nullptr);
  Budget first({.bytes_max = 900, .samples_max = 5}, BudgetOf::kQuery, &all);
  Budget second({.bytes_max = 2000, .samples_max = 5}, BudgetOf::kQuery, &all);
  ASSERT_TRUE(first.Take(700, 5));
  ASSERT_TRUE(second.Take(100, 5)) << "samples are a query's own";
  const auto waits = second.Take(200, 0);
  ASSERT_FALSE(waits);
  EXPECT_EQ(waits.error().code(), base::Code::kUnavailable) << "it is others who hold the memory";
  EXPECT_THAT(waits.error().message(), HasSubstr("limit 1000 bytes (--query.max-memory-total), needed at least 1200"));
  EXPECT_THAT(waits.error().message(), HasSubstr("300 of it by this query"));
  const auto never = second.Take(1000, 0);
  ASSERT_FALSE(never);
  EXPECT_EQ(never.error().code(), base::Code::kLimitExceeded) << "it will not fit either when others are done";
  first.Give(700, 5);
  EXPECT_TRUE(second.Take(200, 0));
  EXPECT_EQ(all.bytes(), 300U);
  second.Give(300, 5);
  EXPECT_EQ(all.bytes(), 0U);
}

TEST(Budget, OfAnOperatorCountsWithoutALimitOfItsOwn) {
  Budget query(100, 10);
  Budget op({}, BudgetOf::kOperator, &query);
  ASSERT_TRUE(op.Take(60, 4));
  EXPECT_EQ(query.bytes(), 60U);
  const auto refused = op.Take(60, 0);
  ASSERT_FALSE(refused);
  EXPECT_THAT(refused.error().message(), HasSubstr("--query.max-memory)"));
  EXPECT_EQ(op.bytes(), 60U);
  op.Give(60, 4);
  EXPECT_EQ(query.bytes(), 0U);
  EXPECT_EQ(op.bytes_peak(), 60U);
}

}  // namespace
}  // namespace baro::query::exec
