#include "tsdb/codec/decode_kernels.h"

#include <array>
#include <atomic>
#include <vector>

namespace baro::tsdb {
namespace {

std::vector<const DecodeKernels*> FindKernels() {
  std::vector<const DecodeKernels*> found = {&kPortableKernels};
#if defined(__x86_64__)
  if (__builtin_cpu_supports("avx2") != 0) found.push_back(&kAvx2Kernels);
  // VBMI's byte permutation came with Ice Lake and Zen 4; what is older has AVX2's kernels.
  if (__builtin_cpu_supports("avx512f") != 0 && __builtin_cpu_supports("avx512dq") != 0 &&
      __builtin_cpu_supports("avx512bw") != 0 && __builtin_cpu_supports("avx512vbmi") != 0) {
    found.push_back(&kAvx512Kernels);
  }
#endif
  return found;
}

// Relaxed: what it points to is constant.
std::atomic<const DecodeKernels*>& Current() {
  static std::atomic<const DecodeKernels*> current = AvailableDecodeKernels().back();
  return current;
}

}  // namespace

std::span<const DecodeKernels* const> AvailableDecodeKernels() {
  static const std::vector<const DecodeKernels*> available = FindKernels();
  return available;
}

const DecodeKernels& CurrentDecodeKernels() { return *Current().load(std::memory_order_relaxed); }

void UseDecodeKernels(const DecodeKernels& kernels) { Current().store(&kernels, std::memory_order_relaxed); }

}  // namespace baro::tsdb
