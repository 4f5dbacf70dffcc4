#include "tsdb/head/quick_column.h"

#include <bit>
#include <cmath>
#include <limits>
#include <vector>

#include <gtest/gtest.h>

#include "base/random.h"

namespace baro::tsdb {
namespace {

std::vector<double> Made(base::Random& random, std::size_t kind, std::size_t count) {
  constexpr double kOdd[] = {0.0,
                             -0.0,
                             1.0,
                             -1.0,
                             9007199254740992.0,
                             -9007199254740992.0,
                             9007199254740994.0,
                             1e300,
                             5e-324,
                             std::numeric_limits<double>::infinity(),
                             -std::numeric_limits<double>::infinity(),
                             std::numeric_limits<double>::quiet_NaN()};
  std::vector<double> values;
  double last = static_cast<double>(random.Below(1'000'000'000));
  for (std::size_t i = 0; i < count; ++i) {
    switch (kind) {
      case 0:
        values.push_back(42.5);
        break;
      case 1:
        values.push_back(last += static_cast<double>(random.Below(1000)));
        break;
      case 2:
        values.push_back(static_cast<double>(random.Below(1000)) / 100);
        break;
      case 3:
        values.push_back(std::bit_cast<double>(random.NextU64()));
        break;
      case 4:
        values.push_back(kOdd[random.Below(std::size(kOdd))]);
        break;
      default:
        values.push_back(last -= static_cast<double>(random.Below(1ULL << 40)));
        break;
    }
  }
  return values;
}

TEST(QuickColumn, GivesBackEveryBit) {
  base::SeededRandom random(11);
  for (int round = 0; round < 3000; ++round) {
    const std::size_t count = 1 + random.Below(kQuickLengthMax);
    const std::vector<double> values = Made(random, random.Below(6), count);
    base::ByteBuffer bytes;
    EncodeQuickly(values, bytes);
    std::vector<double> read(count);
    ASSERT_TRUE(DecodeQuickly(bytes, read));
    for (std::size_t i = 0; i < count; ++i) {
      ASSERT_EQ(std::bit_cast<std::uint64_t>(values[i]), std::bit_cast<std::uint64_t>(read[i])) << "value " << i;
    }
  }
}

TEST(QuickColumn, BytesOfAnySortAreReadOrRefused) {
  base::SeededRandom random(12);
  std::vector<double> values;
  for (int round = 0; round < 20'000; ++round) {
    base::ByteBuffer bytes(random.Below(40));
    for (std::byte& byte : bytes) byte = static_cast<std::byte>(random.Below(256));
    if (!bytes.empty()) bytes[0] = static_cast<std::byte>(random.Below(4));
    values.resize(1 + random.Below(kQuickLengthMax));
    (void)DecodeQuickly(bytes, values).has_value();
  }
}

}  // namespace
}  // namespace baro::tsdb
