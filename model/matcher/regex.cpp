#include "model/regex.h"

#include <algorithm>
#include <array>

#include <fmt/format.h>
#include <re2/re2.h>

#include "model/matcher/regex_shape.h"
#include "model/names.h"
#include "model/quote.h"

namespace baro::model {
namespace {

// Patterns in messages: long ones are cut.
std::string QuotedExcerpt(std::string_view pattern) {
  constexpr std::size_t kExcerptBytes = 200;
  return pattern.size() <= kExcerptBytes ? Quoted(pattern) : Quoted(pattern.substr(0, kExcerptBytes)) + "...";
}

re2::RE2::Options Re2Options() {
  re2::RE2::Options options;
  options.set_dot_nl(true);
  options.set_log_errors(false);
  options.set_max_mem(static_cast<std::int64_t>(kRegexMemoryBytesMax));
  return options;
}

base::Result<std::unique_ptr<const re2::RE2>> Compile(std::string_view pattern) {
  auto compiled = std::make_unique<const re2::RE2>(re2::StringPiece(pattern.data(), pattern.size()), Re2Options());
  if (compiled->ok()) return compiled;
  if (compiled->error_code() == re2::RE2::ErrorPatternTooLarge) {
    return base::Fail(base::Code::kLimitExceeded,
                      fmt::format("regular expression {} is too large: compiled it would pass {} bytes",
                                  QuotedExcerpt(pattern), kRegexMemoryBytesMax));
  }
  return base::Fail(base::Code::kInvalidArgument,
                    fmt::format("invalid regular expression {}: {}", QuotedExcerpt(pattern), compiled->error()));
}

bool IsWordByte(char byte) {
  return byte == '_' || (byte >= '0' && byte <= '9') || (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z');
}

// The length of the reference at the front of `text` (which begins with a dollar) and its name; 0 if there is none.
std::size_t TakeReference(std::string_view text, std::string_view& name) {
  const bool is_braced = text.size() > 1 && text[1] == '{';
  const std::size_t begin = is_braced ? 2 : 1;
  std::size_t end = begin;
  while (end < text.size() && IsWordByte(text[end])) ++end;
  if (end == begin || (is_braced && (end == text.size() || text[end] != '}'))) return 0;
  name = text.substr(begin, end - begin);
  return is_braced ? end + 1 : end;
}

// The group's number if the name is one: at most eight digits, as in Go, no leading zero.
std::optional<std::size_t> GroupNumber(std::string_view name) {
  if (name.size() > 8 || (name.size() > 1 && name.front() == '0')) return std::nullopt;
  std::size_t number = 0;
  for (const char byte : name) {
    if (byte < '0' || byte > '9') return std::nullopt;
    number = number * 10 + static_cast<std::size_t>(byte - '0');
  }
  return number;
}

}  // namespace

ReplacementTemplate::ReplacementTemplate(std::string_view text) : text_(text) {
  std::string literal;
  const auto flush = [&] {
    if (!literal.empty()) pieces_.emplace_back(std::move(literal));
    literal.clear();
  };
  while (!text.empty()) {
    const std::size_t dollar = std::min(text.find('$'), text.size());
    literal += text.substr(0, dollar);
    text.remove_prefix(dollar);
    if (text.empty()) break;
    std::string_view name;
    if (text.starts_with("$$")) {
      literal += '$';
      text.remove_prefix(2);
    } else if (const std::size_t length = TakeReference(text, name); length > 0) {
      flush();
      pieces_.emplace_back(Group{std::string(name)});
      text.remove_prefix(length);
    } else {
      literal += '$';
      text.remove_prefix(1);
    }
  }
  flush();
}

bool ReplacementTemplate::is_literal() const {
  return std::all_of(pieces_.begin(), pieces_.end(),
                     [](const Piece& piece) { return std::holds_alternative<std::string>(piece); });
}

struct AnchoredRegex::State {
  std::string pattern;
  std::optional<RegexShape> shape;
  std::string required_prefix;
  RegexUse use = RegexUse::kGroups;
  std::unique_ptr<const re2::RE2> re2;  // null if there is a shape and no group will be asked for

  bool MatchesSlowly(std::string_view text) const {
    return re2::RE2::FullMatch(re2::StringPiece(text.data(), text.size()), *re2);
  }

