#ifndef HALFTONE_SEARCH_CODESIGN_RUN_H_
#define HALFTONE_SEARCH_CODESIGN_RUN_H_

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "base/progress.h"
#include "profilers/cost_profiler.h"
#include "profilers/design_space.h"
#include "search/network_summary.h"
#include "search/pipeline.h"
#include "search/search_spec.h"
#include "search/solve_tables.h"
#include "search/stage_outputs.h"

namespace halftone {

// What a search does in the place of profiling and solving when its target is a design space:
// every configuration is profiled and solved with the same losses. Budgets that are relative
// ("0.4x", "50%") refer to the base, the space's target with the values of its description, so
// that they are the same for all configurations. One thread at a time.
class CodesignRun {
 public:
  using ProfileNetwork =
      std::function<absl::StatusOr<CostTable>(CostProfiler& profiler, const Progress& progress)>;

  // INVALID_ARGUMENT as DesignSpace::Parse, EnumerateDesigns and MakeOffer.
  static absl::StatusOr<std::unique_ptr<CodesignRun>> Create(const SearchSpec& spec,
                                                             const ProfilerRegistry& profilers);
  // The same of the spec's target when it has been parsed, and enumerated as `points`.
  static absl::StatusOr<std::unique_ptr<CodesignRun>> Create(const SearchSpec& spec,
                                                             const DesignSpace& space,
                                                             std::vector<DesignPoint> points,
                                                             const ProfilerRegistry& profilers);

  // The same precisions for all configurations: those of the spec, which all of them must run, or
  // those of the default ones that all run.
  const Offer& offer() const { return offer_; }

  // RESOURCE_EXHAUSTED where the tables and answers of all configurations would not fit
  // MemoryBudget, with the figure and so many configurations as would.
  absl::Status CheckMemory(const NetworkSummary& network) const;

  // The stage kProfile: stores each cost table as a search on that configuration alone would, and
  // returns the list of their contents. Stored tables of the same device are taken as they are.
  absl::StatusOr<std::string> MeasureCosts(ArtifactStore& store, const ProfileNetwork& profile,
                                           const Progress& progress) const;
  // Whether all tables of such a list are there, of the devices that there are now.
  bool HasCosts(ArtifactStore& store, const std::string& list) const;
  absl::Status LoadCosts(ArtifactStore& store, const std::string& list);

  // The stage kSolve. `tables` gives network and losses, and is left with the chosen costs.
  absl::StatusOr<SolveOutput> Solve(Tables& tables, const Progress& progress) const;

  // The base's table as it is stored, once the costs are loaded.
  const std::string& base_costs() const { return tables_.front(); }
  StoredName NameOfBase() const;
  const std::string& base() const { return points_.front().target; }
  // The search on the chosen configuration alone: its target, and the budgets as numbers; and its
  // stored costs.
  absl::StatusOr<SearchSpec> ChosenSpec(const SolveOutput& solved) const;
  absl::StatusOr<std::string> ChosenCosts(const std::string& chosen) const;

 private:
  CodesignRun(SearchSpec spec, std::vector<DesignPoint> points);
  absl::Status MakeCommonOffer();
  SearchSpec SpecOf(const DesignPoint& point) const;
  std::string TableKey(const DesignPoint& point) const;
  absl::StatusOr<std::string> LoadTable(ArtifactStore& store, const DesignPoint& point) const;

  const SearchSpec spec_;
  std::vector<DesignPoint> points_;  // the base first
  Offer offer_;
  std::vector<std::string> tables_;  // of `points_`, as stored
};

}  // namespace halftone

#endif  // HALFTONE_SEARCH_CODESIGN_RUN_H_
