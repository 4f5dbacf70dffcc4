#include "tsdb/storage/loss_notes.h"

#include <fmt/format.h>

#include "tsdb/block/block_files.h"
#include "tsdb/block/block_meta.h"

namespace baro::tsdb {
namespace {

constexpr std::string_view kNoteSuffix = ".lost";
constexpr std::size_t kNoteBytesMax = 64 << 10;
constexpr std::size_t kMetaBytesMax = std::size_t{16} << 20;

}  // namespace

base::Result<> WriteLossNote(base::FileSystem& files, std::string_view quarantine, std::string_view name,
                             const DataLoss& loss) {
  base::ByteBuffer content;
  base::AppendLe(content, loss.range.min_ms);
  base::AppendLe(content, loss.range.max_ms);
  base::AppendBytes(content, base::AsBytes(loss.what));
  return base::WriteSmallFile(files, fmt::format("{}/{}{}", quarantine, name, kNoteSuffix), content);
}

std::vector<DataLoss> ReadLossNotes(base::FileSystem& files, const std::string& quarantine) {
  std::vector<DataLoss> losses;
  const auto names = files.ListDirectory(quarantine);
  if (!names) return losses;  // nothing was ever put aside
  for (const std::string& name : *names) {
    if (!name.ends_with(kNoteSuffix)) continue;
    DataLoss loss{.what = fmt::format("{}/{} cannot be read", quarantine, name)};
    if (const auto content = base::ReadSmallFile(files, quarantine + "/" + name, kNoteBytesMax)) {
      base::ByteReader reader(base::AsBytes(*content));
      loss.range.min_ms = reader.Le<std::int64_t>();
      loss.range.max_ms = reader.Le<std::int64_t>();
      loss.what = base::AsText(reader.Bytes(reader.remaining()));
    }
    losses.push_back(std::move(loss));
  }
  return losses;
}

model::TimeRange RangeOfLostBlock(base::FileSystem& files, const std::string& directory) {
  const auto text = base::ReadFile(files, fmt::format("{}/{}", directory, kMetaFileName), kMetaBytesMax);
  const auto meta = text ? ParseBlockMeta(*text) : base::Result<BlockMeta>(text.error());
  return meta ? meta->range() : model::TimeRange{};
}

}  // namespace baro::tsdb
