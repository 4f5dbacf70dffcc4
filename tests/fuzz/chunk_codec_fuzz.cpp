// fuzz: tsdb
// Decoders survive any bytes; encoders give back every bit of any values.
#include <cstdlib>
#include <cstring>
#include <vector>

#include "tsdb/codec/integer_stream.h"
#include "tsdb/codec/value_codec.h"
#include "tsdb/wal/histogram_record.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 2) return 0;
  const std::size_t count = 1 + data[0] + 4 * std::size_t{data[1]};
  const baro::base::ByteSpan bytes(reinterpret_cast<const std::byte*>(data) + 2, size - 2);
  std::vector<double> values(count);
  std::vector<std::uint64_t> integers(count);
  (void)baro::tsdb::DecodeValues(bytes, values).has_value();
  (void)baro::tsdb::DecodeIntegers(bytes, integers).has_value();
  (void)baro::tsdb::DecodeHistogram(bytes).has_value();

  std::vector<double> given(bytes.size() / sizeof(double));
  if (given.empty() || given.size() > baro::tsdb::kStreamLengthMax) return 0;
  std::memcpy(given.data(), bytes.data(), given.size() * sizeof(double));
  baro::base::ByteBuffer encoded;
  baro::tsdb::EncodeValues(given, encoded);
  std::vector<double> back(given.size());
  const auto rest = baro::tsdb::DecodeValues(encoded, back);
  if (!rest || !rest->empty() || std::memcmp(given.data(), back.data(), given.size() * sizeof(double)) != 0)
    std::abort();
  return 0;
}
