#include <sys/random.h>

#include "base/random.h"
#include "base/result.h"

namespace baro::base {
namespace {

class SystemRandom : public Random {
 public:
  std::uint64_t NextU64() override {
    std::uint64_t value = 0;
    // Up to 256 bytes getrandom() is never cut short once the kernel's pool is ready (getrandom(2)).
    BARO_ASSERT(getrandom(&value, sizeof value, 0) == sizeof value);
    return value;
  }
};

}  // namespace

Random& RealRandom() {
  static SystemRandom random;
  return random;
}

}  // namespace baro::base
