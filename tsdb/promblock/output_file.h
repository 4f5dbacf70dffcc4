// A file that is written from front to back in large pieces.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "base/bytes.h"
#include "base/file_system.h"
#include "base/result.h"

namespace baro::tsdb {

/// Threads  Confined.
class OutputFile {
 public:
  /// The file must not exist.
  static base::Result<OutputFile> Create(base::FileSystem& files, const std::string& path) {
    return OutputFile(BARO_TRY(files.OpenWritable(path, base::FileSystem::OpenMode::kCreate)));
  }

  std::uint64_t size() const { return size_; }

  base::Result<> Append(base::ByteSpan bytes) {
    size_ += bytes.size();
    base::AppendBytes(pending_, bytes);
    return pending_.size() < kPieceBytes ? base::Result<>() : Flush();
  }

  /// Fills with zeros up to a multiple of `alignment`.
  base::Result<> Align(std::uint64_t alignment) {
    const std::uint64_t rest = size_ % alignment;
    if (rest == 0) return {};
    return Append(base::ByteBuffer(alignment - rest));
  }

  /// Makes the content durable and closes the file.
  base::Result<> Finish() {
    BARO_TRY(Flush());
    BARO_TRY(file_->Sync());
    return file_->Close();
  }

 private:
  static constexpr std::size_t kPieceBytes = std::size_t{1} << 20;

  explicit OutputFile(std::unique_ptr<base::WritableFile> file) : file_(std::move(file)) {}

  base::Result<> Flush() {
    BARO_TRY(file_->Append(pending_));
    pending_.clear();
    return {};
  }

  std::unique_ptr<base::WritableFile> file_;
  base::ByteBuffer pending_;
  std::uint64_t size_ = 0;
};

}  // namespace baro::tsdb
