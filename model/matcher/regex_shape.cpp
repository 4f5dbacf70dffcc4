#include "model/matcher/regex_shape.h"

#include <algorithm>

#include "model/names.h"

namespace baro::model {
namespace {

// An expression is expanded to its alternatives. Products of several alternatives with several are cut short here: past
// this, RE2's automaton is smaller. An alternation written out may be longer; its length is bounded by the pattern's.
constexpr std::size_t kProductMax = 256;
constexpr std::size_t kExpandedBytesMax = std::size_t{1} << 20;
constexpr std::size_t kGlobsMax = 16;
constexpr int kDepthMax = 8;

using Alternatives = std::vector<Glob>;

Glob LiteralGlob(std::string text) { return {.literals = {std::move(text)}, .wilds = {}}; }

// Puts a wildcard behind `glob`. Two that each want a character would have to count code points: false.
bool AppendWild(Glob& glob, Glob::Wild wild) {
  if (glob.literals.back().empty() && !glob.wilds.empty()) {
    Glob::Wild& last = glob.wilds.back();
    if (last == Glob::Wild::kSome && wild == Glob::Wild::kSome) return false;
    if (wild == Glob::Wild::kSome) last = wild;
    return true;
  }
  glob.wilds.push_back(wild);
  glob.literals.emplace_back();
  return true;
}

bool AppendGlob(Glob& glob, const Glob& tail) {
  glob.literals.back() += tail.literals.front();
  for (std::size_t i = 0; i < tail.wilds.size(); ++i) {
    if (!AppendWild(glob, tail.wilds[i])) return false;
    glob.literals.back() += tail.literals[i + 1];
  }
  return true;
}

std::size_t LiteralBytes(const Glob& glob) {
  std::size_t bytes = sizeof(std::string);
  for (const std::string& literal : glob.literals) bytes += literal.size();
  return bytes;
}

// Reads the simple part of RE2's syntax. Every method says false for whatever lies outside of it, valid or not.
class ShapeParser {
 public:
  explicit ShapeParser(std::string_view pattern) : rest_(pattern) {}

  bool Parse(Alternatives& out) { return ParseAlternation(out, 0) && rest_.empty(); }

 private:
  bool NextIs(std::string_view text) const { return rest_.starts_with(text); }
  bool NextIsQuantifier() const { return !rest_.empty() && std::string_view("*+?{").find(rest_.front()) != rest_.npos; }
  bool Take(std::string_view text) {
    if (!NextIs(text)) return false;
    rest_.remove_prefix(text.size());
    return true;
  }

  bool ParseAlternation(Alternatives& out, int depth) {
    if (depth > kDepthMax) return false;
    do {
      Alternatives branch{LiteralGlob("")};
      if (!ParseConcatenation(branch, depth)) return false;
      std::move(branch.begin(), branch.end(), std::back_inserter(out));
    } while (Take("|"));
    return true;
  }

  bool ParseConcatenation(Alternatives& branch, int depth) {
    // The whole is anchored already: `^` in front and `$` behind change nothing.
    if (depth == 0 && Take("^") && NextIsQuantifier()) return false;
    while (!rest_.empty() && rest_.front() != '|' && rest_.front() != ')') {
      if (depth == 0 && Take("$")) return rest_.empty() || rest_.front() == '|';
      Alternatives atom;
      if (!ParseAtom(atom, depth) || !Multiply(branch, atom)) return false;
    }
    return true;
  }

  bool ParseAtom(Alternatives& atom, int depth) {
    bool is_wild = false;
    switch (rest_.front()) {
      case '(':
        if (!ParseGroup(atom, depth)) return false;
        break;
      case '[':
        if (!ParseClass(atom)) return false;
        break;
      case '.':
        if (!ParseWild(atom)) return false;
        is_wild = true;
        break;
      case '\\':
        if (!ParseEscape(atom)) return false;
        break;
      default:
        if (!ParseLiteral(atom)) return false;
        break;
    }
    if (!is_wild && Take("?")) atom.push_back(LiteralGlob(""));
    return !NextIsQuantifier();
  }

  bool ParseGroup(Alternatives& atom, int depth) {
    rest_.remove_prefix(1);
    if (NextIs("?") && !Take("?:")) return false;  // flags and names
    return ParseAlternation(atom, depth + 1) && Take(")");
  }

  bool ParseWild(Alternatives& atom) {
    rest_.remove_prefix(1);
    Glob glob = LiteralGlob("");
    if (Take("*")) {
      AppendWild(glob, Glob::Wild::kAny);
    } else if (Take("+")) {
      AppendWild(glob, Glob::Wild::kSome);
    } else {
      return false;
    }
    Take("?");  // lazy or not, the whole text has to match
    atom.push_back(std::move(glob));
    return true;
  }

  bool ParseClass(Alternatives& atom) {
    rest_.remove_prefix(1);
    const auto is_plain = [](char byte) {
      return static_cast<unsigned char>(byte) < 0x80 && std::string_view("[]\\^-").find(byte) == std::string_view::npos;
    };
    while (!Take("]")) {
      if (rest_.empty() || !is_plain(rest_.front())) return false;
      const auto first = static_cast<unsigned char>(rest_.front());
      auto last = first;
      rest_.remove_prefix(1);
      if (Take("-")) {
        if (rest_.empty() || !is_plain(rest_.front())) return false;
        last = static_cast<unsigned char>(rest_.front());
        if (last < first) return false;
        rest_.remove_prefix(1);
      }
      for (int byte = first; byte <= last; ++byte) atom.push_back(LiteralGlob(std::string(1, static_cast<char>(byte))));
      if (atom.size() > kProductMax) return false;
    }
    return !atom.empty();
  }

