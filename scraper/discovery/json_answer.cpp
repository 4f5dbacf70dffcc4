#include "scraper/discovery/json_answer.h"

#include <algorithm>

#include <fmt/format.h>

namespace baro::scraper {
namespace {

using base::Code;
using base::Fail;

/// Where a string that begins before `at` ends: behind its quote, or at the end of the text.
std::size_t EndOfString(std::string_view text, std::size_t at) {
  while (at < text.size() && text[at] != '"') at += text[at] == '\\' ? 2 : 1;
  return std::min(at + 1, text.size());
}

struct Size {
  std::size_t depth = 0;
  std::size_t values = 1;
};

/// Counts brackets and commas before anything is built of them; what is no JSON is found by the parser.
Size SizeOf(std::string_view text) {
  Size size;
  std::size_t depth = 0;
  for (std::size_t at = 0; at < text.size();) {
    const char c = text[at++];
    if (c == '"') {
      at = EndOfString(text, at);
    } else if (c == '[' || c == '{') {
      ++size.values;
      size.depth = std::max(size.depth, ++depth);
    } else if (c == ']' || c == '}') {
      depth -= depth > 0 ? 1 : 0;
    } else if (c == ',') {
      ++size.values;
    }
  }
  return size;
}

base::Result<> CheckSize(std::string_view text) {
  if (text.size() > kAnswerBytesMax) {
    return Fail(Code::kLimitExceeded,
                fmt::format("the answer has {} bytes, the limit is {}", text.size(), kAnswerBytesMax));
  }
  const Size size = SizeOf(text);
  if (size.depth > kAnswerDepthMax) {
    return Fail(Code::kLimitExceeded, fmt::format("the answer is nested deeper than {} levels", kAnswerDepthMax));
  }
  if (size.values > kAnswerValuesMax) {
    return Fail(Code::kLimitExceeded, fmt::format("the answer has more than {} values", kAnswerValuesMax));
  }
  return {};
}

}  // namespace

std::size_t CountValues(std::string_view text) { return SizeOf(text).values; }

base::Result<nlohmann::json> ParseJsonAnswer(std::string_view text) {
  BARO_TRY(CheckSize(text));
  try {
    return nlohmann::json::parse(text);
  } catch (const nlohmann::json::exception& error) {
    // The library's words quote the text around the fault, which may be anything: only the place is taken from them.
    std::string_view place = error.what();
    const std::size_t from = place.find("at line ");
    const std::size_t end = place.find(':', from);
    place = from == std::string_view::npos ? "" : place.substr(from, end - from);
    return Fail(Code::kInvalidArgument, fmt::format("not valid JSON{}{}", place.empty() ? "" : " ", place));
  }
}

}  // namespace baro::scraper
