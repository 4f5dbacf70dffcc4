// File names with gaps, as configuration files use them: `targets/*.json`.
//
// Source   Go's path/filepath.Match, against which users of Prometheus write them.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/file_system.h"
#include "base/result.h"

namespace baro::base {

/// Whether a path may be expanded: only its last part has a `*`, and that part's brackets and escapes are complete.
/// Errors   kInvalidArgument: what is wrong with it.
Result<> CheckPattern(const std::string& path);

/// Whether `pattern` describes all of `name`, both without a slash: `*` is any characters, `?` one, `[a-c]` one of
/// these, `[^a-c]` one of the others, `\*` a star. An incomplete pattern matches nothing.
/// Cost     name times pattern at worst.
bool MatchesPattern(std::string_view name, std::string_view pattern);

/// The files whose last part `pattern`'s last part describes, sorted; the folder in front of it is taken as it is. A
/// path in which nothing stands for something else is its own only file, whether it exists or not. A folder that cannot
/// be listed, since it is not there yet, has no files.
std::vector<std::string> ExpandPattern(FileSystem& files, const std::string& pattern);

}  // namespace baro::base
