// Kernels for AVX-512 with VBMI: eight integers at a time.
//
// Source   As kernels_avx2.cpp.
#if defined(__x86_64__)

#include <immintrin.h>

#include <algorithm>
#include <array>

#include "tsdb/codec/bit_packing.h"
#include "tsdb/codec/decode_kernels.h"
#include "tsdb/codec/decode_table.h"

#define BARO_AVX512 __attribute__((target("avx512f,avx512dq,avx512bw,avx512vbmi,popcnt,bmi,bmi2")))
#define BARO_AVX512_INLINE \
  __attribute__((target("avx512f,avx512dq,avx512bw,avx512vbmi,popcnt,bmi,bmi2"), always_inline)) inline

namespace baro::tsdb {
namespace {

// Eight values of so many bits can be had by loads of eight bytes; those of 64 stand as they are.
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

BARO_AVX512_INLINE __m512i Broadcast(std::uint64_t value) { return _mm512_set1_epi64(static_cast<long long>(value)); }

// Takes eight packed values out of the bytes that they begin in.
class Unpacker {
 public:
  BARO_AVX512_INLINE explicit Unpacker(unsigned width)
      : from_(_mm512_loadu_si512(kPlans[width].bytes.data())),
        shifts_(_mm512_loadu_si512(kPlans[width].shifts.data())),
        mask_(Broadcast((std::uint64_t{1} << width) - 1)) {}

  BARO_AVX512_INLINE __m512i operator()(const std::byte* in) const {
    const __m512i x = _mm512_permutexvar_epi8(from_, _mm512_loadu_si512(in));
    return _mm512_and_si512(_mm512_srlv_epi64(x, shifts_), mask_);
  }

 private:
  __m512i from_;
  __m512i shifts_;
  __m512i mask_;
};

// Takes eight values of 64 bits.
class Unpacked {
 public:
  BARO_AVX512_INLINE __m512i operator()(const std::byte* in) const { return _mm512_loadu_si512(in); }
};

BARO_AVX512 void Unpack(const std::byte* bytes, unsigned width, std::span<std::uint64_t> values) {
  if (width > kFastWidthMax) return UnpackBits({bytes, PackedBytes(values.size(), width)}, width, values);
  const Unpacker eight(width);
  std::uint64_t* out = values.data();
  std::size_t left = values.size();
  for (; left >= 8; left -= 8, out += 8, bytes += width) _mm512_storeu_si512(out, eight(bytes));
  if (left != 0) _mm512_mask_storeu_epi64(out, LanesBelow(left), eight(bytes));
}

BARO_AVX512_INLINE __m512i PrefixSum(__m512i x) {
  const __m512i zero = _mm512_setzero_si512();
  x = _mm512_add_epi64(x, _mm512_alignr_epi64(x, zero, 7));
  x = _mm512_add_epi64(x, _mm512_alignr_epi64(x, zero, 6));
  return _mm512_add_epi64(x, _mm512_alignr_epi64(x, zero, 4));
}
BARO_AVX512_INLINE __m512i Last(__m512i x) { return _mm512_permutexvar_epi64(_mm512_set1_epi64(7), x); }

BARO_AVX512_INLINE __m512i Ordered(__m512i x) {
  return _mm512_xor_si512(x, _mm512_srli_epi64(_mm512_srai_epi64(x, 63), 1));
}

// Eight residuals become eight values.
template <unsigned kPredictor, bool kIsZigZag, bool kIsDivided, Conversion kConversion>
class Pipeline {
 public:
  BARO_AVX512_INLINE Pipeline(const IntegrationRule& rule, const ConversionRule& conversion,
                              const IntegrationState& state)
      : base_(Broadcast(rule.base)),
        divisor_(Broadcast(rule.divisor)),
        value_(Broadcast(state.value)),
        delta_(Broadcast(state.delta)),
        scale_(_mm512_set1_pd(conversion.scale)),
        reciprocal_(_mm512_set1_pd(kConversion == Conversion::kDivided ? 1 / conversion.scale : 1)) {}

