#include "search/stage_outputs.h"

#include <algorithm>
#include <map>
#include <optional>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/json_fields.h"
#include "base/status_macros.h"
#include "nlohmann/json.hpp"
#include "search/cost_warnings.h"
#include "search/evaluation_json.h"
#include "search/layer_rules.h"
#include "search/loss_terms.h"

namespace halftone {
namespace {

using nlohmann::json;

absl::StatusOr<LayerResult> AssembleLayer(const NetworkSummary::LayerFacts& facts,
                                          const LayerSensitivity& sensitivity, double robust,
                                          const CostTable& costs, const Precision& chosen,
                                          const Precision& reference) {
  LayerResult layer;
  layer.name = facts.name;
  layer.op = facts.op;
  layer.tie_group = facts.tie_group;
  layer.has_weights = facts.has_weights;
  layer.precision = chosen;
  for (const ChoiceLoss& choice : sensitivity.choices) {
    if (choice.precision != chosen) continue;
    if (choice.is_known) layer.loss = CountedLoss(choice, robust);
    layer.loss_stderr = choice.loss_stderr;
  }
  const CostRow* row = costs.Find(facts.name, chosen);
  const CostRow* before = costs.Find(facts.name, reference);
  if (row == nullptr || before == nullptr) {
    return absl::InternalError(absl::StrCat("layer '", facts.name, "' has no costs"));
  }
  layer.executed_as = row->executed_as;
  layer.latency_ns = row->latency_ns;
  layer.weight_bytes = row->weight_bytes;
  layer.implementation = row->implementation;
  layer.warning = row->warning;
  layer.reference_latency_ns = before->latency_ns;
  return layer;
}

// Of the layer in its precision, as the problem counts it: weights that several share once. The
// first layer's choices have `other_bytes` beside their own.
std::optional<double> SizeOf(const Problem& problem, double other_bytes, const LayerResult& layer) {
  for (const Problem::Layer& other : problem.layers) {
    if (other.name != layer.name) continue;
    for (const Problem::Choice& choice : other.choices) {
      if (choice.name != layer.precision.ToString()) continue;
      const auto size = choice.cost.find(std::string(MetricCostKey(Metric::kSize)));
      if (size == choice.cost.end()) return std::nullopt;
      return size->second - (&other == &problem.layers.front() ? other_bytes : 0);
    }
  }
  return std::nullopt;
}

void CollectWarnings(SearchResult& result) {
  std::vector<std::pair<std::string, std::string>> of_layers;
  for (const LayerResult& layer : result.layers) {
    of_layers.emplace_back(layer.name, layer.warning);
  }
  for (std::string& warning : JoinWarnings(of_layers)) {
    result.warnings.push_back(std::move(warning));
  }
  if (result.evaluation.has_value() && result.evaluation->executed.has_value() &&
      !result.evaluation->executed->warning.empty()) {
    result.warnings.push_back(result.evaluation->executed->warning);
  }
  if (result.evaluation.has_value() && !result.evaluated_on_held_out) {
    result.warnings.push_back(
        "no held-out data was given: the evaluation is on the calibration samples");
  }
}

}  // namespace

absl::StatusOr<json> ParseStored(absl::string_view bytes, absl::string_view what) {
  json document = json::parse(bytes.begin(), bytes.end(), nullptr, /*allow_exceptions=*/false);
  if (document.is_discarded()) {
    return absl::InternalError(absl::StrCat("the stored ", what, " is damaged"));
  }
  return document;
}

absl::StatusOr<NetworkSummary> NetworkSummaryFromBytes(absl::string_view bytes) {
  HT_ASSIGN_OR_RETURN(const json document, ParseStored(bytes, "network summary"));
  return NetworkSummaryFromJson(document);
}

namespace {

json SolveOutputToJson(const SolveOutput& output) {
  json document = {{"problem", ProblemToJson(output.problem)},
                   {"solution", SolutionToJson(output.solution)},
                   {"reference", output.reference.ToString()},
                   {"reference_cost", output.reference_cost},
                   {"budgets", ResolvedBudgetsToJson(output.budgets)}};
  if (output.stability.has_value()) document["stability"] = StabilityToJson(*output.stability);
  if (output.codesign.has_value()) document["codesign"] = CodesignToJson(*output.codesign);
  return document;
}

absl::StatusOr<SolveOutput> SolveOutputFromJson(const json& document) {
  SolveOutput output;
  JsonFields fields(document, "solve");
  fields.ReadObject("problem", ProblemFromJson, &output.problem);
  fields.ReadObject("solution", SolutionFromJson, &output.solution);
  fields.ReadObject("stability", StabilityFromJson, &output.stability);
  fields.ReadObject("codesign", CodesignFromJson, &output.codesign);
  fields.ReadParsed("reference", &output.reference);
  fields.Read("reference_cost", &output.reference_cost);
  fields.ReadEach("budgets", [&](const json& element) -> absl::Status {
    HT_ASSIGN_OR_RETURN(output.budgets.emplace_back(), ResolvedBudgetFromJson(element));
    return absl::OkStatus();
  });
  HT_RETURN_IF_ERROR(fields.status());
  return output;
}

}  // namespace

std::string SolveOutputToBytes(const SolveOutput& output) {
  return SolveOutputToJson(output).dump();
}

absl::StatusOr<SolveOutput> SolveOutputFromBytes(absl::string_view bytes) {
  HT_ASSIGN_OR_RETURN(const json document, ParseStored(bytes, "solution"));
  return SolveOutputFromJson(document);
}

std::string RefineOutputToBytes(const RefineOutput& output) {
  json document = {{"refinement", RefinementToJson(output.refinement)}};
  if (output.solved.has_value()) document["solved"] = SolveOutputToJson(*output.solved);
  return document.dump();
}

absl::StatusOr<RefineOutput> RefineOutputFromBytes(absl::string_view bytes) {
  HT_ASSIGN_OR_RETURN(const json document, ParseStored(bytes, "refinement"));
  RefineOutput output;
  JsonFields fields(document, "refine");
  fields.Require("refinement");
  fields.ReadObject("refinement", RefinementFromJson, &output.refinement);
  fields.ReadObject("solved", SolveOutputFromJson, &output.solved);
  HT_RETURN_IF_ERROR(fields.status());
  return output;
}

std::string ValidateOutputToBytes(const ValidateOutput& output) {
  json document = {{"on_held_out", output.on_held_out}};
  if (output.evaluation.has_value()) document["evaluation"] = EvaluationToJson(*output.evaluation);
  if (output.measured_ns.has_value()) document["measured_ns"] = *output.measured_ns;
  if (output.reference_measured_ns.has_value()) {
    document["reference_measured_ns"] = *output.reference_measured_ns;
  }
  if (!output.latency_warning.empty()) document["latency_warning"] = output.latency_warning;
  return document.dump();
}

absl::StatusOr<ValidateOutput> ValidateOutputFromBytes(absl::string_view bytes) {
  HT_ASSIGN_OR_RETURN(const json document, ParseStored(bytes, "validation"));
  ValidateOutput output;
  JsonFields fields(document, "validation");
  fields.Read("on_held_out", &output.on_held_out);
  fields.ReadObject("evaluation", EvaluationFromJson, &output.evaluation);
  fields.Read("measured_ns", &output.measured_ns);
  fields.Read("reference_measured_ns", &output.reference_measured_ns);
  fields.Read("latency_warning", &output.latency_warning);
  HT_RETURN_IF_ERROR(fields.status());
  return output;
}

std::string ExportOutputToBytes(const ExportOutput& output) {
  json document = {{"artifacts", output.artifacts}};
  if (output.exported.has_value()) document["exported"] = ExportedModelToJson(*output.exported);
  if (output.failed) document["failed"] = true;
  return document.dump();
}

absl::StatusOr<ExportOutput> ExportOutputFromBytes(absl::string_view bytes) {
  HT_ASSIGN_OR_RETURN(const json document, ParseStored(bytes, "list of artifacts"));
  ExportOutput output;
  JsonFields fields(document, "export");
  fields.Read("artifacts", &output.artifacts);
  fields.ReadObject("exported", ExportedModelFromJson, &output.exported);
  fields.Read("failed", &output.failed);
  HT_RETURN_IF_ERROR(fields.status());
  return output;
}

bool IsRefinedChosen(const std::optional<Refinement>& refined) {
  return refined.has_value() && refined->Improves();
}

absl::StatusOr<std::map<std::string, Precision>> ShownAssignment(
    const Solution& solution, const std::optional<Refinement>& refined) {
  const Assignment& names = IsRefinedChosen(refined) ? refined->assignment
                            : solution.infeasible.has_value()
                                ? solution.infeasible->nearest.assignment
                                : solution.assignment;
  std::map<std::string, Precision> assignment;
  for (const auto& [layer, name] : names) {
    HT_ASSIGN_OR_RETURN(assignment[layer], Precision::Parse(name));
  }
  return assignment;
}

absl::StatusOr<SearchResult> AssembleResult(const SearchSpec& spec, const NetworkSummary& network,
                                            const SensitivityResult& measured,
                                            const CostTable& costs, const SolveOutput& solved,
                                            const std::optional<Refinement>& refined,
                                            const ValidateOutput& validated) {
  SearchResult result;
  result.model_name = network.name;
  result.measure = CountedMeasure(measured, spec);
  HT_ASSIGN_OR_RETURN(const SensitivityResult sensitivity,
                      ScaleLosses(spec.rules.loss_factors, measured));
  if (!refined.has_value() && solved.solution.status != Solution::Status::kInfeasible) {
    result.not_evaluated = WhyNotEvaluated(spec);
  }
  result.target = costs.target;
  result.device = costs.device;
  result.reference = solved.reference;
  result.problem = solved.problem;
  result.solution = solved.solution;
  result.reference_cost = solved.reference_cost;
  result.budgets = solved.budgets;
  result.other_bytes = network.other_bytes;
  result.caveat = BusyCaveat(costs, solved.solution);
  result.stability = solved.stability;
  result.codesign = solved.codesign;
  result.refined = refined;
  HT_ASSIGN_OR_RETURN(const auto assignment, ShownAssignment(solved.solution, refined));
  for (size_t l = 0; l < network.layers.size() && !assignment.empty(); ++l) {
    const auto chosen = assignment.find(network.layers[l].name);
    if (chosen == assignment.end() || l >= sensitivity.layers.size()) {
      return absl::InternalError(
          absl::StrCat("layer '", network.layers[l].name, "' has no place in the solution"));
    }
    HT_ASSIGN_OR_RETURN(LayerResult layer,
                        AssembleLayer(network.layers[l], sensitivity.layers[l], spec.robust, costs,
                                      chosen->second, solved.reference));
    layer.weight_bytes =
        SizeOf(solved.problem, network.other_bytes, layer).value_or(layer.weight_bytes);
    result.layers.push_back(std::move(layer));
  }
  const Costs& cost = IsRefinedChosen(refined) ? refined->cost
                      : solved.solution.infeasible.has_value()
                          ? solved.solution.infeasible->nearest.cost
                          : solved.solution.cost;
  const auto value = [](const Costs& of, const char* key) {
    const auto found = of.find(key);
    return found == of.end() ? 0.0 : found->second;
  };
  result.latency.reference_predicted = value(solved.reference_cost, "latency_ns");
  result.latency.predicted = value(cost, "latency_ns");
  result.latency.reference_measured = validated.reference_measured_ns;
  result.latency.measured = validated.measured_ns;
  result.evaluation = validated.evaluation;
  result.evaluated_on_held_out = validated.on_held_out;
  if (!network.quantized_file.empty()) result.warnings.push_back(network.quantized_file);
  // Losses with factors are no divergences any more.
  if (spec.rules.loss_factors.empty()) {
    result.prediction = CheckPrediction(measured, solved.solution, refined, validated.evaluation,
                                        validated.on_held_out);
  }
  if (result.prediction.has_value()) {
    const std::string warning = PredictionWarning(*result.prediction);
    if (!warning.empty()) result.warnings.push_back(warning);
  }
  if (const std::string negative = NegativeWarning(measured); !negative.empty()) {
    result.warnings.push_back(negative);
  }
  const int64_t asked = spec.samples_at_most ? 0 : spec.sensitivity.samples;
  const std::string fewer = FewerSamples(asked, sensitivity.samples);
  if (!fewer.empty()) result.warnings.push_back(fewer);
  result.warnings.insert(result.warnings.end(), sensitivity.warnings.begin(),
                         sensitivity.warnings.end());
  if (!validated.latency_warning.empty()) {
    result.warnings.push_back(validated.latency_warning);
  }
  CollectWarnings(result);
  return result;
}

}  // namespace halftone
