// fuzz: base
// Durations and numbers from anywhere: no crash, and what was read is printed so that it reads back the same.
#include <bit>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "base/duration_text.h"
#include "base/number_text.h"

namespace base = baro::base;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  if (const auto duration = base::ParseDuration(text)) {
    const auto again = base::ParseDuration(base::FormatDuration(*duration));
    if (!again || *again != *duration) std::abort();
  }
  if (const auto number = base::ParseFloat(text)) {
    const auto again = base::ParseFloat(base::FormatFloat(*number));
    if (!again) std::abort();
    const bool is_same = std::isnan(*number)
                             ? std::isnan(*again)
                             : std::bit_cast<std::uint64_t>(*number) == std::bit_cast<std::uint64_t>(*again);
    if (!is_same) std::abort();
  }
  return 0;
}
