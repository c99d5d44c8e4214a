#ifndef HALFTONE_SEARCH_SENSITIVITY_EVALUATE_H_
#define HALFTONE_SEARCH_SENSITIVITY_EVALUATE_H_

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "base/cancellation.h"
#include "base/progress.h"
#include "nn/data/dataset.h"
#include "nn/quant/precision.h"
#include "search/sensitivity/choice.h"
#include "search/sensitivity/sensitivity.h"

namespace halftone {

// What a network that was really run on its target did to the output, beside its simulation.
struct ExecutedEvaluation {
  std::optional<double> accuracy;  // with labels and logits only
  double kl = 0;
  double mse = 0;
  double sqnr_db = 0;
  std::map<std::string, Precision> assignment;  // whose numbers each layer computed with
  std::string warning;    // where it differs from the simulation: by how much, and what of
  double divergence = 0;  // as Evaluation has it
};

// What happened to one output that counts, or to a part of one.
struct HeadEvaluation {
  std::string name;       // OutputHead::name
  double divergence = 0;  // of its kind, without weight and scale
  double share = 0;       // of the divergence of all
  double mse = 0;
  double sqnr_db = 0;
};

// What really quantizing a network did to its output.
struct Evaluation {
  int64_t samples = 0;
  std::optional<double> float_accuracy, quantized_accuracy;  // with labels and logits only
  double kl = 0;   // mean KL(float || quantized) over samples, of all heads of logits or labels
  double mse = 0;  // mean squared difference of all outputs that count
  double sqnr_db = 0;
  // What a search keeps small: the mean over samples of the sum of all heads' divergences, by their
  // factors. That of one head of weight 1 is its own: kl, or mse.
  double divergence = 0;
  std::vector<HeadEvaluation> heads;           // one by one
  std::vector<double> sample_values;           // of each sample; empty for SampleValues::kNone
  std::optional<ExecutedEvaluation> executed;  // where the target runs networks here
};

// What an evaluator tells of each sample.
enum class SampleValues {
  kNone,
  // Their mean is Evaluation::divergence.
  kDivergences,
  // Pseudovalues: their mean ranks assignments with less sampling error, in the same unit, and
  // their variance over the number of samples is its sampling variance. Of outputs that are one row
  // of logits as PooledDivergence has it; elsewhere the divergences. A pass keeps its logits.
  kPseudovalues,
};

// Runs the float network and the fake-quantized one (a layer left out of `assignment` stays f32)
// over the data. FAILED_PRECONDITION for a (layer, precision) that `calibration` does not have.
absl::StatusOr<Evaluation> EvaluateAssignment(const PreparedNetwork& network, const Dataset& data,
                                              const Calibration& calibration,
                                              const std::map<std::string, Precision>& assignment,
                                              const Progress& progress);

// A network whose outputs are computed elsewhere.
class ComputedNetwork {
 public:
  virtual ~ComputedNetwork() = default;
  // Computes the batch of samples from `begin`; past the end of the data any rows will do.
  virtual absl::Status Run(int64_t begin, const Cancellation& cancellation) = 0;
  // Of the whole batch, valid until the next run.
  virtual absl::StatusOr<absl::Span<const float>> Output(const std::string& value) const = 0;
};

// What AssignmentEvaluator::output_metric says for the network, whatever loss an estimator takes.
absl::StatusOr<std::string> EvaluatedMetric(const PreparedNetwork& network);

// Evaluates one assignment after the other on the same data: what they have in common, above all
// the float network's outputs and what layers before the first that differs do, is computed once;
// the latter is kept up to `kept_bytes`, or what MemoryBudget leaves, and changes no bit of a
// result. Where all layers are float ones, nothing is run. Borrows what it is created from. One
// thread at a time.
class AssignmentEvaluator {
 public:
  static constexpr int64_t kMaxKeptBytes = int64_t{256} << 20;

  // RESOURCE_EXHAUSTED, before anything is run, where it would not fit MemoryBudget. `executed`:
  // what a target makes of the precisions that Evaluate is given; they are evaluated as it says.
  static absl::StatusOr<std::unique_ptr<AssignmentEvaluator>> Create(
      const PreparedNetwork& network, const Dataset& data, const Calibration& calibration,
      const Progress& progress, SampleValues values = SampleValues::kNone,
      int64_t kept_bytes = kMaxKeptBytes, ExecutedLayers executed = {});
  ~AssignmentEvaluator();

  // As OutputMetricOf has it.
  std::string output_metric() const;
  // As EvaluateAssignment.
  absl::StatusOr<Evaluation> Evaluate(const std::map<std::string, Precision>& assignment,
                                      const Progress& progress);
  // The same for choices of any kind. INVALID_ARGUMENT for a name that is no layer of the network.
  absl::StatusOr<Evaluation> EvaluateChosen(const ChosenLayers& chosen, const Progress& progress);
  // The same for a network that is computed elsewhere, in batches of that size.
  absl::StatusOr<Evaluation> EvaluateComputed(ComputedNetwork& computed, const Progress& progress);
  int64_t batch() const;

 private:
  struct Impl;
  explicit AssignmentEvaluator(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace halftone

#endif  // HALFTONE_SEARCH_SENSITIVITY_EVALUATE_H_
