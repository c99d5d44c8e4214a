#include "search/codesign_run.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/hash.h"
#include "base/status_macros.h"
#include "nlohmann/json.hpp"
#include "search/codesign.h"
#include "search/codesign_memory.h"
#include "search/layer_rules.h"
#include "search/offer.h"
#include "search/problem_builder.h"
#include "search/stage_keys.h"

namespace halftone {
namespace {

using nlohmann::json;

absl::StatusOr<CostTable> ParseTable(absl::string_view bytes) {
  HT_ASSIGN_OR_RETURN(const json document, ParseStored(bytes, "cost table"));
  return CostTableFromJson(document);
}

bool SameDevice(const DeviceInfo& a, const DeviceInfo& b) {
  return a.name == b.name && a.isa == b.isa && a.library == b.library;
}

bool IsOf(const CostProfiler& profiler, absl::string_view table_bytes) {
  const absl::StatusOr<CostTable> table = ParseTable(table_bytes);
  return table.ok() && SameDevice(table->device, profiler.Describe());
}

// The limits of a problem by metric, the peak of activations among them.
std::map<std::string, double> LimitsOf(const BuiltProblem& built) {
  std::map<std::string, double> limits = built.problem.budgets;
  if (built.activation_budget.has_value()) {
    limits[std::string(MetricCostKey(Metric::kActivationMemory))] = *built.activation_budget;
  }
  return limits;
}

}  // namespace

CodesignRun::CodesignRun(SearchSpec spec, std::vector<DesignPoint> points)
    : spec_(std::move(spec)), points_(std::move(points)) {}

absl::StatusOr<std::unique_ptr<CodesignRun>> CodesignRun::Create(
    const SearchSpec& spec, const ProfilerRegistry& profilers) {
  HT_ASSIGN_OR_RETURN(const DesignSpace space, DesignSpace::Parse(spec.target));
  const ProfilerFactory create = [&](const std::string& target) {
    return profilers.Create(target);
  };
  HT_ASSIGN_OR_RETURN(std::vector<DesignPoint> points, EnumerateDesigns(space, create));
  return Create(spec, space, std::move(points), profilers);
}

absl::StatusOr<std::unique_ptr<CodesignRun>> CodesignRun::Create(
    const SearchSpec& spec, const DesignSpace& space, std::vector<DesignPoint> points,
    const ProfilerRegistry& profilers) {
  DesignPoint base;
  base.target = space.base;
  HT_ASSIGN_OR_RETURN(base.profiler, profilers.Create(space.base));
  points.insert(points.begin(), std::move(base));
  std::unique_ptr<CodesignRun> run(new CodesignRun(spec, std::move(points)));
  HT_RETURN_IF_ERROR(run->MakeCommonOffer());
  return run;
}

absl::Status CodesignRun::MakeCommonOffer() {
  bool all_run_float = true;
  for (const DesignPoint& point : points_) {
    HT_ASSIGN_OR_RETURN(const Offer own, MakeOffer(SpecOf(point), *point.profiler));
    all_run_float &= point.profiler->Supports(Precision::Float32());
    if (&point == &points_.front()) offer_ = own;
    std::erase_if(offer_.offered,
                  [&](const Precision& precision) { return !point.profiler->Supports(precision); });
  }
  if (offer_.offered.empty()) {
    return absl::InvalidArgumentError(absl::StrCat(
        "target '", spec_.target, "': no precision runs on all configurations: name some"));
  }
  offer_.reference = ChooseReference(all_run_float, offer_.offered);
  offer_.profiled = offer_.offered;
  const bool offers_reference = std::find(offer_.offered.begin(), offer_.offered.end(),
                                          offer_.reference) != offer_.offered.end();
  if (!offers_reference) offer_.profiled.push_back(offer_.reference);
  return absl::OkStatus();
}

SearchSpec CodesignRun::SpecOf(const DesignPoint& point) const {
  SearchSpec spec = spec_;
  spec.target = point.target;
  return spec;
}

StoredName CodesignRun::NameOfBase() const {
  return {TableKey(points_.front()), Sha256Hex(tables_.front())};
}

std::string CodesignRun::TableKey(const DesignPoint& point) const {
  return ProfileKey(SpecOf(point), offer_.profiled);
}

absl::StatusOr<std::string> CodesignRun::LoadTable(ArtifactStore& store,
                                                   const DesignPoint& point) const {
  HT_ASSIGN_OR_RETURN(std::string bytes, store.LoadStage(Stage::kProfile, TableKey(point)));
  if (IsOf(*point.profiler, bytes)) return bytes;
  return absl::NotFoundError(absl::StrCat("'", point.target, "' is another device now"));
}

absl::Status CodesignRun::CheckMemory(const NetworkSummary& network) const {
  CodesignSize size{points_.size(), network.layers.size(), offer_.profiled.size(), 0};
  for (const NetworkSummary::LayerFacts& layer : network.layers) {
    size.name_bytes += layer.name.size();
  }
  return CheckCodesignMemory(size);
}

absl::StatusOr<std::string> CodesignRun::MeasureCosts(ArtifactStore& store,
                                                      const ProfileNetwork& profile,
                                                      const Progress& progress) const {
  json list = json::array();
  const auto count = static_cast<double>(points_.size());
  for (size_t i = 0; i < points_.size(); ++i) {
    const auto at = static_cast<double>(i);
    HT_RETURN_IF_ERROR(progress.Step(at / count, points_[i].target));
    absl::StatusOr<std::string> bytes = absl::NotFoundError("measured again on request");
    if (!spec_.refresh) bytes = LoadTable(store, points_[i]);
    if (absl::IsNotFound(bytes.status())) {
      HT_ASSIGN_OR_RETURN(
          const CostTable table,
          profile(*points_[i].profiler, progress.Part(at / count, (at + 1) / count)));
      bytes = CostTableToJson(table).dump();
      HT_RETURN_IF_ERROR(store.StoreStage(Stage::kProfile, TableKey(points_[i]), *bytes));
    }
    HT_RETURN_IF_ERROR(bytes.status());
    list.push_back({{"target", points_[i].target}, {"costs", Sha256Hex(*bytes)}});
  }
  return list.dump();
}

bool CodesignRun::HasCosts(ArtifactStore& store, const std::string& list) const {
  const json targets = json::parse(list, nullptr, /*allow_exceptions=*/false);
  if (!targets.is_array() || targets.size() != points_.size()) return false;
  return std::all_of(points_.begin(), points_.end(),
                     [&](const DesignPoint& point) { return LoadTable(store, point).ok(); });
}

absl::Status CodesignRun::LoadCosts(ArtifactStore& store, const std::string& list) {
  if (!HasCosts(store, list)) {
    return absl::InternalError("the costs of a configuration are not stored any more");
  }
  tables_.clear();
  for (const DesignPoint& point : points_) {
    HT_ASSIGN_OR_RETURN(tables_.emplace_back(), LoadTable(store, point));
  }
  return absl::OkStatus();
}

absl::StatusOr<SolveOutput> CodesignRun::Solve(Tables& tables, const Progress& progress) const {
  SearchSpec spec = spec_;
  HT_ASSIGN_OR_RETURN(const SensitivityResult sensitivity,
                      ScaleLosses(spec_.rules.loss_factors, tables.sensitivity));
  const auto inputs = [&] {
    return ProblemInputs{tables.network, sensitivity,      tables.costs,
                         offer_.offered, offer_.reference, spec};
  };
  HT_ASSIGN_OR_RETURN(tables.costs, ParseTable(base_costs()));
  HT_ASSIGN_OR_RETURN(const BuiltProblem base, BuildProblem(inputs(), progress));
  Codesign codesign;
  codesign.budgets = LimitsOf(base);
  spec.budgets = AsNumbers(base.budgets);
  for (size_t i = 1; i < points_.size(); ++i) {
    const DesignPoint& point = points_[i];
    HT_RETURN_IF_ERROR(progress.Step(
        0.9 * static_cast<double>(i) / static_cast<double>(points_.size()), point.target));
    HT_ASSIGN_OR_RETURN(tables.costs, ParseTable(tables_[i]));
    HT_ASSIGN_OR_RETURN(BuiltProblem built, BuildProblem(inputs(), progress));
    Progress part;
    part.cancellation = progress.cancellation;
    absl::StatusOr<Solution> solution = SolveWithLiveSets(built, part);
    if (!solution.ok()) return Annotate(solution.status(), point.target);
    ThinFrontier(JoinedPointsOfEach(points_.size()), *solution);
    codesign.configurations.push_back(
        {point.target, point.parameters, point.figures, *std::move(solution), false});
  }
  JoinFrontiers(base.problem.frontier, codesign);
  ChooseConfiguration(codesign);
  spec.target = codesign.chosen;
  HT_ASSIGN_OR_RETURN(const std::string chosen, ChosenCosts(codesign.chosen));
  HT_ASSIGN_OR_RETURN(tables.costs, ParseTable(chosen));
  HT_ASSIGN_OR_RETURN(SolveOutput output, SolveTables(tables, offer_, spec, progress.Part(0.9, 1)));
  output.codesign = std::move(codesign);
  output.budgets = ReferringTo(points_.front().target, base.budgets);
  return output;
}

absl::StatusOr<SearchSpec> CodesignRun::ChosenSpec(const SolveOutput& solved) const {
  if (!solved.codesign.has_value()) {
    return absl::InternalError("the stored solution is not that of a design space");
  }
  SearchSpec spec = spec_;
  spec.target = solved.codesign->chosen;
  spec.budgets = AsNumbers(solved.budgets);
  return spec;
}

absl::StatusOr<std::string> CodesignRun::ChosenCosts(const std::string& chosen) const {
  for (size_t i = 1; i < points_.size(); ++i) {
    if (points_[i].target == chosen) return tables_.at(i);
  }
  return absl::InternalError(absl::StrCat("'", chosen, "' is no configuration of the space"));
}

}  // namespace halftone
