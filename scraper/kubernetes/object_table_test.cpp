#include "scraper/kubernetes/object_table.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace baro::scraper {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

std::string Service(const std::string& name, const std::string& more = "", const std::string& version = "1") {
  return fmt::format(R"({{"metadata":{{"name":"{}","namespace":"n","resourceVersion":"{}"{}}},"spec":{{"type":"T"}}}})",
                     name, version, more);
}

std::vector<std::string> NamesIn(const TableOf<ServiceObject>& table) {
  std::vector<std::string> names;
  table.ForEach([&](const ServiceObject& service) { names.push_back(service.meta.name); });
  return names;
}

struct ObjectTableTest : testing::Test {
  StoreBudget budget;
  TableOf<ServiceObject> table{budget};
};

TEST_F(ObjectTableTest, KnowsWhatIsNews) {
  const auto put = [&](const std::string& text) { return table.Put(text).value(); };
  EXPECT_TRUE(put(Service("a")).is_news);
  const auto same = put(Service("a", R"(,"managedFields":[{"manager":"m"}])", "2"));
  EXPECT_FALSE(same.is_news) << "nobody looks at what changed";
  EXPECT_EQ(same.version, "2");
  EXPECT_TRUE(put(Service("a", R"(,"labels":{"x":"y"})", "3")).is_news);
  EXPECT_EQ(table.Find("n/a")->meta.labels.Find("x"), "y");
  EXPECT_TRUE(table.Remove(Service("a"))->is_news);
  EXPECT_FALSE(table.Remove(Service("a"))->is_news);
  EXPECT_EQ(table.Find("n/a"), nullptr);
}

TEST_F(ObjectTableTest, AListTakesAwayWhatIsNotInIt) {
  EXPECT_FALSE(table.is_listed());
  table.BeginList();
  ASSERT_TRUE(table.Put(Service("a")));
  ASSERT_TRUE(table.Put(Service("b")));
  EXPECT_TRUE(table.EndList()) << "that the list is known is news";
  EXPECT_TRUE(table.is_listed());
  ASSERT_TRUE(table.Put(Service("c")));
  table.BeginList();
  ASSERT_TRUE(table.Put(Service("b")));
  table.BeginList();  // the first one broke off
  ASSERT_TRUE(table.Put(Service("a")));
  ASSERT_TRUE(table.Put(Service("d")));
  EXPECT_THAT(NamesIn(table), ElementsAre("a", "b", "c", "d")) << "until the list is whole nothing goes";
  EXPECT_TRUE(table.EndList());
  EXPECT_THAT(NamesIn(table), ElementsAre("a", "d"));
}

TEST_F(ObjectTableTest, GivesBackItsBudget) {
  {
    TableOf<ServiceObject> other(budget);
    ASSERT_TRUE(other.Put(Service("a", R"(,"annotations":{"long":"0123456789"})")));
    ASSERT_TRUE(other.Put(Service("b")));
    EXPECT_GT(budget.bytes, 2 * sizeof(ServiceObject));
    const std::size_t with_long = budget.bytes;
    ASSERT_TRUE(other.Put(Service("a")));
    EXPECT_LT(budget.bytes, with_long);
    ASSERT_TRUE(other.Remove(Service("a")));
    other.BeginList();
    other.EndList();
    EXPECT_EQ(budget.bytes, 0U);
    ASSERT_TRUE(other.Put(Service("c")));
  }
  EXPECT_EQ(budget.bytes, 0U);
}

TEST_F(ObjectTableTest, RefusesWhatItsBudgetDoesNotAllow) {
  ASSERT_TRUE(table.Put(Service("a")));
  budget.bytes_max = budget.bytes + 100;
  for (const char* const name : {"b", "a"}) {
    const auto put = table.Put(Service(name, fmt::format(R"(,"labels":{{"x":"{}"}})", std::string(1000, 'x'))));
    ASSERT_FALSE(put);
    EXPECT_EQ(put.error().code(), base::Code::kLimitExceeded);
    EXPECT_THAT(put.error().message(), HasSubstr("narrow the namespaces or selectors"));
  }
  EXPECT_THAT(NamesIn(table), testing::IsEmpty()) << "what there was of it is out of date";
  EXPECT_EQ(budget.bytes, 0U);
}

TEST_F(ObjectTableTest, RefusesWhatIsNoObject) {
  for (const char* const text : {"", "[]", "{}", R"({"metadata":{}})", R"({"metadata":{"name":1}})",
                                 R"({"metadata":{"name":"a","labels":{"b":1}}})", R"({"metadata":{"name":"a"}} x)"}) {
    const auto put = table.Put(text);
    ASSERT_FALSE(put) << text;
    EXPECT_EQ(put.error().code(), base::Code::kInvalidArgument);
  }
}

TEST(TextPairs, KeepsNamesAndValuesInOrder) {
  TextPairs pairs;
  EXPECT_TRUE(pairs.empty());
  pairs.Add("b", "");
  pairs.Add("", "x");
  pairs.Add("b", std::string(300, 'y'));
  std::vector<std::string> names;
  pairs.ForEach([&](std::string_view name, std::string_view value) {
    names.push_back(fmt::format("{}={}", name, value.size()));
  });
  EXPECT_THAT(names, ElementsAre("b=0", "=1", "b=300"));
  EXPECT_EQ(pairs.Find("b")->size(), 300U) << "the last one counts";
  EXPECT_FALSE(pairs.Find("c"));
}

}  // namespace
}  // namespace baro::scraper
