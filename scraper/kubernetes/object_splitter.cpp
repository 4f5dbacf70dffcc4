#include "scraper/kubernetes/object_splitter.h"

#include <fmt/format.h>

namespace baro::scraper {
namespace {

using base::Code;
using base::Fail;

constexpr std::string_view kBlanks = " \t\r\n";

bool IsBlank(char c) { return kBlanks.find(c) != std::string_view::npos; }

}  // namespace

base::Result<> ObjectSplitter::Feed(std::string_view piece, const Take& take) {
  std::size_t from = 0;  // of the object that is read
  for (std::size_t at = 0; at < piece.size(); ++at) {
    const char c = piece[at];
    if (is_in_string_) {
      is_in_string_ = is_escaped_ || c != '"';
      is_escaped_ = !is_escaped_ && c == '\\';
    } else if (c == '"') {
      is_in_string_ = true;
    } else if (c == '{' || c == '[') {
      if (!is_in_object_ && c == '{' && MayBegin()) {
        is_in_object_ = true;
        from = at;
      }
      BARO_TRY(Open(c));
    } else if (c == '}' || c == ']') {
      BARO_TRY(Close());
      if (is_in_object_ && MayBegin()) {
        BARO_TRY(Emit(piece.substr(from, at + 1 - from), take));
        continue;
      }
    }
    if (!is_in_object_) BARO_TRY(Outside(c));
  }
  if (!is_in_object_) return {};
  partial_ += piece.substr(from);
  if (partial_.size() <= kObjectBytesMax) return {};
  return Fail(Code::kLimitExceeded, fmt::format("an object has more than {} bytes", kObjectBytesMax));
}

base::Result<> ObjectSplitter::Open(char c) {
  is_in_items_ |= form_ == Form::kList && c == '[' && depth_ == 1 && IsItemsNext();
  ++depth_;
  return {};
}

base::Result<> ObjectSplitter::Close() {
  if (depth_ == 0) return Fail(Code::kInvalidArgument, "a bracket is closed that was never opened");
  --depth_;
  is_in_items_ &= depth_ > 1;
  return {};
}

/// What is no part of an object: nothing but what stands between them, or a piece of the shell.
base::Result<> ObjectSplitter::Outside(char c) {
  const bool is_between = form_ == Form::kEvents || (is_in_items_ && depth_ == 2 && c != '[');
  if (is_between) {
    if (IsBlank(c) || (c == ',' && form_ == Form::kList)) return {};
    return Fail(Code::kInvalidArgument, "want an object, found something else");
  }
  if (shell_.size() == kListShellBytesMax) {
    return Fail(Code::kLimitExceeded,
                fmt::format("a list has more than {} bytes around its items", kListShellBytesMax));
  }
  shell_ += c;
  return {};
}

base::Result<> ObjectSplitter::Emit(std::string_view end, const Take& take) {
  is_in_object_ = false;
  if (partial_.empty()) return take(end);
  partial_ += end;
  const std::string whole = std::exchange(partial_, {});
  return take(whole);
}

bool ObjectSplitter::IsItemsNext() const {
  constexpr std::string_view kItems = "\"items\"";
  std::string_view before = shell_;
  const auto trim = [&] { before = before.substr(0, before.find_last_not_of(kBlanks) + 1); };
  trim();
  if (!before.ends_with(':')) return false;
  before.remove_suffix(1);
  trim();
  return before.ends_with(kItems);
}

base::Result<> ObjectSplitter::End() const {
  if (depth_ == 0 && !is_in_string_) return {};
  return Fail(Code::kInvalidArgument, "it ended in the middle of an object");
}

}  // namespace baro::scraper
