#ifndef HALFTONE_SEARCH_CROSSCHECK_CROSSCHECK_SPEC_H_
#define HALFTONE_SEARCH_CROSSCHECK_CROSSCHECK_SPEC_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "nlohmann/json_fwd.hpp"
#include "nn/data/resolve_inputs.h"
#include "nn/quant/precision.h"
#include "search/sensitivity/sensitivity.h"

namespace halftone {

// What a crosscheck is asked to do: draw random assignments, really quantize and evaluate them on
// held-out data, and tell how well each estimator of the loss foresaw it. A plain value.
struct CrosscheckSpec {
  std::string model;        // sha256 of the ONNX bytes
  std::string calibration;  // sha256 of the calibration .npz: ranges and estimators
  std::string evaluation;   // sha256 of the held-out .npz: what assignments are measured on
  std::vector<Precision> precisions;    // to draw from; empty: CrosscheckPrecisions()
  std::vector<std::string> estimators;  // see estimators.h; empty: DefaultEstimators()
  int assignments = 200;                // whose damage lies in the range
  // The range of damage: the KL divergence of the logits; for networks without logits the noise in
  // the output relative to the signal (its mean squares).
  double min_damage = 0.001, max_damage = 0.5;
  int64_t evaluation_samples = 0;  // the first so many; 0: all
  // A target that runs networks here: assignments are evaluated as it runs them, too. Empty: none.
  std::string target;
  InputBinding inputs;
  AskedHeads heads;
  std::string inputs_identity;  // as SearchSpec has it
  uint64_t seed = 0;            // of the draws
  QuantizationOptions quantization;
  SensitivityOptions sensitivity;  // of all estimators; method and interactions are theirs

  CrosscheckSpec() { sensitivity.samples = 256; }
};

// Weights and activations of 2 to 8 bits, independently.
std::vector<Precision> CrosscheckPrecisions();

// INVALID_ARGUMENT names what is missing or out of its bounds.
absl::Status CheckCrosscheckSpec(const CrosscheckSpec& spec);

// All of the spec, for hashes and results.
nlohmann::json CrosscheckSpecToJson(const CrosscheckSpec& spec);

}  // namespace halftone

#endif  // HALFTONE_SEARCH_CROSSCHECK_CROSSCHECK_SPEC_H_
