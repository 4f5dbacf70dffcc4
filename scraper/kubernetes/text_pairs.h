// Labels and annotations of an object, in one piece of memory.
#pragma once

#include <cstdint>
#include <cstring>
#include <optional>
#include <string>
#include <string_view>

namespace baro::scraper {

/// Names with values, in the order in which they were added. A cluster has millions of them, most of them short: each
/// costs 8 bytes beside its text.
///
/// Threads  Confined.
class TextPairs {
 public:
  void Add(std::string_view name, std::string_view value) {
    AddSize(name);
    AddSize(value);
    bytes_.append(name).append(value);
  }
  void ShrinkToFit() { bytes_.shrink_to_fit(); }

  /// Calls `each(name, value)`; both are loans from this.
  template <typename Each>
  void ForEach(Each&& each) const {
    for (std::string_view rest = bytes_; !rest.empty();) {
      const std::size_t name_size = SizeAt(rest);
      const std::size_t value_size = SizeAt(rest.substr(sizeof(std::uint32_t)));
      rest.remove_prefix(2 * sizeof(std::uint32_t));
      each(rest.substr(0, name_size), rest.substr(name_size, value_size));
      rest.remove_prefix(name_size + value_size);
    }
  }

  std::optional<std::string_view> Find(std::string_view name) const {
    std::optional<std::string_view> found;
    ForEach([&](std::string_view own, std::string_view value) {
      if (own == name) found = value;
    });
    return found;
  }

  bool empty() const { return bytes_.empty(); }
  std::size_t size_bytes() const { return bytes_.size(); }

  friend bool operator==(const TextPairs&, const TextPairs&) = default;

 private:
  void AddSize(std::string_view text) {
    const auto size = static_cast<std::uint32_t>(text.size());  // of an object of some MiB
    char raw[sizeof(size)];
    std::memcpy(raw, &size, sizeof(size));
    bytes_.append(raw, sizeof(raw));
  }
  static std::size_t SizeAt(std::string_view bytes) {
    std::uint32_t size = 0;
    std::memcpy(&size, bytes.data(), sizeof(size));
    return size;
  }

  std::string bytes_;
};

}  // namespace baro::scraper
