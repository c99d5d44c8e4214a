#ifndef HALFTONE_NN_GRAPH_QUANTIZED_FLOAT_READER_H_
#define HALFTONE_NN_GRAPH_QUANTIZED_FLOAT_READER_H_

#include <cstddef>
#include <map>
#include <optional>
#include <string>

#include "absl/container/flat_hash_set.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "nn/graph/file_quantizer.h"
#include "nn/graph/graph.h"
#include "nn/graph/rewrites/parts_builder.h"
#include "nn/graph/unique_names.h"

namespace halftone {

// The real values that a tensor stands for, and how the file stores them.
struct Real {
  std::string value;
  FileQuantizer quantizer;
};

// Where an operator on integers has a tensor, and what it is quantized with, among its inputs.
struct QuantizedInput {
  size_t value = 0, scale = 0, zero_point = 0;
};

// ReadAsFloat of one graph, node by node. What writes the float form of an operator asks it for the
// operator's sources, and tells it of results that are integers.
class FloatReader {
 public:
  // `opset` is the graph's.
  explicit FloatReader(Graph graph);
  absl::StatusOr<Graph> Read();

  // The graph as it was.
  const Graph& source() const { return source_; }
  const GraphIndex& index() const { return index_; }
  // nullptr where the value is not constant.
  const Tensor* Constant(absl::string_view name) const;
  // By the values of a scale and a zero point ("" for one of 0), along `axis` where there are
  // several. Absent where they are not constant, or the zero point is no integer. INVALID_ARGUMENT
  // for a scale that is 0 or not finite, or another number of zero points.
  absl::StatusOr<std::optional<FileQuantizer>> Quantizer(absl::string_view scale,
                                                         absl::string_view zero_point, int axis,
                                                         DataType type_without_zero) const;
  // The real value of a node's input. `axis` counts where that is constant; -1: its last. Absent
  // where scales are not constant, or several of an activation.
  absl::StatusOr<std::optional<Real>> Input(const Node& node, const QuantizedInput& input, int axis,
                                            PartsBuilder& builder);
  // Of a value that is known to be integers; nullptr for another.
  const Real* Find(const std::string& value) const;
  // The node's result `index` is integers that stand for `real`; saturates that where it matters.
  void SetResult(const Node& node, size_t index, const std::string& real,
                 const FileQuantizer& quantizer, PartsBuilder& builder);
  // The same without saturation: the integers of a source, moved.
  void PassOn(const std::string& result, Real real) { reals_[result] = std::move(real); }
  // The result is the real value of integers: layers that read it are quantized with that.
  void NoteDequantized(const std::string& result, const FileQuantizer& quantizer) {
    dequantized_[result] = quantizer;
  }
  // A node of the source that is done when it comes: its result is `real`.
  void Replace(const Node& node, const std::string& real) { replaced_[node.name] = real; }
  // A new constant in the place of a value of that name.
  void SetConstant(const std::string& name, Tensor tensor);

 private:
  absl::Status ReadNode(const Node& node);
  absl::Status ReadSubgraphs(Node& node);
  std::string Integers(const std::string& value, PartsBuilder& builder);
  bool IsStillInteger(const Node& node);
  bool Compute(const Node& node, PartsBuilder& builder);
  bool ReadTable(const Node& node, PartsBuilder& builder);
  // False where the node reads no integers, or does anything with them that is not known.
  bool ReadOnIntegers(const Node& node, PartsBuilder& builder);
  void Copy(const Node& node, PartsBuilder& builder);
  void Add(Parts parts);
  bool IsNotNegative(const std::string& value) const;
  void NoteSign(const Node& node);
  void MarkLayer(Node& node) const;
  void FinishOutputs();
  void RemoveIntegers();

  const Graph source_;
  const GraphIndex index_;
  UniqueNames names_;
  Graph float_;
  std::map<std::string, Real> reals_;            // by values that are integers in the file
  std::map<std::string, std::string> integers_;  // those, unrounded
  std::map<std::string, FileQuantizer> dequantized_;
  std::map<std::string, std::string> replaced_;
  absl::flat_hash_set<std::string> made_;          // values that nodes write
  absl::flat_hash_set<std::string> not_negative_;  // values
};

// Whether the results of ONNX's operator are the elements of its first source, wherever they are.
bool MovesElements(const Node& node);

// Whether integers of both stand for the same numbers.
inline bool IsSame(const FileQuantizer& a, const FileQuantizer& b) {
  return a.scales == b.scales && a.zero_points == b.zero_points &&
         (a.scales.size() == 1 || a.axis == b.axis);
}

// The elements of a constant that are stored so. INVALID_ARGUMENT where the scales do not fit.
absl::StatusOr<Tensor> Dequantize(const Tensor& integers, const FileQuantizer& quantizer);

// Writes an operator in float. False, with nothing written, where it cannot: the node stays.
using ReadFunction = absl::StatusOr<bool> (*)(FloatReader& reader, const Node& node,
                                              PartsBuilder& builder);
struct QuantizedOperator {
  absl::string_view domain;
  absl::string_view op;
  ReadFunction read;
};
// nullptr for a node that is none of them.
const QuantizedOperator* FindQuantizedOperator(const Node& node);

// The families.
absl::Span<const QuantizedOperator> LinearOperators();
absl::Span<const QuantizedOperator> ProductOperators();
absl::Span<const QuantizedOperator> QLinearOperators();
absl::Span<const QuantizedOperator> DynamicOperators();

}  // namespace halftone

#endif  // HALFTONE_NN_GRAPH_QUANTIZED_FLOAT_READER_H_
