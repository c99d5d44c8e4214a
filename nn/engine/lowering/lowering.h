#ifndef HALFTONE_NN_ENGINE_LOWERING_LOWERING_H_
#define HALFTONE_NN_ENGINE_LOWERING_LOWERING_H_

#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "nn/engine/lower.h"
#include "nn/engine/ops/convolution.h"
#include "nn/engine/program.h"
#include "nn/graph/graph.h"
#include "nn/graph/operators/operator.h"

// How each ONNX operator becomes ops: one table, filled from one file per family.
namespace halftone {

// The values of a program by the names of a graph. An initializer becomes a constant of the
// program when it is first asked for.
class ValueTable {
 public:
  ValueTable(ProgramBuilder& builder, const Graph& graph) : builder_(builder), graph_(graph) {}
  // UNIMPLEMENTED for a value that is not computed, OUT_OF_RANGE for a constant that float32 cannot
  // hold (see nn/graph/float32.h).
  absl::StatusOr<ValueId> Get(const std::string& name);
  void Set(const std::string& name, ValueId value) { values_[name] = value; }
  absl::flat_hash_map<std::string, ValueId> Take() { return std::move(values_); }

 private:
  ProgramBuilder& builder_;
  const Graph& graph_;
  absl::flat_hash_map<std::string, ValueId> values_;
};

// One node about to be lowered.
struct NodeLowering {
  ProgramBuilder& builder;
  const Graph& graph;
  const LowerOptions& options;
  ValueTable& values;
  NodeContext context;  // the node, with types, shapes and constants of its inputs

  const Node& node() const { return context.node; }
  bool HasInput(size_t index) const { return context.HasInput(index); }
  // The value of an input. INVALID_ARGUMENT where it is absent.
  absl::StatusOr<ValueId> Input(size_t index) const;
  // The only element of a constant input; `fallback` where it is absent.
  absl::StatusOr<float> ConstantScalar(size_t index, float fallback) const;
  // What inference said of a result.
  absl::StatusOr<Shape> DstShape(size_t index = 0) const;
  absl::StatusOr<DataType> DstType(size_t index = 0) const;
};

// The values of a node's results, of which further ones may be left out, or why there are none.
using Values = absl::StatusOr<std::vector<ValueId>>;

// Appends the ops of one node.
using LowerFunction = Values (*)(const NodeLowering& lowering);

struct Lowering {
  absl::string_view op;
  LowerFunction lower;
};
// nullptr for an operator without a lowering.
LowerFunction FindLowering(absl::string_view domain, absl::string_view op);

// Of every node that is a layer.
Values LowerLayerNode(const NodeLowering& lowering);

// The families.
absl::Span<const Lowering> LayerLowerings();
absl::Span<const Lowering> TransposedLowerings();
absl::Span<const Lowering> ActivationLowerings();
absl::Span<const Lowering> ElementwiseLowerings();
absl::Span<const Lowering> LogicLowerings();
absl::Span<const Lowering> PoolingLowerings();
absl::Span<const Lowering> ReductionLowerings();
absl::Span<const Lowering> RunningSumLowerings();
absl::Span<const Lowering> NormalizationLowerings();
absl::Span<const Lowering> LayoutLowerings();
absl::Span<const Lowering> BlockLowerings();
absl::Span<const Lowering> EinsumLowerings();
absl::Span<const Lowering> SelectionLowerings();
absl::Span<const Lowering> IndexingLowerings();
absl::Span<const Lowering> SortingLowerings();
absl::Span<const Lowering> GridLowerings();
absl::Span<const Lowering> RoiLowerings();
absl::Span<const Lowering> SignalLowerings();
absl::Span<const Lowering> UnpoolingLowerings();
absl::Span<const Lowering> ResizeLowerings();
absl::Span<const Lowering> QuantizationLowerings();

// A convolution, with a bias unless that is kNoValue. Padding as wide as the whole kernel, which
// oneDNN's fast code does not take, becomes a step before it, unless that would need much memory.
absl::StatusOr<ValueId> Convolve(ProgramBuilder& builder, ConvolutionAttributes attributes,
                                 ValueId src, ValueId weights, ValueId bias = kNoValue);

// The result of a single op as a node's results.
Values Single(absl::StatusOr<ValueId> value);

}  // namespace halftone

#endif  // HALFTONE_NN_ENGINE_LOWERING_LOWERING_H_
