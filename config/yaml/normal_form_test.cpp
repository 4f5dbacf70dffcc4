#include "config/yaml/normal_form.h"

#include <gtest/gtest.h>
#include <yaml-cpp/yaml.h>

namespace baro::config {
namespace {

TEST(NormalForm, IsPrintedAsPrometheusPrintsIt) {
  NormalForm job = NormalForm::Map();
  job.Set("job_name", NormalForm::Text("a"));
  job.Set("protocols", NormalForm::TextList({"x", "w"}));
  job.Set("source_labels", NormalForm::TextList({"a", "b,c"}, /*is_flow=*/true));
  NormalForm auth = NormalForm::Map();
  auth.Set("password", NormalForm::Secret());
  job.Set("basic_auth", std::move(auth));
  NormalForm top = NormalForm::Map();
  top.Set("jobs", NormalForm::List({job}));
  top.Set("nothing", NormalForm::Map());
  EXPECT_EQ(top.ToYaml(), R"(jobs:
- job_name: a
  protocols:
  - x
  - w
  source_labels: [a, 'b,c']
  basic_auth:
    password: <secret>
nothing: {}
)");
}

TEST(NormalForm, TextsAreReadBackAsTheyWere) {
  for (const std::string text :
       {"",   "a",    "true", "Null", "~",  "12",   "1e3",          "0x1f", "1:30", "2024-01-02", "-",   "- a",
        "-a", "a: b", "a:",   "a #b", "#a", "'a'",  "\"a\"",        "a\nb", "a\tb", " a",         "a ",  "[a",
        "{a", "(.*)", "$1",   ";",    "*",  "&a",   "!a",           "%a",   "@a",   "`a",         "?",   "? a",
        ":a", ".5",   "測試", "\x01", "<<", "a\\b", "http://h:1/x", "|",    ">x",   "=",          "yes", "-.inf"}) {
    NormalForm form = NormalForm::Map();
    form.Set("x", NormalForm::Text(text));
    form.Set("y", NormalForm::TextList({text, "z"}, /*is_flow=*/true));
    form.Set(text, NormalForm::Text("key"));
    const YAML::Node read = YAML::Load(form.ToYaml());
    EXPECT_EQ(read["x"].Scalar(), text) << form.ToYaml();
    EXPECT_TRUE(read["x"].IsScalar()) << form.ToYaml();
    EXPECT_EQ(read["y"][0].Scalar(), text) << form.ToYaml();
    EXPECT_EQ(read[text].Scalar(), "key") << form.ToYaml();
  }
}

TEST(NormalForm, AFieldKeepsItsPlace) {
  NormalForm form = NormalForm::Map();
  form.Set("a", NormalForm::Plain("1"));
  form.Set("b", NormalForm::Plain("2"));
  form.Set("a", NormalForm::Plain("3"));
  EXPECT_EQ(form.ToYaml(), "a: 3\nb: 2\n");
  form.Remove("a");
  EXPECT_EQ(form.ToYaml(), "b: 2\n");
}

}  // namespace
}  // namespace baro::config
