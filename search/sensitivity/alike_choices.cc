#include "search/sensitivity/alike_choices.h"

#include <algorithm>
#include <utility>

namespace halftone {
namespace {

// Which column of the distinct choices each column of all choices is.
std::vector<size_t> ColumnsOf(const DistinctChoices& distinct) {
  const ChoiceColumns columns(distinct.choices);
  std::vector<size_t> of;
  for (size_t l = 0; l < distinct.places.size(); ++l) {
    for (const size_t place : distinct.places[l]) of.push_back(columns.Begin(l) + place);
  }
  return of;
}

std::vector<double> SpreadMatrix(const std::vector<double>& matrix, size_t size,
                                 const std::vector<size_t>& columns) {
  std::vector<double> spread;
  if (matrix.empty()) return spread;
  spread.reserve(columns.size() * columns.size());
  for (const size_t row : columns) {
    for (const size_t column : columns) spread.push_back(matrix[row * size + column]);
  }
  return spread;
}

}  // namespace

DistinctChoices FindDistinct(const std::vector<Layer>& layers, const LayerChoices& choices) {
  DistinctChoices distinct;
  for (size_t l = 0; l < choices.size(); ++l) {
    const bool has_weights = !layers[l].weights.empty();
    std::vector<ChoicePtr>& row = distinct.choices.emplace_back();
    std::vector<size_t>& places = distinct.places.emplace_back();
    for (const ChoicePtr& choice : choices[l]) {
      const auto alike = std::find_if(row.begin(), row.end(), [&](const ChoicePtr& other) {
        return choice->ComputesAs(*other, has_weights);
      });
      places.push_back(static_cast<size_t>(alike - row.begin()));
      if (alike == row.end()) row.push_back(choice);
    }
  }
  return distinct;
}

SensitivityResult OfAllChoices(const DistinctChoices& distinct, const LayerChoices& choices,
                               SensitivityResult measured) {
  const std::vector<size_t> columns = ColumnsOf(distinct);
  const size_t size = ChoiceColumns(distinct.choices).size();
  if (columns.size() == size) return measured;
  measured.interactions = SpreadMatrix(measured.interactions, size, columns);
  measured.interaction_errors = SpreadMatrix(measured.interaction_errors, size, columns);
  for (std::vector<double>& losses : measured.resampled_losses) {
    std::vector<double> spread;
    for (const size_t column : columns) spread.push_back(losses[column]);
    losses = std::move(spread);
  }
  for (size_t l = 0; l < choices.size(); ++l) {
    std::vector<ChoiceLoss> row;
    for (size_t o = 0; o < choices[l].size(); ++o) {
      row.push_back(measured.layers[l].choices[distinct.places[l][o]]);
      row.back().name = choices[l][o]->name();
    }
    measured.layers[l].choices = std::move(row);
  }
  return measured;
}

}  // namespace halftone
