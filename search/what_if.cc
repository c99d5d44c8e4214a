#include "search/what_if.h"

#include <cmath>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/field_path.h"
#include "base/progress.h"
#include "base/status_macros.h"
#include "nlohmann/json.hpp"
#include "search/cost_warnings.h"
#include "search/layer_rules.h"
#include "search/loss_terms.h"
#include "search/problem_builder.h"
#include "search/refine/pair_rows.h"
#include "search/refine_stage.h"
#include "search/stored_tables.h"
#include "search/user_explanation.h"

namespace halftone {
namespace {

// The losses of pairs that the search with these sensitivities has kept, in their place there.
absl::Status AddStoredPairs(const StoredName& name, ArtifactStore& store,
                            SensitivityResult& sensitivity) {
  const absl::StatusOr<std::string> bytes = LoadNamed(store, Stage::kSensitivity, name);
  if (!bytes.ok() && !absl::IsNotFound(bytes.status())) return bytes.status();
  if (!bytes.ok() || bytes->empty()) {
    return absl::FailedPreconditionError(
        "the losses that pairs of layers add are not stored: the search's estimator does not know "
        "them, they were too many, or they were removed since; a search of the same model and data "
        "measures them again");
  }
  HT_ASSIGN_OR_RETURN(const std::vector<float> pairs, PairsFromBytes(*bytes));
  sensitivity.interactions.assign(pairs.begin(), pairs.end());
  return absl::OkStatus();
}

absl::StatusOr<Problem::InteractionRows> RowsOf(const Problem& problem,
                                                const std::vector<double>& interactions,
                                                double weight, const Cancellation& cancellation) {
  const std::vector<float> gram(interactions.begin(), interactions.end());
  HT_ASSIGN_OR_RETURN(std::optional<Problem::InteractionRows> rows,
                      FactorPairs(problem, gram, cancellation));
  if (!rows.has_value()) {
    return absl::FailedPreconditionError(
        "the stored losses of pairs are no positive semi-definite form");
  }
  rows->weight = weight;
  return *std::move(rows);
}

// The budgets of inputs as numbers by the costs of a design space's base. Nothing where there is
// none, and where its costs are not stored any more.
absl::StatusOr<std::vector<ResolvedBudget>> ResolveOnBase(const ProblemInputs& inputs,
                                                          const TableNames& names,
                                                          ArtifactStore& store,
                                                          const Progress& progress) {
  std::vector<ResolvedBudget> budgets;
  if (names.base_costs.key.empty()) return budgets;
  const absl::StatusOr<std::string> bytes = LoadNamed(store, Stage::kProfile, names.base_costs);
  if (absl::IsNotFound(bytes.status())) return budgets;
  HT_RETURN_IF_ERROR(bytes.status());
  HT_ASSIGN_OR_RETURN(const nlohmann::json document, ParseStored(*bytes, "cost table"));
  HT_ASSIGN_OR_RETURN(const CostTable costs, CostTableFromJson(document));
  HT_ASSIGN_OR_RETURN(BuiltProblem base,
                      BuildProblem({inputs.network, inputs.sensitivity, costs, inputs.precisions,
                                    inputs.reference, inputs.spec},
                                   progress));
  return ReferringTo(names.base, std::move(base.budgets));
}

}  // namespace

absl::StatusOr<std::map<Metric, double>> ParseWeights(
    const std::map<std::string, double>& weights) {
  std::map<Metric, double> parsed;
  for (const auto& [text, weight] : weights) {
    const auto invalid = [field = FieldEntry("weights", text)](const std::string& problem) {
      return AtField(field, absl::InvalidArgumentError(problem));
    };
    const absl::StatusOr<MetricUnit> unit = ParseMetricUnit(text);
    if (!unit.ok()) return invalid(std::string(unit.status().message()));
    if (!std::isfinite(weight) || weight < 0) {
      return invalid(absl::StrCat(weight, " is negative, or not finite"));
    }
    if (unit->metric == Metric::kActivationMemory) {
      return invalid("a maximum over the network is no sum that a weight could price");
    }
    if (!parsed.emplace(unit->metric, weight / unit->base_units).second) {
      return invalid("the metric is given twice");
    }
  }
  return parsed;
}

nlohmann::json WhatIfAnswerToJson(const WhatIfAnswer& answer) {
  nlohmann::json object = SolutionToJson(answer.solution);
  object["status_of"] = "model";
  object["measure"] = LossMeasureToJson(answer.measure);
  object["reference"] = answer.reference.ToString();
  object["budgets"] = ResolvedBudgetsToJson(answer.budgets);
  object["layer_order"] = answer.layers;
  object["warnings"] = answer.warnings;
  if (!answer.caveat.empty()) object["caveat"] = answer.caveat;
  return object;
}

absl::StatusOr<WhatIfAnswer> ReSolve(const SearchSpec& spec, const std::optional<TableNames>& names,
                                     ArtifactStore& store, const Cancellation& cancellation,
                                     const WhatIf& what_if) {
  Progress progress;
  progress.cancellation = cancellation;
  HT_ASSIGN_OR_RETURN(StoredTables stored, LoadStoredTables(spec, names, store));
  Tables& tables = stored.tables;
  if (what_if.interactions > 0) {
    HT_RETURN_IF_ERROR(
        AtField("interactions", AddStoredPairs(stored.names.pairs, store, tables.sensitivity)));
  }
  HT_ASSIGN_OR_RETURN(const SensitivityResult sensitivity,
                      ScaleLosses(spec.rules.loss_factors, std::move(tables.sensitivity)));
  SearchSpec numbers = spec;
  const ProblemInputs inputs{
      tables.network,           sensitivity, tables.costs, stored.offer().offered,
      stored.offer().reference, numbers};
  HT_ASSIGN_OR_RETURN(const std::vector<ResolvedBudget> of_base,
                      ResolveOnBase(inputs, stored.names, store, progress));
  if (!of_base.empty()) numbers.budgets = AsNumbers(of_base);
  HT_ASSIGN_OR_RETURN(BuiltProblem built, BuildProblem(inputs, progress));
  Problem& problem = built.problem;
  if (what_if.refined.has_value()) {
    Refinement refined = *what_if.refined;
    // It stands for what all pairs add, which is counted by itself then.
    if (what_if.interactions > 0) refined.factor = 1;
    refined.ApplyTo(problem);
  }
  if (!what_if.frontier) problem.frontier.clear();
  for (const auto& [metric, weight] : what_if.weights) {
    problem.objective_weights[std::string(MetricCostKey(metric))] = weight;
  }
  // BuildProblem() has checked the rest.
  HT_RETURN_IF_ERROR(AtField("weights", CheckProblem(problem)));
  if (what_if.interactions > 0) {
    HT_ASSIGN_OR_RETURN(problem.interaction_rows, RowsOf(problem, sensitivity.interactions,
                                                         what_if.interactions, cancellation));
  }
  WhatIfAnswer answer;
  Solution& solution = answer.solution;
  HT_ASSIGN_OR_RETURN(solution, SolveWithLiveSets(built, progress));
  const bool infeasible = solution.status == Solution::Status::kInfeasible;
  if (spec.explain && !infeasible) {
    HT_ASSIGN_OR_RETURN(solution.explanation,
                        ExplainToUser(tables.network, built, solution, progress));
  }
  answer.measure = CountedMeasure(sensitivity, spec);
  answer.reference = stored.offer().reference;
  answer.budgets = of_base.empty() ? built.budgets : of_base;
  for (const auto& layer : tables.network.layers) answer.layers.push_back(layer.name);
  answer.warnings = WarningsOf(
      tables.costs, infeasible ? solution.infeasible->nearest.assignment : solution.assignment);
  answer.caveat = BusyCaveat(tables.costs, solution);
  return answer;
}

}  // namespace halftone
