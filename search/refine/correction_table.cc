#include "search/refine/correction_table.h"

#include <algorithm>
#include <optional>
#include <string>
#include <utility>

namespace halftone {
namespace {

const std::string& FirstLayerOf(const ChoiceSpace& space, size_t variable) {
  const int layer = space.PlacesOf(space.Begin(variable)).front().first;
  return space.problem().layers[static_cast<size_t>(layer)].name;
}

// The variable of which the layer is one; nothing where there is none.
std::optional<size_t> VariableOf(const ChoiceSpace& space, const std::string& layer) {
  for (size_t v = 0; v < space.variables(); ++v) {
    for (const auto& [number, choice] : space.PlacesOf(space.Begin(v))) {
      if (space.problem().layers[static_cast<size_t>(number)].name == layer) return v;
    }
  }
  return std::nullopt;
}

}  // namespace

CorrectionTable::CorrectionTable(const ChoiceSpace& space, absl::Span<const Correction> corrections)
    : space_(&space), alone_(space.columns(), 0.0) {
  for (const Correction& correction : corrections) {
    if (correction.IsOfPair()) {
      AddPair(correction, corrections);
      continue;
    }
    const Correction::Part& part = correction.parts[0];
    const std::optional<size_t> v = VariableOf(space, part.layers[0]);
    if (!v.has_value()) continue;
    for (size_t column = space.Begin(*v); column < space.End(*v); ++column) {
      if (space.NameOf(column) == part.choice) alone_[column] += correction.added;
    }
    has_single_ = true;
  }
}

void CorrectionTable::AddPair(const Correction& correction,
                              absl::Span<const Correction> corrections) {
  const std::optional<size_t> v = VariableOf(*space_, correction.parts[0].layers[0]);
  const std::optional<size_t> w = VariableOf(*space_, correction.parts[1].layers[0]);
  if (!v.has_value() || !w.has_value() || *v == *w) return;
  const size_t variables = space_->variables();
  if (index_.empty()) index_.assign(variables * variables, -1);
  if (index_[*v * variables + *w] >= 0) return;
  index_[*v * variables + *w] = index_[*w * variables + *v] = static_cast<int>(pairs_.size());
  Pair pair;
  pair.a = std::min(*v, *w);
  pair.b = std::max(*v, *w);
  const std::string &a = FirstLayerOf(*space_, pair.a), &b = FirstLayerOf(*space_, pair.b);
  for (size_t i = space_->Begin(pair.a); i < space_->End(pair.a); ++i) {
    for (size_t j = space_->Begin(pair.b); j < space_->End(pair.b); ++j) {
      const std::optional<double> added =
          AddedByPair(corrections, a, space_->NameOf(i), b, space_->NameOf(j));
      pair.added.push_back(added.value_or(0));
      pair.is_known.push_back(added.has_value() ? 1 : 0);
    }
  }
  pairs_.push_back(std::move(pair));
}

double CorrectionTable::At(const Pair& pair, size_t a, size_t b) const {
  if (space_->VariableOf(a) != pair.a) std::swap(a, b);
  return pair.added[Place(pair, space_->ChoiceOf(a), space_->ChoiceOf(b))];
}

double CorrectionTable::SumOfPairs(const Selection& selection) const {
  double sum = 0;
  for (const Pair& pair : pairs_) {
    if (selection[pair.a] >= 0 && selection[pair.b] >= 0) sum += Of(pair, selection);
  }
  return sum;
}

}  // namespace halftone
