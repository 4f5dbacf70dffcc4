// Where targets come from: static_configs, file_sd_configs and the kinds that tables describe.
#include <fmt/format.h>

#include "base/path_pattern.h"
#include "config/sections/provider_table.h"
#include "config/sections/sections.h"
#include "model/labels.h"
#include "scraper/served_discoveries.h"

namespace baro::config {
namespace {

void ReadStaticGroups(Mapping& fields, const DiscoveryContext& discovery, scraper::DiscoveryLists& lists) {
  fields.Children("static_configs", [&](Mapping& item) {
    scraper::TargetGroup group;
    std::vector<std::string> addresses;
    item.TextList("targets", addresses);
    item.TextMap("labels", group.labels);
    for (const auto& [name, value] : group.labels) {
      if (!model::IsValidLabelName(name, discovery.scheme)) {
        item.Fail("labels", fmt::format("\"{}\" is not a valid label name", name));
      }
    }
    group.source = std::to_string(lists.static_groups.size());
    for (std::string& address : addresses) {
      if (!discovery.has_relabeling && address.find('/') != std::string::npos) {
        item.Fail("targets", fmt::format("\"{}\" is not a host name and port: scheme and path belong into scheme and "
                                         "metrics_path",
                                         address));
      }
      group.targets.push_back({{"__address__", std::move(address)}});
    }
    lists.static_groups.push_back(std::move(group));
  });
}

void ReadFileDiscoveries(Mapping& fields, const FileContext& context, scraper::DiscoveryLists& lists) {
  fields.Children("file_sd_configs", [&](Mapping& item) {
    scraper::FileDiscoveryOptions discovery;
    item.TextList("files", discovery.files);
    item.Duration("refresh_interval", discovery.refresh_interval);
    if (discovery.files.empty()) item.Fail("files", "name at least one file");
    for (std::string& file : discovery.files) {
      const std::string_view ending = std::string_view(file).substr(std::min(file.rfind('.'), file.size()));
      const bool is_known = ending == ".json" || ending == ".yml" || ending == ".yaml" || ending == ".JSON" ||
                            ending == ".YML" || ending == ".YAML";
      if (!is_known) {
        item.Fail("files", fmt::format("\"{}\" does not end in .json, .yml or .yaml", file));
      } else if (const auto checked = base::CheckPattern(file); !checked) {
        item.Fail("files", checked.error().message());
      }
      file = context.Resolve(file);
    }
    item.Note("files", NormalForm::TextList(discovery.files));
    lists.file_discoveries.push_back(std::move(discovery));
  });
}

}  // namespace

void ReadDiscoveries(Mapping& fields, const FileContext& context, const DiscoveryContext& discovery,
                     scraper::DiscoveryLists& lists) {
  bool has_read_files = false;
  bool has_read_static = false;
  for (const Provider& provider : Providers()) {  // file and static come where their names would
    if (!has_read_files && provider.kind > "file") {
      ReadFileDiscoveries(fields, context, lists);
      has_read_files = true;
    }
    if (!has_read_static && provider.kind > "static") {
      ReadStaticGroups(fields, discovery, lists);
      has_read_static = true;
    }
    const std::string field = fmt::format("{}_sd_configs", provider.kind);
    if (!scraper::IsServedDiscovery(provider.kind)) fields.NotServed(field);
    fields.Children(field, [&](Mapping& item) { lists.others.push_back(ReadProvider(provider, item, context)); });
  }
}

}  // namespace baro::config
