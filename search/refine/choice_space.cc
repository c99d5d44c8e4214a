#include "search/refine/choice_space.h"

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"

namespace halftone {

absl::StatusOr<ChoiceSpace> ChoiceSpace::Create(const Problem& problem) {
  HT_ASSIGN_OR_RETURN(CompiledProblem compiled, CompiledProblem::Create(problem));
  ChoiceSpace space(std::move(compiled));
  HT_ASSIGN_OR_RETURN(space.compact_, space.compiled_.Compact(space.compiled_.limits()));
  space.begins_ = {0};
  for (int v = 0; v < space.compact_.variables(); ++v) {
    for (ChoiceIndex o = 0; o < space.compact_.choices[static_cast<size_t>(v)]; ++o) {
      space.variable_of_.push_back(static_cast<size_t>(v));
      space.places_.push_back(space.compiled_.PlacesOf(v, o));
    }
    space.begins_.push_back(space.places_.size());
  }
  return space;
}

const std::string& ChoiceSpace::NameOf(size_t column) const {
  const auto [layer, choice] = places_[column].front();
  return problem().layers[static_cast<size_t>(layer)].choices[static_cast<size_t>(choice)].name;
}

absl::StatusOr<Selection> ChoiceSpace::SelectionOf(const Assignment& assignment) const {
  Selection selection(variables(), -1);
  for (size_t v = 0; v < variables(); ++v) {
    const int layer = places_[Begin(v)].front().first;
    const std::string& name = problem().layers[static_cast<size_t>(layer)].name;
    const auto chosen = assignment.find(name);
    for (size_t column = Begin(v); column < End(v) && chosen != assignment.end(); ++column) {
      if (NameOf(column) == chosen->second) selection[v] = ChoiceOf(column);
    }
    if (selection[v] < 0) {
      return absl::InvalidArgumentError(
          absl::StrCat("the assignment has no choice for layer '", name, "' that is allowed"));
    }
  }
  return selection;
}

Assignment ChoiceSpace::AssignmentOf(const Selection& selection) const {
  Assignment assignment;
  for (size_t v = 0; v < variables(); ++v) {
    for (const auto& [layer, choice] : places_[ColumnOf(v, selection[v])]) {
      const Problem::Layer& named = problem().layers[static_cast<size_t>(layer)];
      assignment[named.name] = named.choices[static_cast<size_t>(choice)].name;
    }
  }
  return assignment;
}

std::vector<double> LossesOfColumns(const ChoiceSpace& space) {
  std::vector<double> losses(space.columns());
  for (size_t column = 0; column < space.columns(); ++column) {
    for (const auto& [layer, choice] : space.PlacesOf(column)) {
      const Problem::Layer& named = space.problem().layers[static_cast<size_t>(layer)];
      losses[column] += named.choices[static_cast<size_t>(choice)].loss;
    }
  }
  return losses;
}

absl::StatusOr<PairLosses> PairLosses::Create(const ChoiceSpace& space,
                                              absl::Span<const float> gram) {
  PairLosses pairs;
  if (gram.empty()) return pairs;
  std::vector<size_t> begins = {0};  // of the layers' rows
  for (const Problem::Layer& layer : space.problem().layers) {
    begins.push_back(begins.back() + layer.choices.size());
  }
  const size_t size = begins.back();
  if (gram.size() != size * size) {
    return absl::InvalidArgumentError(absl::StrCat("losses of pairs of other choices than the ",
                                                   size, " of the problem's layers"));
  }
  const auto row_of = [&](const std::pair<int, int>& place) {
    return begins[static_cast<size_t>(place.first)] + static_cast<size_t>(place.second);
  };
  pairs.columns_ = space.columns();
  pairs.values_.resize(pairs.columns_ * pairs.columns_);
  pairs.own_.resize(pairs.columns_);
  for (size_t a = 0; a < pairs.columns_; ++a) {
    for (size_t b = 0; b < pairs.columns_; ++b) {
      if (space.VariableOf(a) == space.VariableOf(b) && a != b) continue;
      double sum = 0;
      for (const auto& left : space.PlacesOf(a)) {
        for (const auto& right : space.PlacesOf(b)) {
          if (left.first != right.first) sum += double{gram[row_of(left) * size + row_of(right)]};
        }
      }
      if (a == b) pairs.own_[a] = sum / 2;  // each pair was met from both sides
      pairs.values_[a * pairs.columns_ + b] = a == b ? 0 : static_cast<float>(sum);
    }
  }
  return pairs;
}

double PairLosses::Sum(const ChoiceSpace& space, const Selection& selection) const {
  if (empty()) return 0;
  double sum = 0;
  for (size_t v = 0; v < space.variables(); ++v) {
    const size_t column = space.ColumnOf(v, selection[v]);
    sum += Own(column);
    for (size_t w = 0; w < v; ++w) sum += At(column, space.ColumnOf(w, selection[w]));
  }
  return sum;
}

}  // namespace halftone
