#include "model/labels.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <random>
#include <unordered_set>

namespace baro::model {
namespace {

using Map = std::map<std::string, std::string>;

Labels FromMap(const Map& map) {
  std::vector<LabelView> views;
  for (const auto& [name, value] : map) views.push_back({name, value});
  return Labels::FromSorted(views);
}

Map ToMap(const Labels& labels) {
  Map map;
  for (const auto& [name, value] : labels) map.emplace(name, value);
  return map;
}

TEST(Labels, AreSortedAndLeaveOutEmptyValues) {
  const Labels labels = Labels::FromPairs({{"job", "node"}, {"__name__", "up"}, {"gone", ""}});
  EXPECT_EQ(labels.size(), 2u);
  EXPECT_EQ(labels.metric_name(), "up");
  EXPECT_EQ(labels.Get("job"), "node");
  EXPECT_EQ(labels.Get("gone"), "");
  EXPECT_FALSE(labels.Has("gone"));
  EXPECT_EQ(labels.begin()->name, "__name__");
  EXPECT_EQ(labels.ToString(), R"({__name__="up", job="node"})");
  EXPECT_EQ(labels.ToMetricString(), R"(up{job="node"})");
}

TEST(Labels, RefuseANameThatStandsTwice) {
  const LabelView twice[] = {{"a", "1"}, {"b", "2"}, {"a", "3"}};
  EXPECT_EQ(Labels::Make(twice).error().message(), R"(label "a" stands twice in one label set)");
  const LabelView nameless[] = {{"", "1"}};
  EXPECT_FALSE(Labels::Make(nameless).has_value());
}

TEST(Labels, TheEmptySetIsOrdinary) {
  const Labels none;
  EXPECT_TRUE(none.empty());
  EXPECT_EQ(none.size(), 0u);
  EXPECT_EQ(none.begin(), none.end());
  EXPECT_EQ(none.ToString(), "{}");
  EXPECT_EQ(none.ToMetricString(), "{}");
  EXPECT_EQ(none, Labels::FromPairs({{"a", ""}}));
  EXPECT_LT(none, Labels::FromPairs({{"a", "b"}}));
  EXPECT_EQ(none.DropName(), none);
}

TEST(Labels, PrintQuotedNamesAndValuesAsGoDoes) {
  EXPECT_EQ(Labels::FromPairs({{"a.b", "\"x\"\n\\"}, {"c", "ü\x01"}}).ToString(), R"({"a.b"="\"x\"\n\\", c="ü\x01"})");
  EXPECT_EQ(Labels::FromPairs({{"__name__", "a.b"}, {"c", "d"}}).ToMetricString(), R"({__name__="a.b", c="d"})");
  EXPECT_EQ(Labels::FromPairs({{"__name__", "up"}}).ToMetricString(), "up");
}

TEST(Labels, LongPiecesKeepTheirLength) {
  for (const std::size_t size : {1u, 127u, 128u, 129u, 16'383u, 16'384u, 3'000'000u}) {
    const std::string value(size, 'v');
    const Labels labels = Labels::FromPairs({{"a", value}, {"b", "x"}, {"__name__", value}});
    EXPECT_EQ(labels.Get("a"), value) << size;
    EXPECT_EQ(labels.Get("b"), "x") << size;
    EXPECT_EQ(labels.HashWithLabels(std::vector<std::string>{"a"}), Labels::FromPairs({{"a", value}}).Hash()) << size;
  }
}

TEST(Labels, HashDoesNotChangeBetweenVersions) {
  EXPECT_EQ(Labels().Hash(), 0xef46db3751d8e999u);  // XXH64 of nothing, from xxHash's documentation
  EXPECT_EQ(Labels::FromPairs({{"__name__", "up"}, {"job", "node"}}).packed(),
            std::string("\x08__name__\x02up\x03job\x04node"));
}

TEST(Labels, PackedBytesFromOutsideAreChecked) {
  const Labels labels = Labels::FromPairs({{"a", "1"}, {"b", "2"}});
  EXPECT_EQ(Labels::FromPacked(labels.packed()).value(), labels);
  for (std::string_view bad : {std::string_view("\x01"),
                               std::string_view("\x01"
                                                "a"),
                               std::string_view("\x01"
                                                "a\x02"
                                                "1"),
                               std::string_view("\x01"
                                                "b\x01"
                                                "1\x01"
                                                "a\x01"
                                                "1"),
                               std::string_view("\x01"
                                                "a\x01"
                                                "1\x01"
                                                "a\x01"
                                                "1"),
                               std::string_view("\x01"
                                                "a\x00",
                                                3),
                               std::string_view("\xff\xff\xff\xff\xff\xff"),
                               std::string_view("\x81\x00"
                                                "a\x01"
                                                "1",
                                                5),
                               std::string_view("\x00\x01"
                                                "1",
                                                3)}) {
    EXPECT_FALSE(Labels::FromPacked(bad).has_value()) << testing::PrintToString(std::string(bad));
  }
}

TEST(Labels, CompareByNameThenValueThenLength) {
  const Labels rows[] = {
      Labels(),
      Labels::FromPairs({{"a", "1"}}),
      Labels::FromPairs({{"a", "1"}, {"b", "1"}}),
      Labels::FromPairs({{"a", "1"}, {"b", "2"}}),
      Labels::FromPairs({{"a", "1"}, {"c", "1"}}),
      Labels::FromPairs({{"a", "10"}}),
      Labels::FromPairs({{"a", "2"}}),
      Labels::FromPairs({{"aa", "1"}}),
      Labels::FromPairs({{"b", "\x7f"}}),
      Labels::FromPairs({{"b", "\xc3\xa9"}}),  // bytes are unsigned
  };
  for (std::size_t i = 0; i < std::size(rows); ++i) {
    for (std::size_t j = 0; j < std::size(rows); ++j) {
      EXPECT_EQ(rows[i] <=> rows[j], i <=> j) << rows[i].ToString() << " " << rows[j].ToString();
    }
  }
}

std::string RandomText(std::mt19937& random, std::size_t size_max) {
  std::string text(random() % (size_max + 1), '\0');
  for (char& byte : text) byte = static_cast<char>("abc_\xff"[random() % 5]);
  return text;
}

Map RandomMap(std::mt19937& random) {
  Map map;
  for (std::size_t i = random() % 8; i > 0; --i) {
    const std::string name = random() % 8 == 0 ? std::string(kMetricName) : RandomText(random, 3) + "x";
    map[name] = "v" + RandomText(random, random() % 50 == 0 ? 300 : 4);
  }
  return map;
}

TEST(Labels, BehaveAsAMap) {
  std::mt19937 random(7);
  for (int round = 0; round < 5000; ++round) {
    const Map left = RandomMap(random);
    const Map right = round % 4 == 0 ? left : RandomMap(random);
    const Labels a = FromMap(left);
    const Labels b = FromMap(right);
    ASSERT_EQ(ToMap(a), left);
    ASSERT_EQ(a == b, left == right);
    ASSERT_EQ(a < b, std::lexicographical_compare(left.begin(), left.end(), right.begin(), right.end()));
    ASSERT_EQ(a.Hash() == b.Hash(), left == right);

    std::vector<std::string> names;
    for (const auto& [name, value] : right) names.push_back(name);
    std::shuffle(names.begin(), names.end(), random);
    Map only;
    Map without;
    for (const auto& [name, value] : left) {
      if (right.contains(name)) only.emplace(name, value);
      if (!right.contains(name) && name != kMetricName) without.emplace(name, value);
    }
    ASSERT_EQ(ToMap(a.WithLabelsOnly(names)), only);
    ASSERT_EQ(ToMap(a.WithoutLabels(names)), without);
    ASSERT_EQ(a.HashWithLabels(names), FromMap(only).Hash());
    ASSERT_EQ(a.HashWithoutLabels(names), FromMap(without).Hash());
  }
}

TEST(LabelsBuilder, BehavesAsAMapAndCanBeUsedAgain) {
  std::mt19937 random(8);
  LabelsBuilder builder;
  for (int round = 0; round < 3000; ++round) {
    Map want = RandomMap(random);
    builder.Reset(FromMap(want));
    for (std::size_t step = random() % 10; step > 0; --step) {
      const std::string name = RandomText(random, 2) + "x";
      if (random() % 3 == 0) {
        builder.Delete(name);
        want.erase(name);
      } else {
        const std::string value = RandomText(random, random() % 20 == 0 ? 9000 : 5);
        builder.Set(name, value);
        if (value.empty())
          want.erase(name);
        else
          want[name] = value;
      }
      const std::string asked = RandomText(random, 2) + "x";
      ASSERT_EQ(builder.Get(asked), want.contains(asked) ? want[asked] : "");
    }
    ASSERT_EQ(ToMap(builder.Build()), want);
    ASSERT_EQ(builder.labels().size(), want.size());
  }
}

TEST(LabelsBuilder, TakesItsOwnViews) {
  LabelsBuilder builder(Labels::FromPairs({{"a", "1"}}));
  builder.Set("b", std::string(5000, 'x'));
  builder.Set("c", builder.Get("b"));
  builder.Set("b", builder.Get("a"));
  builder.Set("", "nameless");
  const Labels built = builder.Build();
  EXPECT_EQ(built.Get("c").size(), 5000u);
  EXPECT_EQ(built.Get("b"), "1");
  builder.Keep(std::vector<std::string>{"a"});
  EXPECT_EQ(builder.Build(), Labels::FromPairs({{"a", "1"}}));
}

TEST(LabelsBuilder, WithoutChangesGivesTheBaseItself) {
  const Labels base = Labels::FromPairs({{"a", "1"}});
  LabelsBuilder builder(base);
  builder.Set("a", "1");
  builder.Delete("b");
  EXPECT_EQ(builder.Build().packed().data(), base.packed().data());
}

TEST(Labels, CanBeKeysOfUnorderedContainers) {
  std::unordered_set<Labels> set;
  set.insert(Labels::FromPairs({{"a", "1"}}));
  set.insert(Labels::FromPairs({{"a", "1"}}));
  EXPECT_EQ(set.size(), 1u);
}

}  // namespace
}  // namespace baro::model
