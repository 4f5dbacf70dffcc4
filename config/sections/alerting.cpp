// alerting: where alerts go.
#include "config/sections/sections.h"

namespace baro::config {
namespace {

AlertmanagerOptions ReadAlertmanager(Mapping& fields, const FileContext& context, model::NameScheme scheme) {
  AlertmanagerOptions manager;
  ReadHttpClient(fields, context, manager.http);
  ReadSigV4(fields, manager.sigv4);
  if (manager.sigv4 && (manager.http.basic_auth || manager.http.authorization || manager.http.oauth2)) {
    fields.Fail("sigv4", "give one of basic_auth, authorization, oauth2 and sigv4");
  }
  fields.Text("scheme", manager.scheme);
  fields.Text("path_prefix", manager.path_prefix);
  fields.Duration("timeout", manager.timeout);
  fields.Choice("api_version", manager.api_version, {"v2"});
  ReadRelabeling(fields, "relabel_configs", scheme, manager.relabel);
  ReadRelabeling(fields, "alert_relabel_configs", scheme, manager.alert_relabel);
  ReadDiscoveries(fields, context, {.scheme = scheme, .has_relabeling = !manager.relabel.empty()}, manager.discoveries);
  return manager;
}

}  // namespace

void ReadAlerting(Mapping& top, const FileContext& context, model::NameScheme scheme, AlertingOptions& alerting) {
  top.NotServed("alerting");
  top.Child("alerting", [&](Mapping& fields) {
    ReadRelabeling(fields, "alert_relabel_configs", scheme, alerting.alert_relabel);
    fields.Children("alertmanagers",
                    [&](Mapping& item) { alerting.alertmanagers.push_back(ReadAlertmanager(item, context, scheme)); });
  });
}

}  // namespace baro::config
