// Kernels for AVX2: four integers at a time.
//
// Source   Unpacking by byte shuffle and variable shift: Willhalm et al., "SIMD-Scan", VLDB 2009. Prefix sums in
//          registers: Hillis and Steele, "Data Parallel Algorithms", CACM 1986.
#if defined(__x86_64__)

#include <immintrin.h>

#include <array>

#include "tsdb/codec/bit_packing.h"
#include "tsdb/codec/decode_kernels.h"

#define BARO_AVX2 __attribute__((target("avx2")))

namespace baro::tsdb {
namespace {

// Eight values of so many bits can be had by loads of eight bytes.
constexpr unsigned kFastWidthMax = 57;

// How to find eight packed values in as many bytes as one has bits.
struct UnpackPlan {
  std::array<std::uint8_t, 64> bytes;   // which bytes make up each value, for each pair of them from the pair's first
  std::array<std::uint64_t, 8> shifts;  // and by how much it is shifted in them
  std::array<std::uint8_t, 4> offsets;  // where each pair begins
};

constexpr std::array<UnpackPlan, kFastWidthMax + 1> MakePlans() {
  std::array<UnpackPlan, kFastWidthMax + 1> plans{};
  for (unsigned width = 0; width <= kFastWidthMax; ++width) {
    for (unsigned i = 0; i < 8; ++i) {
      const unsigned pair_byte = (i & ~1U) * width / 8;
      plans[width].offsets[i / 2] = static_cast<std::uint8_t>(pair_byte);
      plans[width].shifts[i] = i * width % 8;
      for (unsigned byte = 0; byte < 8; ++byte) {
        // What lies beyond sixteen bytes is beyond the value, too.
        const unsigned from = i * width / 8 - pair_byte + byte;
        plans[width].bytes[8 * i + byte] = static_cast<std::uint8_t>(from < 16 ? from : 0x80);
      }
    }
  }
  return plans;
}

alignas(64) constexpr std::array<UnpackPlan, kFastWidthMax + 1> kPlans = MakePlans();

BARO_AVX2 inline __m256i Load(const void* at) { return _mm256_loadu_si256(static_cast<const __m256i*>(at)); }
BARO_AVX2 inline void Store(void* at, __m256i value) { _mm256_storeu_si256(static_cast<__m256i*>(at), value); }

BARO_AVX2 inline __m256i LoadPairs(const std::byte* first, const std::byte* second) {
  const __m128i low = _mm_loadu_si128(reinterpret_cast<const __m128i*>(first));
  const __m128i high = _mm_loadu_si128(reinterpret_cast<const __m128i*>(second));
  return _mm256_inserti128_si256(_mm256_castsi128_si256(low), high, 1);
}

BARO_AVX2 void Unpack(const std::byte* bytes, unsigned width, std::span<std::uint64_t> values) {
  if (width == 0) {
    std::memset(values.data(), 0, values.size_bytes());
    return;
  }
  if (width > kFastWidthMax) {
    UnpackBits({bytes, PackedBytes(values.size(), width)}, width, values);
    return;
  }
  const UnpackPlan& plan = kPlans[width];
  const __m256i low_bytes = Load(plan.bytes.data());
  const __m256i high_bytes = Load(plan.bytes.data() + 32);
  const __m256i low_shifts = Load(plan.shifts.data());
  const __m256i high_shifts = Load(plan.shifts.data() + 4);
  const __m256i mask = _mm256_set1_epi64x(static_cast<long long>((std::uint64_t{1} << width) - 1));
  const auto eight = [&](const std::byte* in, std::uint64_t* out) BARO_AVX2 {
    const __m256i low = _mm256_shuffle_epi8(LoadPairs(in, in + plan.offsets[1]), low_bytes);
    const __m256i high = _mm256_shuffle_epi8(LoadPairs(in + plan.offsets[2], in + plan.offsets[3]), high_bytes);
    Store(out, _mm256_and_si256(_mm256_srlv_epi64(low, low_shifts), mask));
    Store(out + 4, _mm256_and_si256(_mm256_srlv_epi64(high, high_shifts), mask));
  };
  const std::size_t whole = values.size() / 8;
  for (std::size_t i = 0; i < whole; ++i, bytes += width) eight(bytes, values.data() + 8 * i);
  if (const std::size_t rest = values.size() % 8; rest != 0) {
    std::uint64_t last[8];
    eight(bytes, last);
    std::memcpy(values.data() + 8 * whole, last, rest * sizeof(std::uint64_t));
  }
}

// The low 64 bits of a product, which AVX2 does not have.
BARO_AVX2 inline __m256i Multiply(__m256i a, __m256i b) {
  const __m256i crossed = _mm256_mullo_epi32(a, _mm256_shuffle_epi32(b, 0xb1));
  const __m256i high = _mm256_slli_epi64(_mm256_add_epi32(crossed, _mm256_srli_epi64(crossed, 32)), 32);
  return _mm256_add_epi64(_mm256_mul_epu32(a, b), high);
}

// Sums of a, a+b, a+b+c, a+b+c+d.
BARO_AVX2 inline __m256i PrefixSum(__m256i x) {
  x = _mm256_add_epi64(x, _mm256_slli_si256(x, 8));             // within the halves
  const __m256i low_total = _mm256_permute4x64_epi64(x, 0x50);  // 0 0 1 1
  return _mm256_add_epi64(x, _mm256_blend_epi32(_mm256_setzero_si256(), low_total, 0xf0));
}
BARO_AVX2 inline __m256i Last(__m256i x) { return _mm256_permute4x64_epi64(x, 0xff); }

template <unsigned kPredictor, bool kIsZigZag, bool kIsDivided>
BARO_AVX2 void IntegrateAs(std::span<std::uint64_t> values, const IntegrationRule& rule, IntegrationState& state) {
  const __m256i base = _mm256_set1_epi64x(static_cast<long long>(rule.base));
  const __m256i divisor = _mm256_set1_epi64x(static_cast<long long>(rule.divisor));
  const __m256i one = _mm256_set1_epi64x(1);
  __m256i value = _mm256_set1_epi64x(static_cast<long long>(state.value));
  __m256i delta = _mm256_set1_epi64x(static_cast<long long>(state.delta));
  std::size_t i = 0;
  for (; i + 4 <= values.size(); i += 4) {
    __m256i x = Load(values.data() + i);
    if constexpr (kIsZigZag) {
      const __m256i sign = _mm256_sub_epi64(_mm256_setzero_si256(), _mm256_and_si256(x, one));
      x = _mm256_xor_si256(_mm256_srli_epi64(x, 1), sign);
    }
    if constexpr (kIsDivided) x = Multiply(x, divisor);
    x = _mm256_add_epi64(x, base);
    if constexpr (kPredictor == 2) {
      x = PrefixSum(x);
      const __m256i total = Last(x);
      x = _mm256_add_epi64(x, delta);
      delta = _mm256_add_epi64(delta, total);
    }
    if constexpr (kPredictor >= 1) {
      x = PrefixSum(x);
      const __m256i total = Last(x);
      x = _mm256_add_epi64(x, value);
      value = _mm256_add_epi64(value, total);
    }
    Store(values.data() + i, x);
  }
  state.value = static_cast<std::uint64_t>(_mm256_extract_epi64(value, 0));
  state.delta = static_cast<std::uint64_t>(_mm256_extract_epi64(delta, 0));
  if (i < values.size()) kPortableKernels.integrate(values.subspan(i), rule, state);
}

using Integration = void (*)(std::span<std::uint64_t>, const IntegrationRule&, IntegrationState&);

template <unsigned kPredictor>
constexpr std::array<Integration, 4> kIntegrations = {
    IntegrateAs<kPredictor, false, false>, IntegrateAs<kPredictor, true, false>, IntegrateAs<kPredictor, false, true>,
    IntegrateAs<kPredictor, true, true>};

void Integrate(std::span<std::uint64_t> values, const IntegrationRule& rule, IntegrationState& state) {
  const std::size_t form = (rule.is_zigzag ? 1U : 0U) + (rule.divisor != 1 ? 2U : 0U);
  switch (rule.predictor) {
    case 0:
      return kIntegrations<0>[form](values, rule, state);
    case 1:
      return kIntegrations<1>[form](values, rule, state);
    default:
      return kIntegrations<2>[form](values, rule, state);
  }
}

// The nearest double of a signed integer, as the scalar instruction gives it: the upper and the lower half become
// doubles exactly, by being the mantissa of 3 * 2^67 and of 2^52, and are added with one rounding.
BARO_AVX2 inline __m256d ToDouble(__m256i x) {
  const __m256i upper_magic = _mm256_set1_epi64x(0x4530000080000000);                     // 2^84 + 2^63
  const __m256i lower_magic = _mm256_set1_epi64x(0x4330000000000000);                     // 2^52
  const __m256d all_magic = _mm256_castsi256_pd(_mm256_set1_epi64x(0x4530000080100000));  // 2^84 + 2^63 + 2^52
  const __m256i lower = _mm256_blend_epi32(lower_magic, x, 0x55);
  const __m256i upper = _mm256_xor_si256(_mm256_srli_epi64(x, 32), upper_magic);
  return _mm256_add_pd(_mm256_sub_pd(_mm256_castsi256_pd(upper), all_magic), _mm256_castsi256_pd(lower));
}

template <Conversion kConversion>
BARO_AVX2 void ConvertAs(std::span<const std::uint64_t> values, double scale, double* out) {
  const __m256d factor = _mm256_set1_pd(scale);
  std::size_t i = 0;
  for (; i + 4 <= values.size(); i += 4) {
    const __m256i x = Load(values.data() + i);
    __m256d y;
    if constexpr (kConversion == Conversion::kOrdered) {
      const __m256i is_negative = _mm256_cmpgt_epi64(_mm256_setzero_si256(), x);
      y = _mm256_castsi256_pd(_mm256_xor_si256(x, _mm256_srli_epi64(is_negative, 1)));
    } else {
      y = ToDouble(x);
    }
    if constexpr (kConversion == Conversion::kDivided) y = _mm256_div_pd(y, factor);
    if constexpr (kConversion == Conversion::kMultiplied) y = _mm256_mul_pd(y, factor);
    _mm256_storeu_pd(out + i, y);
  }
  if (i < values.size()) kPortableKernels.convert(values.subspan(i), kConversion, scale, out + i);
}

void Convert(std::span<const std::uint64_t> values, Conversion conversion, double scale, double* out) {
  switch (conversion) {
    case Conversion::kInteger:
      return ConvertAs<Conversion::kInteger>(values, scale, out);
    case Conversion::kDivided:
      return ConvertAs<Conversion::kDivided>(values, scale, out);
    case Conversion::kMultiplied:
      return ConvertAs<Conversion::kMultiplied>(values, scale, out);
    case Conversion::kOrdered:
      return ConvertAs<Conversion::kOrdered>(values, scale, out);
  }
}

}  // namespace

constinit const DecodeKernels kAvx2Kernels = {
    .name = "avx2", .unpack = Unpack, .integrate = Integrate, .convert = Convert};

}  // namespace baro::tsdb

#endif
