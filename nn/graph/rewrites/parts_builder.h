#ifndef HALFTONE_NN_GRAPH_REWRITES_PARTS_BUILDER_H_
#define HALFTONE_NN_GRAPH_REWRITES_PARTS_BUILDER_H_

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "nn/graph/graph.h"
#include "nn/graph/operators/operator.h"
#include "nn/graph/rewrites/parts.h"

namespace halftone {

// Writes down the parts of one node. What is written has the node's name in front, and is of the
// graph's opset: operators that opsets write in different ways have methods of their own.
class PartsBuilder {
 public:
  using Inputs = std::vector<std::string>;
  using Attributes = std::map<std::string, Attribute>;

  // Borrows both.
  PartsBuilder(const Node& node, int64_t opset, UniqueNames& names)
      : node_(node), opset_(opset), names_(names) {}
  PartsBuilder(const NodeContext& context, UniqueNames& names)
      : PartsBuilder(context.node, context.opset, names) {}

  // Each returns the name of the value that it adds: a node's first result, or a constant. `name`,
  // where it is not the operator's, is of what the value means.
  std::string Op(const std::string& op, Inputs inputs, Attributes attributes = {},
                 absl::string_view name = "");
  std::string Constant(absl::string_view name, Tensor tensor);
  std::string Float(float value);
  std::string Ints(std::vector<int64_t> values);

  std::string Add(const std::string& a, const std::string& b) { return Op("Add", {a, b}); }
  std::string Mul(const std::string& a, const std::string& b) { return Op("Mul", {a, b}); }
  std::string MatMul(const std::string& a, const std::string& b, absl::string_view name) {
    return Op("MatMul", {a, b}, {}, name);
  }
  // Sizes as in ONNX: 0 copies one of the source, -1 is what remains.
  std::string Reshape(const std::string& src, std::vector<int64_t> sizes);
  std::string Transpose(const std::string& src, std::vector<int64_t> permutation);
  std::string Unsqueeze(const std::string& src, int64_t axis);
  std::string Squeeze(const std::string& src, int64_t axis);
  // The axes stay, with size 1.
  std::string ReduceMean(const std::string& src, std::vector<int64_t> axes);
  std::string ReduceSum(const std::string& src, std::vector<int64_t> axes, bool keep);
  // Over the last axis of `rank`.
  std::string Softmax(const std::string& src, int rank);
  // [begin, end) of one axis.
  std::string Slice(const std::string& src, int64_t axis, int64_t begin, int64_t end);
  std::string Concat(Inputs sources, int64_t axis);
  std::string Cast(const std::string& src, DataType type);
  // The values along a new axis.
  std::string Stack(const Inputs& sources, int64_t axis);
  // Parts of these sizes.
  std::vector<std::string> Split(const std::string& src, int64_t axis,
                                 const std::vector<int64_t>& sizes);

  // Whether anybody may read the node's result `index`.
  bool IsWanted(size_t index) const {
    return index < node_.outputs.size() && !node_.outputs[index].empty();
  }
  // Makes the value the node's result `index`, if that is wanted.
  void Result(size_t index, const std::string& value);
  // Makes the node that wrote the value bear the node's own name: it is what it mainly stands for.
  void Name(const std::string& value);

  // For what writes parts by itself.
  Parts& parts() { return parts_; }
  Parts Take() { return std::move(parts_); }

 private:
  std::string WithAxis(const std::string& op, const std::string& src, int64_t axis);
  std::string Reduce(const std::string& op, const std::string& src, std::vector<int64_t> axes,
                     bool keep, int64_t since);

  const Node& node_;
  const int64_t opset_;
  UniqueNames& names_;
  Parts parts_;
};

}  // namespace halftone

#endif  // HALFTONE_NN_GRAPH_REWRITES_PARTS_BUILDER_H_
