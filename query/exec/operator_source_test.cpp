#include "query/exec/operator_source.h"

#include <gtest/gtest.h>

#include "query/parser.h"

namespace baro::query::exec {
namespace {

// A thousand rows of which nobody should make all names.
class CountingSource final : public RowSource {
 public:
  explicit CountingSource(int& names_made) : names_made_(names_made) {}

  std::size_t rows() const override { return 1000; }
  const std::vector<RowName>& names() const override {
    ++names_made_;
    return names_;
  }
  const model::Labels& labels(std::size_t) const override { return labels_; }
  RowName name(std::size_t) const override { return {.labels = labels_}; }
  base::Result<> Fill(std::size_t, Cells& cells) override {
    for (std::size_t row = 0; row < cells.rows(); ++row) cells.row(row).SetFloat(0, 1);
    return {};
  }

 private:
  int& names_made_;
  const std::vector<RowName> names_ = std::vector<RowName>(1000);
  const model::Labels labels_ = model::Labels::FromPairs({{"a", "1"}});
};

TEST(OperatorSource, MakesNoNamesThatNobodyAsksFor) {
  const auto ast = ParseQuery("a", {});
  ASSERT_TRUE(ast);
  Context context({});
  int names_made = 0;
  OperatorSource source(context, ast->root(), std::make_unique<CountingSource>(names_made));
  EXPECT_EQ(source.rows(), 1000U);
  EXPECT_EQ(source.labels(3).Get("a"), "1");
  EXPECT_EQ(source.name(3).labels.Get("a"), "1");
  const auto cells = source.TakeCells(context, 1);
  ASSERT_TRUE(cells);
  EXPECT_EQ(cells->rows(), 1000U);
  EXPECT_EQ(names_made, 0);
  EXPECT_EQ(source.names().size(), 1000U);
  EXPECT_EQ(names_made, 1);
}

TEST(Context, SaysFromThenOnThatSomethingHadNoRoom) {
  Context context({.memory_bytes_max = 1000});
  context.Hold(900);
  EXPECT_TRUE(context.Check());
  EXPECT_EQ(context.query_budget().bytes(), 900U);
  context.Hold(200);
  const auto checked = context.Check();
  ASSERT_FALSE(checked);
  EXPECT_EQ(checked.error().code(), base::Code::kLimitExceeded);
  EXPECT_EQ(context.query_budget().bytes(), 900U);
}

}  // namespace
}  // namespace baro::query::exec
