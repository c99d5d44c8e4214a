#ifndef HALFTONE_NN_GRAPH_OPERATORS_OPERATOR_H_
#define HALFTONE_NN_GRAPH_OPERATORS_OPERATOR_H_

#include <cstdint>
#include <optional>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "nn/graph/graph.h"

// What Halftone knows of each ONNX operator: how to infer the types and shapes of its results, and
// how to compute it on constants. One table (table.cc), filled from one file per family.
namespace halftone {

// One node with what is known of its inputs: types and static shapes, and the elements of those
// that are constant. Borrows everything.
struct NodeContext {
  const Node& node;
  int64_t opset;
  std::vector<const ValueInfo*> infos;   // by input; nullptr where absent
  std::vector<const Tensor*> constants;  // by input; nullptr where absent or not constant

  bool HasInput(size_t index) const { return index < infos.size() && infos[index] != nullptr; }
  // INVALID_ARGUMENT when the input is absent.
  absl::StatusOr<ValueInfo> Input(size_t index) const;
  const Tensor* Constant(size_t index) const {
    return index < constants.size() ? constants[index] : nullptr;
  }
  // The integers of a constant input, as a flat list; absent when the input is. UNIMPLEMENTED when
  // it is computed while the network runs, INVALID_ARGUMENT when it has no integers or more than
  // 2^16 of them.
  absl::StatusOr<std::optional<std::vector<int64_t>>> ConstantInts(size_t index,
                                                                   absl::string_view what) const;
  // The same where the input must be there.
  absl::StatusOr<std::vector<int64_t>> RequiredInts(size_t index, absl::string_view what) const;
  // A list of integers that older opsets have as an attribute and newer ones as an input.
  absl::StatusOr<std::optional<std::vector<int64_t>>> IntsFromEither(absl::string_view attribute,
                                                                     size_t input) const;
};

// The context of a node whose sources are the graph's values. `opset`: that the node is written in.
NodeContext MakeNodeContext(const Graph& graph, const Node& node, int64_t opset);
inline NodeContext MakeNodeContext(const Graph& graph, const Node& node) {
  return MakeNodeContext(graph, node, graph.opset);
}

// What is known of a node's results, in their order, and the results themselves.
using ValueInfos = std::vector<ValueInfo>;
using Tensors = std::vector<Tensor>;

using InferFunction = absl::StatusOr<ValueInfos> (*)(const NodeContext& context);
// Computes the results of a node whose inputs are all constant; `infos` is what inference said.
// The results' sizes have been bounded by the caller. UNIMPLEMENTED leaves the node to the engine,
// if that runs it.
using EvaluateFunction = absl::StatusOr<Tensors> (*)(const NodeContext& context,
                                                     absl::Span<const ValueInfo> infos);

// On which activations the engine can run an operator. It holds all of them in float32: bool as 0
// and 1, integers exactly up to 2^24 (and without wrapping around, where it is not said).
enum class Runs : uint8_t {
  kNever,     // it must fold away
  kFloats,    // float32
  kNumbers,   // float32, int32 and int64
  kIntegers,  // those, and the integers of LimitsOf, among which results wrap around
  kAnything   // any type that float32 stands for: the narrower integers and bool too
};

// Whether the engine can run an operator that accepts `runs` on an activation of that type.
bool Accepts(Runs runs, DataType type);

struct Operator {
  absl::string_view name;
  InferFunction infer = nullptr;
  EvaluateFunction evaluate = nullptr;  // nullptr: never folded
  Runs runs = Runs::kFloats;
};

// nullptr for an operator that is not known. `domain` as in Node.
const Operator* FindOperator(absl::string_view domain, absl::string_view op);

// The type that ONNX writes as that number, as the `to` of a Cast has it. UNIMPLEMENTED for one
// that is not read.
absl::StatusOr<DataType> TypeOfNumber(int64_t number);

// One result like the first input.
absl::StatusOr<ValueInfos> InferLikeFirst(const NodeContext& context);

// The families.
absl::Span<const Operator> ActivationOperators();
absl::Span<const Operator> ElementwiseOperators();
absl::Span<const Operator> LogicOperators();
absl::Span<const Operator> WindowOperators();
absl::Span<const Operator> MatrixOperators();
absl::Span<const Operator> LayoutOperators();
absl::Span<const Operator> BlockOperators();
absl::Span<const Operator> SelectionOperators();
absl::Span<const Operator> IndexingOperators();
absl::Span<const Operator> SortingOperators();
absl::Span<const Operator> SamplingOperators();
absl::Span<const Operator> SignalOperators();
absl::Span<const Operator> UnpoolingOperators();
absl::Span<const Operator> ValueSizedOperators();
absl::Span<const Operator> ReductionOperators();
absl::Span<const Operator> NormalizationOperators();
absl::Span<const Operator> ResizeOperators();
absl::Span<const Operator> QuantizationOperators();
absl::Span<const Operator> ConstantOperators();
// All of them.
std::vector<absl::Span<const Operator>> OperatorFamilies();

}  // namespace halftone

#endif  // HALFTONE_NN_GRAPH_OPERATORS_OPERATOR_H_
