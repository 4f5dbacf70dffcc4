// Kernels for AVX2: four integers at a time.
//
// Source   Unpacking by byte shuffle and variable shift: Willhalm et al., "SIMD-Scan", VLDB 2009. Prefix sums in
//          registers: Hillis and Steele, "Data Parallel Algorithms", CACM 1986.
#if defined(__x86_64__)

#include <immintrin.h>

#include <algorithm>
#include <array>
#include <cmath>

#include "tsdb/codec/bit_packing.h"
#include "tsdb/codec/decode_kernels.h"
#include "tsdb/codec/decode_table.h"

#define BARO_AVX2 __attribute__((target("avx2,fma,popcnt,bmi,bmi2")))
#define BARO_AVX2_INLINE __attribute__((target("avx2,fma,popcnt,bmi,bmi2"), always_inline)) inline

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

// For each count of lanes, from 0 to 4: the mask that stores them.
alignas(32) constexpr std::array<std::int64_t, 8> kLanesBelow = {-1, -1, -1, -1, 0, 0, 0, 0};

BARO_AVX2_INLINE __m256i Load(const void* at) { return _mm256_loadu_si256(static_cast<const __m256i*>(at)); }
BARO_AVX2_INLINE void Store(void* at, __m256i value) { _mm256_storeu_si256(static_cast<__m256i*>(at), value); }
BARO_AVX2_INLINE __m256i Broadcast(std::uint64_t value) { return _mm256_set1_epi64x(static_cast<long long>(value)); }
BARO_AVX2_INLINE void StoreFirst(void* at, std::size_t count, __m256i value) {
  _mm256_maskstore_epi64(static_cast<long long*>(at), Load(kLanesBelow.data() + 4 - std::min<std::size_t>(count, 4)),
                         value);
}

struct Eight {
  __m256i low;
  __m256i high;
};

// Takes eight packed values out of the bytes that they begin in.
class Unpacker {
 public:
  BARO_AVX2_INLINE explicit Unpacker(unsigned width)
      : offsets_(kPlans[width].offsets),
        low_bytes_(Load(kPlans[width].bytes.data())),
        high_bytes_(Load(kPlans[width].bytes.data() + 32)),
        low_shifts_(Load(kPlans[width].shifts.data())),
        high_shifts_(Load(kPlans[width].shifts.data() + 4)),
        mask_(Broadcast((std::uint64_t{1} << width) - 1)) {}

  BARO_AVX2_INLINE Eight operator()(const std::byte* in) const {
    const __m256i low = _mm256_shuffle_epi8(LoadPairs(in, in + offsets_[1]), low_bytes_);
    const __m256i high = _mm256_shuffle_epi8(LoadPairs(in + offsets_[2], in + offsets_[3]), high_bytes_);
    return {.low = _mm256_and_si256(_mm256_srlv_epi64(low, low_shifts_), mask_),
            .high = _mm256_and_si256(_mm256_srlv_epi64(high, high_shifts_), mask_)};
  }

 private:
  BARO_AVX2_INLINE static __m256i LoadPairs(const std::byte* first, const std::byte* second) {
    const __m128i low = _mm_loadu_si128(reinterpret_cast<const __m128i*>(first));
    const __m128i high = _mm_loadu_si128(reinterpret_cast<const __m128i*>(second));
    return _mm256_inserti128_si256(_mm256_castsi128_si256(low), high, 1);
  }

  const std::array<std::uint8_t, 4> offsets_;
  const __m256i low_bytes_;
  const __m256i high_bytes_;
  const __m256i low_shifts_;
  const __m256i high_shifts_;
  const __m256i mask_;
};

// Takes eight values of 64 bits.
class Unpacked {
 public:
  BARO_AVX2_INLINE Eight operator()(const std::byte* in) const { return {.low = Load(in), .high = Load(in + 32)}; }
};

