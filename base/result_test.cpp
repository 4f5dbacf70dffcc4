#include "base/result.h"

#include <gtest/gtest.h>

namespace baro::base {
namespace {

Result<int> Half(int value) {
  if (value % 2 != 0) return Fail(Code::kInvalidArgument, "odd");
  return value / 2;
}

Result<int> Quarter(int value) {
  const int half = BARO_TRY(Half(value));
  return BARO_TRY(Half(half));
}

Result<> Check(int value) {
  BARO_TRY(Quarter(value));
  return {};
}

TEST(Result, TryReturnsTheValueOrTheError) {
  EXPECT_EQ(*Quarter(8), 2);
  EXPECT_EQ(Quarter(6).error(), Error(Code::kInvalidArgument, "odd"));
  EXPECT_TRUE(Check(4));
  EXPECT_FALSE(Check(2));
}

TEST(Result, ContextStandsInFrontOfTheMessage) {
  EXPECT_EQ(Error(Code::kIo, "read failed").WithContext("wal/00000001").message(), "wal/00000001: read failed");
}

}  // namespace
}  // namespace baro::base
