#include "search/refine/model_corrector.h"

#include <algorithm>
#include <optional>
#include <string>
#include <utility>

#include "base/status_macros.h"
#include "nn/quant/precision.h"

namespace halftone {
namespace {

// Weights and activations of so many bits are as good as float.
constexpr int kWideBits = 16;
// Of what is predicted of a selection, what a pair has to add for it to be solved again.
constexpr double kNotable = 0.1;
// Of a selection: a group that stays float.
constexpr ChoiceIndex kFloat = -1;

bool IsWide(const std::string& name) {
  const absl::StatusOr<Precision> precision = Precision::Parse(name);
  return precision.ok() && precision->weights.bits >= kWideBits &&
         precision->activations.bits >= kWideBits;
}

// The selection with only these variables in it.
Selection Only(const Selection& selection, const std::vector<size_t>& variables) {
  Selection only(selection.size(), kFloat);
  for (const size_t v : variables) only[v] = selection[v];
  return only;
}

}  // namespace

bool Holds(double predicted, double measured) {
  return measured <= kMostTimesPredicted * predicted || measured - predicted <= kLeastExcess;
}

ModelCorrector::ModelCorrector(const ChoiceSpace& space, Measure measure)
    : space_(space),
      measure_(std::move(measure)),
      losses_(LossesOfColumns(space)),
      table_(space, corrections_) {}

double ModelCorrector::Predict(const Selection& selection) const {
  double sum = table_.SumOfPairs(selection);
  for (size_t v = 0; v < space_.variables(); ++v) {
    if (selection[v] < 0) continue;
    const size_t column = space_.ColumnOf(v, selection[v]);
    sum += losses_[column] + table_.Alone(column);
  }
  return sum;
}

std::vector<double> ModelCorrector::Losses() const {
  std::vector<double> losses = losses_;
  for (size_t column = 0; column < losses.size(); ++column) losses[column] += table_.Alone(column);
  return losses;
}

Assignment ModelCorrector::Partial(const Selection& selection) const {
  Assignment assignment;
  for (size_t v = 0; v < space_.variables(); ++v) {
    if (selection[v] < 0) continue;
    for (const auto& [layer, choice] : space_.PlacesOf(space_.ColumnOf(v, selection[v]))) {
      const Problem::Layer& named = space_.problem().layers[static_cast<size_t>(layer)];
      assignment[named.name] = named.choices[static_cast<size_t>(choice)].name;
    }
  }
  return assignment;
}

absl::StatusOr<double> ModelCorrector::MeasurePartial(const Selection& selection) {
  ++evaluations_;
  return measure_(Partial(selection));
}

Correction ModelCorrector::Frame(const Selection& selection,
                                 const std::vector<size_t>& variables) const {
  Correction correction;
  for (const size_t v : variables) {
    const size_t column = space_.ColumnOf(v, selection[v]);
    Correction::Part& part = correction.parts.emplace_back();
    for (const auto& [layer, choice] : space_.PlacesOf(column)) {
      part.layers.push_back(space_.problem().layers[static_cast<size_t>(layer)].name);
    }
    part.choice = space_.NameOf(column);
    part.loss = losses_[column] + table_.Alone(column);
  }
  return correction;
}

// What is measured of these very choices stands in the place of what others imply of them, on top
// of which it was found.
void ModelCorrector::Add(Correction correction) {
  const auto are_the_same = [&](const Correction& other) {
    return other.IsOfPair() &&
           std::equal(other.parts.begin(), other.parts.end(), correction.parts.begin(),
                      correction.parts.end(), [](const auto& a, const auto& b) {
                        return a.layers == b.layers && a.choice == b.choice;
                      });
  };
  if (correction.IsOfPair() &&
      std::none_of(corrections_.begin(), corrections_.end(), are_the_same)) {
    const Correction::Part &a = correction.parts[0], &b = correction.parts[1];
    correction.added +=
        AddedByPair(corrections_, a.layers[0], a.choice, b.layers[0], b.choice).value_or(0);
  }
  corrections_.push_back(std::move(correction));
  table_ = CorrectionTable(space_, corrections_);
}

absl::StatusOr<Correction> ModelCorrector::MeasureGroups(const Selection& selection,
                                                         const std::vector<size_t>& variables) {
  Correction correction = Frame(selection, variables);
  const Selection only = Only(selection, variables);
  HT_ASSIGN_OR_RETURN(correction.divergence, MeasurePartial(only));
  correction.added = correction.divergence - Predict(only);
  return correction;
}

absl::StatusOr<bool> ModelCorrector::Explain(const Selection& selection, double measured,
                                             int most_evaluations) {
  std::vector<size_t> suspects;
  for (size_t v = 0; v < space_.variables(); ++v) {
    if (!IsWide(space_.NameOf(space_.ColumnOf(v, selection[v])))) suspects.push_back(v);
  }
  const auto named = [&](const std::vector<size_t>& members) {
    std::vector<size_t> variables;
    for (const size_t member : members) variables.push_back(suspects[member]);
    return variables;
  };
  const ExcessFunction excess_of =
      [&](const std::vector<size_t>& members) -> absl::StatusOr<double> {
    const Selection only = Only(selection, named(members));
    HT_ASSIGN_OR_RETURN(const double divergence, MeasurePartial(only));
    return divergence - Predict(only);
  };
  HT_ASSIGN_OR_RETURN(const std::optional<ResponsibleGroups> found,
                      FindResponsibleGroups(suspects.size(), measured - Predict(selection),
                                            most_evaluations, excess_of));
  if (!found.has_value()) return false;
  const std::vector<size_t> variables = named(found->members);
  if (variables.size() > 2) {
    const size_t pairs = variables.size() * (variables.size() - 1) / 2;
    if (found->evaluations + static_cast<int>(pairs) > most_evaluations) return false;
    HT_RETURN_IF_ERROR(AddPairsOf(selection, variables, found->excess));
    return true;
  }
  Correction correction = Frame(selection, variables);
  correction.added = found->excess;
  correction.divergence = found->excess + Predict(Only(selection, variables));
  Add(std::move(correction));
  return true;
}

// What is more than the pairs' own is shared by them as they are, or evenly where they do nothing.
absl::Status ModelCorrector::AddPairsOf(const Selection& selection,
                                        const std::vector<size_t>& variables, double excess) {
  std::vector<Correction> pairs;
  double sum = 0;
  for (size_t i = 0; i < variables.size(); ++i) {
    for (size_t j = i + 1; j < variables.size(); ++j) {
      HT_ASSIGN_OR_RETURN(pairs.emplace_back(),
                          MeasureGroups(selection, {variables[i], variables[j]}));
      pairs.back().added = std::max(0.0, pairs.back().added);
      sum += pairs.back().added;
    }
  }
  const double rest = std::max(0.0, excess - sum);
  for (Correction& pair : pairs) {
    pair.added += rest * (sum > 0 ? pair.added / sum : 1.0 / static_cast<double>(pairs.size()));
    Add(std::move(pair));
  }
  return absl::OkStatus();
}

absl::StatusOr<bool> ModelCorrector::MeasureKnownPairs(const Selection& selection,
                                                       int most_evaluations) {
  const double before = Predict(selection);
  std::vector<std::vector<size_t>> unknown;
  for (const CorrectionTable::Pair& pair : table_.pairs()) {
    const bool is_wide = IsWide(space_.NameOf(space_.ColumnOf(pair.a, selection[pair.a]))) ||
                         IsWide(space_.NameOf(space_.ColumnOf(pair.b, selection[pair.b])));
    if (!is_wide && !table_.IsKnown(pair, selection)) unknown.push_back({pair.a, pair.b});
  }
  for (const std::vector<size_t>& variables : unknown) {
    if (most_evaluations-- <= 0) break;
    HT_ASSIGN_OR_RETURN(Correction correction, MeasureGroups(selection, variables));
    // What they cancel of each other here is nothing to count on elsewhere.
    correction.added = std::max(0.0, correction.added);
    Add(std::move(correction));
  }
  return Predict(selection) > (1 + kNotable) * before;
}

}  // namespace halftone
