// Chance, as a seam.
#pragma once

#include <cstdint>
#include <memory>

namespace baro::base {

/// Threads  Confined; RealRandom() alone is safe to share.
class Random {
 public:
  virtual ~Random() = default;
  virtual std::uint64_t NextU64() = 0;

  /// Uniform in [0, bound). Shape: bound > 0.
  std::uint64_t Below(std::uint64_t bound) {
    // Multiply and take the high half; the low numbers that would come up once too often are drawn again.
    // Source: Lemire, "Fast Random Integer Generation in an Interval", ACM TOMACS 2019.
    for (;;) {
      const auto product = static_cast<unsigned __int128>(NextU64()) * bound;
      if (static_cast<std::uint64_t>(product) >= -bound % bound) return static_cast<std::uint64_t>(product >> 64);
    }
  }
  /// True once in `n` times. Shape: n > 0.
  bool OneIn(std::uint64_t n) { return Below(n) == 0; }
};

/// Reproducible: the same seed gives the same numbers on every machine.
/// Source   SplitMix64: Steele, Lea, Flood, "Fast Splittable Pseudorandom Number Generators", OOPSLA 2014.
class SeededRandom : public Random {
 public:
  explicit SeededRandom(std::uint64_t seed) : state_(seed) {}
  std::uint64_t NextU64() override {
    state_ += 0x9e3779b97f4a7c15U;
    std::uint64_t z = state_;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9U;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebU;
    return z ^ (z >> 31);
  }

 private:
  std::uint64_t state_;
};

/// The operating system's randomness (getrandom). Lives for ever.
Random& RealRandom();

}  // namespace baro::base
