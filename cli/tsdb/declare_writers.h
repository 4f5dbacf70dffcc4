// The `tsdb` commands that write: on the command line.
#pragma once

#include <functional>

#include "cli/commands.h"

namespace CLI {
class App;
}  // namespace CLI

namespace baro::cli {

/// Adds them to `tsdb`. When one is chosen, `action` is set; it lives as long as the application.
void DeclareTsdbWriters(CLI::App& tsdb, std::function<int(Terminal)>& action);

}  // namespace baro::cli
