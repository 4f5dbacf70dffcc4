#include "cli/job_file.h"

#include <cstdlib>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "config/config.h"

namespace baro::cli {

std::optional<std::string> OwnEnvironment(std::string_view name) {
  const char* const value = std::getenv(std::string(name).c_str());  // NOLINT(concurrency-mt-unsafe): never set by us
  if (value == nullptr) return std::nullopt;
  return std::string(value);
}

base::Result<scraper::ScrapeJobOptions> LoadJob(const std::string& file, const std::string& job_name) {
  config::Config config = BARO_TRY(config::LoadConfig(file, base::RealFileSystem(), OwnEnvironment));
  if (job_name.empty() && config.jobs.size() == 1) return std::move(config.jobs.front());
  std::vector<std::string> names;
  for (scraper::ScrapeJobOptions& job : config.jobs) {
    if (job.job_name == job_name) return std::move(job);
    names.push_back(job.job_name);
  }
  return base::Fail(base::Code::kNotFound,
                    fmt::format("{} has no job \"{}\"; it has: {}", file, job_name,
                                names.empty() ? "none" : fmt::format("{}", fmt::join(names, ", "))));
}

}  // namespace baro::cli
