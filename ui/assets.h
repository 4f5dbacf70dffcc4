// The web interface's files, as they lie compressed in the binary.
//
// Source   ui/embed.py makes the table from what `npm run build` left in ui/dist, or from ui/off when BARO_UI is off.
// Threads  Immutable.
#pragma once

#include <cstddef>
#include <span>
#include <string_view>

namespace baro::ui {

/// One file of the interface.
///
/// Owns     nothing; all views last as long as the process.
struct Asset {
  std::string_view path;          // relative, without a leading slash: "index.html", "assets/index-C1x0ZQ8b.js"
  std::string_view content_type;  // for the header, with the charset where it has one
  std::string_view etag;          // weak, with its quotes: it is the same for gzip and identity
  std::span<const std::byte> gzip;
  std::size_t identity_size;  // bytes after inflation
  bool immutable;             // the path has a hash of the content in it, so it may be cached for ever
};

/// The asset at `path`, or null. Cost O(log n).
const Asset* FindAsset(std::string_view path);

/// All assets, ordered by path; "index.html" is always among them. It holds two tokens that are to be replaced each
/// time it is served: see ui/README.md.
std::span<const Asset> AllAssets();

/// The paths that answer with index.html, from ui/pages.json; each begins with a slash. Every other path that is no
/// asset is a 404.
std::span<const std::string_view> PagePaths();

}  // namespace baro::ui
