#include "search/explorer.h"

#include <algorithm>
#include <cmath>
#include <set>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/json_fields.h"
#include "base/shown_text.h"
#include "base/status_macros.h"
#include "nlohmann/json.hpp"
#include "search/execution.h"
#include "search/live_set_metric.h"
#include "search/problem_builder.h"
#include "search/refine/assignment_meter.h"
#include "search/sensitivity/evaluate.h"
#include "search/solver/compile.h"
#include "search/stage_inputs.h"
#include "search/stage_keys.h"
#include "search/stored_tables.h"

namespace halftone {
namespace {

using nlohmann::json;

// Of the frontier of the search that the strategy begins with.
constexpr size_t kFrontierSeeds = 8;

// The excess of a cost over its limit as a share of it; 0 within the rounding that budgets allow.
double ExcessOf(double cost, double limit) {
  if (cost <= limit + kBudgetTolerance * std::abs(limit)) return 0;
  return limit > 0 ? cost / limit - 1 : cost;
}

}  // namespace

// What an explorer works with: the search, and what is loaded of it when something is measured.
struct Explorer::Search {
  SearchSpec spec;
  SearchResult result;
  ArtifactStore& store;
  std::string calibrate_output;
  std::string execution;  // of StateExecution
  // Of peak activation memory, which the problem holds only where it bound the search.
  std::vector<LiveSet> live_sets;
  std::optional<double> activation_budget;
  StageInputs inputs;
  std::optional<ChoiceSpace> space;  // of result.problem
  std::set<std::string> layers;
  std::unique_ptr<AssignmentMeter> meter;  // null until the first measurement
  std::string divergence_name;

  Search(const SearchSpec& of, const SearchResult& found, ArtifactStore& in)
      : spec(of),
        result(found),
        store(in),
        inputs(in, of.model, of.calibration, of.sensitivity.samples, of.inputs, of.heads) {}

  absl::Status Load() {
    HT_ASSIGN_OR_RETURN(spec.inputs_identity, inputs.Identity(InputsKey(spec)));
    HT_ASSIGN_OR_RETURN(const StoredTables stored, LoadStoredTables(spec, result.tables, store));
    absl::StatusOr<std::string> calibrated =
        LoadNamed(store, Stage::kCalibrate, stored.names.calibration);
    if (absl::IsNotFound(calibrated.status())) {
      return absl::FailedPreconditionError(
          "the quantizers of the search are not stored any more: run it again");
    }
    HT_RETURN_IF_ERROR(calibrated.status());
    calibrate_output = *std::move(calibrated);
    if (!stored.names.execution.key.empty()) {
      HT_ASSIGN_OR_RETURN(execution, LoadNamed(store, Stage::kImport, stored.names.execution));
    }
    HT_RETURN_IF_ERROR(NameDivergence(stored.tables.sensitivity.output_metric));
    const ProblemInputs problem_inputs{stored.tables.network,    stored.tables.sensitivity,
                                       stored.tables.costs,      stored.offer().offered,
                                       stored.offer().reference, spec};
    HT_ASSIGN_OR_RETURN(BuiltProblem built, BuildProblem(problem_inputs, Progress()));
    live_sets = std::move(built.live_sets);
    activation_budget = built.activation_budget;
    HT_ASSIGN_OR_RETURN(ChoiceSpace of_problem, ChoiceSpace::Create(result.problem));
    space.emplace(std::move(of_problem));
    for (const Problem::Layer& layer : result.problem.layers) layers.insert(layer.name);
    if (space->variables() == 0) {
      return absl::FailedPreconditionError("the network has no layers to choose for");
    }
    return absl::OkStatus();
  }

  // The losses may be of another divergence than is measured: then the network has to say.
  absl::Status NameDivergence(const std::string& of_losses) {
    divergence_name = of_losses == "cross-entropy" ? "kl" : of_losses;
    if (divergence_name == "kl") return absl::OkStatus();
    HT_ASSIGN_OR_RETURN(const auto* network, inputs.Network());
    HT_ASSIGN_OR_RETURN(divergence_name, EvaluatedMetric(*network));
    return absl::OkStatus();
  }

