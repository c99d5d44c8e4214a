#ifndef HALFTONE_SEARCH_SENSITIVITY_SECOND_DERIVATIVES_H_
#define HALFTONE_SEARCH_SENSITIVITY_SECOND_DERIVATIVES_H_

#include <cstddef>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "nn/engine/program.h"

namespace halftone {

// Appends products with the Hessian H of a scalar loss in the weights to a program, by
// differentiating the gradient program (Pearlmutter 1994). Borrows the builder.
class SecondDerivatives {
 public:
  // `weights`: values that the program reads (constants or inputs). Appends the gradient once; what
  // is asked for afterwards shares it.
  static absl::StatusOr<SecondDerivatives> Create(ProgramBuilder& builder, ValueId loss,
                                                  std::vector<ValueId> weights);

  // The gradient in the weights.
  const std::vector<ValueId>& gradient() const { return gradient_; }

  // v_l' (H v)_l of every tensor l, for v over all tensors: for each a list of values whose
  // elements add up to it. Where every op that reads the weights is linear in them (convolutions,
  // products of matrices) this takes four products of the network's size and none in the shape of
  // the weights: W_l + e v_l adds e t to what each reader of W_l computes, in the forward and in
  // the backward pass, with t = the reader applied to v_l, and so
  //   v_l' (H v)_l = sum over the readers of < d(v . gradient) / d dst, t >.
  absl::StatusOr<std::vector<std::vector<ValueId>>> AppendForms(absl::Span<const ValueId> vectors);
  // (H v)_l of every tensor l, for v over all tensors.
  absl::StatusOr<std::vector<ValueId>> AppendProducts(absl::Span<const ValueId> vectors);
  // H_ll v_l of tensor `tensor` alone.
  absl::StatusOr<ValueId> AppendBlockProduct(size_t tensor, ValueId vector);

 private:
  // A copy of an instruction that is linear in source `source`, which is a view of tensor `tensor`.
  struct Reader {
    size_t tensor = 0;
    size_t source = 0;
    Instruction instruction;
    ValueId dst() const { return instruction.dsts[0]; }
    // The value that is multiplied with the weights.
    ValueId other() const { return instruction.srcs[1 - source]; }
    ValueId weights() const { return instruction.srcs[source]; }
  };
  // Vectors and views of them by the weights and views that they stand for.
  using Views = absl::flat_hash_map<ValueId, ValueId>;

  SecondDerivatives(ProgramBuilder& builder, std::vector<ValueId> weights)
      : builder_(builder), weights_(std::move(weights)) {}
  absl::Status AppendGradient(ValueId loss);
  // Lists the instructions from `first` on that read weights. False where one reads them in a way
  // that is not known to be linear.
  bool FindReaders(size_t first, std::vector<Reader>& readers);
  absl::StatusOr<Views> AppendViews(absl::Span<const ValueId> vectors);
  absl::StatusOr<std::vector<ValueId>> AppendTangents(const std::vector<Reader>& readers,
                                                      const Views& views);
  absl::StatusOr<std::vector<ValueId>> AppendAdjoints(const Views& views,
                                                      absl::Span<const ValueId> tangents,
                                                      absl::Span<const ValueId> backward_tangents);
  absl::StatusOr<ValueId> AppendSourceAdjoint(size_t reader, const Views& views, ValueId tangent,
                                              absl::Span<const ValueId> backward_tangents);
  absl::StatusOr<std::vector<std::vector<ValueId>>> AppendFormsOfProducts(
      absl::Span<const ValueId> vectors);

  ProgramBuilder& builder_;
  std::vector<ValueId> weights_;
  ValueId one_ = kNoValue;
  std::vector<ValueId> gradient_;
  bool is_linear_ = true;
  absl::flat_hash_map<ValueId, size_t> tensor_of_;  // weights and their views
  std::vector<Instruction> view_instructions_;
  std::vector<Reader> forward_, backward_;
  std::vector<ValueId> dst_gradient_;  // of the loss by what each forward reader computes
};

}  // namespace halftone

#endif  // HALFTONE_SEARCH_SENSITIVITY_SECOND_DERIVATIVES_H_
