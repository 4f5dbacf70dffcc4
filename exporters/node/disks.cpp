#include <re2/re2.h>

#include <set>

#include <fmt/format.h>

#include "exporters/node/collectors.h"

namespace baro::exporters {
namespace {

struct DiskColumn {
  std::string_view name;  ///< behind node_disk_; empty: not shown
  double scale;
  base::MetricKind kind;
  std::string_view help;
};
using enum base::MetricKind;
constexpr double kSectorBytes = 512;  // of diskstats, whatever the device's own are
constexpr double kMs = 0.001;
// The columns of /proc/diskstats behind the device's name.
constexpr DiskColumn kDiskColumns[] = {
    {"reads_completed_total", 1, kCounter, "Reads completed."},
    {"reads_merged_total", 1, kCounter, "Reads merged with a neighbour."},
    {"read_bytes_total", kSectorBytes, kCounter, "Bytes read."},
    {"read_time_seconds_total", kMs, kCounter, "Time spent by all reads."},
    {"writes_completed_total", 1, kCounter, "Writes completed."},
    {"writes_merged_total", 1, kCounter, "Writes merged with a neighbour."},
    {"written_bytes_total", kSectorBytes, kCounter, "Bytes written."},
    {"write_time_seconds_total", kMs, kCounter, "Time spent by all writes."},
    {"io_now", 1, kGauge, "Reads and writes in progress."},
    {"io_time_seconds_total", kMs, kCounter, "Time in which the device was busy."},
    {"io_time_weighted_seconds_total", kMs, kCounter, "Time in which the device was busy, times what was in progress."},
    {"discards_completed_total", 1, kCounter, "Discards completed."},
    {"discards_merged_total", 1, kCounter, "Discards merged with a neighbour."},
    {"discarded_sectors_total", 1, kCounter, "Sectors discarded."},
    {"discard_time_seconds_total", kMs, kCounter, "Time spent by all discards."},
    {"flush_requests_total", 1, kCounter, "Flushes completed."},
    {"flush_requests_time_seconds_total", kMs, kCounter, "Time spent by all flushes."},
};

std::string Unescape(std::string_view text) {  // \040 and its like, as in /proc/mounts
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto digit = [&](std::size_t k) { return i + k < text.size() ? text[i + k] - '0' : -1; };
    const bool is_octal = text[i] == '\\' && digit(1) >= 0 && digit(1) <= 3 && digit(2) >= 0 && digit(2) <= 7 &&
                          digit(3) >= 0 && digit(3) <= 7;
    if (is_octal) {
      out += static_cast<char>(digit(1) * 64 + digit(2) * 8 + digit(3));
      i += 3;
    } else {
      out += text[i];
    }
  }
  return out;
}

std::string UdevProperty(const std::string& text, std::string_view name) {
  std::string value;
  ForEachLine(text, [&](std::string_view line) {
    if (line.starts_with("E:") && line.substr(2).starts_with(name) && line.substr(2 + name.size()).starts_with("=")) {
      value = line.substr(3 + name.size());
    }
  });
  return value;
}

void AddDiskInfo(const NodeContext& context, const std::vector<std::string_view>& words, FamilySet& out) {
  const std::string major(words[0]);
  const std::string minor(words[1]);
  const std::string udev =
      base::ReadFile(context.files, fmt::format("/run/udev/data/b{}:{}", major, minor), 64 * 1024).value_or("");
  std::string serial = UdevProperty(udev, "SCSI_IDENT_SERIAL");
  if (serial.empty()) serial = UdevProperty(udev, "ID_SERIAL_SHORT");
  out.Gauge("node_disk_info", "What is known of a block device; always 1.",
            {{"device", std::string(words[2])},
             {"major", major},
             {"minor", minor},
             {"path", UdevProperty(udev, "ID_PATH")},
             {"wwn", UdevProperty(udev, "ID_WWN")},
             {"model", UdevProperty(udev, "ID_MODEL")},
             {"serial", serial},
             {"revision", UdevProperty(udev, "ID_REVISION")}},
            1);
}

}  // namespace

base::Result<> CollectDisks(const NodeContext& context, FamilySet& out) {
  // node_exporter's default: partitions, RAM disks, loops and floppies are left out.
  static const RE2 kIgnored(R"((ram|loop|fd|(h|s|v|xv)d[a-z]|nvme\d+n\d+p)\d+)");
  const std::string text = BARO_TRY(context.Proc("diskstats"));
  ForEachLine(text, [&](std::string_view line) {
    const auto words = Words(line);
    if (words.size() < 4 || RE2::FullMatch(re2::StringPiece(words[2].data(), words[2].size()), kIgnored)) return;
    AddDiskInfo(context, words, out);
    for (std::size_t i = 0; i < std::size(kDiskColumns) && i + 3 < words.size(); ++i) {
      const DiskColumn& column = kDiskColumns[i];
      out.Add(fmt::format("node_disk_{}", column.name), column.kind, column.help, {{"device", std::string(words[2])}},
              ToNumber(words[i + 3]) * column.scale);
    }
  });
  return {};
}

base::Result<> CollectFileSystems(const NodeContext& context, FamilySet& out) {
  static const RE2 kIgnoredMounts(
      R"(/(dev|proc|run/credentials/.+|sys|var/lib/docker/.+|var/lib/containers/storage/.+)($|/.*))");
  static const RE2 kIgnoredTypes(
      "(autofs|binfmt_misc|bpf|cgroup2?|configfs|debugfs|devpts|devtmpfs|fusectl|hugetlbfs|iso9660|mqueue|nsfs|overlay|"
      "proc|procfs|pstore|rpc_pipefs|securityfs|selinuxfs|squashfs|sysfs|tracefs)");
  auto mounts = context.Proc("1/mounts");
  if (!mounts) mounts = context.Proc("self/mounts");
  if (!mounts) return std::unexpected(mounts.error());
  std::set<std::string> seen;
  ForEachLine(*mounts, [&](std::string_view line) {
    const auto words = Words(line);
    if (words.size() < 4) return;
    const std::string device = Unescape(words[0]);
    const std::string mount = Unescape(words[1]);
    const std::string type(words[2]);
    if (RE2::FullMatch(mount, kIgnoredMounts) || RE2::FullMatch(type, kIgnoredTypes)) return;
    if (!seen.insert(fmt::format("{}\n{}\n{}", device, mount, type)).second) return;
    const Labels labels = {{"device", device}, {"fstype", type}, {"mountpoint", mount}};
    const std::string path = context.options.root == "/" ? mount : context.options.root + mount;
    const auto space = context.files.FreeSpace(path);
    out.Gauge("node_filesystem_device_error", "Whether looking at the file system failed.", labels, space ? 0 : 1);
    if (!space) return;
    const std::string options = fmt::format(",{},", words[3]);
    out.Gauge("node_filesystem_size_bytes", "Size of the file system.", labels,
              static_cast<double>(space->total_bytes));
    out.Gauge("node_filesystem_free_bytes", "Free space, also what is kept for root.", labels,
              static_cast<double>(space->free_bytes));
    out.Gauge("node_filesystem_avail_bytes", "Free space for users other than root.", labels,
              static_cast<double>(space->available_bytes));
    out.Gauge("node_filesystem_files", "File nodes of the file system.", labels,
              static_cast<double>(space->total_files));
    out.Gauge("node_filesystem_files_free", "File nodes that are free.", labels,
              static_cast<double>(space->free_files));
    out.Gauge("node_filesystem_readonly", "Whether it is mounted read-only.", labels,
              options.find(",ro,") != std::string::npos ? 1 : 0);
  });
  return {};
}

}  // namespace baro::exporters
