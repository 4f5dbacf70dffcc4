#include "ui/assets.h"

#include <algorithm>

namespace baro::ui {

const Asset* FindAsset(std::string_view path) {
  const std::span<const Asset> all = AllAssets();
  const auto found = std::ranges::lower_bound(all, path, {}, &Asset::path);
  return found != all.end() && found->path == path ? &*found : nullptr;
}

}  // namespace baro::ui