  BARO_AVX512_INLINE __m512i Step(__m512i x) {
    if constexpr (kIsZigZag) {
      const __mmask8 is_negative = _mm512_test_epi64_mask(x, _mm512_set1_epi64(1));
      x = _mm512_srli_epi64(x, 1);
      x = _mm512_mask_xor_epi64(x, is_negative, x, _mm512_set1_epi64(-1));
    }
    if constexpr (kIsDivided) x = _mm512_mullo_epi64(x, divisor_);
    x = _mm512_add_epi64(x, base_);
    if constexpr (kPredictor == 2) x = Sum(x, delta_);
    if constexpr (kPredictor >= 1) x = Sum(x, value_);
    return Convert(x);
  }

  BARO_AVX512_INLINE void Store(IntegrationState& state) const {
    state.value = static_cast<std::uint64_t>(_mm_cvtsi128_si64(_mm512_castsi512_si128(value_)));
    state.delta = static_cast<std::uint64_t>(_mm_cvtsi128_si64(_mm512_castsi512_si128(delta_)));
  }

 private:
  // The sum so far is added last: from one eight to the next only that addition has to wait.
  BARO_AVX512_INLINE static __m512i Sum(__m512i x, __m512i& before) {
    x = PrefixSum(x);
    const __m512i total = Last(x);
    x = _mm512_add_epi64(x, before);
    before = _mm512_add_epi64(before, total);
    return x;
  }

  BARO_AVX512_INLINE __m512i Convert(__m512i x) const {
    if constexpr (kConversion == Conversion::kNone) return x;
    if constexpr (kConversion == Conversion::kOrdered) return Ordered(x);
    __m512d y = _mm512_cvtepi64_pd(x);
    if constexpr (kConversion == Conversion::kDivided) {
      const __m512d number = y;
      y = _mm512_mul_pd(number, reciprocal_);
      y = _mm512_fmadd_pd(_mm512_fnmadd_pd(y, scale_, number), reciprocal_, y);
    }
    if constexpr (kConversion == Conversion::kMultiplied) y = _mm512_mul_pd(y, scale_);
    return _mm512_castpd_si512(y);
  }

