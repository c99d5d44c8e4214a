#ifndef HALFTONE_BENCHMARKS_SEARCH_QUALITY_SUBJECT_H_
#define HALFTONE_BENCHMARKS_SEARCH_QUALITY_SUBJECT_H_

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "nn/data/dataset.h"
#include "search/refine/assignment_meter.h"
#include "search/sensitivity/sensitivity.h"
#include "search/solver/problem.h"
#include "search/solver/solution.h"

namespace halftone {

struct SubjectOptions {
  std::string network;             // of tests/data/networks
  int64_t samples = 256;           // for calibration
  int64_t evaluation_samples = 0;  // held out; 0: all
  bool use_ties = true;
  std::string cache;  // folder for sensitivities and divergences between runs; "": none
};

// A shipped network with 49 choices a layer (weights and activations of 2 to 8 bits), what the
// estimators say of them, and the divergence that assignments really do. Not thread-safe.
class Subject {
 public:
  static absl::StatusOr<std::unique_ptr<Subject>> Load(const SubjectOptions& options);

  const PreparedNetwork& network() const { return network_; }
  // Losses by the default estimator; costs size_bits and bops; no budgets.
  const Problem& problem() const { return problem_; }
  // The sum over layers of weights x bits, or of MACs x bits x bits, with all layers at `bits`.
  double CostAt(const std::string& metric, double bits) const;

  // Measured at the first call.
  absl::StatusOr<const SensitivityResult*> Sensitivity(SensitivityMethod method);
  // [layer][choice] of a method, in the order of the problem.
  absl::StatusOr<std::vector<std::vector<double>>> Losses(SensitivityMethod method);
  // What pairs of choices add by the default estimator, unscaled; see PairLosses.
  absl::StatusOr<std::vector<float>> Pairs();

  // On the calibration samples, on their first quarter, and on the held-out samples; these last are
  // scored by their divergence.
  AssignmentMeter& calibration_meter() { return *calibration_meter_; }
  AssignmentMeter& quarter_meter() { return *quarter_meter_; }
  AssignmentMeter& held_out_meter() { return *held_out_meter_; }
  absl::Status Flush();

 private:
  Subject() = default;
  absl::Status LoadNetwork(const SubjectOptions& options);
  absl::Status BuildProblem();

  SubjectOptions options_;
  PreparedNetwork network_;
  Dataset calibration_data_, quarter_data_, held_out_data_;
  std::vector<Precision> precisions_;
  Calibration calibration_;
  Problem problem_;
  std::map<SensitivityMethod, SensitivityResult> sensitivities_;
  std::unique_ptr<ArtifactStore> store_;
  std::unique_ptr<AssignmentMeter> calibration_meter_, quarter_meter_, held_out_meter_;
};

}  // namespace halftone

#endif  // HALFTONE_BENCHMARKS_SEARCH_QUALITY_SUBJECT_H_
