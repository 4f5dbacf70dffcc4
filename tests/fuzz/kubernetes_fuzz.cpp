// fuzz: scraper
// Whatever an API server sends, in pieces of any size: the reader takes JSON that a library takes, and lists and
// watches end in tables within their budget, or say what is wrong. The first byte chooses the size of the pieces, the
// second what is watched.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include <nlohmann/json.hpp>

#include "base/result.h"
#include "model/names.h"
#include "scraper/kubernetes/json_cursor.h"
#include "scraper/kubernetes/kubeconfig.h"
#include "scraper/kubernetes/object_table.h"
#include "scraper/kubernetes/resource_sync.h"
#include "scraper/kubernetes/role_targets.h"

namespace {

using namespace baro::scraper;

constexpr std::size_t kBudgetBytes = 1 << 20;

/// Numbers are left alone: the library refuses those that are too large for a double.
void CompareWithLibrary(std::string_view text) {
  if (!baro::model::IsValidUtf8(text) || text.find_first_of("eE") != std::string_view::npos) return;
  if (std::ranges::count(text, '[') + std::ranges::count(text, '{') > static_cast<std::ptrdiff_t>(kJsonDepthMax))
    return;
  if (std::ranges::adjacent_find(text, [](char a, char b) { return a == '\\' && b == 'u'; }) != text.end()) return;
  JsonCursor json(text);
  json.Skip();
  BARO_ASSERT(json.Finish().has_value() == nlohmann::json::accept(text));
}

/// Gives the bytes as the answer to what is asked next.
void Answer(ResourceSync& sync, std::string_view text, std::size_t piece_bytes) {
  const auto asked = sync.Next();
  BARO_ASSERT(asked.url.starts_with("http://k/objects?"));
  baro::base::Result<> fed;
  for (std::size_t at = 0; at < text.size() && fed; at += piece_bytes) fed = sync.Feed(text.substr(at, piece_bytes));
  baro::base::Result<baro::net::FetchResponse> answer = baro::net::FetchResponse{.status = 200};
  if (!fed) answer = std::unexpected(fed.error());
  const auto outcome = sync.Finish(answer, std::chrono::seconds(2));
  BARO_ASSERT(!outcome.error || !outcome.error->message().empty());
}

/// Once as lists, once as watches behind a good list.
void Follow(ObjectTable& table, std::string_view text, std::size_t piece_bytes) {
  const ResourceQuery query{.url = "http://k/objects", .selectors = "", .is_meta_only = false};
  ResourceSync lists(query, table);
  for (int question = 0; question < 3; ++question) Answer(lists, text, piece_bytes);
  ResourceSync watches(query, table);
  Answer(watches, R"({"metadata":{"resourceVersion":"1"},"items":[]})", piece_bytes);
  for (int question = 0; question < 4; ++question) Answer(watches, text, piece_bytes);
}

template <typename Object>
void Check(std::string_view text, std::size_t piece_bytes, void (*add)(const ScopeTables&, GroupList&),
           const TableOf<Object>* ScopeTables::* member) {
  StoreBudget budget{.bytes_max = kBudgetBytes};
  {
    TableOf<Object> table(budget);
    Follow(table, text, piece_bytes);
    BARO_ASSERT(budget.bytes <= kBudgetBytes);
    TableOf<PodObject> pods(budget);
    TableOf<ServiceObject> services(budget);
    ScopeTables tables{.pods = &pods, .services = &services};
    tables.*member = &table;
    GroupList groups;
    add(tables, groups);
    if (const auto made = groups.Take()) {
      for (const TargetGroup& group : *made) BARO_ASSERT(!group.source.empty() && !group.targets.empty());
    }
  }
  BARO_ASSERT(budget.bytes == 0);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 2) return 0;
  const std::size_t piece_bytes = 1 + data[0];
  const std::string_view text(reinterpret_cast<const char*>(data) + 2, size - 2);
  CompareWithLibrary(text);
  (void)ParseKubeconfig(text, "/");
  switch (data[1] % 6) {
    case 0:
      Check<PodObject>(text, piece_bytes, AddPodGroups, &ScopeTables::pods);
      break;
    case 1:
      Check<NodeObject>(text, piece_bytes, AddNodeGroups, &ScopeTables::nodes);
      break;
    case 2:
      Check<ServiceObject>(text, piece_bytes, AddServiceGroups, &ScopeTables::services);
      break;
    case 3:
      Check<EndpointsObject>(text, piece_bytes, AddEndpointsGroups, &ScopeTables::endpoints);
      break;
    case 4:
      Check<EndpointSliceObject>(text, piece_bytes, AddEndpointSliceGroups, &ScopeTables::slices);
      break;
    default:
      Check<IngressObject>(text, piece_bytes, AddIngressGroups, &ScopeTables::ingresses);
  }
  return 0;
}
