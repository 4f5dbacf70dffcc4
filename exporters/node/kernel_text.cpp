#include "base/number_text.h"
#include "exporters/node/collectors.h"

namespace baro::exporters {
namespace {
constexpr std::size_t kFileBytesMax = 4 * 1024 * 1024;  // /proc/stat of a machine with 1,000 CPUs has about 200 KiB
}

void ForEachLine(std::string_view text, const std::function<void(std::string_view)>& visit) {
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    visit(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
}

std::vector<std::string_view> Words(std::string_view line) {
  std::vector<std::string_view> words;
  for (;;) {
    const std::size_t start = line.find_first_not_of(" \t");
    if (start == std::string_view::npos) return words;
    line.remove_prefix(start);
    const std::size_t length = std::min(line.find_first_of(" \t"), line.size());
    words.push_back(line.substr(0, length));
    line.remove_prefix(length);
  }
}

double ToNumber(std::string_view word) { return base::ParseFloat(word).value_or(0); }

std::string_view Trim(std::string_view text) {
  const std::size_t start = text.find_first_not_of(" \t\n");
  if (start == std::string_view::npos) return {};
  return text.substr(start, text.find_last_not_of(" \t\n") - start + 1);
}

base::Result<std::string> NodeContext::Proc(std::string_view path) const {
  return base::ReadFile(files, options.proc + "/" + std::string(path), kFileBytesMax);
}

base::Result<std::string> NodeContext::Sys(std::string_view path) const {
  return base::ReadFile(files, options.sys + "/" + std::string(path), kFileBytesMax);
}

void FamilySet::Add(std::string_view name, base::MetricKind kind, std::string_view help, Labels labels, double value) {
  auto found = families_.find(name);
  if (found == families_.end()) {
    base::MetricFamily family{.name = std::string(name), .help = std::string(help), .kind = kind, .points = {}};
    found = families_.emplace(std::string(name), std::move(family)).first;
  }
  found->second.points.push_back({.suffix = "", .labels = std::move(labels), .value = value});
}

std::vector<base::MetricFamily> FamilySet::Take() {
  std::vector<base::MetricFamily> all;
  all.reserve(families_.size());
  for (auto& [name, family] : families_) all.push_back(std::move(family));
  families_.clear();
  return all;
}

}  // namespace baro::exporters
