#include "scraper/kubernetes/object_splitter.h"

#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace baro::scraper {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using Form = ObjectSplitter::Form;

struct Split {
  std::vector<std::string> objects;
  std::string shell;
  std::string error;  ///< of the reading, or of the end
};

Split SplitInPieces(Form form, std::string_view text, std::size_t piece_bytes) {
  ObjectSplitter splitter(form);
  Split split;
  for (std::size_t at = 0; at < text.size() && split.error.empty(); at += piece_bytes) {
    const auto fed = splitter.Feed(text.substr(at, piece_bytes), [&](std::string_view object) -> base::Result<> {
      split.objects.emplace_back(object);
      return {};
    });
    if (!fed) split.error = fed.error().message();
  }
  split.shell = splitter.shell();
  if (!split.error.empty()) return split;
  if (const auto end = splitter.End(); !end) split.error = end.error().message();
  return split;
}

TEST(ObjectSplitter, CutsTheItemsOutOfAList) {
  constexpr std::string_view kText =
      R"({"kind":"PodList","metadata":{"resourceVersion":"7","x":[{"no":1}]},"items" : [ {"a":"]}\"{"} ,
         {"b":{"c":[{}]}},{}],"tail":1})";
  for (std::size_t piece_bytes = 1; piece_bytes <= kText.size(); ++piece_bytes) {
    const Split split = SplitInPieces(Form::kList, kText, piece_bytes);
    EXPECT_THAT(split.objects, ElementsAre(R"({"a":"]}\"{"})", R"({"b":{"c":[{}]}})", "{}")) << piece_bytes;
    EXPECT_EQ(split.shell,
              R"({"kind":"PodList","metadata":{"resourceVersion":"7","x":[{"no":1}]},"items" : [],"tail":1})");
    EXPECT_EQ(split.error, "");
  }
}

TEST(ObjectSplitter, CutsEventsOutOfAWatch) {
  constexpr std::string_view kText = "{\"type\":\"ADDED\"}\n{\"a\":\"\\\\\"} {\"b\":{}}\r\n";
  for (std::size_t piece_bytes = 1; piece_bytes <= kText.size(); ++piece_bytes) {
    const Split split = SplitInPieces(Form::kEvents, kText, piece_bytes);
    EXPECT_THAT(split.objects, ElementsAre("{\"type\":\"ADDED\"}", "{\"a\":\"\\\\\"}", "{\"b\":{}}")) << piece_bytes;
    EXPECT_EQ(split.error, "");
  }
}

TEST(ObjectSplitter, ListsWithoutItems) {
  for (const char* const text : {R"({"items":[]})", R"({"items":null})", R"({})", R"({"other":[{"a":1}]})"}) {
    const Split split = SplitInPieces(Form::kList, text, 100);
    EXPECT_THAT(split.objects, IsEmpty()) << text;
    EXPECT_EQ(split.shell, text);
    EXPECT_EQ(split.error, "");
  }
}

TEST(ObjectSplitter, SaysWhenItIsSomethingElse) {
  struct Row {
    Form form;
    const char* text;
    const char* error;
  };
  constexpr Row kRows[] = {{Form::kList, R"({"items":[7]})", "want an object"},
                           {Form::kList, R"({"items":["a"]})", "want an object"},
                           {Form::kList, R"({"items":[[{}]]})", "want an object"},
                           {Form::kList, R"({"items":[{})", "in the middle"},
                           {Form::kList, R"({"items":[{}]}})", "never opened"},
                           {Form::kEvents, "[{}]", "want an object"},
                           {Form::kEvents, "{},{}", "want an object"},
                           {Form::kEvents, "{", "in the middle"},
                           {Form::kEvents, "}", "never opened"}};
  for (const auto& [form, text, error] : kRows) {
    EXPECT_THAT(SplitInPieces(form, text, 1).error, HasSubstr(error)) << text;
  }
}

TEST(ObjectSplitter, HoldsNoMoreThanItsBounds) {
  const std::string piece(1 << 20, 'x');
  ObjectSplitter events(Form::kEvents);
  const auto ignore = [](std::string_view) -> base::Result<> { return {}; };
  ASSERT_TRUE(events.Feed("{\"a\":\"", ignore));
  base::Result<> fed;
  for (int i = 0; i < 9 && fed; ++i) fed = events.Feed(piece, ignore);
  ASSERT_FALSE(fed);
  EXPECT_EQ(fed.error().code(), base::Code::kLimitExceeded);
  ObjectSplitter list(Form::kList);
  ASSERT_TRUE(list.Feed("{\"a\":\"", ignore));
  fed = list.Feed(piece, ignore);
  ASSERT_FALSE(fed);
  EXPECT_THAT(fed.error().message(), HasSubstr("around its items"));
}

TEST(ObjectSplitter, EndsWithTheErrorOfWhoeverTakesTheObjects) {
  ObjectSplitter splitter(Form::kEvents);
  const auto refuse = [](std::string_view) -> base::Result<> { return base::Fail(base::Code::kIo, "no"); };
  const auto fed = splitter.Feed("{}{}", refuse);
  ASSERT_FALSE(fed);
  EXPECT_EQ(fed.error().message(), "no");
}

}  // namespace
}  // namespace baro::scraper
