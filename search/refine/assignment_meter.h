#ifndef HALFTONE_SEARCH_REFINE_ASSIGNMENT_METER_H_
#define HALFTONE_SEARCH_REFINE_ASSIGNMENT_METER_H_

#include <cstddef>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "base/progress.h"
#include "nn/data/dataset.h"
#include "nn/quant/executed_layers.h"
#include "search/artifact_store.h"
#include "search/refine/stored_parts.h"
#include "search/sensitivity/evaluate.h"
#include "search/sensitivity/sensitivity.h"
#include "search/solver/solution.h"

namespace halftone {

// The divergence of the output, mean over samples, that an assignment of precision names really
// does. All that searches by measurement know of networks and data.
using DivergenceFunction =
    std::function<absl::StatusOr<double>(const Assignment& assignment, const Progress& progress)>;

// The mean of Evaluation::sample_values: of pseudovalues, what ranks assignments with less sampling
// error than their divergence, in its unit.
struct Score {
  double value = 0;
  // The means over equally many consecutive samples: of each, of at most kMaxScoreParts groups that
  // hold all samples but for fewer than one of them has. The variance of the parts over their
  // number is the sampling variance of the value; of two assignments on the same data their
  // covariance is what they have in common. Empty: unknown.
  std::vector<double> parts;
};
inline constexpr size_t kMaxScoreParts = 256;
Score ScoreOfSamples(absl::Span<const double> values);
// Of two scores on the same data; 0 where their parts are unknown or of different numbers.
double StandardErrorOfDifference(const Score& a, const Score& b);

// Really quantizes the network as assigned and runs it over the data: the KL divergence from the
// float network's output, or the mean squared difference where no output is a row of logits. No
// assignment is run twice: what was measured is kept in memory and, about every second, in the
// store, so that an interrupted job and other searches with the same key find it. Not thread-safe.
class AssignmentMeter {
 public:
  // Borrows all but the key, which names all that a divergence depends on (model, data, quantizers)
  // and, where it is not the default, what is scored. `executed`: what a target makes of the
  // precisions, which is what is run then.
  // Nothing is computed or loaded before the first call of Measure.
  AssignmentMeter(const PreparedNetwork& network, const Dataset& data,
                  const Calibration& calibration, ArtifactStore& store, std::string key,
                  SampleValues scored = SampleValues::kPseudovalues, ExecutedLayers executed = {});
  ~AssignmentMeter();

  // `assignment` names precisions; a layer left out stays f32. INVALID_ARGUMENT for a name that is
  // no layer or a text that is no precision, FAILED_PRECONDITION for a pair that is not calibrated.
  absl::StatusOr<double> Measure(const Assignment& assignment, const Progress& progress);
  // Of an assignment that was measured. NOT_FOUND where it was not.
  absl::StatusOr<Score> ScoreOf(const Assignment& assignment) const;
  // Measure as a function; the meter must outlive it.
  DivergenceFunction AsFunction();
  // Writes what is not yet in the store: to be called at the end, cancelled or not.
  absl::Status Flush() { return stored_.Flush(); }

  // The divergences that meters with that key have stored.
  static absl::StatusOr<std::map<Assignment, double>> StoredDivergences(ArtifactStore& store,
                                                                        const std::string& key);

 private:
  struct Measured {
    double divergence = 0;
    Score score;
  };
  static absl::StatusOr<std::map<Assignment, Measured>> TakeAll(StoredParts& stored);
  absl::StatusOr<Measured> Run(const Assignment& assignment, const Progress& progress);

  const PreparedNetwork& network_;
  const Dataset& data_;
  const Calibration& calibration_;
  const SampleValues scored_;
  const ExecutedLayers executed_;
  StoredParts stored_;
  bool loaded_ = false;
  std::map<Assignment, Measured> known_;
  std::unique_ptr<AssignmentEvaluator> evaluator_;
};

}  // namespace halftone

#endif  // HALFTONE_SEARCH_REFINE_ASSIGNMENT_METER_H_
