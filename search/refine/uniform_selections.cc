#include "search/refine/uniform_selections.h"

#include <algorithm>
#include <optional>
#include <string>
#include <utility>

#include "search/refine/correction.h"

namespace halftone {
namespace {

// Nothing where a variable has no choice of that name.
std::optional<Selection> AllOf(const ChoiceSpace& space, const std::string& name) {
  Selection selection;
  for (size_t v = 0; v < space.variables(); ++v) {
    size_t column = space.Begin(v);
    while (column < space.End(v) && space.NameOf(column) != name) ++column;
    if (column == space.End(v)) return std::nullopt;
    selection.push_back(space.ChoiceOf(column));
  }
  return selection;
}

}  // namespace

std::vector<Selection> UniformSelections(const ChoiceSpace& space) {
  std::vector<std::pair<std::string, Selection>> named;
  for (size_t column = space.Begin(0); space.variables() > 0 && column < space.End(0); ++column) {
    std::optional<Selection> selection = AllOf(space, space.NameOf(column));
    if (!selection.has_value() || !space.IsFeasible(*selection)) continue;
    named.emplace_back(space.NameOf(column), *std::move(selection));
  }
  std::vector<Selection> best;
  for (const auto& [name, selection] : named) {
    const std::string& of_this = name;
    const bool is_finest = std::none_of(named.begin(), named.end(), [&](const auto& other) {
      return IsNoFiner(of_this, other.first) && !IsNoFiner(other.first, of_this);
    });
    if (is_finest) best.push_back(selection);
  }
  return best;
}

}  // namespace halftone
