// fuzz: tsdb
// A file of head chunks of any bytes: what is taken for intact can be read, or says that it cannot.
#include "tsdb/head_files/head_file.h"

#include <cstdlib>

#include "base/crc32c.h"

namespace {

class Bytes : public baro::base::MappedFile {
 public:
  explicit Bytes(baro::base::ByteBuffer bytes) : bytes_(std::move(bytes)) {}
  baro::base::ByteSpan bytes() const override { return bytes_; }

 private:
  const baro::base::ByteBuffer bytes_;
};

// Sets lengths and checksums right, which gets the fuzzer past them.
void Repair(baro::base::ByteBuffer& bytes) {
  using baro::base::ByteSpan;
  using baro::base::Crc32c;
  using baro::base::LoadLe;
  using baro::base::StoreLe;
  if (bytes.size() < baro::tsdb::kHeadFileHeaderBytes) return;
  StoreLe(bytes.data() + 8, std::uint64_t{1});
  StoreLe(bytes.data() + 28, Crc32c(ByteSpan(bytes).first(28)));
  for (std::size_t offset = baro::tsdb::kHeadFileHeaderBytes; offset + 64 <= bytes.size();) {
    const std::size_t length = LoadLe<std::uint32_t>(bytes.data() + offset);
    if (length < 64 || length > bytes.size() - offset) return;
    std::byte place[16];
    StoreLe(place, std::uint64_t{1});
    StoreLe(place + 8, std::uint64_t{offset});
    const ByteSpan chunk = ByteSpan(bytes).subspan(offset, length);
    StoreLe(bytes.data() + offset + 4, Crc32c(chunk.subspan(8), Crc32c(chunk.first(4), Crc32c(place))));
    offset += length;
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const auto* const begin = reinterpret_cast<const std::byte*>(data);
  baro::base::ByteBuffer bytes(begin + 1, begin + size);
  if ((data[0] & 1) != 0) Repair(bytes);
  const auto file = std::make_shared<const Bytes>(std::move(bytes));
  const baro::tsdb::ParsedHeadFile parsed = baro::tsdb::ParseHeadFile(file, 1);
  std::vector<std::int64_t> timestamps;
  std::vector<double> values;
  std::vector<std::uint64_t> presence;
  for (const baro::tsdb::HeadFileChunk& each : parsed.chunks) {
    if (each.Layout().size() != each.chunk->columns()) std::abort();
    timestamps.clear();
    const bool has_times = each.chunk->ReadTimestamps(timestamps).has_value();
    for (std::size_t column = 0; column < each.chunk->columns(); ++column) {
      if (!each.chunk->Has(column)) continue;
      if (!each.chunk->ReadColumn(column, values, presence)) continue;
      if (values.size() > each.chunk->rows()) std::abort();
      if (has_times && !each.chunk->ReadLast(column, timestamps)) std::abort();
    }
  }
  return 0;
}
