// Kernels for AVX-512 with VBMI: eight integers at a time.
//
// Source   As kernels_avx2.cpp.
#if defined(__x86_64__)

#include <immintrin.h>

#include <array>

#include "tsdb/codec/bit_packing.h"
#include "tsdb/codec/decode_kernels.h"

#define BARO_AVX512 __attribute__((target("avx512f,avx512dq,avx512bw,avx512vbmi")))

namespace baro::tsdb {
namespace {

constexpr unsigned kFastWidthMax = 57;

struct UnpackPlan {
  std::array<std::uint8_t, 64> bytes;   // which bytes make up each value
  std::array<std::uint64_t, 8> shifts;  // and by how much it is shifted in them
};

constexpr std::array<UnpackPlan, kFastWidthMax + 1> MakePlans() {
  std::array<UnpackPlan, kFastWidthMax + 1> plans{};
  for (unsigned width = 0; width <= kFastWidthMax; ++width) {
    for (unsigned i = 0; i < 8; ++i) {
      plans[width].shifts[i] = i * width % 8;
      for (unsigned byte = 0; byte < 8; ++byte) {
        plans[width].bytes[8 * i + byte] = static_cast<std::uint8_t>(i * width / 8 + byte);
      }
    }
  }
  return plans;
}

alignas(64) constexpr std::array<UnpackPlan, kFastWidthMax + 1> kPlans = MakePlans();

// The first `count` lanes.
inline __mmask8 LanesBelow(std::size_t count) { return static_cast<__mmask8>((1U << count) - 1); }

BARO_AVX512 void Unpack(const std::byte* bytes, unsigned width, std::span<std::uint64_t> values) {
  if (width == 0) {
    std::memset(values.data(), 0, values.size_bytes());
    return;
  }
  if (width > kFastWidthMax) {
    UnpackBits({bytes, PackedBytes(values.size(), width)}, width, values);
    return;
  }
  const __m512i from = _mm512_loadu_si512(kPlans[width].bytes.data());
  const __m512i shifts = _mm512_loadu_si512(kPlans[width].shifts.data());
  const __m512i mask = _mm512_set1_epi64(static_cast<long long>((std::uint64_t{1} << width) - 1));
  const auto eight = [&](const std::byte* in) BARO_AVX512 {
    const __m512i x = _mm512_permutexvar_epi8(from, _mm512_loadu_si512(in));
    return _mm512_and_si512(_mm512_srlv_epi64(x, shifts), mask);
  };
  std::uint64_t* out = values.data();
  std::size_t left = values.size();
  for (; left >= 8; left -= 8, out += 8, bytes += width) _mm512_storeu_si512(out, eight(bytes));
  if (left != 0) _mm512_mask_storeu_epi64(out, LanesBelow(left), eight(bytes));
}

BARO_AVX512 inline __m512i PrefixSum(__m512i x) {
  const __m512i zero = _mm512_setzero_si512();
  x = _mm512_add_epi64(x, _mm512_alignr_epi64(x, zero, 7));
  x = _mm512_add_epi64(x, _mm512_alignr_epi64(x, zero, 6));
  return _mm512_add_epi64(x, _mm512_alignr_epi64(x, zero, 4));
}
BARO_AVX512 inline __m512i Last(__m512i x) { return _mm512_permutexvar_epi64(_mm512_set1_epi64(7), x); }

template <unsigned kPredictor, bool kIsZigZag, bool kIsDivided>
BARO_AVX512 void IntegrateAs(std::span<std::uint64_t> values, const IntegrationRule& rule, IntegrationState& state) {
  const __m512i base = _mm512_set1_epi64(static_cast<long long>(rule.base));
  const __m512i divisor = _mm512_set1_epi64(static_cast<long long>(rule.divisor));
  const __m512i one = _mm512_set1_epi64(1);
  __m512i value = _mm512_set1_epi64(static_cast<long long>(state.value));
  __m512i delta = _mm512_set1_epi64(static_cast<long long>(state.delta));
  std::size_t i = 0;
  for (; i + 8 <= values.size(); i += 8) {
    __m512i x = _mm512_loadu_si512(values.data() + i);
    if constexpr (kIsZigZag) {
      const __m512i sign = _mm512_sub_epi64(_mm512_setzero_si512(), _mm512_and_si512(x, one));
      x = _mm512_xor_si512(_mm512_srli_epi64(x, 1), sign);
    }
    if constexpr (kIsDivided) x = _mm512_mullo_epi64(x, divisor);
    x = _mm512_add_epi64(x, base);
    if constexpr (kPredictor == 2) {
      x = PrefixSum(x);
      const __m512i total = Last(x);
      x = _mm512_add_epi64(x, delta);
      delta = _mm512_add_epi64(delta, total);
    }
    if constexpr (kPredictor >= 1) {
      x = PrefixSum(x);
      const __m512i total = Last(x);
      x = _mm512_add_epi64(x, value);
      value = _mm512_add_epi64(value, total);
    }
    _mm512_storeu_si512(values.data() + i, x);
  }
  state.value = static_cast<std::uint64_t>(_mm_cvtsi128_si64(_mm512_castsi512_si128(value)));
  state.delta = static_cast<std::uint64_t>(_mm_cvtsi128_si64(_mm512_castsi512_si128(delta)));
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

template <Conversion kConversion>
BARO_AVX512 inline __m512d ConvertEight(__m512i x, __m512d scale) {
  if constexpr (kConversion == Conversion::kOrdered) {
    const __m512i sign = _mm512_srai_epi64(x, 63);
    return _mm512_castsi512_pd(_mm512_xor_si512(x, _mm512_srli_epi64(sign, 1)));
  }
  const __m512d y = _mm512_cvtepi64_pd(x);
  if constexpr (kConversion == Conversion::kDivided) return _mm512_div_pd(y, scale);
  if constexpr (kConversion == Conversion::kMultiplied) return _mm512_mul_pd(y, scale);
  return y;
}

template <Conversion kConversion>
BARO_AVX512 void ConvertAs(std::span<const std::uint64_t> values, double scale, double* out) {
  const __m512d factor = _mm512_set1_pd(scale);
  const std::uint64_t* in = values.data();
  std::size_t left = values.size();
  for (; left >= 8; left -= 8, in += 8, out += 8) {
    _mm512_storeu_pd(out, ConvertEight<kConversion>(_mm512_loadu_si512(in), factor));
  }
  if (left == 0) return;
  const __m512i x = _mm512_maskz_loadu_epi64(LanesBelow(left), in);
  _mm512_mask_storeu_pd(out, LanesBelow(left), ConvertEight<kConversion>(x, factor));
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

constinit const DecodeKernels kAvx512Kernels = {
    .name = "avx512", .unpack = Unpack, .integrate = Integrate, .convert = Convert};

}  // namespace baro::tsdb

#endif
