#include "nn/engine/piecewise_linear.h"

#include <algorithm>
#include <cstdint>

#include "nn/engine/op.h"
#include "nn/engine/ops/elementwise.h"

namespace halftone {
namespace {

// How a value depends on the one that is looked at.
enum class Dependence : uint8_t { kNone, kPiecewiseLinear, kOther };

bool KeepsLinearity(const UnaryOp& op) {
  switch (op.function) {
    case UnaryFunction::kRelu:
    case UnaryFunction::kLeakyRelu:
    case UnaryFunction::kClip:
    case UnaryFunction::kLinear:
    case UnaryFunction::kAbs:
    case UnaryFunction::kSign:
    case UnaryFunction::kRound:
    case UnaryFunction::kFloor:
    case UnaryFunction::kCeil:
      return true;
    case UnaryFunction::kPower:
      return op.beta == 1.0f || op.beta == 0.0f;
    default:
      return false;
  }
}

// `srcs`: how the sources depend on the value.
bool KeepsLinearity(const BinaryOp& op, absl::Span<const Dependence> srcs) {
  switch (op.function) {
    case BinaryFunction::kAdd:
    case BinaryFunction::kSub:
    case BinaryFunction::kMax:
    case BinaryFunction::kMin:
    case BinaryFunction::kStep:
    case BinaryFunction::kEqual:
    case BinaryFunction::kGreater:
    case BinaryFunction::kAtLeast:
      return true;
    case BinaryFunction::kMul:
      return srcs[0] == Dependence::kNone || srcs[1] == Dependence::kNone;
    case BinaryFunction::kDiv:
      return srcs[1] == Dependence::kNone;
    default:
      return false;
  }
}

// Whether the op's results are piecewise linear where its sources are.
bool KeepsLinearity(const Op& op, absl::Span<const Dependence> srcs) {
  switch (op.kind()) {
    case OpKind::kConvolution:
    case OpKind::kConvolutionBackwardData:
    case OpKind::kConvolutionBackwardWeights:
    case OpKind::kMatMul:
      return srcs[0] == Dependence::kNone || srcs[1] == Dependence::kNone;
    case OpKind::kUnary:
      return KeepsLinearity(static_cast<const UnaryOp&>(op));
    case OpKind::kBinary:
      return KeepsLinearity(static_cast<const BinaryOp&>(op), srcs);
    case OpKind::kGate:
    case OpKind::kSelect:
    case OpKind::kReduce:
    case OpKind::kBroadcastTo:
    case OpKind::kMaxPool:
    case OpKind::kMaxPoolScatter:
    case OpKind::kMaxPoolGather:
    case OpKind::kAveragePool:
    case OpKind::kAveragePoolBackward:
    case OpKind::kReshape:
    case OpKind::kTranspose:
    case OpKind::kConcat:
    case OpKind::kSlice:
    case OpKind::kSliceScatter:
    case OpKind::kIndexSelect:
    case OpKind::kIndexAdd:
    case OpKind::kGather:
    case OpKind::kGatherAdd:
    case OpKind::kGatherNd:
    case OpKind::kScatterNdAdd:
    case OpKind::kLastWriter:
    case OpKind::kSortPositions:
    case OpKind::kFakeQuantize:
    case OpKind::kFakeQuantizeGate:
    case OpKind::kRoundToBFloat16:
    case OpKind::kRoundToNarrowFloat:
      return true;
    default:
      return false;
  }
}

bool IsPiecewiseLinear(const Program& program, ValueId wrt, absl::Span<const ValueId> dsts) {
  std::vector<Dependence> values(program.shapes.size(), Dependence::kNone);
  values[static_cast<size_t>(wrt)] = Dependence::kPiecewiseLinear;
  std::vector<Dependence> srcs;
  for (const Instruction& instruction : program.instructions) {
    srcs.clear();
    for (const ValueId src : instruction.srcs) srcs.push_back(values[static_cast<size_t>(src)]);
    Dependence strongest = *std::max_element(srcs.begin(), srcs.end());
    if (strongest == Dependence::kNone) continue;
    if (!KeepsLinearity(*instruction.op, srcs)) strongest = Dependence::kOther;
    for (const ValueId dst : instruction.dsts) values[static_cast<size_t>(dst)] = strongest;
  }
  return std::none_of(dsts.begin(), dsts.end(), [&](ValueId dst) {
    return values[static_cast<size_t>(dst)] == Dependence::kOther;
  });
}

}  // namespace

std::vector<bool> PiecewiseLinearIn(const Program& program, absl::Span<const ValueId> wrt,
                                    absl::Span<const ValueId> dsts) {
  std::vector<bool> linear;
  for (const ValueId value : wrt) linear.push_back(IsPiecewiseLinear(program, value, dsts));
  return linear;
}

}  // namespace halftone
