#ifndef HALFTONE_NN_ENGINE_ONEDNN_STACK_PRODUCTS_H_
#define HALFTONE_NN_ENGINE_ONEDNN_STACK_PRODUCTS_H_

#include <cstddef>
#include <memory>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "nn/engine/program.h"

namespace halftone {

// One row per sample of a stack: the elements of `value`, less those of `subtracted` if that is set
// (a value of the same shape).
struct StackPart {
  ValueId value = kNoValue;
  ValueId subtracted = kNoValue;
};

// dst[n, r, c] = <rows[r][n], columns[c][n]>, of tensors that have the sample as first axis and all
// the same number of elements.
struct StackProduct {
  std::vector<StackPart> rows;
  std::vector<StackPart> columns;

  std::vector<ValueId> Sources() const;
};

// What FindStackProducts found, by the index of the instruction.
struct StackProducts {
  absl::flat_hash_map<size_t, std::shared_ptr<const StackProduct>> products;
  std::vector<bool> absorbed;  // instructions that the products compute themselves
};

// Finds batched products a b' of two stacks, where a stack is a Concat of Reshapes, or one Reshape,
// of tensors to [samples, 1, elements], and each such tensor may be a difference, and nothing else
// reads what is between. Computed at once they need neither copies nor reorders of the tensors.
StackProducts FindStackProducts(const Program& program);

}  // namespace halftone

#endif  // HALFTONE_NN_ENGINE_ONEDNN_STACK_PRODUCTS_H_
