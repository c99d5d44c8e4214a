#ifndef HALFTONE_TESTS_SEARCH_SOLVER_HARD_PROBLEM_H_
#define HALFTONE_TESTS_SEARCH_SOLVER_HARD_PROBLEM_H_

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/random.h"
#include "search/solver/problem.h"

namespace halftone {

// Kinds of problems that leave a solver little to choose by.
enum class HardKind {
  kCorrelated,  // whole costs of 100 to 1,000, losses 2,000 less the cost, give or take 3
  kCoarse,      // whole costs of 1 to 10, whole losses of 0 to 20
  kAlike,       // layers of few kinds
};

struct HardProblemOptions {
  HardKind kind = HardKind::kAlike;
  uint64_t seed = 0;
  int layers = 6;
  int choices = 4;
  int budgets = 1;
  double tightness = 0.4;
  int kinds = 2;         // of layers, where they are alike
  double noise = 0;      // by which they differ, relative to their losses and costs
  double edge_cost = 0;  // of m0, for a change between layers in a row; 0: no edges
};

// Without a limit yet. `layers` is the number of kinds where they are alike.
inline std::vector<Problem::Layer> HardLayers(const HardProblemOptions& options, int layers,
                                              SplitMix64& random) {
  const auto whole = [&](int least, int most) {
    return static_cast<double>(least + static_cast<int>(random.Uniform() * (most - least + 1)));
  };
  std::vector<Problem::Layer> made;
  for (int i = 0; i < layers; ++i) {
    Problem::Layer& layer = made.emplace_back();
    layer.name = absl::StrCat("l", i);
    for (int o = 0; o < options.choices; ++o) {
      Problem::Choice& choice = layer.choices.emplace_back();
      choice.name = absl::StrCat("c", o);
      const double bits = (o + 1.0) / options.choices;
      for (int k = 0; k < options.budgets; ++k) {
        choice.cost[absl::StrCat("m", k)] = options.kind == HardKind::kCorrelated ? whole(100, 1000)
                                            : options.kind == HardKind::kCoarse
                                                ? whole(1, 10)
                                                : bits + 0.1 * random.Uniform();
      }
      choice.loss = options.kind == HardKind::kCorrelated
                        ? 2000 - choice.cost.at("m0") + whole(-3, 3)
                    : options.kind == HardKind::kCoarse
                        ? whole(0, 20)
                        : std::pow(4, -6 * bits) * (0.7 + 0.6 * random.Uniform());
    }
  }
  return made;
}

inline Problem HardProblem(const HardProblemOptions& options) {
  SplitMix64 random(options.seed, 78);
  const bool alike = options.kind == HardKind::kAlike;
  const auto made = HardLayers(options, alike ? options.kinds : options.layers, random);
  Problem problem;
  std::map<std::string, double> least, most;
  for (int i = 0; i < options.layers; ++i) {
    Problem::Layer layer =
        alike ? made[static_cast<size_t>(random.Uniform() * options.kinds)] : made[size_t(i)];
    layer.name = absl::StrCat("l", i);
    std::map<std::string, std::pair<double, double>> range;
    for (Problem::Choice& choice : layer.choices) {
      if (alike) choice.loss *= 1 + options.noise * random.Uniform();
      for (auto& [metric, cost] : choice.cost) {
        if (alike) cost *= 1 + options.noise * random.Uniform();
        auto& [low, high] = range.try_emplace(metric, cost, cost).first->second;
        low = std::min(low, cost);
        high = std::max(high, cost);
      }
    }
    for (const auto& [metric, ends] : range) {
      least[metric] += ends.first;
      most[metric] += ends.second;
    }
    problem.layers.push_back(std::move(layer));
  }
  for (const auto& [metric, low] : least) {
    problem.budgets[metric] = low + options.tightness * (most[metric] - low);
  }
  for (int i = 1; i < options.layers && options.edge_cost > 0; ++i) {
    Problem::Edge edge{absl::StrCat("l", i - 1), absl::StrCat("l", i), {}};
    for (int a = 0; a < options.choices; ++a) {
      for (int b = 0; b < options.choices; ++b) {
        if (a == b) continue;
        edge.costs.push_back(
            {absl::StrCat("c", a), absl::StrCat("c", b), {{"m0", options.edge_cost}}});
      }
    }
    problem.edges.push_back(std::move(edge));
  }
  return problem;
}

}  // namespace halftone

#endif  // HALFTONE_TESTS_SEARCH_SOLVER_HARD_PROBLEM_H_
