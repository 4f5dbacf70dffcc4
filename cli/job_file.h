// A job out of a configuration file.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "scraper/options.h"

namespace baro::cli {

/// The value of one of this process' environment variables.
std::optional<std::string> OwnEnvironment(std::string_view name);

/// The job of that name; the only one if the name is empty and the file has one.
/// Errors   as config::LoadConfig(); kNotFound: no such job, with those that there are.
base::Result<scraper::ScrapeJobOptions> LoadJob(const std::string& file, const std::string& job_name);

}  // namespace baro::cli
