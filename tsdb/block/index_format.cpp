#include "tsdb/block/index_format.h"

#include "base/crc32c.h"
#include "tsdb/block/column_format.h"
#include "tsdb/block/value_page.h"

namespace baro::tsdb {
namespace {

constexpr std::uint64_t kInLabelOrderFlag = 1;

base::Error Damaged(const char* what) { return {base::Code::kCorruption, fmt::format("index root: {}", what)}; }

void PutText(std::string_view text, base::ByteBuffer& out) {
  base::AppendVarint(out, text.size());
  base::AppendBytes(out, base::AsBytes(text));
}

void EncodeName(const NameEntry& name, base::ByteBuffer& out) {
  PutText(name.text, out);
  base::AppendVarint(out, name.value_count);
  PutText(base::AsText(name.all), out);
  base::AppendVarint(out, name.pages.size());
  std::uint32_t id = 0;
  std::uint64_t offset = 0;
  for (const ValuePageEntry& page : name.pages) {
    PutText(page.first_value, out);
    base::AppendVarint(out, page.first_id - id);
    base::AppendVarint(out, page.values_offset - offset);
    base::AppendVarint(out, page.postings_offset - page.values_offset);
    id = page.first_id;
    offset = page.postings_offset;
  }
}

// Takes the root off its bytes, piece by piece, in the order in which they were put.
class RootReader {
 public:
  RootReader(base::ByteSpan bytes, std::uint64_t index_bytes) : reader_(bytes), index_bytes_(index_bytes) {}

  base::Result<IndexRoot> Run() {
    root_.meta = reader_.Text();
    root_.columns_file_bytes = reader_.Varint();
    root_.chunks_file_bytes = reader_.Varint();
    root_.column_count = reader_.Varint();
    const std::uint64_t flags = reader_.Varint();
    if (!reader_.ok() || flags > kInLabelOrderFlag) return Damaged("cut short, or unknown flags");
    // Columns stand for entries in the directory, which is in this file: so many and no more are worth memory.
    if (root_.column_count > index_bytes_ / kColumnEntryBytes) return Damaged("more columns than entries");
    root_.is_in_label_order = flags == kInLabelOrderFlag;
    BARO_TRY(ReadNames());
    BARO_TRY(ReadShapes());
    BARO_TRY(ReadSeriesPages());
    root_.floats = BARO_TRY(DecodeChunkDirectory(reader_, root_.chunks_file_bytes));
    root_.histograms = BARO_TRY(DecodeChunkDirectory(reader_, root_.chunks_file_bytes));
    if (!reader_.ok() || !reader_.AtEnd()) return Damaged("cut short, or bytes behind its end");
    return std::move(root_);
  }

 private:
  // How many things follow, each of which takes at least a byte.
  base::Result<std::size_t> Count() {
    const std::uint64_t count = reader_.Varint();
    if (!reader_.ok() || count > reader_.remaining()) return Damaged("cut short");
    return static_cast<std::size_t>(count);
  }

  base::Result<> ReadNames() {
    const std::size_t count = BARO_TRY(Count());
    for (std::size_t i = 0; i < count; ++i) {
      NameEntry name;
      name.text = reader_.Text();
      const std::uint64_t values = reader_.Varint();
      if (!reader_.ok() || name.text.empty()) return Damaged("a label name cut short");
      if (!root_.names.empty() && name.text <= root_.names.back().text) return Damaged("label names out of order");
      const auto all = base::AsBytes(reader_.Text());
      name.all.assign(all.begin(), all.end());
      BARO_TRY(ReadValuePages(values, name));
      root_.names.push_back(std::move(name));
    }
    return {};
  }

  base::Result<> ReadValuePages(std::uint64_t values, NameEntry& name) {
    const std::size_t count = BARO_TRY(Count());
    std::uint64_t id = 0;
    std::uint64_t offset = 0;
    for (std::size_t i = 0; i < count; ++i) {
      ValuePageEntry page;
      page.first_value = reader_.Text();
      const std::uint64_t step = reader_.Varint();
      page.values_offset = offset + reader_.Varint();
      page.postings_offset = page.values_offset + reader_.Varint();
      if (!reader_.ok() || page.values_offset < offset || page.postings_offset < page.values_offset ||
          page.postings_offset >= index_bytes_) {
        return Damaged("pages of values outside of the file");
      }
      if ((i == 0) != (step == 0) || step > kValuesPerPage) return Damaged("pages of values with too few or too many");
      if (i > 0 && page.first_value <= name.pages.back().first_value) return Damaged("pages of values out of order");
      id += step;
      offset = page.postings_offset;
      page.first_id = static_cast<std::uint32_t>(id);
      name.pages.push_back(std::move(page));
    }
    if (values <= id || values - id > kValuesPerPage || count == 0) return Damaged("values without pages");
    name.value_count = static_cast<std::uint32_t>(values);
    return {};
  }