BARO_AVX2 void Unpack(const std::byte* bytes, unsigned width, std::span<std::uint64_t> values) {
  if (width > kFastWidthMax) return UnpackBits({bytes, PackedBytes(values.size(), width)}, width, values);
  const Unpacker unpacker(width);
  std::uint64_t* out = values.data();
  std::size_t left = values.size();
  for (; left >= 8; left -= 8, out += 8, bytes += width) {
    const Eight eight = unpacker(bytes);
    Store(out, eight.low);
    Store(out + 4, eight.high);
  }
  if (left == 0) return;
  const Eight eight = unpacker(bytes);
  StoreFirst(out, left, eight.low);
  if (left > 4) StoreFirst(out + 4, left - 4, eight.high);
}

// The low 64 bits of a product, which AVX2 does not have.
BARO_AVX2_INLINE __m256i Multiply(__m256i a, __m256i b) {
  const __m256i crossed = _mm256_mullo_epi32(a, _mm256_shuffle_epi32(b, 0xb1));
  const __m256i high = _mm256_slli_epi64(_mm256_add_epi32(crossed, _mm256_srli_epi64(crossed, 32)), 32);
  return _mm256_add_epi64(_mm256_mul_epu32(a, b), high);
}

// Sums of a, a+b, a+b+c, a+b+c+d.
BARO_AVX2_INLINE __m256i PrefixSum(__m256i x) {
  x = _mm256_add_epi64(x, _mm256_slli_si256(x, 8));             // within the halves
  const __m256i low_total = _mm256_permute4x64_epi64(x, 0x50);  // 0 0 1 1
  return _mm256_add_epi64(x, _mm256_blend_epi32(_mm256_setzero_si256(), low_total, 0xf0));
}
BARO_AVX2_INLINE __m256i Last(__m256i x) { return _mm256_permute4x64_epi64(x, 0xff); }

BARO_AVX2_INLINE __m256i Ordered(__m256i x) {
  const __m256i is_negative = _mm256_cmpgt_epi64(_mm256_setzero_si256(), x);
  return _mm256_xor_si256(x, _mm256_srli_epi64(is_negative, 1));
}

// The double of a signed integer of less than 51 bits: it becomes the low part of the mantissa of 3 * 2^51.
BARO_AVX2_INLINE __m256d ShortToDouble(__m256i x) {
  const __m256i magic = _mm256_set1_epi64x(0x4338000000000000);  // 2^52 + 2^51
  return _mm256_sub_pd(_mm256_castsi256_pd(_mm256_add_epi64(x, magic)), _mm256_castsi256_pd(magic));
}

// The nearest double of a signed integer, as the scalar instruction gives it: the upper and the lower half become
// doubles exactly, by being the mantissa of 3 * 2^67 and of 2^52, and are added with one rounding.
BARO_AVX2_INLINE __m256d ToDouble(__m256i x) {
  const __m256i upper_magic = _mm256_set1_epi64x(0x4530000080000000);                     // 2^84 + 2^63
  const __m256i lower_magic = _mm256_set1_epi64x(0x4330000000000000);                     // 2^52
  const __m256d all_magic = _mm256_castsi256_pd(_mm256_set1_epi64x(0x4530000080100000));  // 2^84 + 2^63 + 2^52
  const __m256i lower = _mm256_blend_epi32(lower_magic, x, 0x55);
  const __m256i upper = _mm256_xor_si256(_mm256_srli_epi64(x, 32), upper_magic);
  return _mm256_add_pd(_mm256_sub_pd(_mm256_castsi256_pd(upper), all_magic), _mm256_castsi256_pd(lower));
}

// What is known about the numbers of a block before it is decoded, so that shorter ways are right.
struct Bounds {
  bool has_short_factors = false;  // residuals and divisor are less than 2^31
  bool has_short_values = false;   // all values' magnitudes are less than 2^51
};

