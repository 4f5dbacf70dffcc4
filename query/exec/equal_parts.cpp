#include "query/exec/equal_parts.h"

#include <algorithm>
#include <string>
#include <unordered_map>

#include "query/printer.h"

namespace baro::query::exec {
namespace {

constexpr std::size_t kTextMax = std::size_t{64} << 10;

// What stands around a part decides how some of its selectors are read, and no text tells.
bool AreReadEqually(const Expr& a, const Expr& b, const std::vector<NodePlan>& nodes) {
  const auto is_same = [&nodes](const Expr* left, const Expr* right) {
    return nodes[left->id].finds_resets == nodes[right->id].finds_resets &&
           nodes[left->id].view == nodes[right->id].view;
  };
  return std::ranges::equal(PostOrder(a), PostOrder(b), is_same);
}

}  // namespace

void MarkEqualAggregations(const std::vector<const Expr*>& post_order, std::vector<NodePlan>& nodes) {
  std::vector<const Expr*> aggregations;
  for (const Expr* expr : post_order) {
    if (expr->kind == NodeKind::kAggregation) aggregations.push_back(expr);
  }
  const TextSpan whole = post_order.back()->span;
  if (aggregations.size() < 2 || whole.end - whole.start > kTextMax) return;
  std::unordered_map<std::string, const Expr*> firsts;
  for (const Expr* expr : aggregations) {
    const auto [at, is_first] = firsts.try_emplace(ToString(*expr), expr);
    if (is_first || !AreReadEqually(*at->second, *expr, nodes)) continue;
    nodes[at->second->id].same_as = at->second->id;
    nodes[expr->id].same_as = at->second->id;
  }
}

}  // namespace baro::query::exec