  bool ParseEscape(Alternatives& atom) {
    if (rest_.size() < 2) return false;
    const char escaped = rest_[1];
    if (std::string_view("\\.+*?()|[]{}^$-/\"'`!#%&,:;<=>@~").find(escaped) == std::string_view::npos) return false;
    atom.push_back(LiteralGlob(std::string(1, escaped)));
    rest_.remove_prefix(2);
    return true;
  }

  bool ParseLiteral(Alternatives& atom) {
    if (std::string_view("*+?{}]^$").find(rest_.front()) != std::string_view::npos) return false;
    const DecodedRune decoded = DecodeRune(rest_);
    // U+FFFD in a pattern also matches bytes that are not UTF-8, which a comparison of bytes would miss.
    if (!decoded.is_valid || decoded.rune == 0xfffd) return false;
    atom.push_back(LiteralGlob(std::string(rest_.substr(0, decoded.size_bytes))));
    rest_.remove_prefix(decoded.size_bytes);
    return true;
  }

  // Puts each of `atom` behind each of `branch`.
  bool Multiply(Alternatives& branch, const Alternatives& atom) {
    if (atom.size() == 1) {
      return std::all_of(branch.begin(), branch.end(), [&](Glob& head) { return AppendGlob(head, atom.front()); }) &&
             Spend(branch.size() * LiteralBytes(atom.front()) / sizeof(std::string));
    }
    if (branch.size() > 1 && branch.size() * atom.size() > kProductMax) return false;
    Alternatives product;
    product.reserve(branch.size() * atom.size());
    for (const Glob& head : branch) {
      for (const Glob& tail : atom) {
        Glob joined = head;
        if (!AppendGlob(joined, tail) || !Spend(LiteralBytes(joined))) return false;
        product.push_back(std::move(joined));
      }
    }
    branch = std::move(product);
    return true;
  }

  bool Spend(std::size_t bytes) {
    spent_bytes_ += bytes;
    return spent_bytes_ <= kExpandedBytesMax;
  }

  std::string_view rest_;
  std::size_t spent_bytes_ = 0;
};

}  // namespace

bool Glob::Matches(std::string_view text) const {
  const std::string& first = literals.front();
  if (!text.starts_with(first)) return false;
  if (wilds.empty()) return text.size() == first.size();
  text.remove_prefix(first.size());

  // The earliest place of each literal in between leaves the most for the rest, so nothing is tried twice.
  for (std::size_t i = 0; i + 1 < wilds.size(); ++i) {
    const std::size_t at = text.find(literals[i + 1], wilds[i] == Wild::kSome ? 1 : 0);
    if (at == std::string_view::npos) return false;
    text.remove_prefix(at + literals[i + 1].size());
  }
  const std::size_t wanted = literals.back().size() + (wilds.back() == Wild::kSome ? 1 : 0);
  return text.size() >= wanted && text.ends_with(literals.back());
}

std::optional<RegexShape> RegexShape::Analyze(std::string_view pattern) {
  Alternatives alternatives;
  if (!ShapeParser(pattern).Parse(alternatives)) return std::nullopt;
  std::vector<std::string> literals;
  std::vector<Glob> globs;
  for (Glob& alternative : alternatives) {
    if (alternative.wilds.empty()) {
      literals.push_back(std::move(alternative.literals.front()));
    } else {
      globs.push_back(std::move(alternative));
    }
  }
  if (globs.size() > kGlobsMax) return std::nullopt;
  return RegexShape(std::move(literals), std::move(globs));
}

RegexShape::RegexShape(std::vector<std::string> literals, std::vector<Glob> globs)
    : literals_(std::move(literals)), globs_(std::move(globs)) {
  std::sort(literals_.begin(), literals_.end());
  literals_.erase(std::unique(literals_.begin(), literals_.end()), literals_.end());
  if (literals_.empty()) return;
  const auto [shortest, longest] = std::minmax_element(
      literals_.begin(), literals_.end(), [](const auto& a, const auto& b) { return a.size() < b.size(); });
  literal_bytes_min_ = shortest->size();
  literal_bytes_max_ = longest->size();
}

bool RegexShape::Matches(std::string_view text) const {
  if (!literals_.empty() && text.size() >= literal_bytes_min_ && text.size() <= literal_bytes_max_ &&
      std::binary_search(literals_.begin(), literals_.end(), text, std::less<>())) {
    return true;
  }
  return std::any_of(globs_.begin(), globs_.end(), [text](const Glob& glob) { return glob.Matches(text); });
}

std::string RegexShape::RequiredPrefix() const {
  std::optional<std::string_view> common;
  const auto narrow = [&common](std::string_view next) {
    if (!common.has_value()) {
      common = next;
      return;
    }
    const auto differ = std::mismatch(common->begin(), common->end(), next.begin(), next.end());
    common = common->substr(0, static_cast<std::size_t>(differ.first - common->begin()));
  };
  for (const std::string& literal : literals_) narrow(literal);
  for (const Glob& glob : globs_) narrow(glob.literals.front());
  return std::string(common.value_or(""));
}

}  // namespace baro::model
