// The `tsdb` commands on the command line.
#pragma once

#include <functional>

#include "cli/commands.h"

namespace CLI {
class App;
}  // namespace CLI

namespace baro::cli {

/// Adds them. When one is chosen, `action` is set; it lives as long as the application.
void DeclareTsdb(CLI::App& app, std::function<int(Terminal)>& action);

}  // namespace baro::cli
