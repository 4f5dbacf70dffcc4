// fuzz: scraper
// The plain parser of the text format: every body gives events or one error with a position, and views that are alive.
#include <cstdint>
#include <cstdlib>
#include <string>

#include "model/names.h"
#include "scraper/exposition_reader.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using baro::scraper::ExpositionEvent;
  const std::string_view body(reinterpret_cast<const char*>(data), size);
  baro::scraper::ExpositionReader reader(body, baro::scraper::ExpositionFormat::kText);
  while (true) {
    const auto next = reader.Next();
    if (!next) {
      if (next.error().message().find("line ") != 0) std::abort();
      return 0;
    }
    const ExpositionEvent& event = **next;
    if (event.kind == ExpositionEvent::Kind::kEnd) return 0;
    if (event.line == 0 || event.line > size + 1) std::abort();
    if (event.kind != ExpositionEvent::Kind::kSample) continue;
    if (event.sample.name.empty() || !baro::model::IsValidUtf8(event.sample.name)) std::abort();
    for (const auto& label : event.sample.labels) {
      if (label.name.empty() || !baro::model::IsValidUtf8(label.name)) std::abort();
      if (!baro::model::IsValidUtf8(label.value)) std::abort();
    }
  }
}
