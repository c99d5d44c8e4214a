#ifndef HALFTONE_NN_ENGINE_ONEDNN_PROGRAM_PASSES_H_
#define HALFTONE_NN_ENGINE_ONEDNN_PROGRAM_PASSES_H_

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "nn/engine/onednn/stack_products.h"
#include "nn/engine/ops/elementwise.h"
#include "nn/engine/program.h"

// What is rewritten in a program before it is turned into steps. Values keep their ids.
namespace halftone {

// Runs a program without inputs; the elements of its outputs by name, in C order.
using ConstantRunner =
    std::function<absl::StatusOr<std::map<std::string, std::vector<float>>>(const Program&)>;

// Replaces what depends on constants alone (quantized weights) by constants, unless that would take
// much more memory than what it is computed from.
absl::StatusOr<Program> FoldConstants(Program program, const ConstantRunner& run);

// Instructions that are computed as one.
struct FusedInstruction {
  Instruction instruction;  // its dsts are those of the last of them
  // The activation at the end of a convolution; null where there is none.
  std::shared_ptr<const UnaryOp> activation;
  // For a sum per sample: the sources are the two factors of the product that is summed.
  bool sums_product = false;
  // For a product of two stacks: what they consist of; null otherwise.
  std::shared_ptr<const StackProduct> stack_product;
};

// The instructions in order, where an activation is joined with the convolution before it, a sum
// per sample with the product before it, and a product of stacks with what stacks them, if nothing
// else needs the value between.
std::vector<FusedInstruction> FuseInstructions(const Program& program);

}  // namespace halftone

#endif  // HALFTONE_NN_ENGINE_ONEDNN_PROGRAM_PASSES_H_
