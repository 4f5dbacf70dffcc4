// Where the bytes of a block are, by part, for benchmarks that print them per sample.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include <benchmark/benchmark.h>

#include "base/file_system.h"
#include "tsdb/block/block_files.h"
#include "tsdb/block/block_index.h"
#include "tsdb/block/block_meta.h"

namespace baro::tsdb {

/// Bytes.
struct BlockParts {
  std::uint64_t samples = 0;
  std::uint64_t chunks = 0;      ///< pages of values
  std::uint64_t histograms = 0;  ///< pages of native histograms
  std::uint64_t summaries = 0;
  std::uint64_t columns = 0;
  std::uint64_t series = 0;
  std::uint64_t symbols = 0;  ///< values of labels
  std::uint64_t postings = 0;
  std::uint64_t directories = 0;  ///< of the index: columns' entries, roots, footers
  std::uint64_t meta = 0;

  std::uint64_t all() const {
    return chunks + histograms + summaries + columns + series + symbols + postings + directories + meta;
  }
  void Add(const BlockParts& other);

  /// Puts bytes per sample into the counters.
  void Tell(benchmark::State& state) const;
};

inline void BlockParts::Add(const BlockParts& other) {
  for (const auto part : {&BlockParts::samples, &BlockParts::chunks, &BlockParts::histograms, &BlockParts::summaries,
                          &BlockParts::columns, &BlockParts::series, &BlockParts::symbols, &BlockParts::postings,
                          &BlockParts::directories, &BlockParts::meta}) {
    this->*part += other.*part;
  }
}

inline void BlockParts::Tell(benchmark::State& state) const {
  const auto per_sample = [this](std::uint64_t bytes) {
    return static_cast<double>(bytes) / static_cast<double>(samples);
  };
  state.counters["B_all"] = per_sample(all());
  state.counters["B_chunks"] = per_sample(chunks);
  if (histograms != 0) state.counters["B_histograms"] = per_sample(histograms);
  state.counters["B_summaries"] = per_sample(summaries);
  state.counters["B_columns"] = per_sample(columns);
  state.counters["B_series"] = per_sample(series);
  state.counters["B_symbols"] = per_sample(symbols);
  state.counters["B_postings"] = per_sample(postings);
  state.counters["B_directories"] = per_sample(directories);
}

/// Of the block at that path.
inline BlockParts PartsOf(const std::string& path, const BlockMeta& meta) {
  BlockParts parts{.samples = meta.counts.samples()};
  const auto file = *base::RealFileSystem().Map(path + "/index");
  std::vector<std::string> damage;
  const auto index = *BlockIndex::Open(file->bytes(), meta.ulid, damage);
  const IndexRoot& root = index->root();
  const auto stored = [&file](std::uint64_t offset, FrameKind kind) {
    return LookAtFrame(file->bytes(), offset, kind)->size_bytes();
  };
  for (const NameEntry& name : root.names) {
    for (const ValuePageEntry& page : name.pages) {
      parts.symbols += stored(page.values_offset, FrameKind::kValues);
      parts.postings += stored(page.postings_offset, FrameKind::kPostings);
    }
  }
  for (const std::uint64_t page : root.series_pages) parts.series += stored(page, FrameKind::kSeries);
  for (const ChunkPageEntry& page : root.floats.pages) parts.chunks += page.size_bytes;
  for (const ChunkPageEntry& page : root.histograms.pages) parts.histograms += page.size_bytes;
  parts.summaries = root.chunks_file_bytes - parts.chunks - parts.histograms;
  parts.columns = root.columns_file_bytes;
  parts.directories = file->bytes().size() - parts.series - parts.symbols - parts.postings;
  parts.meta = base::ReadFile(base::RealFileSystem(), path + "/meta.json", std::size_t{1} << 20)->size();
  return parts;
}

}  // namespace baro::tsdb
