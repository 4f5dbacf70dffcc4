// fuzz: model
// Any rule is refused or applies to any labels, and what comes out is a label set; the explanation agrees with it.
#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"
#include "model/relabel.h"

namespace {

// Takes a text of at most 255 bytes, its length in front, off the input.
std::string_view Take(std::string_view& input) {
  if (input.empty()) return {};
  const std::size_t length = std::min<std::size_t>(static_cast<unsigned char>(input.front()), input.size() - 1);
  const std::string_view text = input.substr(1, length);
  input.remove_prefix(1 + length);
  return text;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace baro::model;
  std::string_view input(reinterpret_cast<const char*>(data), size);
  if (input.size() < 2) return 0;
  std::array<RelabelConfig, 2> configs;
  for (RelabelConfig& config : configs) {
    if (input.empty()) return 0;
    const auto choice = static_cast<unsigned char>(input.front());
    input.remove_prefix(1);
    config.action = static_cast<RelabelAction>(choice % 11);
    config.name_scheme = (choice & 0x80) != 0 ? NameScheme::kLegacy : NameScheme::kUtf8;
    if ((choice & 0x40) != 0) config.source_labels = {std::string(Take(input)), "a"};
    if ((choice & 0x20) != 0) config.regex = Take(input);
    if ((choice & 0x10) != 0) config.replacement = Take(input);
    config.target_label = Take(input);
    config.modulus = choice;
  }
  LabelsBuilder builder;
  while (!input.empty() && builder.labels().size() < 20) {
    const std::string_view name = Take(input);
    builder.Set(name, Take(input));
  }
  const Labels labels = builder.Build();

  const auto relabeler = Relabeler::Compile(configs);
  if (!relabeler) return 0;
  const auto out = relabeler->Apply(labels);
  const auto steps = relabeler->Explain(labels);
  BARO_ASSERT(!steps.empty() && steps.back().is_kept == out.has_value());
  if (!out) return 0;
  BARO_ASSERT(steps.back().labels == *out);
  const auto again = Labels::FromPacked(out->packed());
  BARO_ASSERT(again.has_value() && *again == *out);
  return 0;
}
