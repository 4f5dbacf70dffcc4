#include "config/sections/kubernetes_selector.h"

#include <gtest/gtest.h>

namespace baro::config {
namespace {

TEST(KubernetesSelector, TakesRequirementsOfLabels) {
  for (const char* const text :
       {"", " ", "a", "!a", "a=b", "a==b", "a != b", "a=", "a in (b,c)", "a notin (b)", "a in (b),c=d", "a>1", "a<-1",
        "example.org/a-b_c.d=x", "foo in (bar,baz)", "in in (in)"}) {
    const auto checked = CheckLabelSelector(text);
    EXPECT_TRUE(checked) << text << ": " << checked.error().message();
  }
}

TEST(KubernetesSelector, RefusesWhatIsNoRequirement) {
  for (const char* const text : {"=b", "a=b,", "a b", "a in b", "a in (b", "a in", "-a", "a=-b", "Example.org/a", "/a",
                                 "a/b/c", "a>x", "a=b c=d", "a=b)"}) {
    EXPECT_FALSE(CheckLabelSelector(text)) << text;
  }
  EXPECT_FALSE(CheckLabelSelector(std::string(64, 'a')));
}

TEST(KubernetesSelector, FieldsAreComparedWithValues) {
  for (const char* const text : {"", "a=b", "a==b,c!=d", "metadata.status=Running", "a=b\\,c", "a=b,"}) {
    EXPECT_TRUE(CheckFieldSelector(text)) << text;
  }
  for (const char* const text : {"a", "metadata.status-Running", "a=b,c", "a\\,=b,x"}) {
    EXPECT_FALSE(CheckFieldSelector(text)) << text;
  }
}

}  // namespace
}  // namespace baro::config
