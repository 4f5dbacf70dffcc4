#include "tsdb/codec/decode_kernels.h"

#include <array>
#include <vector>

namespace baro::tsdb {
namespace {

std::vector<const DecodeKernels*> FindKernels() {
  std::vector<const DecodeKernels*> found = {&kPortableKernels};
#if defined(__x86_64__)
  if (__builtin_cpu_supports("avx2") != 0 && __builtin_cpu_supports("fma") != 0 && __builtin_cpu_supports("bmi2") != 0)
    found.push_back(&kAvx2Kernels);
  // VBMI's byte permutation came with Ice Lake and Zen 4; what is older has AVX2's kernels.
  if (__builtin_cpu_supports("avx512f") != 0 && __builtin_cpu_supports("avx512dq") != 0 &&
      __builtin_cpu_supports("avx512bw") != 0 && __builtin_cpu_supports("avx512vbmi") != 0) {
    found.push_back(&kAvx512Kernels);
  }
#endif
  return found;
}

}  // namespace

std::span<const DecodeKernels* const> AvailableDecodeKernels() {
  static const std::vector<const DecodeKernels*> available = FindKernels();
  return available;
}

constinit std::atomic<const DecodeKernels*> internal::current_decode_kernels = nullptr;

const DecodeKernels& internal::ChooseDecodeKernels() {
  UseDecodeKernels(*AvailableDecodeKernels().back());
  return CurrentDecodeKernels();
}

void UseDecodeKernels(const DecodeKernels& kernels) {
  internal::current_decode_kernels.store(&kernels, std::memory_order_relaxed);
}

}  // namespace baro::tsdb
