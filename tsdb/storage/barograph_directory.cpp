#include "tsdb/barograph_directory.h"

#include <algorithm>

#include <fmt/format.h>

#include "base/clock.h"
#include "base/idle_executor.h"
#include "base/metrics.h"
#include "base/overlay_file_system.h"
#include "tsdb/block/block_files.h"
#include "tsdb/block/ulid.h"
#include "tsdb/merge_reader.h"
#include "tsdb/prometheus_directory.h"
#include "tsdb/storage.h"

namespace baro::tsdb {
namespace {

// A running server moves data from its log to a block while it is looked at: then it is looked at once more.
constexpr int kAttempts = 3;

/// Names of blocks in the directory.
base::Result<std::vector<std::string>> BlockNames(base::FileSystem& files, const std::string& path) {
  const std::string directory = path + "/blocks";
  if (!BARO_TRY(files.Exists(directory))) return std::vector<std::string>();
  std::vector<std::string> names = BARO_TRY(files.ListDirectory(directory));
  std::erase_if(names, [](const std::string& name) { return !Ulid::Parse(name); });
  return names;
}

}  // namespace

struct BarographDirectory::Opened {
  explicit Opened(base::FileSystem& below) : files(below) {}

  base::OverlayFileSystem files;
  base::IdleExecutor executor;
  base::Registry metrics;
  std::unique_ptr<Storage> storage;  // last: it borrows the others
};

BarographDirectory::BarographDirectory() = default;
BarographDirectory::~BarographDirectory() = default;

base::Result<std::shared_ptr<const BarographDirectory>> BarographDirectory::Open(
    base::FileSystem& files, const std::string& path, const BarographDirectoryOptions& options,
    const base::CancelToken& cancel) {
  if (!BARO_TRY(files.Exists(path))) {
    return base::Fail(base::Code::kNotFound, fmt::format("{}: no such directory", path));
  }
  for (int attempt = 1;; ++attempt) {
    // NOLINTNEXTLINE(modernize-make-shared): the constructor is private.
    const std::shared_ptr<BarographDirectory> directory(new BarographDirectory());
    const std::vector<std::string> before = BARO_TRY(BlockNames(files, path));
    if (options.with_head) BARO_TRY(directory->LoadStore(files, path));
    BARO_TRY(directory->LoadBlocks(files, path, cancel));
    if (attempt == kAttempts || BARO_TRY(BlockNames(files, path)) == before) {
      return std::shared_ptr<const BarographDirectory>(directory);
    }
  }
}

base::Result<> BarographDirectory::LoadBlocks(base::FileSystem& files, const std::string& path,
                                              const base::CancelToken& cancel) {
  for (const std::string& name : BARO_TRY(BlockNames(files, path))) {
    if (cancel.Cancelled()) return base::Fail(base::Code::kCancelled, "opening a data directory: cancelled");
    auto block = BarographBlock::Open(files, path + "/blocks/" + name);
    if (block) {
      blocks_.push_back(*std::move(block));
    } else {
      warnings_.push_back(block.error().message());
    }
  }
  std::ranges::stable_sort(blocks_, {}, [](const auto& block) { return block->meta().min_time_ms; });
  const auto theirs = BARO_TRY(PrometheusDirectory::Open(files, path, {.with_head = false}, cancel));
  prometheus_blocks_ = theirs->blocks();
  warnings_.insert(warnings_.end(), theirs->warnings().begin(), theirs->warnings().end());
  return {};
}

base::Result<> BarographDirectory::LoadStore(base::FileSystem& files, const std::string& path) {
  auto opened = std::make_shared<Opened>(files);
  const auto sink =
      base::MakeFunctionSink(base::LogLevel::kWarn, base::LogFormat::kLogfmt, [this](std::string_view line) {
        while (line.ends_with('\n')) line.remove_suffix(1);
        warnings_.emplace_back(line);
      });
  StorageOptions options{.directory = path, .retention = {.time = {}}, .scrub_interval = {}};
  opened->storage = BARO_TRY(Storage::Open(options, {.files = opened->files,
                                                     .clock = base::RealClock(),
                                                     .background = opened->executor,
                                                     .metrics = opened->metrics,
                                                     .log = base::Logger(sink)}));
  const HeadStatus head = opened->storage->Status(0);
  if (head.min_time_ms != 0 || head.max_time_ms != 0) {
    head_extent_ = {.min_ms = head.min_time_ms, .max_ms = head.max_time_ms};
  }
  opened_ = std::move(opened);
  return {};
}

std::unique_ptr<Reader> BarographDirectory::OpenReader() const {
  if (opened_ != nullptr) return opened_->storage->OpenReader();
  std::vector<std::unique_ptr<Reader>> readers;  // from new to old: merging is cheapest then
  for (auto block = blocks_.rbegin(); block != blocks_.rend(); ++block) readers.push_back((*block)->OpenReader());
  for (auto block = prometheus_blocks_.rbegin(); block != prometheus_blocks_.rend(); ++block) {
    readers.push_back((*block)->OpenReader());
  }
  return std::make_unique<MergeReader>(std::move(readers));
}

base::Result<bool> IsBarographDirectory(base::FileSystem& files, const std::string& path) {
  return BARO_TRY(files.Exists(path + "/blocks")) || BARO_TRY(files.Exists(path + "/log"));
}

base::Result<bool> IsBarographBlock(base::FileSystem& files, const std::string& path) {
  return files.Exists(fmt::format("{}/{}", path, BlockFileName(BlockFile::kColumns)));
}

}  // namespace baro::tsdb
