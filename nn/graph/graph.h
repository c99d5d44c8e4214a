#ifndef HALFTONE_NN_GRAPH_GRAPH_H_
#define HALFTONE_NN_GRAPH_GRAPH_H_

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "nn/graph/data_type.h"
#include "nn/graph/shape.h"
#include "nn/graph/tensor.h"

namespace halftone {

using Attribute = std::variant<int64_t, float, std::string, std::vector<int64_t>,
                               std::vector<float>, std::vector<std::string>, Tensor>;

struct Graph;
struct FileQuantizers;  // nn/graph/file_quantizer.h

// A graph among a node's attributes: a branch of an If, the body of a Loop. It is closed: what it
// reads of the graphs around it, its node reads, and it has as inputs after its own ones. So the
// inputs of a node tell all that it depends on. Nothing is known of its inputs' types.
struct Subgraph {
  std::shared_ptr<const Graph> graph;
  size_t own_inputs = 0;      // of graph->inputs; the others are captured
  size_t first_captured = 0;  // among the node's inputs; the others follow
};

// One operator application, with the meaning that the ONNX operator set gives `op` at the graph's
// opset. Values are referred to by name; an absent optional input is "".
struct Node {
  std::string name;    // unique in the graph, never empty
  std::string op;      // ONNX's operator name, e.g. "Conv"
  std::string domain;  // "" for ONNX's own
  std::vector<std::string> inputs;
  std::vector<std::string> outputs;
  std::map<std::string, Attribute> attributes;
  std::map<std::string, Subgraph> subgraphs;  // by attribute
  // What an already quantized file quantizes the node's tensors with; null for none. The node
  // itself computes in float.
  std::shared_ptr<const FileQuantizers> file_quantizers = nullptr;

  // The attribute, or `fallback` if there is none. INVALID_ARGUMENT, naming node and attribute,
  // when it has another type.
  absl::StatusOr<int64_t> Int(absl::string_view attribute, int64_t fallback) const;
  absl::StatusOr<float> Float(absl::string_view attribute, float fallback) const;
  absl::StatusOr<std::string> String(absl::string_view attribute, absl::string_view fallback) const;
  absl::StatusOr<std::vector<int64_t>> Ints(absl::string_view attribute,
                                            std::vector<int64_t> fallback) const;
  absl::StatusOr<std::vector<float>> Floats(absl::string_view attribute,
                                            std::vector<float> fallback) const;
  absl::StatusOr<std::vector<std::string>> Strings(absl::string_view attribute,
                                                   std::vector<std::string> fallback) const;
  bool Has(absl::string_view attribute) const;
  // The name of input `index`, "" when absent.
  absl::string_view Input(size_t index) const {
    return index < inputs.size() ? absl::string_view(inputs[index]) : "";
  }
};

// Type and shape of a value.
struct ValueInfo {
  DataType type = DataType::kFloat32;
  Shape shape;
};

// A value that crosses the graph's border.
struct Port {
  std::string name;
  ValueInfo info;
  // What the file calls each axis of an input; "" where it says a size, or nothing. Axes of one
  // name have one size. Empty: none has a name.
  std::vector<std::string> axis_names = {};
  // Of an input: the axis along which samples lie. Absent: the whole value belongs to one sample,
  // and a pass computes one.
  std::optional<int> sample_axis = 0;

  // "" for an axis without a name.
  absl::string_view AxisName(int axis) const {
    const auto index = static_cast<size_t>(axis);
    return index < axis_names.size() ? absl::string_view(axis_names[index]) : "";
  }
};

// A network as a data-flow graph in single-assignment form. Nodes are in topological order. A
// plain value: copies are independent, but share the (immutable) elements of initializers.
// Thread-safe to read.
struct Graph {
  std::string name;
  int64_t opset = 13;
  std::vector<Port> inputs;  // without the initializers
  std::vector<Port> outputs;
  std::vector<Node> nodes;
  std::map<std::string, Tensor> initializers;
  // What is known of each value (inputs, initializers and node outputs). A graph made by
  // BindBatch knows all of them with static shapes.
  absl::flat_hash_map<std::string, ValueInfo> values;

  // The batch size that the file fixes, 1 where no input has an axis of samples; absent when that
  // axis of an input is symbolic.
  std::optional<int64_t> fixed_batch() const;
  // The node of that name, or nullptr. Linear time.
  const Node* FindNode(absl::string_view name) const;
};

// An axis of an input of which nothing says the size, and along which no samples lie.
struct OpenAxis {
  std::string input;
  int axis = 0;
  std::string name;  // as the file calls it, or ""
};
std::vector<OpenAxis> FindOpenAxes(const Graph& graph);

// Producers and consumers of values, as indices into graph.nodes. Valid while the graph's nodes
// are not changed.
class GraphIndex {
 public:
  explicit GraphIndex(const Graph& graph);
  // The index of the node that writes `value`; -1 for inputs and initializers.
  int Producer(absl::string_view value) const;
  // The nodes that read `value`, in topological order, once per use.
  const std::vector<int>& Consumers(absl::string_view value) const;
  bool IsGraphOutput(absl::string_view value) const;

 private:
  absl::flat_hash_map<std::string, int> producer_;
  absl::flat_hash_map<std::string, std::vector<int>> consumers_;
  absl::flat_hash_map<std::string, bool> outputs_;
};

// OK if every input is defined before its use, every value is written once, names are unique, and
// outputs exist. Errors name the node and the value.
absl::Status CheckGraph(const Graph& graph);

}  // namespace halftone

#endif  // HALFTONE_NN_GRAPH_GRAPH_H_
