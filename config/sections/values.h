// Values that stand in many sections: paths, URLs, secrets and their files, headers.
#pragma once

#include <map>
#include <string>
#include <string_view>

#include "config/sections/sections.h"

namespace baro::config {

/// A path, joined to the file's folder.
bool ReadPath(Mapping& mapping, std::string_view field, const FileContext& context, std::string& path);

/// What a URL must have.
enum class UrlNeed { kNothing, kHost, kHttp };

/// A URL that is well formed and has what is asked for, if it is there; its password is not shown. kHost: a scheme and
/// a host; kHttp: these, the scheme http or https.
bool ReadUrl(Mapping& mapping, std::string_view field, UrlNeed need, std::string& url);

/// The pair `name` (the secret itself) and `<name>_file`, of which one at most may be given. `<name>_ref` names a
/// secret of a manager that Prometheus has not got either: accepted by the reader, refused by who runs it.
void ReadSecret(Mapping& mapping, std::string_view name, const FileContext& context, net::SecretSource& source);

/// Headers of requests to other servers. Those that the client sets by itself may not be among them; `authorization` is
/// what to do instead of setting that one.
void ReadHeaders(Mapping& mapping, std::string_view authorization, std::map<std::string, std::string>& headers);

/// Whether a header is the client's own to set, whatever its case.
bool IsReservedHeader(std::string_view name);

/// Reports that `field` is missing or empty, and what it is there for.
void RequireText(Mapping& mapping, std::string_view field, const std::string& value);

}  // namespace baro::config
