#include "ui/assets.h"

#include <zlib.h>

#include <algorithm>
#include <string>

#include "gtest/gtest.h"

namespace baro::ui {
namespace {

std::string Inflate(const Asset& asset) {
  std::string out(asset.identity_size + 1, '\0');  // one more: a wrong length must show
  z_stream stream{};
  EXPECT_EQ(inflateInit2(&stream, 16 + MAX_WBITS), Z_OK);
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<std::byte*>(asset.gzip.data()));
  stream.avail_in = static_cast<uInt>(asset.gzip.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  EXPECT_EQ(inflate(&stream, Z_FINISH), Z_STREAM_END) << asset.path;
  out.resize(stream.total_out);
  inflateEnd(&stream);
  return out;
}

TEST(Assets, EachInflatesToTheLengthThatItNames) {
  ASSERT_FALSE(AllAssets().empty());
  for (const Asset& asset : AllAssets()) EXPECT_EQ(Inflate(asset).size(), asset.identity_size) << asset.path;
}

TEST(Assets, AreFoundByPathAndOnlyByAWholeOne) {
  for (const Asset& asset : AllAssets()) EXPECT_EQ(FindAsset(asset.path), &asset);
  EXPECT_EQ(FindAsset(""), nullptr);
  EXPECT_EQ(FindAsset("/index.html"), nullptr);
  EXPECT_EQ(FindAsset("index.htm"), nullptr);
  EXPECT_EQ(FindAsset("zzz"), nullptr);
}

TEST(Assets, HaveTypesAndQuotedTags) {
  for (const Asset& asset : AllAssets()) {
    EXPECT_NE(asset.content_type, "") << asset.path;
    EXPECT_TRUE(asset.etag.starts_with("W/\"") && asset.etag.ends_with('"')) << asset.path;
  }
}

TEST(Assets, IndexHasTheTokensThatTheServerFillsAndIsNeverCachedForEver) {
  const Asset* index = FindAsset("index.html");
  ASSERT_NE(index, nullptr);
  EXPECT_FALSE(index->immutable);
  EXPECT_EQ(index->content_type, "text/html; charset=utf-8");
  const std::string html = Inflate(*index);
  EXPECT_NE(html.find("__BARO_PREFIX__"), std::string::npos);
  EXPECT_NE(html.find("__BARO_NONCE__"), std::string::npos);
}

TEST(Assets, PagesAreAbsolutePathsAndNeverAnAssetOrTheApi) {
  EXPECT_TRUE(std::ranges::count(PagePaths(), "/") == 1 && std::ranges::count(PagePaths(), "/graph") == 1);
  for (const std::string_view page : PagePaths()) {
    EXPECT_TRUE(page.starts_with('/')) << page;
    EXPECT_FALSE(page.starts_with("/api")) << page;
    EXPECT_EQ(FindAsset(page.substr(1)), nullptr) << page;
  }
}

}  // namespace
}  // namespace baro::ui
