// fuzz: scraper
// Whatever an API answers, in JSON or XML, each table makes targets of it within bounds or says what is wrong; the
// first byte chooses the table.
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/sim_clock.h"
#include "base/sim_file_system.h"
#include "scraper/discovery/api_provider.h"
#include "scraper/discovery/consul_answer.h"
#include "scraper/discovery/json_answer.h"
#include "scraper/discovery/xml_answer.h"
#include "scraper/target_file.h"

namespace {

using namespace baro::scraper;

/// A record with every field that a table looks at when it makes targets.
DiscoveryRecord AllFields() {
  DiscoveryRecord record;
  record.values = {{"port", std::int64_t{80}},
                   {"host_networking_host", "localhost"},
                   {"match_first_network", true},
                   {"tag_separator", ","},
                   {"separator", ","},
                   {"service", "vps"},
                   {"tenancy", "t"},
                   {"project", "p"},
                   {"query", "q"},
                   {"include_parameters", true},
                   {"dns_suffix", "d"},
                   {"region", "r"},
                   {"profile", ""},
                   {"subscription_id", "s"},
                   {"tenant_id", "t"},
                   {"clusters", std::vector<std::string>{}}};
  return record;
}

/// What a call is answered: the part of the document with its name, or all of it.
std::span<const Json> ItemsFor(const Json& document, std::string_view call) {
  const Json* const own = FindJson(document, call);
  return ItemsAt(own == nullptr ? document : *own, "");
}

/// The answers of all calls of a table, as a refresh keeps them; false: one of them ends it.
bool FillAnswers(const ApiProvider& table, const Json& document, const ApiScope& scope, ApiAnswers& answers) {
  for (const ApiCall& call : table.calls) {
    const auto items = ItemsFor(document, call.name);
    if (call.derive != nullptr) {
      TargetList reader;
      answers.Add(call.name, call.derive(scope, reader));
      if (reader.failed()) return false;
    } else if (call.tells_round) {
      const std::size_t rounds = scope.answers.Of(call.for_each).size();
      for (std::size_t i = 0; i < items.size() && rounds > 0; ++i) {
        answers.Add(call.name, std::vector<Json>{{{"round", i % rounds}, {"value", items[i]}}});
      }
    } else {
      answers.Add(call.name, items);
    }
  }
  return true;
}

void Check(const baro::base::Result<std::vector<TargetGroup>>& groups) {
  if (!groups) {
    BARO_ASSERT(!groups.error().message().empty());
    return;
  }
  for (const TargetGroup& group : *groups) {
    BARO_ASSERT(group.targets.size() <= kDiscoveredTargetsMax);
    for (const auto& target : group.targets) {
      for (const auto& [name, value] : target) BARO_ASSERT(!name.empty() && !value.empty());
    }
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 2) return 0;
  static const std::vector<const ApiProvider*> kTables = AllApiProviders();
  static const DiscoveryRecord kRecord = AllFields();
  static baro::base::SimFileSystem files;
  static const baro::base::SimClock kClock;
  const ApiProvider& table = *kTables[data[0] % kTables.size()];
  const std::string_view text(reinterpret_cast<const char*>(data) + 1, size - 1);
  const auto document = table.calls.back().form == AnswerForm::kXml ? ParseXmlAnswer(text) : ParseJsonAnswer(text);
  (void)ParseConsulServices(text, {});
  (void)ParseConsulInstances(text, {.name = "n", .datacenter = "d", .tag_separator = ","});
  if (!document) return 0;
  ApiAnswers answers;
  const ApiScope scope{.record = kRecord, .answers = answers, .files = files, .clock = kClock, .environment = {}};
  if (!FillAnswers(table, *document, scope, answers)) return 0;
  TargetList list;
  if (table.targets != nullptr) {
    table.targets(scope, list);
  } else {
    for (const Json& item : answers.Of(table.calls.back().name)) {
      LabelMap labels;
      list.Apply(table.labels, item, labels);
      list.Add(std::move(labels), list.Text(item, table.host), scope.Port());
    }
  }
  Check(list.Take("g"));
  return 0;
}