  base::Result<> ReadShapes() {
    const std::size_t count = BARO_TRY(Count());
    for (std::size_t i = 0; i < count; ++i) {
      Shape shape(BARO_TRY(Count()));
      std::uint64_t least = 0;
      for (std::uint32_t& name : shape) {
        const std::uint64_t number = least + reader_.Varint();
        if (!reader_.ok() || number >= root_.names.size()) return Damaged("a shape with label names that do not exist");
        name = static_cast<std::uint32_t>(number);
        least = number + 1;
      }
      root_.shapes.push_back(std::move(shape));
    }
    return {};
  }

  base::Result<> ReadSeriesPages() {
    root_.series_count = reader_.Varint();
    const std::size_t count = BARO_TRY(Count());
    std::uint64_t offset = 0;
    for (std::size_t i = 0; i < count; ++i) {
      const std::uint64_t step = reader_.Varint();
      if (!reader_.ok() || step == 0 || step >= index_bytes_ - offset) return Damaged("pages of series out of order");
      offset += step;
      root_.series_pages.push_back(offset);
    }
    if (root_.series_count == 0 || (root_.series_count + kSeriesPerPage - 1) / kSeriesPerPage != count) {
      return Damaged("series without pages");
    }
    return {};
  }

  base::ByteReader reader_;
  const std::uint64_t index_bytes_;
  IndexRoot root_;
};

}  // namespace

void EncodeIndexRoot(const IndexRoot& root, base::ByteBuffer& out) {
  PutText(root.meta, out);
  base::AppendVarint(out, root.columns_file_bytes);
  base::AppendVarint(out, root.chunks_file_bytes);
  base::AppendVarint(out, root.column_count);
  base::AppendVarint(out, root.is_in_label_order ? kInLabelOrderFlag : 0);
  base::AppendVarint(out, root.names.size());
  for (const NameEntry& name : root.names) EncodeName(name, out);
  base::AppendVarint(out, root.shapes.size());
  for (const Shape& shape : root.shapes) {
    base::AppendVarint(out, shape.size());
    std::uint32_t least = 0;
    for (const std::uint32_t name : shape) {
      base::AppendVarint(out, name - least);
      least = name + 1;
    }
  }
  base::AppendVarint(out, root.series_count);
  base::AppendVarint(out, root.series_pages.size());
  std::uint64_t offset = 0;
  for (const std::uint64_t page : root.series_pages) {
    base::AppendVarint(out, page - offset);
    offset = page;
  }
  EncodeChunkDirectory(root.floats, out);
  EncodeChunkDirectory(root.histograms, out);
}

base::Result<IndexRoot> DecodeIndexRoot(base::ByteSpan bytes, std::uint64_t index_bytes) {
  return RootReader(bytes, index_bytes).Run();
}

void EncodeFooter(std::uint64_t first_root, std::uint64_t second_root, std::uint32_t seed, base::ByteBuffer& out) {
  const std::size_t start = out.size();
  base::AppendLe(out, first_root);
  base::AppendLe(out, second_root);
  base::AppendLe(out, base::Crc32c(base::ByteSpan(out).subspan(start), seed));
}

base::Result<std::pair<std::uint64_t, std::uint64_t>> DecodeFooter(base::ByteSpan bytes, std::uint32_t seed) {
  BARO_ASSERT(bytes.size() == kFooterBytes);
  if (base::LoadLe<std::uint32_t>(bytes.data() + 16) != base::Crc32c(bytes.first(16), seed)) {
    return base::Fail(base::Code::kCorruption, "end of the index does not match its checksum");
  }
  return std::pair(base::LoadLe<std::uint64_t>(bytes.data()), base::LoadLe<std::uint64_t>(bytes.data() + 8));
}

}  // namespace baro::tsdb