  std::optional<std::size_t> FindGroup(const std::string& name) const {
    if (const auto number = GroupNumber(name); number.has_value()) return number;
    const auto& names = re2->NamedCapturingGroups();
    const auto found = names.find(name);
    if (found == names.end()) return std::nullopt;
    return static_cast<std::size_t>(found->second);
  }

  bool ExpandSlowly(std::string_view text, const ReplacementTemplate& replacement, std::string& expanded) const;
};

bool AnchoredRegex::State::ExpandSlowly(std::string_view text, const ReplacementTemplate& replacement,
                                        std::string& expanded) const {
  const auto group_count = static_cast<std::size_t>(re2->NumberOfCapturingGroups()) + 1;
  std::array<re2::StringPiece, 16> few;
  std::vector<re2::StringPiece> many;
  re2::StringPiece* groups = few.data();
  if (group_count > few.size()) {
    many.resize(group_count);
    groups = many.data();
  }
  if (!re2->Match(re2::StringPiece(text.data(), text.size()), 0, text.size(), re2::RE2::ANCHOR_BOTH, groups,
                  static_cast<int>(group_count))) {
    return false;
  }
  std::string out;
  for (const auto& piece : replacement.pieces()) {
    if (const auto* literal = std::get_if<std::string>(&piece)) {
      out += *literal;
    } else if (const auto group = FindGroup(std::get<ReplacementTemplate::Group>(piece).name);
               group.has_value() && *group < group_count) {
      out.append(groups[*group].data(), groups[*group].size());
    }
  }
  expanded = std::move(out);
  return true;
}

base::Result<AnchoredRegex> AnchoredRegex::Make(std::string_view pattern, RegexUse use) {
  if (pattern.size() > kRegexBytesMax) {
    return base::Fail(
        base::Code::kLimitExceeded,
        fmt::format("regular expression of {} bytes is too long: at most {} are read", pattern.size(), kRegexBytesMax));
  }
  auto state = std::make_shared<State>();
  state->pattern = pattern;
  state->use = use;
  state->shape = RegexShape::Analyze(pattern);
  if (state->shape.has_value()) state->required_prefix = state->shape->RequiredPrefix();
  const bool wants_groups = use == RegexUse::kGroups && pattern.find('(') != std::string_view::npos;
  if (wants_groups || !state->shape.has_value()) state->re2 = BARO_TRY(Compile(pattern));
  return AnchoredRegex(std::move(state));
}

bool AnchoredRegex::Matches(std::string_view text) const {
  if (state_->shape.has_value()) return state_->shape->Matches(text);
  if (IsValidUtf8(text)) return state_->MatchesSlowly(text);
  std::string valid;
  AppendValidUtf8(valid, text);
  return state_->MatchesSlowly(valid);
}

bool AnchoredRegex::MatchAndExpand(std::string_view text, const ReplacementTemplate& replacement,
                                   std::string& expanded) const {
  BARO_ASSERT(state_->use == RegexUse::kGroups);
  if (state_->shape.has_value() && !state_->shape->Matches(text)) return false;
  if (state_->re2 != nullptr) {
    if (IsValidUtf8(text)) return state_->ExpandSlowly(text, replacement, expanded);
    std::string valid;
    AppendValidUtf8(valid, text);
    return state_->ExpandSlowly(valid, replacement, expanded);
  }
  // No group but the whole match.
  std::string out;
  for (const auto& piece : replacement.pieces()) {
    if (const auto* literal = std::get_if<std::string>(&piece)) {
      out += *literal;
    } else if (std::get<ReplacementTemplate::Group>(piece).name == "0") {
      out += text;
    }
  }
  expanded = std::move(out);
  return true;
}

const std::string& AnchoredRegex::pattern() const { return state_->pattern; }

std::span<const std::string> AnchoredRegex::SetMatches() const {
  if (!state_->shape.has_value() || !state_->shape->globs().empty()) return {};
  return state_->shape->literals();
}

std::string_view AnchoredRegex::RequiredPrefix() const { return state_->required_prefix; }

bool AnchoredRegex::has_fast_path() const { return state_->shape.has_value(); }

}  // namespace baro::model
