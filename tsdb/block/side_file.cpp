#include "tsdb/block/side_file.h"

#include <algorithm>

#include <fmt/format.h>

#include "base/crc32c.h"

namespace baro::tsdb {
namespace {

// A page is closed when it has so many bytes: what is taken out for one record.
constexpr std::size_t kPageBytes = std::size_t{32} << 10;
constexpr std::size_t kFooterBytes = 12;

base::Error Damaged(BlockFile file, std::string_view what) {
  return {base::Code::kCorruption, fmt::format("{}: {}", BlockFileName(file), what)};
}

}  // namespace

base::Result<> SideFileWriter::Add(std::uint64_t number, base::ByteSpan record) {
  BARO_ASSERT(number >= next_);
  if (file_ == nullptr) file_ = BARO_TRY(BlockFileWriter::Create(files_, directory_, ulid_, kind_));
  if (page_records_ == 0) page_first_ = number;
  base::AppendVarint(page_, page_records_ == 0 ? 0 : number - next_);
  base::AppendVarint(page_, record.size());
  base::AppendBytes(page_, record);
  next_ = number + 1;
  ++page_records_;
  ++record_count_;
  return page_.size() < kPageBytes ? base::Result<>() : FlushPage();
}

base::Result<> SideFileWriter::FlushPage() {
  if (page_records_ == 0) return {};
  const std::uint64_t offset = BARO_TRY(file_->AppendFrame(FrameKind::kSidePage, page_, FrameForm::kSmallest));
  base::AppendVarint(directory_content_, page_first_ - last_first_);
  base::AppendVarint(directory_content_, offset - last_offset_);
  last_first_ = page_first_;
  last_offset_ = offset;
  ++pages_;
  page_.clear();
  page_records_ = 0;
  return {};
}

base::Result<> SideFileWriter::Finish() {
  if (file_ == nullptr) return {};
  BARO_TRY(FlushPage());
  const std::uint64_t offset =
      BARO_TRY(file_->AppendFrame(FrameKind::kSideDirectory, directory_content_, FrameForm::kSmallest));
  base::ByteBuffer footer;
  base::AppendLe(footer, offset);
  base::AppendLe(footer, base::Crc32c(footer, file_->seed()));
  BARO_TRY(file_->Append(footer));
  return file_->Finish();
}

base::Result<SideFile> SideFile::Open(base::ByteSpan bytes, const Ulid& ulid, BlockFile kind) {
  BARO_TRY(CheckBlockFileHeader(bytes, ulid, kind));
  if (bytes.size() < kBlockFileHeaderBytes + kFooterBytes) return Damaged(kind, "cut short");
  const std::uint64_t end = bytes.size() - kFooterBytes;
  const base::ByteSpan footer = bytes.subspan(end);
  if (base::LoadLe<std::uint32_t>(footer.data() + 8) != base::Crc32c(footer.first(8), PlaceSeed(ulid, kind, end))) {
    return Damaged(kind, "its end does not match its checksum");
  }
  const auto directory_at = base::LoadLe<std::uint64_t>(footer.data());
  const FrameView frame = BARO_TRY(
      CheckFrame(bytes.first(end), directory_at, FrameKind::kSideDirectory, PlaceSeed(ulid, kind, directory_at)));
  base::ByteBuffer buffer;
  base::ByteReader reader(BARO_TRY(FrameContent(frame, buffer)));
  SideFile file;
  file.bytes_ = bytes.first(directory_at);
  file.ulid_ = ulid;
  file.kind_ = kind;
  Page page;
  while (!reader.AtEnd()) {
    page.first += reader.Varint();
    page.offset += reader.Varint();
    const bool ascends =
        file.pages_.empty() || (page.first > file.pages_.back().first && page.offset > file.pages_.back().offset);
    if (!reader.ok() || !ascends) return Damaged(kind, "directory out of order");
    file.pages_.push_back(page);
  }
  return file;
}

base::Result<base::ByteSpan> SideFile::ReadPage(std::size_t page, base::ByteBuffer& buffer) const {
  const std::uint64_t offset = pages_[page].offset;
  const auto frame = CheckFrame(bytes_, offset, FrameKind::kSidePage, PlaceSeed(ulid_, kind_, offset));
  if (!frame) return Damaged(kind_, frame.error().message());
  return FrameContent(*frame, buffer);
}

base::Result<> SideFile::Verify() const {
  SideFileCursor cursor(*this);
  for (const Page& page : pages_) BARO_TRY(cursor.Find(page.first));
  return {};
}

base::Result<> SideFileCursor::LoadPage(std::size_t page) {
  if (page == page_) return {};
  page_ = ~std::size_t{0};
  records_.clear();
  base::ByteReader reader(BARO_TRY(file_.ReadPage(page, buffer_)));
  std::uint64_t number = file_.pages_[page].first;
  while (!reader.AtEnd()) {
    number += reader.Varint();
    records_.push_back({.number = number, .bytes = reader.Bytes(reader.Varint())});
    if (!reader.ok()) return Damaged(file_.kind_, "a page is cut short");
    ++number;
  }
  page_ = page;
  return {};
}

base::Result<std::optional<SideFileCursor::Record>> SideFileCursor::FindFrom(std::uint64_t number) {
  const auto behind = std::ranges::upper_bound(file_.pages_, number, {}, &SideFile::Page::first);
  auto page = static_cast<std::size_t>(behind - file_.pages_.begin());
  if (page > 0) --page;
  for (; page < file_.pages_.size(); ++page) {
    BARO_TRY(LoadPage(page));
    const auto found = std::ranges::lower_bound(records_, number, {}, &Record::number);
    if (found != records_.end()) return std::optional(*found);
  }
  return std::optional<Record>();
}

base::Result<std::optional<base::ByteSpan>> SideFileCursor::Find(std::uint64_t number) {
  const auto behind = std::ranges::upper_bound(file_.pages_, number, {}, &SideFile::Page::first);
  if (behind == file_.pages_.begin()) return std::optional<base::ByteSpan>();
  BARO_TRY(LoadPage(static_cast<std::size_t>(behind - file_.pages_.begin()) - 1));
  const auto found = std::ranges::lower_bound(records_, number, {}, &Record::number);
  if (found == records_.end() || found->number != number) return std::optional<base::ByteSpan>();
  return std::optional(found->bytes);
}

}  // namespace baro::tsdb