Bounds BoundsOf(const PackedBlock& block, const IntegrationRule& rule, const IntegrationState& state) {
  constexpr double kShort = 0x1p50;  // half of what is allowed: the estimates below round
  const auto magnitude = [](std::uint64_t value) {
    return std::fabs(static_cast<double>(static_cast<std::int64_t>(value)));
  };
  Bounds bounds;
  bounds.has_short_factors = block.bits <= 31 && rule.divisor < std::uint64_t{1} << 31;
  const auto length = static_cast<double>(block.length);
  const double residual = block.bits < 64 ? static_cast<double>(std::uint64_t{1} << block.bits) : 0x1p64;
  double most = residual * static_cast<double>(rule.divisor) + magnitude(rule.base);
  if (rule.predictor == 2) most = magnitude(state.delta) + most * length;
  if (rule.predictor >= 1) most = magnitude(state.value) + most * length;
  bounds.has_short_values = most < kShort;
  return bounds;
}

// Four residuals become four values.
template <unsigned kPredictor, bool kIsZigZag, bool kIsDivided, Conversion kConversion>
class Pipeline {
 public:
  BARO_AVX2_INLINE Pipeline(const IntegrationRule& rule, const ConversionRule& conversion,
                            const IntegrationState& state, Bounds bounds)
      : bounds_(bounds),
        base_(Broadcast(rule.base)),
        divisor_(Broadcast(rule.divisor)),
        value_(Broadcast(state.value)),
        delta_(Broadcast(state.delta)),
        scale_(_mm256_set1_pd(conversion.scale)),
        reciprocal_(_mm256_set1_pd(kConversion == Conversion::kDivided ? 1 / conversion.scale : 1)) {}

  BARO_AVX2_INLINE __m256i Step(__m256i x) {
    if constexpr (kIsZigZag) {
      const __m256i sign = _mm256_sub_epi64(_mm256_setzero_si256(), _mm256_and_si256(x, _mm256_set1_epi64x(1)));
      x = _mm256_xor_si256(_mm256_srli_epi64(x, 1), sign);
    }
    if constexpr (kIsDivided) x = bounds_.has_short_factors ? _mm256_mul_epi32(x, divisor_) : Multiply(x, divisor_);
    x = _mm256_add_epi64(x, base_);
    if constexpr (kPredictor == 2) x = Sum(x, delta_);
    if constexpr (kPredictor >= 1) x = Sum(x, value_);
    return Convert(x);
  }

  BARO_AVX2_INLINE void Store(IntegrationState& state) const {
    state.value = static_cast<std::uint64_t>(_mm256_extract_epi64(value_, 0));
    state.delta = static_cast<std::uint64_t>(_mm256_extract_epi64(delta_, 0));
  }

 private:
  // The sum so far is added last: from one four to the next only that addition has to wait.
  BARO_AVX2_INLINE static __m256i Sum(__m256i x, __m256i& before) {
    x = PrefixSum(x);
    const __m256i total = Last(x);
    x = _mm256_add_epi64(x, before);
    before = _mm256_add_epi64(before, total);
    return x;
  }

  BARO_AVX2_INLINE __m256i Convert(__m256i x) const {
    if constexpr (kConversion == Conversion::kNone) return x;
    if constexpr (kConversion == Conversion::kOrdered) return Ordered(x);
    __m256d y = bounds_.has_short_values ? ShortToDouble(x) : ToDouble(x);
    if constexpr (kConversion == Conversion::kDivided) {
      const __m256d number = y;
      y = _mm256_mul_pd(number, reciprocal_);
      y = _mm256_fmadd_pd(_mm256_fnmadd_pd(y, scale_, number), reciprocal_, y);
    }
    if constexpr (kConversion == Conversion::kMultiplied) y = _mm256_mul_pd(y, scale_);
    return _mm256_castpd_si256(y);
  }

  const Bounds bounds_;
  const __m256i base_;
  const __m256i divisor_;
  __m256i value_;
  __m256i delta_;
  const __m256d scale_;
  const __m256d reciprocal_;
};

