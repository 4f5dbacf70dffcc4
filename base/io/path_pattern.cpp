#include "base/path_pattern.h"

#include <fmt/format.h>

namespace baro::base {
namespace {

constexpr std::string_view kSpecialBytes = "*?[\\";

std::size_t LastPartOf(std::string_view path) { return path.rfind('/') + 1; }  // 0 without a slash

/// Takes the first character off: a byte with the continuation bytes of UTF-8 that follow it. As text, characters
/// compare in the order of their code points.
std::string_view TakeCharacter(std::string_view& text) {
  std::size_t length = 1;
  while (length < text.size() && (static_cast<unsigned char>(text[length]) & 0xC0) == 0x80) ++length;
  const std::string_view character = text.substr(0, length);
  text.remove_prefix(length);
  return character;
}

/// An end of a range in brackets, behind the backslash that may stand before it; empty: there is none.
std::string_view TakeBound(std::string_view& pattern) {
  if (pattern.starts_with('\\')) {
    pattern.remove_prefix(1);
  } else if (pattern.starts_with('-') || pattern.starts_with(']')) {
    return {};
  }
  return pattern.empty() ? std::string_view() : TakeCharacter(pattern);
}

enum class Verdict { kMatches, kDiffers, kIncomplete };

/// Takes the inside of brackets off, with the one that closes.
Verdict TakeBrackets(std::string_view& pattern, std::string_view character) {
  const bool is_negated = pattern.starts_with('^');
  if (is_negated) pattern.remove_prefix(1);
  bool is_listed = false;
  do {
    const std::string_view low = TakeBound(pattern);
    std::string_view high = low;
    if (pattern.starts_with('-')) {
      pattern.remove_prefix(1);
      high = TakeBound(pattern);
    }
    if (low.empty() || high.empty() || pattern.empty()) return Verdict::kIncomplete;
    is_listed |= low <= character && character <= high;
  } while (!pattern.starts_with(']'));
  pattern.remove_prefix(1);
  return is_listed != is_negated ? Verdict::kMatches : Verdict::kDiffers;
}

/// Takes what stands for one character, no star, off a pattern that is not empty.
Verdict TakeOne(std::string_view& pattern, std::string_view character) {
  const char first = pattern.front();
  if (first == '?' || first == '[') {
    pattern.remove_prefix(1);
    return first == '?' ? Verdict::kMatches : TakeBrackets(pattern, character);
  }
  if (first == '\\') pattern.remove_prefix(1);
  if (pattern.empty()) return Verdict::kIncomplete;
  return TakeCharacter(pattern) == character ? Verdict::kMatches : Verdict::kDiffers;
}

}  // namespace

Result<> CheckPattern(const std::string& path) {
  std::string_view name = std::string_view(path).substr(LastPartOf(path));
  if (path.find('*') < path.size() - name.size()) {
    return Fail(Code::kInvalidArgument, fmt::format("\"{}\": a * may stand in the last part of the path only", path));
  }
  while (!name.empty()) {
    if (name.starts_with('*')) {
      name.remove_prefix(1);
    } else if (TakeOne(name, "x") == Verdict::kIncomplete) {
      return Fail(Code::kInvalidArgument,
                  fmt::format("\"{}\": a bracket or backslash is not complete in the pattern", path));
    }
  }
  return {};
}

bool MatchesPattern(std::string_view name, std::string_view pattern) {
  // A star takes nothing at first. Where the rest does not fit, the last star takes a character more; earlier ones need
  // not, for what the last can skip they could only skip, too.
  bool has_star = false;
  std::string_view behind_star;
  std::string_view star_name;
  while (!name.empty() || !pattern.empty()) {
    if (pattern.starts_with('*')) {
      pattern.remove_prefix(1);
      has_star = true;
      behind_star = pattern;
      star_name = name;
      continue;
    }
    if (!name.empty() && !pattern.empty()) {
      const Verdict verdict = TakeOne(pattern, TakeCharacter(name));
      if (verdict == Verdict::kIncomplete) return false;
      if (verdict == Verdict::kMatches) continue;
    }
    if (!has_star || star_name.empty()) return false;
    TakeCharacter(star_name);
    name = star_name;
    pattern = behind_star;
  }
  return true;
}

std::vector<std::string> ExpandPattern(FileSystem& files, const std::string& pattern) {
  const std::size_t name_begin = LastPartOf(pattern);
  if (pattern.find_first_of(kSpecialBytes, name_begin) == std::string::npos) return {pattern};
  const auto names = files.ListDirectory(ParentDirectory(pattern));
  std::vector<std::string> found;
  if (!names) return found;
  for (const std::string& name : *names) {  // sorted
    if (MatchesPattern(name, std::string_view(pattern).substr(name_begin))) {
      found.push_back(pattern.substr(0, name_begin) + name);
    }
  }
  return found;
}

}  // namespace baro::base
