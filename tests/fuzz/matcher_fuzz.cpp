// fuzz: model
// Expressions without an automaton must match what RE2 matches; hostile ones must neither crash nor hang.
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include <re2/re2.h>

#include "base/result.h"
#include "model/matcher.h"
#include "model/names.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace baro::model;
  // Pattern and text, with a zero byte between them.
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  const std::size_t split = input.find('\0');
  if (split == std::string_view::npos || split > 200) return 0;
  const std::string_view pattern = input.substr(0, split);
  const std::string_view text = input.substr(split + 1);

  const auto matcher = Matcher::Make(MatchType::kRegex, "label", pattern);
  if (!matcher) return 0;
  re2::RE2::Options options;
  options.set_dot_nl(true);
  options.set_log_errors(false);
  options.set_max_mem(static_cast<std::int64_t>(kRegexMemoryBytesMax));
  const re2::RE2 reference(re2::StringPiece(pattern.data(), pattern.size()), options);
  BARO_ASSERT(reference.ok());
  std::string valid;
  AppendValidUtf8(valid, text);
  BARO_ASSERT(matcher->Matches(text) == re2::RE2::FullMatch(valid, reference));
  for (const std::string& value : matcher->SetMatches()) BARO_ASSERT(matcher->Matches(value));
  if (matcher->Matches(text)) BARO_ASSERT(text.starts_with(matcher->RequiredPrefix()));
  return 0;
}
