#ifndef HALFTONE_SEARCH_SOLVER_PROBLEM_H_
#define HALFTONE_SEARCH_SOLVER_PROBLEM_H_

#include <cstddef>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "nlohmann/json_fwd.hpp"

namespace halftone {

// Costs by metric name ("latency_ns", "size_bytes", ...). A metric left out is 0: of choices, one
// that decides (see CheckProblem) may be left out only by all choices of a layer together.
using Costs = std::map<std::string, double>;

// Limits on problems from outside.
inline constexpr size_t kMaxLayers = 100'000;
inline constexpr size_t kMaxChoicesPerLayer = 4'096;
inline constexpr size_t kMaxChoices = 4'000'000;
inline constexpr size_t kMaxBudgets = 16;
inline constexpr size_t kMaxPairCosts = 10'000'000;   // entries of edges and interactions together
inline constexpr size_t kMaxRowEntries = 50'000'000;  // of interaction rows, in all
inline constexpr size_t kMaxNameLength = 4'096;

// The metric that Problem::max_changes limits, in the costs of answers.
inline constexpr char kChangesMetric[] = "precision_changes";

// All that the solver ever sees. Choices and layers are referred to by name. A plain value.
struct Problem {
  struct Choice {
    std::string name;
    double loss = 0;
    Costs cost;
    std::optional<double> loss_stderr;  // one standard error of the loss; absent: not known
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

  // Losses of all pairs of choices at once: rows of a low-rank factor of their matrix. Columns a
  // and b of different layers, both chosen, add weight * sum_r rows[r][a] * rows[r][b] to the loss.
  // What a choice loses by itself is its `loss`; a choice without a column interacts with none.
  struct InteractionRows {
    std::vector<std::pair<std::string, std::string>> choices;  // (layer, choice) of each column
    std::vector<std::vector<double>> rows;                     // [row][column]
    double weight = 1;                                         // not negative
  };

  std::vector<Layer> layers;
  std::vector<std::vector<std::string>> ties;  // layers that must take choices of the same name
  std::map<std::string, double> budgets;       // metric -> upper limit of the sum
  // What is minimized beside the loss: of these metrics, the weight (not negative) times the sum of
  // all costs, those of edges included.
  std::map<std::string, double> objective_weights;
  std::vector<Edge> edges;
  std::vector<Interaction> interactions;
  std::optional<InteractionRows> interaction_rows;
  std::map<std::string, std::string> pins;                  // layer -> choice
  std::map<std::string, std::vector<std::string>> allowed;  // layer -> its choices; others: all
  // At most so many pairs of neighbours take choices of different names: a limit on
  // kChangesMetric.
  std::optional<size_t> max_changes;
  std::vector<std::pair<std::string, std::string>> neighbours;  // empty: the ends of the edges
  std::string frontier;                                         // metric, or ""
};

// The JSON of `halftone solve`. INVALID_ARGUMENT names the field that is missing, of a wrong type
// or not finite, and whatever CheckProblem refuses.
absl::StatusOr<Problem> ProblemFromJson(const nlohmann::json& json);
nlohmann::json ProblemToJson(const Problem& problem);

// INVALID_ARGUMENT names the offender: layers, choices, pair costs or interactions named twice,
// names that do not exist, layers without choices, choices without a cost that others of their
// layer have in a metric that decides (of a budget, an objective weight or the frontier),
// interaction rows that do not fit their columns, tied layers with different choices or pinned
// differently, layers that pins, ties and allowed choices leave without one, numbers that are not
// finite or beyond 1e100, negative budgets and weights, a budget, weight or frontier on a metric
// that nothing costs, and more than the limits above. Costs and losses may be negative.
absl::Status CheckProblem(const Problem& problem);

// INVALID_ARGUMENT names a choice without a cost in the metric that others of its layer have.
absl::Status CheckCostsOf(const Problem& problem, const std::string& metric);

}  // namespace halftone

#endif  // HALFTONE_SEARCH_SOLVER_PROBLEM_H_
