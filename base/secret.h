// Text that must not be seen: it cannot be printed, only revealed on purpose.
#pragma once

#include <string>
#include <string_view>
#include <utility>

#include <fmt/format.h>

namespace baro::base {

/// Value; equality takes the same time wherever the texts differ.
class Secret {
 public:
  Secret() = default;
  explicit Secret(std::string text) : text_(std::move(text)) {}

  bool empty() const { return text_.empty(); }

  /// The text itself. Call it only where it goes onto the wire.
  const std::string& Reveal() const { return text_; }

  friend bool operator==(const Secret& a, const Secret& b) {
    if (a.text_.size() != b.text_.size()) return false;
    unsigned char difference = 0;
    for (std::size_t i = 0; i < a.text_.size(); ++i) {
      difference = static_cast<unsigned char>(difference | (a.text_[i] ^ b.text_[i]));
    }
    return difference == 0;
  }

 private:
  std::string text_;
};

}  // namespace baro::base

template <>
struct fmt::formatter<baro::base::Secret> : fmt::formatter<std::string_view> {
  template <typename Context>
  auto format(const baro::base::Secret&, Context& context) const {
    return fmt::formatter<std::string_view>::format("<secret>", context);
  }
};
