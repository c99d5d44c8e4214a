#ifndef HALFTONE_TESTS_SEARCH_REFINE_PLANTED_PAIRS_H_
#define HALFTONE_TESTS_SEARCH_REFINE_PLANTED_PAIRS_H_

#include <algorithm>
#include <cmath>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "base/progress.h"
#include "search/refine/assignment_meter.h"
#include "search/solver/problem.h"
#include "search/solver/solution.h"

namespace halftone {

inline const std::vector<std::string>& PlantedPrecisions() {
  static const auto* const kNames =
      new std::vector<std::string>{"w2a4", "w4a4", "w4a8", "w8a8", "w16a16"};
  return *kNames;
}

// A network of so many layers in a row whose layers alone do next to nothing at few bits, and of
// which all that is known to the model is that; the budget is a share of 16 bits.
inline Problem PlantedProblem(int layers, double share = 0.25) {
  const double losses[] = {4e-4, 2e-4, 1e-4, 1e-5, 1e-9}, bits[] = {2, 4, 4, 8, 16};
  Problem problem;
  for (int l = 0; l < layers; ++l) {
    Problem::Layer layer{absl::StrCat("l", l), {}};
    const double scale = 1 + 0.5 * std::sin(l * 1.7), size = 100 + 40 * std::cos(l * 2.3);
    for (size_t o = 0; o < 5; ++o) {
      layer.choices.push_back(
          {PlantedPrecisions()[o], scale * losses[o], {{"size_bytes", bits[o] * size}}});
    }
    problem.layers.push_back(std::move(layer));
  }
  double whole = 0;
  for (const Problem::Layer& layer : problem.layers)
    whole += layer.choices[4].cost.at("size_bytes");
  problem.budgets["size_bytes"] = share * whole;
  return problem;
}

// What assignments "really" do: the problem's losses, and for each planted pair of layers that both
// have weights of two bits a lot more. Layers that are left out are float.
class PlantedTruth {
 public:
  PlantedTruth(const Problem& problem, std::set<std::pair<int, int>> pairs, double excess)
      : problem_(problem), pairs_(std::move(pairs)), excess_(excess) {}

  double Of(const Assignment& assignment) const {
    double sum = 0;
    for (const Problem::Layer& layer : problem_.layers) {
      const auto chosen = assignment.find(layer.name);
      if (chosen == assignment.end()) continue;
      for (const Problem::Choice& choice : layer.choices) {
        if (choice.name == chosen->second) sum += choice.loss;
      }
    }
    for (const auto& [a, b] : pairs_) {
      if (IsLow(assignment, a) && IsLow(assignment, b)) sum += excess_;
    }
    return sum;
  }

  DivergenceFunction AsFunction() {
    return [this](const Assignment& assignment, const Progress&) -> absl::StatusOr<double> {
      ++calls;
      return Of(assignment);
    };
  }

  int calls = 0;

 private:
  static bool IsLow(const Assignment& assignment, int layer) {
    const auto chosen = assignment.find(absl::StrCat("l", layer));
    return chosen != assignment.end() && chosen->second == "w2a4";
  }

  const Problem& problem_;
  const std::set<std::pair<int, int>> pairs_;
  const double excess_;
};

}  // namespace halftone

#endif  // HALFTONE_TESTS_SEARCH_REFINE_PLANTED_PAIRS_H_
