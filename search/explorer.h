#ifndef HALFTONE_SEARCH_EXPLORER_H_
#define HALFTONE_SEARCH_EXPLORER_H_

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "base/progress.h"
#include "nlohmann/json_fwd.hpp"
#include "search/artifact_store.h"
#include "search/refine/choice_space.h"
#include "search/refine/stored_parts.h"
#include "search/result.h"
#include "search/search_spec.h"
#include "search/solver/solution.h"
#include "search/strategies/nsga2.h"
#include "search/strategies/pareto_archive.h"

namespace halftone {

// An assignment, what the model says of it, and what it really does where that was measured.
struct ExploredAssignment {
  Assignment assignment;
  std::optional<double> divergence;  // of the output, mean over the calibration samples
  double predicted_loss = 0;
  Costs cost;
  // By how much of the limit each budget is exceeded, where it is; empty: within all budgets.
  std::map<std::string, double> excess;

  bool IsFeasible() const { return excess.empty(); }
};

// Evaluates what an optimizer outside wants to know of a finished search's assignments, suggests
// some by NSGA-II (nsga2.h), and keeps what was found: in the store too, so that another explorer
// with the same key goes on where this one ended. It begins with all that the search, and whoever
// else measured the same network on the same samples, has evaluated, which is the same measure as
// its own. Not thread-safe.
class Explorer {
 public:
  static constexpr int64_t kMaxEvaluations = 100'000;

  // The beginning, up to the '/', of the keys under which Stage::kRefine keeps what was told.
  static std::string StoredUnder(const std::string& key);

  struct Told {
    ExploredAssignment trial;
    bool is_best = false;    // the least divergence within the budgets that is known
    bool was_known = false;  // evaluated before, by whomever
  };

  // `spec` and `result`: of a search that has succeeded; of a design space, its chosen
  // configuration's. `key` names the exploration in the store, which must outlive this.
  // FAILED_PRECONDITION where the search's tables are not stored any more.
  static absl::StatusOr<std::unique_ptr<Explorer>> Create(const SearchSpec& spec,
                                                          const SearchResult& result,
                                                          ArtifactStore& store,
                                                          const std::string& key);
  ~Explorer();

  const ChoiceSpace& space() const;
  // What costs may be at most, by metric: the budgets, and the number of precision changes where it
  // is limited.
  std::map<std::string, double> Limits() const;
  // "kl" or "mse": what is measured, whatever the losses are.
  const std::string& divergence_name() const;
  // That were told, to this one or an earlier one with its key.
  int64_t evaluations() const { return static_cast<int64_t>(told_.size()); }
  // The search's own answer, and the best within the budgets of all whose divergence is known.
  absl::StatusOr<ExploredAssignment> Start() const;
  absl::StatusOr<std::optional<ExploredAssignment>> Best() const;
  // Of divergence and the problem's frontier metric, of all that is known; by falling divergence.
  absl::StatusOr<std::vector<ExploredAssignment>> Front() const;

  // Up to `count` assignments that were neither suggested nor evaluated before. RESOURCE_EXHAUSTED
  // after kMaxEvaluations of them.
  absl::StatusOr<std::vector<ExploredAssignment>> Ask(size_t count);
  // INVALID_ARGUMENT for an assignment that the problem does not allow; budgets may be exceeded.
  // RESOURCE_EXHAUSTED after kMaxEvaluations.
  absl::StatusOr<Told> Tell(const Assignment& assignment, const Progress& progress);
  // Writes what is not yet in the store.
  absl::Status Flush();

  // What explorers with that key have stored: {"evaluations", "best": {"assignment","divergence"}},
  // null where they stored nothing.
  static absl::StatusOr<nlohmann::json> StoredSummary(ArtifactStore& store, const std::string& key);

 private:
  struct Search;

  Explorer(std::unique_ptr<Search> search, ArtifactStore& store, const std::string& key);
  absl::Status StartStrategy();
  absl::Status LoadMeasured();
  absl::Status LoadStored();
  double ViolationOf(const Selection& selection) const;
  absl::StatusOr<ExploredAssignment> Describe(const Selection& selection) const;
  // Nothing where it is known.
  absl::Status Remember(const Selection& selection, double divergence);

  std::unique_ptr<Search> search_;
  StoredParts stored_;
  std::unique_ptr<Nsga2> strategy_;
  int64_t suggested_ = 0;
  std::map<Selection, double> known_;  // divergence
  std::set<Selection> told_;
  std::optional<Selection> best_;
  ParetoArchive archive_;
};

}  // namespace halftone

#endif  // HALFTONE_SEARCH_EXPLORER_H_
