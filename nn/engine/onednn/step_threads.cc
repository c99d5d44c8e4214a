#include "nn/engine/onednn/step_threads.h"

#include <cmath>
#include <cstddef>

#include "nn/engine/op.h"

namespace halftone {
namespace {

// A number takes as long to move as so many multiply-adds of a fast kernel.
constexpr double kMovedNumber = 16;

bool IsProduct(OpKind kind) {
  switch (kind) {
    case OpKind::kConvolution:
    case OpKind::kConvolutionBackwardData:
    case OpKind::kConvolutionBackwardWeights:
    case OpKind::kMatMul:
      return true;
    default:
      return false;
  }
}

}  // namespace

double CostOf(const Program& program, const Instruction& instruction) {
  const auto elements = [&](ValueId value) {
    if (value == kNoValue) return 0.0;
    return static_cast<double>(program.shapes[static_cast<size_t>(value)].Elements());
  };
  double moved = 0;
  for (const ValueId src : instruction.srcs) moved += elements(src);
  for (const ValueId dst : instruction.dsts) moved += elements(dst);
  double cost = kMovedNumber * moved;
  if (IsProduct(instruction.op->kind()) && instruction.srcs.size() >= 2) {
    // Of [m, k] x [k, n] exactly m k n; of convolutions and stacks of products about theirs.
    cost += std::sqrt(elements(instruction.srcs[0]) * elements(instruction.srcs[1]) *
                      elements(instruction.dsts[0]));
  }
  return cost;
}

int ThreadsFor(const Program& program, const Instruction& instruction, int all) {
  return all > 1 && CostOf(program, instruction) < kOneThreadCost ? 1 : all;
}

}  // namespace halftone
