#include <algorithm>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "search/sensitivity/sensitivity.h"

namespace halftone {
namespace {

constexpr int kFloat = -1;

// The index of `precision` among a layer's choices; kFloat for f32 that is not offered.
absl::StatusOr<int> FindChoice(const LayerSensitivity& layer, const Precision& precision) {
  const auto found =
      std::find_if(layer.choices.begin(), layer.choices.end(),
                   [&](const ChoiceLoss& choice) { return choice.precision == precision; });
  if (found != layer.choices.end()) return static_cast<int>(found - layer.choices.begin());
  if (precision.IsFloat32()) return kFloat;
  return absl::InvalidArgumentError(
      absl::StrCat("layer '", layer.name, "' has no sensitivity for ", precision.ToString()));
}

// The sum of G over the pairs of `columns`, each pair once, without the diagonal.
double SumOfPairs(const std::vector<double>& interactions, size_t size,
                  const std::vector<size_t>& columns) {
  double sum = 0;
  for (size_t i = 0; i < columns.size(); ++i) {
    const double* row = interactions.data() + columns[i] * size;
    for (size_t j = i + 1; j < columns.size(); ++j) sum += row[columns[j]];
  }
  return sum;
}

}  // namespace

absl::StatusOr<double> PredictLoss(const SensitivityResult& result, absl::Span<const int> chosen) {
  if (chosen.size() != result.layers.size()) {
    return absl::InvalidArgumentError(absl::StrCat(
        "an assignment of ", chosen.size(), " layers for a network of ", result.layers.size()));
  }
  double loss = 0;
  size_t begin = 0;
  std::vector<size_t> columns;
  for (size_t l = 0; l < result.layers.size(); ++l) {
    const std::vector<ChoiceLoss>& choices = result.layers[l].choices;
    if (chosen[l] >= static_cast<int>(choices.size())) {
      return absl::InvalidArgumentError(
          absl::StrCat("layer '", result.layers[l].name, "' has no choice ", chosen[l]));
    }
    if (chosen[l] >= 0) {
      loss += choices[static_cast<size_t>(chosen[l])].loss;
      columns.push_back(begin + static_cast<size_t>(chosen[l]));
    }
    begin += choices.size();
  }
  if (result.interactions.empty()) return result.joint_scale * loss;
  if (result.interactions.size() != begin * begin) {
    return absl::InvalidArgumentError("the interactions are not those of the choices");
  }
  return result.joint_scale * (loss + SumOfPairs(result.interactions, begin, columns));
}

absl::StatusOr<double> PredictLoss(const SensitivityResult& result,
                                   const std::map<std::string, Precision>& assignment) {
  std::vector<int> chosen(result.layers.size(), kFloat);
  size_t found = 0;
  for (size_t l = 0; l < result.layers.size(); ++l) {
    const auto precision = assignment.find(result.layers[l].name);
    if (precision == assignment.end()) continue;
    const absl::StatusOr<int> choice = FindChoice(result.layers[l], precision->second);
    if (!choice.ok()) return choice.status();
    chosen[l] = *choice;
    ++found;
  }
  if (found == assignment.size()) return PredictLoss(result, chosen);
  for (const auto& [name, precision] : assignment) {
    const auto layer =
        std::find_if(result.layers.begin(), result.layers.end(),
                     [&, &name = name](const LayerSensitivity& row) { return row.name == name; });
    if (layer == result.layers.end()) {
      return absl::InvalidArgumentError(
          absl::StrCat("the assignment names '", name, "', which is no layer of the network"));
    }
  }
  return absl::InternalError("two layers of one name");
}

}  // namespace halftone
