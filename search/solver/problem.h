#ifndef HALFTONE_SEARCH_SOLVER_PROBLEM_H_
#define HALFTONE_SEARCH_SOLVER_PROBLEM_H_

#include <map>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "nlohmann/json_fwd.hpp"

namespace halftone {

// Costs by metric name ("latency_ns", "size_bytes", ...). A metric left out is 0.
using Costs = std::map<std::string, double>;

// All that the solver ever sees. Choices and layers are referred to by name. A plain value.
struct Problem {
  struct Choice {
    std::string name;
    double loss = 0;
    Costs cost;
  };
  struct Layer {
    std::string name;
    std::vector<Choice> choices;
  };
  // The price of a pair of choices of two layers, e.g. a precision change between neighbours.
  struct EdgeCost {
    std::string from_choice, to_choice;
    Costs cost;
  };
  struct Edge {
    std::string from, to;
    std::vector<EdgeCost> costs;
  };
  struct Interaction {
    std::pair<std::string, std::string> a, b;  // (layer, choice)
    double loss = 0;
  };

  std::vector<Layer> layers;
  std::vector<std::vector<std::string>> ties;  // layers that must take choices of the same name
  std::map<std::string, double> budgets;       // metric -> upper limit of the sum
  std::vector<Edge> edges;
  std::vector<Interaction> interactions;
  std::map<std::string, std::string> pins;  // layer -> choice
  std::string frontier;                     // metric, or ""
};

// interfaces.md's format. INVALID_ARGUMENT names the field: names unknown or used twice, tied
// layers with different choices, numbers that are not finite, negative budgets, empty layers.
absl::StatusOr<Problem> ProblemFromJson(const nlohmann::json& json);
nlohmann::json ProblemToJson(const Problem& problem);
absl::Status CheckProblem(const Problem& problem);

}  // namespace halftone

#endif  // HALFTONE_SEARCH_SOLVER_PROBLEM_H_