  const __m512i base_;
  const __m512i divisor_;
  __m512i value_;
  __m512i delta_;
  const __m512d scale_;
  const __m512d reciprocal_;
};

// `take` gives eight residuals from their first byte on.
template <typename Pipeline, typename Take>
BARO_AVX512_INLINE void Run(const PackedBlock& block, const Take& take, Pipeline& pipeline, std::byte* out) {
  const std::byte* in = block.bytes;
  std::size_t left = block.length;
  for (; left >= 8; left -= 8, in += block.width, out += 64) _mm512_storeu_si512(out, pipeline.Step(take(in)));
  if (left != 0) _mm512_mask_storeu_epi64(out, LanesBelow(left), pipeline.Step(take(in)));
}

template <unsigned kPredictor, bool kIsZigZag, bool kIsDivided, Conversion kConversion>
BARO_AVX512 void DecodeAs(const PackedBlock& block, const IntegrationRule& rule, const ConversionRule& conversion,
                          IntegrationState& state, std::byte* out) {
  Pipeline<kPredictor, kIsZigZag, kIsDivided, kConversion> pipeline(rule, conversion, state);
  if (block.width > kFastWidthMax) {
    Run(block, Unpacked(), pipeline, out);
  } else {
    Run(block, Unpacker(block.width), pipeline, out);
  }
  pipeline.Store(state);
}

constexpr auto kDecoders =
    MakeDecodeTable([]<unsigned kPredictor, bool kIsZigZag, bool kIsDivided, Conversion kConversion> {
      return &DecodeAs<kPredictor, kIsZigZag, kIsDivided, kConversion>;
    });

void Decode(const PackedBlock& block, const IntegrationRule& rule, const ConversionRule& conversion,
            IntegrationState& state, std::byte* out) {
  const DecodeFunction decode = kDecoders[DecodeTableIndex(rule, conversion.conversion)];
  if (block.width <= kFastWidthMax || block.width == 64) return decode(block, rule, conversion, state, out);
  Residuals residuals;
  decode(UnpackWide(block, residuals), rule, conversion, state, out);
}

BARO_AVX512 bool Patch(const PackedExceptions& exceptions, std::size_t length, Residuals& residuals) {
  if (!ArePositionsGood(exceptions, length)) return false;
  std::array<std::uint64_t, kBlockLengthMax + 8> unpacked;  // eight are loaded where fewer may be left
  const std::span<std::uint64_t> high = std::span(unpacked).first(exceptions.count);
  Unpack(exceptions.high, exceptions.width, high);
  const std::uint64_t* next = unpacked.data();
  if (!exceptions.is_bitmap) {
    for (std::size_t i = 0; i < exceptions.count; ++i) {
      residuals[static_cast<std::uint8_t>(exceptions.positions[i])] |= *next++ << exceptions.shift;
    }
    return true;
  }
  const __m512i shift = Broadcast(exceptions.shift);
  std::uint64_t* out = residuals.data();
  for (std::size_t i = 0; i < exceptions.position_bytes; ++i, out += 8) {
    // Spread out in registers: the instruction that loads and does it is slow on some processors.
    const auto lanes = static_cast<__mmask8>(exceptions.positions[i]);
    const __m512i spread = _mm512_maskz_expand_epi64(lanes, _mm512_loadu_si512(next));
    next += std::popcount(static_cast<unsigned>(lanes));
    _mm512_storeu_si512(out, _mm512_or_si512(_mm512_loadu_si512(out), _mm512_sllv_epi64(spread, shift)));
  }
  return true;
}

BARO_AVX512 bool LookUp(const std::byte* bytes, unsigned width, const std::array<double, kDictionaryMax>& dictionary,
                        std::size_t count, std::span<double> values) {
  const Unpacker eight(width);
  const __m512i end = Broadcast(count);
  const __m512d few = _mm512_loadu_pd(dictionary.data());
  __mmask8 outside = 0;
  double* out = values.data();
  for (std::size_t left = values.size(); left != 0; bytes += width, out += 8) {
    const __mmask8 lanes = LanesBelow(std::min<std::size_t>(left, 8));
    const __m512i indexes = eight(bytes);
    const __mmask8 behind = _mm512_mask_cmpge_epu64_mask(lanes, indexes, end);
    outside |= behind;
    const __m512d found = width <= 3 ? _mm512_permutexvar_pd(indexes, few)
                                     : _mm512_i64gather_pd(indexes, dictionary.data(), sizeof(double));
    _mm512_mask_storeu_pd(out, lanes, found);
    left -= std::min<std::size_t>(left, 8);
  }
  return outside == 0;
}

BARO_AVX512 void Move(std::span<double> values, std::span<const std::uint64_t> distances) {
  double* out = values.data();
  const std::uint64_t* by = distances.data();
  for (std::size_t left = values.size(); left != 0; out += 8, by += 8) {
    const __mmask8 lanes = LanesBelow(std::min<std::size_t>(left, 8));
    const __m512i order = Ordered(_mm512_maskz_loadu_epi64(lanes, out));
    _mm512_mask_storeu_epi64(out, lanes, Ordered(_mm512_add_epi64(order, _mm512_maskz_loadu_epi64(lanes, by))));
    left -= std::min<std::size_t>(left, 8);
  }
}

BARO_AVX512 void Fill(std::span<double> values, double value) {
  const __m512d eight = _mm512_set1_pd(value);
  double* out = values.data();
  std::size_t left = values.size();
  for (; left >= 32; left -= 32, out += 32) {
    _mm512_storeu_pd(out, eight);
    _mm512_storeu_pd(out + 8, eight);
    _mm512_storeu_pd(out + 16, eight);
    _mm512_storeu_pd(out + 24, eight);
  }
  for (; left >= 8; left -= 8, out += 8) _mm512_storeu_pd(out, eight);
  if (left != 0) _mm512_mask_storeu_pd(out, LanesBelow(left), eight);
}

}  // namespace

constinit const DecodeKernels kAvx512Kernels = {.name = "avx512",
                                                .decode = Decode,
                                                .unpack = Unpack,
                                                .patch = Patch,
                                                .look_up = LookUp,
                                                .move = Move,
                                                .fill = Fill};

}  // namespace baro::tsdb

#endif