// `take` gives eight residuals from their first byte on.
template <typename Pipeline, typename Take>
BARO_AVX2_INLINE void Run(const PackedBlock& block, const Take& take, Pipeline& pipeline, std::byte* out) {
  const std::byte* in = block.bytes;
  std::size_t left = block.length;
  for (; left >= 8; left -= 8, in += block.width, out += 64) {
    const Eight eight = take(in);
    Store(out, pipeline.Step(eight.low));
    Store(out + 32, pipeline.Step(eight.high));
  }
  if (left == 0) return;
  const Eight eight = take(in);
  StoreFirst(out, left, pipeline.Step(eight.low));
  if (left > 4) StoreFirst(out + 32, left - 4, pipeline.Step(eight.high));
}

template <unsigned kPredictor, bool kIsZigZag, bool kIsDivided, Conversion kConversion>
BARO_AVX2 void DecodeAs(const PackedBlock& block, const IntegrationRule& rule, const ConversionRule& conversion,
                        IntegrationState& state, std::byte* out) {
  Pipeline<kPredictor, kIsZigZag, kIsDivided, kConversion> pipeline(rule, conversion, state,
                                                                    BoundsOf(block, rule, state));
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

BARO_AVX2 bool Patch(const PackedExceptions& exceptions, std::size_t length, Residuals& residuals) {
  if (!ArePositionsGood(exceptions, length)) return false;
  Residuals high;
  Unpack(exceptions.high, exceptions.width, std::span(high).first(exceptions.count));
  PatchWith(exceptions, high, residuals);
  return true;
}

BARO_AVX2 bool LookUp(const std::byte* bytes, unsigned width, const std::array<double, kDictionaryMax>& dictionary,
                      std::size_t count, std::span<double> values) {
  const Unpacker unpacker(width);
  const __m256i last = Broadcast(count - 1);
  __m256i outside = _mm256_setzero_si256();
  double* out = values.data();
  std::size_t left = values.size();
  for (; left >= 8; left -= 8, bytes += width, out += 8) {
    const Eight eight = unpacker(bytes);
    outside = _mm256_or_si256(outside, _mm256_cmpgt_epi64(eight.low, last));
    outside = _mm256_or_si256(outside, _mm256_cmpgt_epi64(eight.high, last));
    _mm256_storeu_pd(out, _mm256_i64gather_pd(dictionary.data(), eight.low, sizeof(double)));
    _mm256_storeu_pd(out + 4, _mm256_i64gather_pd(dictionary.data(), eight.high, sizeof(double)));
  }
  if (left != 0) {
    const Eight eight = unpacker(bytes);
    std::array<std::uint64_t, 8> indexes;
    Store(indexes.data(), eight.low);
    Store(indexes.data() + 4, eight.high);
    for (std::size_t i = 0; i < left; ++i) {
      if (indexes[i] >= count) return false;
      out[i] = dictionary[indexes[i]];
    }
  }
  return _mm256_testz_si256(outside, outside) != 0;
}

BARO_AVX2 void Move(std::span<double> values, std::span<const std::uint64_t> distances) {
  double* out = values.data();
  const std::uint64_t* by = distances.data();
  std::size_t left = values.size();
  for (; left >= 4; left -= 4, out += 4, by += 4) {
    Store(out, Ordered(_mm256_add_epi64(Ordered(Load(out)), Load(by))));
  }
  kPortableKernels.move({out, left}, {by, left});
}

BARO_AVX2 void Fill(std::span<double> values, double value) {
  const __m256d four = _mm256_set1_pd(value);
  double* out = values.data();
  std::size_t left = values.size();
  for (; left >= 16; left -= 16, out += 16) {
    _mm256_storeu_pd(out, four);
    _mm256_storeu_pd(out + 4, four);
    _mm256_storeu_pd(out + 8, four);
    _mm256_storeu_pd(out + 12, four);
  }
  for (; left >= 4; left -= 4, out += 4) _mm256_storeu_pd(out, four);
  for (; left != 0; --left, ++out) *out = value;
}

}  // namespace

constinit const DecodeKernels kAvx2Kernels = {
    .name = "avx2", .decode = Decode, .unpack = Unpack, .patch = Patch, .look_up = LookUp, .move = Move, .fill = Fill};

}  // namespace baro::tsdb

#endif
