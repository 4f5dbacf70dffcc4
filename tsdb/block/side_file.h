// What only some series of a block have, in a file of its own: records by ascending number, in pages.
//
// Format   docs/formats/block.md, section 12.
// Threads  SideFileWriter and SideFileCursor are confined; SideFile is immutable.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/file_system.h"
#include "base/result.h"
#include "tsdb/block/block_files.h"

namespace baro::tsdb {

/// Writes one. No file is made before the first record.
class SideFileWriter {
 public:
  /// Borrows `files`, which outlives it.
  SideFileWriter(base::FileSystem& files, std::string directory, const Ulid& ulid, BlockFile kind)
      : files_(files), directory_(std::move(directory)), ulid_(ulid), kind_(kind) {}

  /// Shape    numbers ascend.
  base::Result<> Add(std::uint64_t number, base::ByteSpan record);
  /// Makes it durable.
  base::Result<> Finish();

  std::uint64_t record_count() const { return record_count_; }
  std::uint64_t written_bytes() const { return file_ == nullptr ? 0 : file_->offset(); }

 private:
  base::Result<> FlushPage();

  base::FileSystem& files_;
  const std::string directory_;
  const Ulid ulid_;
  const BlockFile kind_;
  std::unique_ptr<BlockFileWriter> file_;
  base::ByteBuffer page_;
  std::uint64_t page_records_ = 0;
  std::uint64_t page_first_ = 0;
  std::uint64_t next_ = 0;  // the least number that may come
  std::uint64_t record_count_ = 0;
  base::ByteBuffer directory_content_;
  std::uint64_t pages_ = 0;
  std::uint64_t last_first_ = 0;   // of the page before, in the directory
  std::uint64_t last_offset_ = 0;  // likewise
};

/// An open one.
///
/// Owns     nothing of the file: borrows its bytes.
class SideFile {
 public:
  /// Errors   kCorruption: header, footer or directory; kUnsupported: another version.
  static base::Result<SideFile> Open(base::ByteSpan bytes, const Ulid& ulid, BlockFile kind);

  /// Reads all pages and compares checksums. Errors kCorruption: the first that is damaged.
  base::Result<> Verify() const;

  bool empty() const { return pages_.empty(); }

 private:
  friend class SideFileCursor;
  struct Page {
    std::uint64_t first = 0;  // number of its first record
    std::uint64_t offset = 0;
  };
  base::Result<base::ByteSpan> ReadPage(std::size_t page, base::ByteBuffer& buffer) const;

  base::ByteSpan bytes_;
  Ulid ulid_;
  BlockFile kind_{};
  std::vector<Page> pages_;
};

/// Finds records. Cheap for numbers that ascend: each page is taken out once.
class SideFileCursor {
 public:
  /// Borrows the file, which outlives it.
  explicit SideFileCursor(const SideFile& file) : file_(file) {}

  /// The record of that number, borrowed until the next call; nothing if there is none.
  /// Errors   kCorruption: the page that would have it.
  base::Result<std::optional<base::ByteSpan>> Find(std::uint64_t number);

  /// The first record from `number` on, with its number; nothing behind the last.
  struct Record {
    std::uint64_t number = 0;
    base::ByteSpan bytes;
  };
  base::Result<std::optional<Record>> FindFrom(std::uint64_t number);

 private:
  base::Result<> LoadPage(std::size_t page);

  const SideFile& file_;
  std::size_t page_ = ~std::size_t{0};
  base::ByteBuffer buffer_;
  std::vector<Record> records_;  // of the page
};

}  // namespace baro::tsdb
