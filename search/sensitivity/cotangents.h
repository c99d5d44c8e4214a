#ifndef HALFTONE_SEARCH_SENSITIVITY_COTANGENTS_H_
#define HALFTONE_SEARCH_SENSITIVITY_COTANGENTS_H_

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "nn/engine/lower.h"
#include "search/sensitivity/divergence.h"
#include "search/sensitivity/network_program.h"
#include "search/sensitivity/sensitivity.h"

namespace halftone {

// Cotangents u_nk of a network's outputs with weights w_nk such that sum_k w_nk u_nk u_nk' is the
// Hessian of sample n's divergence in the outputs, exactly or in expectation (methods.md). A plan
// for one program; immutable.
class OutputCotangents {
 public:
  enum class Kind {
    kExact,        // every class of every row of logits, u = p - onehot(class), w = p_class / rows;
                   // every element of squared errors, u = sqrt(2 / elements) onehot(element)
    kExactInputs,  // every element of outputs of any kind, u as head_hessian.h has it
    kDraws,        // random signs in the place of those elements: where outputs have to be known
    kSigns,        // the same for squared errors, where they have not
  };
  // Beyond these, streams of random numbers would meet.
  static constexpr int kMaxDraws = 4096;
  static constexpr size_t kMaxHeads = 256;
  // Exact where all heads together have no more elements than options.exact_classes, else
  // options.draws random cotangents.
  OutputCotangents(std::vector<Head> heads, const SensitivityOptions& options);

  Kind kind() const { return kind_; }
  bool IsExact() const { return kind_ == Kind::kExact || kind_ == Kind::kExactInputs; }
  // Whether SetInputs has to know the float network's outputs.
  bool NeedsForward() const { return kind_ == Kind::kExactInputs || kind_ == Kind::kDraws; }
  int count() const { return count_; }
  const std::vector<Head>& heads() const { return heads_; }

  // The cotangents as values of a program, [cotangent][head]. `outputs` gets what the host needs to
  // know the weights.
  absl::StatusOr<std::vector<std::vector<ValueId>>> AppendTo(
      LoweredGraph& lowered, std::vector<std::pair<std::string, ValueId>>& outputs) const;

  // Draws the cotangents of the samples from `begin`, each from a random stream of its own, so that
  // they do not depend on the batch, and sets them. `forward` has run on these samples (nullptr
  // unless NeedsForward).
  absl::Status SetInputs(int64_t begin, int64_t batch, uint64_t seed, const BatchRunner* forward,
                         BatchRunner& runner) const;
  // w_n of the batch that `runner` ran last.
  absl::StatusOr<std::vector<double>> Weights(const BatchRunner& runner, int64_t sample) const;

 private:
  absl::StatusOr<std::vector<std::vector<ValueId>>> AppendExact(
      LoweredGraph& lowered, std::vector<std::pair<std::string, ValueId>>& outputs) const;

  // Cotangent k of one head, [sample][element].
  std::vector<float> InputOf(size_t head, int k, int64_t begin, int64_t batch, uint64_t seed,
                             absl::Span<const float> outputs) const;

  std::vector<Head> heads_;
  Kind kind_ = Kind::kSigns;
  int count_ = 1;
};

}  // namespace halftone

#endif  // HALFTONE_SEARCH_SENSITIVITY_COTANGENTS_H_
