// fuzz: config
// Configuration files from anywhere: no crash, no hang, and the normal form of a good one is its own normal form.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>

#include "base/sim_file_system.h"
#include "config/config.h"

namespace config = baro::config;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string text(reinterpret_cast<const char*>(data), size);
  baro::base::SimFileSystem files;
  const auto read = [&files](const std::string& yaml) { return config::ParseConfig(yaml, "p.yml", files, {}); };
  const auto first = read(text);
  if (!first) return 0;
  // A secret reads as another one now, which some fields refuse; dollars of external labels are taken for variables.
  const auto second = read(first->normal_yaml);
  if (!second || text.find('$') != std::string::npos) return 0;
  if (second->normal_yaml != first->normal_yaml) std::abort();
  if (second->jobs.size() != first->jobs.size() || second->not_served.empty() != first->not_served.empty())
    std::abort();
  return 0;
}
