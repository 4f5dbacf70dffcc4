#include <sys/utsname.h>

#include <map>

#include <fmt/format.h>

#include "exporters/node/collectors.h"

namespace baro::exporters {
namespace {

/// The variables of /etc/os-release (os-release(5)), quotes taken off.
std::map<std::string, std::string> ParseOsRelease(std::string_view text) {
  std::map<std::string, std::string> variables;
  ForEachLine(text, [&](std::string_view line) {
    const std::size_t equals = line.find('=');
    if (equals == std::string_view::npos || line.starts_with('#')) return;
    std::string_view value = Trim(line.substr(equals + 1));
    if (value.size() >= 2 && (value.front() == '"' || value.front() == '\'') && value.back() == value.front()) {
      value = value.substr(1, value.size() - 2);
    }
    variables[std::string(line.substr(0, equals))] = value;
  });
  return variables;
}

/// "12.11" of "12.11.3"; nothing if it does not begin with a number.
double LeadingVersion(std::string_view text) {
  std::size_t end = 0;
  int points = 0;
  while (end < text.size() && ((text[end] >= '0' && text[end] <= '9') || (text[end] == '.' && points++ == 0))) ++end;
  return ToNumber(text.substr(0, end));
}

}  // namespace

base::Result<> CollectTime(const NodeContext& context, FamilySet& out) {
  out.Gauge("node_time_seconds", "The machine's time, in Unix time.", {},
            static_cast<double>(base::ToMs(context.clock.Now())) / 1000);
  return {};
}

base::Result<> CollectSystem(const NodeContext& context, FamilySet& out) {
  utsname names{};
  if (uname(&names) == 0) {
    out.Gauge("node_uname_info", "Names of the system, as uname(2) tells them; always 1.",
              {{"sysname", names.sysname},
               {"release", names.release},
               {"version", names.version},
               {"machine", names.machine},
               {"nodename", names.nodename},
               {"domainname", names.domainname}},
              1);
  }
  const std::string root = context.options.root == "/" ? "" : context.options.root;
  auto text = base::ReadFile(context.files, root + "/etc/os-release", 64 * 1024);
  if (!text) text = base::ReadFile(context.files, root + "/usr/lib/os-release", 64 * 1024);
  if (!text) return std::unexpected(text.error());
  auto variables = ParseOsRelease(*text);
  Labels labels;
  for (const auto& [label, variable] : std::map<std::string, std::string>{{"build_id", "BUILD_ID"},
                                                                          {"id", "ID"},
                                                                          {"id_like", "ID_LIKE"},
                                                                          {"image_id", "IMAGE_ID"},
                                                                          {"image_version", "IMAGE_VERSION"},
                                                                          {"name", "NAME"},
                                                                          {"pretty_name", "PRETTY_NAME"},
                                                                          {"variant", "VARIANT"},
                                                                          {"variant_id", "VARIANT_ID"},
                                                                          {"version", "VERSION"},
                                                                          {"version_codename", "VERSION_CODENAME"},
                                                                          {"version_id", "VERSION_ID"}}) {
    labels.emplace_back(label, variables[variable]);
  }
  out.Gauge("node_os_info", "What /etc/os-release says; always 1.", std::move(labels), 1);
  if (const double version = LeadingVersion(variables["VERSION_ID"]); version > 0) {
    out.Gauge("node_os_version", "The system's major and minor version.",
              {{"id", variables["ID"]}, {"id_like", variables["ID_LIKE"]}, {"name", variables["NAME"]}}, version);
  }
  return {};
}

}  // namespace baro::exporters