  absl::StatusOr<double> Measure(const Assignment& assignment, const Progress& progress) {
    if (meter == nullptr) {
      HT_ASSIGN_OR_RETURN(const auto* network, inputs.Network());
      HT_ASSIGN_OR_RETURN(const auto* samples,
                          inputs.MeasuredSamples(spec.quantization, progress.Part(0, 0.05)));
      HT_ASSIGN_OR_RETURN(const auto* calibration, inputs.Quantizers(calibrate_output));
      HT_ASSIGN_OR_RETURN(ExecutedLayers executed, ExecutedLayersFromBytes(execution));
      meter = std::make_unique<AssignmentMeter>(*network, samples->data, *calibration, store,
                                                MeasuredUnder(), SampleValues::kPseudovalues,
                                                std::move(executed));
    }
    return meter->Measure(assignment, progress);
  }

  std::string MeasuredUnder() const { return MeterKey(spec, calibrate_output, execution); }

  // The search's answers, the one that it took first (the nearest where the budgets cannot be met),
  // and some of its frontier.
  std::vector<Assignment> Answers() const {
    std::vector<Assignment> answers;
    if (result.refined.has_value()) answers.push_back(result.refined->assignment);
    if (result.solution.infeasible.has_value()) {
      answers.push_back(result.solution.infeasible->nearest.assignment);
    } else {
      answers.push_back(result.solution.assignment);
    }
    const std::vector<FrontierPoint>& frontier = result.solution.frontier;
    const size_t count = std::min(kFrontierSeeds, frontier.size());
    for (size_t i = 0; i < count; ++i) {
      answers.push_back(frontier[i * frontier.size() / count].assignment);
    }
    return answers;
  }
};

Explorer::Explorer(std::unique_ptr<Search> search, ArtifactStore& store, const std::string& key)
    : search_(std::move(search)), stored_(store, Stage::kRefine, Explorer::StoredUnder(key)) {}

std::string Explorer::StoredUnder(const std::string& key) { return HashOf({"exploration/1", key}); }

Explorer::~Explorer() = default;

absl::StatusOr<std::unique_ptr<Explorer>> Explorer::Create(const SearchSpec& spec,
                                                           const SearchResult& result,
                                                           ArtifactStore& store,
                                                           const std::string& key) {
  auto search = std::make_unique<Search>(spec, result, store);
  HT_RETURN_IF_ERROR(search->Load());
  std::unique_ptr<Explorer> explorer(new Explorer(std::move(search), store, key));
  HT_RETURN_IF_ERROR(explorer->StartStrategy());
  HT_RETURN_IF_ERROR(explorer->LoadMeasured());
  HT_RETURN_IF_ERROR(explorer->LoadStored());
  return explorer;
}

absl::Status Explorer::StartStrategy() {
  std::vector<Selection> seeds;
  for (const Assignment& answer : search_->Answers()) {
    HT_ASSIGN_OR_RETURN(Selection selection, space().SelectionOf(answer));
    if (ViolationOf(selection) <= 0) seeds.push_back(std::move(selection));
  }
  Nsga2::Options options;
  options.seed = search_->spec.sensitivity.seed;
  options.violation = [this](const Selection& selection) { return ViolationOf(selection); };
  strategy_ = std::make_unique<Nsga2>(space().compact().choices, std::move(seeds), options);
  return absl::OkStatus();
}

// What the result says is known even where the store does not have it any more.
absl::Status Explorer::LoadMeasured() {
  HT_ASSIGN_OR_RETURN(auto measured,
                      AssignmentMeter::StoredDivergences(search_->store, search_->MeasuredUnder()));
  if (search_->result.refined.has_value()) {
    const Refinement& refined = *search_->result.refined;
    measured.emplace(refined.assignment, refined.divergence);
    measured.emplace(search_->result.solution.assignment, refined.optimum_divergence);
  }
  for (const auto& [assignment, divergence] : measured) {
    // Others may have had other precisions, ties or pins.
    const absl::StatusOr<Selection> selection = space().SelectionOf(assignment);
    if (!selection.ok() || space().AssignmentOf(*selection) != assignment) continue;
    HT_RETURN_IF_ERROR(Remember(*selection, divergence));
  }
  return absl::OkStatus();
}

absl::Status Explorer::LoadStored() {
  while (true) {
    HT_ASSIGN_OR_RETURN(const std::optional<json> document, stored_.Take());
    if (!document.has_value()) return absl::OkStatus();
    Assignment assignment;
    double divergence = 0;
    JsonFields fields(*document, "trial");
    fields.Require("divergence");
    fields.Read("assignment", &assignment);
    fields.Read("divergence", &divergence);
    HT_RETURN_IF_ERROR(fields.status());
    HT_ASSIGN_OR_RETURN(const Selection selection, space().SelectionOf(assignment));
    HT_RETURN_IF_ERROR(Remember(selection, divergence));
    told_.insert(selection);
  }
}

const ChoiceSpace& Explorer::space() const { return *search_->space; }

const std::string& Explorer::divergence_name() const { return search_->divergence_name; }

std::map<std::string, double> Explorer::Limits() const {
  const Problem& problem = search_->result.problem;
  const std::string peak(MetricCostKey(Metric::kActivationMemory));
  std::map<std::string, double> limits;
  for (const auto& [metric, limit] : problem.budgets) {
    // Those of single live sets are part of the peak's.
    if (!LiveSetMetric::FromKey(metric).has_value()) limits[metric] = limit;
  }
  if (search_->activation_budget.has_value()) limits[peak] = *search_->activation_budget;
  if (problem.max_changes.has_value()) {
    limits[kChangesMetric] = static_cast<double>(*problem.max_changes);
  }
  return limits;
}

double Explorer::ViolationOf(const Selection& selection) const {
  const CompactProblem& compact = space().compact();
  const std::vector<double> totals = compact.Evaluate(selection);
  double violation =
      compact.IsFeasible(totals) ? 0 : std::max(compact.Excess(totals), kBudgetTolerance);
  if (search_->activation_budget.has_value()) {
    violation += ExcessOf(PeakActivationBytes(search_->live_sets, space().AssignmentOf(selection)),
                          *search_->activation_budget);
  }
  return violation;
}

absl::StatusOr<ExploredAssignment> Explorer::Describe(const Selection& selection) const {
  ExploredAssignment explored;
  explored.assignment = space().AssignmentOf(selection);
  HT_ASSIGN_OR_RETURN(FrontierPoint point,
                      EvaluateAssignment(search_->result.problem, explored.assignment));
  explored.predicted_loss = point.loss;
  explored.cost = std::move(point.cost);
  explored.cost[std::string(MetricCostKey(Metric::kActivationMemory))] =
      PeakActivationBytes(search_->live_sets, explored.assignment);
  for (const auto& [metric, limit] : Limits()) {
    const auto cost = explored.cost.find(metric);
    const double over = ExcessOf(cost == explored.cost.end() ? 0 : cost->second, limit);
    if (over > 0) explored.excess[metric] = over;
  }
  const auto known = known_.find(selection);
  if (known != known_.end()) explored.divergence = known->second;
  return explored;
}

absl::Status Explorer::Remember(const Selection& selection, double divergence) {
  if (!known_.emplace(selection, divergence).second) return absl::OkStatus();
  HT_ASSIGN_OR_RETURN(const ExploredAssignment explored, Describe(selection));
  Merit merit;
  merit.objectives = {divergence};
  const auto cost = explored.cost.find(search_->result.problem.frontier);
  merit.objectives.push_back(cost == explored.cost.end() ? 0 : cost->second);
  merit.violation = ViolationOf(selection);
  strategy_->Tell(selection, merit);
  archive_.Add(selection, merit);
  const bool is_best =
      explored.IsFeasible() && (!best_.has_value() || divergence < known_.at(*best_));
  if (is_best) best_ = selection;
  return absl::OkStatus();
}

absl::StatusOr<ExploredAssignment> Explorer::Start() const {
  HT_ASSIGN_OR_RETURN(const Selection selection, space().SelectionOf(search_->Answers().front()));
  return Describe(selection);
}

absl::StatusOr<std::optional<ExploredAssignment>> Explorer::Best() const {
  if (!best_.has_value()) return std::nullopt;
  HT_ASSIGN_OR_RETURN(ExploredAssignment best, Describe(*best_));
  return best;
}

absl::StatusOr<std::vector<ExploredAssignment>> Explorer::Front() const {
  std::vector<ExploredAssignment> front;
  for (const ParetoArchive::Member& member : archive_.members()) {
    HT_ASSIGN_OR_RETURN(front.emplace_back(), Describe(member.selection));
  }
  std::stable_sort(front.begin(), front.end(),
                   [](const auto& a, const auto& b) { return *a.divergence > *b.divergence; });
  return front;
}

absl::StatusOr<std::vector<ExploredAssignment>> Explorer::Ask(size_t count) {
  if (suggested_ + static_cast<int64_t>(count) > kMaxEvaluations) {
    return absl::ResourceExhaustedError(
        absl::StrCat("more than ", kMaxEvaluations, " suggestions for one search"));
  }
  std::vector<ExploredAssignment> suggestions;
  for (const Selection& selection : strategy_->Ask(count)) {
    HT_ASSIGN_OR_RETURN(suggestions.emplace_back(), Describe(selection));
  }
  suggested_ += static_cast<int64_t>(suggestions.size());
  return suggestions;
}

absl::StatusOr<Explorer::Told> Explorer::Tell(const Assignment& assignment,
                                              const Progress& progress) {
  for (const auto& [layer, choice] : assignment) {
    if (search_->layers.contains(layer)) continue;
    return absl::InvalidArgumentError(absl::StrCat("the network has no layer ", Quoted(layer)));
  }
  HT_ASSIGN_OR_RETURN(const Selection selection, space().SelectionOf(assignment));
  Told told;
  told.was_known = known_.contains(selection);
  if (!told_.contains(selection)) {
    if (evaluations() >= kMaxEvaluations) {
      return absl::ResourceExhaustedError(
          absl::StrCat("more than ", kMaxEvaluations, " evaluations for one search"));
    }
    const Assignment whole = space().AssignmentOf(selection);
    if (!told.was_known) {
      HT_ASSIGN_OR_RETURN(const double divergence, search_->Measure(whole, progress));
      HT_RETURN_IF_ERROR(Remember(selection, divergence));
    }
    HT_RETURN_IF_ERROR(stored_.Add({{"assignment", whole},
                                    {"divergence", known_.at(selection)},
                                    {"feasible", ViolationOf(selection) <= 0}}));
    told_.insert(selection);
  }
  told.is_best = best_ == selection;
  HT_ASSIGN_OR_RETURN(told.trial, Describe(selection));
  return told;
}

absl::StatusOr<json> Explorer::StoredSummary(ArtifactStore& store, const std::string& key) {
  StoredParts parts(store, Stage::kRefine, Explorer::StoredUnder(key));
  int64_t evaluations = 0;
  json best;
  while (true) {
    HT_ASSIGN_OR_RETURN(const std::optional<json> trial, parts.Take());
    if (!trial.has_value()) break;
    ++evaluations;
    if (!trial->value("feasible", false)) continue;
    const bool is_better = best.is_null() || trial->at("divergence") < best.at("divergence");
    if (is_better) {
      best = {{"assignment", trial->at("assignment")}, {"divergence", trial->at("divergence")}};
    }
  }
  if (evaluations == 0) return json();
  return json{{"evaluations", evaluations}, {"best", std::move(best)}};
}

absl::Status Explorer::Flush() {
  HT_RETURN_IF_ERROR(stored_.Flush());
  return search_->meter == nullptr ? absl::OkStatus() : search_->meter->Flush();
}

}  // namespace halftone
