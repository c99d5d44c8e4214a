#ifndef HALFTONE_TESTS_SEARCH_SOLVER_RANDOM_PROBLEM_H_
#define HALFTONE_TESTS_SEARCH_SOLVER_RANDOM_PROBLEM_H_

#include <algorithm>
#include <cstdint>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/random.h"
#include "search/solver/problem.h"

namespace halftone {

// What a random problem has. Numbers are drawn from `seed` alone.
struct RandomProblemOptions {
  uint64_t seed = 0;
  int layers = 6;
  int choices = 3;
  int budgets = 1;
  double tightness = 0.4;  // where between the least and the largest cost the budgets lie
  bool integer = false;    // small integers: many equal losses and costs, and zeros
  int ties = 0;
  int pins = 0;
  double edges = 0;         // edge costs for this share of neighbours and of skips by two
  double interactions = 0;  // for this share of all pairs of choices
  int rows = 0;             // of interactions between most choices
  int allowed = 0;          // layers that may not take all choices, where none are tied
  int max_changes = -1;     // between layers in a row; negative: no limit
  int weights = 0;  // budgeted metrics that count in the objective, and one without a budget
};

// Rows with a column for nine choices in ten. As in a network, what a choice adds to a row falls
// with its number, and the choices of a layer resemble each other.
inline Problem::InteractionRows RandomInteractionRows(const Problem& problem, int rows,
                                                      SplitMix64& random) {
  Problem::InteractionRows factor;
  factor.rows.resize(static_cast<size_t>(rows));
  factor.weight = 0.5 + random.Uniform();
  for (const Problem::Layer& layer : problem.layers) {
    std::vector<double> direction;
    for (int r = 0; r < rows; ++r) direction.push_back(random.Uniform() - 0.5);
    double size = 1.5;
    for (const Problem::Choice& choice : layer.choices) {
      size *= 0.6;
      if (random.Uniform() < 0.1) continue;
      factor.choices.emplace_back(layer.name, choice.name);
      for (size_t r = 0; r < factor.rows.size(); ++r) {
        factor.rows[r].push_back(size * (direction[r] + 0.5 * (random.Uniform() - 0.5)));
      }
    }
  }
  return factor;
}

// Weights by which costs count about as much as losses do.
inline void AddObjectiveWeights(Problem& problem, int budgeted, SplitMix64& random) {
  for (int k = 0; k < budgeted; ++k) {
    problem.objective_weights[absl::StrCat("m", k)] = 0.5 * random.Uniform();
  }
  problem.objective_weights["free"] = random.Uniform();
  for (Problem::Layer& layer : problem.layers) {
    for (Problem::Choice& choice : layer.choices) choice.cost["free"] = random.Uniform();
  }
  for (Problem::Edge& edge : problem.edges) {
    for (Problem::EdgeCost& cost : edge.costs) cost.cost["free"] = 0.3 * random.Uniform();
  }
}

// Losses fall and costs rise with the number of a choice, but for noise, as they do with bits.
inline Problem RandomProblem(const RandomProblemOptions& options) {
  SplitMix64 random(options.seed, 77);
  const auto draw = [&](double scale) {
    const double value = random.Uniform() * scale;
    return options.integer ? static_cast<double>(static_cast<int>(value * 4)) : value;
  };
  Problem problem;
  std::vector<std::string> metrics;
  for (int k = 0; k < options.budgets; ++k) metrics.push_back(absl::StrCat("m", k));
  std::vector<double> least(metrics.size(), 0.0), most(metrics.size(), 0.0);
  for (int i = 0; i < options.layers; ++i) {
    Problem::Layer layer;
    layer.name = absl::StrCat("l", i);
    const double weight = 0.2 + random.Uniform();
    for (int o = 0; o < options.choices; ++o) {
      Problem::Choice choice;
      choice.name = absl::StrCat("c", o);
      const double step = static_cast<double>(o + 1) / options.choices;
      choice.loss = draw(weight * (1.2 - step));
      for (const std::string& metric : metrics) choice.cost[metric] = draw(0.3 + step);
      layer.choices.push_back(std::move(choice));
    }
    for (size_t k = 0; k < metrics.size(); ++k) {
      double low = 1e300, high = 0;
      for (const Problem::Choice& choice : layer.choices) {
        low = std::min(low, choice.cost.at(metrics[k]));
        high = std::max(high, choice.cost.at(metrics[k]));
      }
      least[k] += low;
      most[k] += high;
    }
    problem.layers.push_back(std::move(layer));
  }
  for (size_t k = 0; k < metrics.size(); ++k) {
    // A budget below 0 is refused before anything is solved.
    problem.budgets[metrics[k]] =
        std::max(0.0, least[k] + options.tightness * (most[k] - least[k]));
  }
  const auto layer = [&] {
    return absl::StrCat("l", static_cast<int>(random.Uniform() * options.layers));
  };
  for (int t = 0; t < options.ties; ++t) {
    const std::string a = layer(), b = layer();
    if (a != b) problem.ties.push_back({a, b});
  }
  if (options.pins > 0 && options.ties == 0) {
    for (int p = 0; p < options.pins; ++p) {
      problem.pins[layer()] =
          absl::StrCat("c", static_cast<int>(random.Uniform() * options.choices));
    }
  }
  for (int l = 0; l < options.allowed && options.ties == 0; ++l) {
    const size_t forbidden = static_cast<size_t>(random.Uniform() * options.choices);
    const Problem::Layer& restricted =
        problem.layers[static_cast<size_t>(random.Uniform() * options.layers)];
    std::vector<std::string>& names = problem.allowed[restricted.name];
    names.clear();
    for (size_t o = 0; o < restricted.choices.size(); ++o) {
      if (o != forbidden) names.push_back(restricted.choices[o].name);
    }
  }
  if (options.max_changes >= 0) {
    problem.max_changes = static_cast<size_t>(options.max_changes);
    for (size_t i = 1; i < problem.layers.size(); ++i) {
      problem.neighbours.emplace_back(problem.layers[i - 1].name, problem.layers[i].name);
    }
  }
  for (int i = 0; i < options.layers; ++i) {
    for (int j : {i + 1, i + 2}) {
      if (j >= options.layers || random.Uniform() >= options.edges) continue;
      Problem::Edge edge{absl::StrCat("l", i), absl::StrCat("l", j), {}};
      for (int a = 0; a < options.choices; ++a) {
        for (int b = 0; b < options.choices; ++b) {
          if (a == b) continue;
          Costs cost;
          for (const std::string& metric : metrics) cost[metric] = draw(0.4);
          edge.costs.push_back({absl::StrCat("c", a), absl::StrCat("c", b), std::move(cost)});
        }
      }
      problem.edges.push_back(std::move(edge));
    }
  }
  for (int i = 0; i < options.layers && options.interactions > 0; ++i) {
    for (int j = i + 1; j < options.layers; ++j) {
      for (int a = 0; a < options.choices; ++a) {
        for (int b = 0; b < options.choices; ++b) {
          if (random.Uniform() >= options.interactions) continue;
          problem.interactions.push_back({{absl::StrCat("l", i), absl::StrCat("c", a)},
                                          {absl::StrCat("l", j), absl::StrCat("c", b)},
                                          draw(0.5) - (options.integer ? 1 : 0.2)});
        }
      }
    }
  }
  if (options.rows > 0) {
    problem.interaction_rows = RandomInteractionRows(problem, options.rows, random);
  }
  if (options.weights > 0) {
    AddObjectiveWeights(problem, std::min(options.weights, options.budgets), random);
  }
  return problem;
}

}  // namespace halftone

#endif  // HALFTONE_TESTS_SEARCH_SOLVER_RANDOM_PROBLEM_H_
