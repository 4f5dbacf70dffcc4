#include "scraper/discovery/api_template.h"

#include <fmt/format.h>

#include "net/http_message.h"

namespace baro::scraper {
namespace {

using base::Code;
using base::Fail;

std::string RecordText(const DiscoveryRecord& record, std::string_view name) {
  const auto found = record.values.find(name);
  BARO_ASSERT(found != record.values.end());  // a table names fields that its kind has
  if (const auto* text = std::get_if<std::string>(&found->second)) return *text;
  if (const auto* number = std::get_if<std::int64_t>(&found->second)) return fmt::format("{}", *number);
  const auto* const is_set = std::get_if<bool>(&found->second);
  BARO_ASSERT(is_set != nullptr);
  return *is_set ? "true" : "false";
}

base::Result<std::string> JsonText(const Json& from, std::string_view path, std::string_view name) {
  TargetList reader;
  std::string text = reader.Text(from, path);
  if (text.empty()) return Fail(Code::kInvalidArgument, fmt::format("the answer has no text at {}", name));
  return text;
}

base::Result<std::string> ValueOf(std::string_view name, const ApiScope& scope) {
  const std::size_t dot = name.find('.');
  if (dot == std::string_view::npos) return RecordText(scope.record, name);
  const std::string_view path = name.substr(dot + 1);
  if (name.substr(0, dot) == "item") {
    BARO_ASSERT(scope.item != nullptr);
    return JsonText(*scope.item, path, name);
  }
  const auto items = scope.answers.Of(name.substr(0, dot));
  if (items.empty()) return Fail(Code::kInvalidArgument, fmt::format("the answer has no text at {}", name));
  return JsonText(items[0], path, name);
}

}  // namespace

base::Result<std::string> FillTemplate(std::string_view text, const ApiScope& scope, Encoding encoding) {
  std::string out;
  while (!text.empty()) {
    const std::size_t open = text.find('{');
    out += text.substr(0, open);
    if (open == std::string_view::npos) break;
    const std::size_t close = text.find('}', open);
    BARO_ASSERT(close != std::string_view::npos);
    const std::string value = BARO_TRY(ValueOf(text.substr(open + 1, close - open - 1), scope));
    out += encoding == Encoding::kUrl ? net::UrlEncode(value) : value;
    text.remove_prefix(close + 1);
  }
  return out;
}

}  // namespace baro::scraper
