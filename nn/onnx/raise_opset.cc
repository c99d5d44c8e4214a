#include "nn/onnx/raise_opset.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "nn/graph/operators/operator.h"
#include "nn/graph/rewrites/parts_builder.h"
#include "nn/graph/unique_names.h"
#include "nn/onnx/opset.h"

namespace halftone {
namespace {

// Writes a node in the newer form. Errors do not name the node.
using RaiseFunction = absl::Status (*)(const NodeContext& context, PartsBuilder& builder);

void Append(Node node, PartsBuilder& builder) { builder.parts().nodes.push_back(std::move(node)); }

// Reads `value` as input `index`; inputs before it that are not there are "".
void SetInput(Node& node, size_t index, std::string value) {
  if (node.inputs.size() <= index) node.inputs.resize(index + 1);
  node.inputs[index] = std::move(value);
}

// An attribute that newer forms have as an input.
struct Moved {
  enum class Kind { kInts, kInt, kFloat };  // kInt: a list of one
  absl::string_view attribute;              // "": none
  Kind kind = Kind::kInts;
};

absl::StatusOr<std::string> WriteConstant(const Node& node, const Moved& moved,
                                          PartsBuilder& builder) {
  switch (moved.kind) {
    case Moved::Kind::kInts: {
      HT_ASSIGN_OR_RETURN(std::vector<int64_t> values, node.Ints(moved.attribute, {}));
      return builder.Ints(std::move(values));
    }
    case Moved::Kind::kInt: {
      HT_ASSIGN_OR_RETURN(const int64_t value, node.Int(moved.attribute, 0));
      return builder.Ints({value});
    }
    case Moved::Kind::kFloat:
      break;
  }
  HT_ASSIGN_OR_RETURN(const float value, node.Float(moved.attribute, 0));
  return builder.Float(value);
}

// Each becomes an input, from the second one on.
using MovedAttributes = std::array<Moved, 3>;
absl::Status MoveAttributes(const MovedAttributes& attributes, Node node, PartsBuilder& builder) {
  for (size_t i = 0; i < attributes.size(); ++i) {
    if (!node.Has(attributes[i].attribute)) continue;
    HT_ASSIGN_OR_RETURN(std::string constant, WriteConstant(node, attributes[i], builder));
    node.attributes.erase(std::string(attributes[i].attribute));
    SetInput(node, i + 1, std::move(constant));
  }
  Append(std::move(node), builder);
  return absl::OkStatus();
}

// The ratio of training. A mask is of bool since opset 10, which is what is known of it here.
absl::Status RaiseDropout(const NodeContext& context, PartsBuilder& builder) {
  Node node = context.node;
  node.attributes.erase("ratio");
  Append(std::move(node), builder);
  return absl::OkStatus();
}

absl::Status RaiseScatter(const NodeContext& context, PartsBuilder& builder) {
  Node node = context.node;
  node.op = "ScatterElements";
  Append(std::move(node), builder);
  return absl::OkStatus();
}

// The axes from `axis` on are one, in a matrix with the others before it.
absl::Status RaiseSoftmax(const NodeContext& context, PartsBuilder& builder) {
  Node node = context.node;
  HT_ASSIGN_OR_RETURN(const ValueInfo src, context.Input(0));
  const int rank = src.shape.rank();
  HT_ASSIGN_OR_RETURN(int64_t axis, node.Int("axis", 1));
  if (axis < 0) axis += rank;
  if (axis == rank - 1) {
    node.attributes["axis"] = int64_t{-1};
    Append(std::move(node), builder);
    return absl::OkStatus();
  }
  const std::string sizes = builder.Op("Shape", {node.inputs[0]});
  const std::string matrix = builder.Op("Flatten", {node.inputs[0]}, {{"axis", axis}});
  const std::string rows = builder.Op(node.op, {matrix}, {{"axis", int64_t{-1}}});
  builder.Name(rows);
  builder.Result(0, builder.Op("Reshape", {rows, sizes}));
  return absl::OkStatus();
}

std::string WriteResize(const NodeContext& context, const std::string& src,
                        std::vector<float> scales, const std::string& rounding,
                        PartsBuilder& builder) {
  PartsBuilder::Attributes attributes = context.node.attributes;
  attributes["coordinate_transformation_mode"] = std::string("asymmetric");
  if (!rounding.empty()) attributes["nearest_mode"] = rounding;
  const Shape shape{static_cast<int64_t>(scales.size())};
  const std::string constant =
      builder.Constant("scales", Tensor::Of<float>(shape, std::move(scales)));
  return builder.Op("Resize", {src, "", constant}, std::move(attributes));
}

// Opset 10 takes the nearest element upwards where an axis becomes smaller, and downwards where it
// becomes larger (see ReadResizeModes); newer ones round alike along all axes of a node.
absl::Status RaiseResize(const NodeContext& context, PartsBuilder& builder) {
  const Tensor* scales = context.Constant(1);
  if (scales == nullptr) return absl::UnimplementedError("its scales are not constant");
  HT_ASSIGN_OR_RETURN(const std::vector<float> factors, scales->ToFloats());
  HT_ASSIGN_OR_RETURN(const std::string mode, context.node.String("mode", "nearest"));
  std::string dst = context.node.inputs[0];
  const auto write = [&](bool (*takes)(float), const std::string& rounding) {
    if (std::none_of(factors.begin(), factors.end(), takes)) return;
    std::vector<float> taken(factors.size(), 1.0f);
    std::replace_copy_if(
        factors.begin(), factors.end(), taken.begin(), [=](float f) { return !takes(f); }, 1.0f);
    dst = WriteResize(context, dst, std::move(taken), rounding, builder);
  };
  if (mode == "nearest") {
    write([](float factor) { return factor < 1; }, "ceil");
    write([](float factor) { return factor > 1; }, "floor");
  } else {
    write([](float) { return true; }, "");
  }
  builder.Name(dst);
  builder.Result(0, dst);
  return absl::OkStatus();
}

constexpr Moved kAxes{"axes"};

struct Raising {
  absl::string_view op;
  int64_t since;  // the opset of the newer form
  MovedAttributes moved;
  RaiseFunction write = nullptr;  // where more changes than that
};

// As kChanges of opset.cc has them.
constexpr std::array kRaisings = {
    Raising{"Dropout", 12, {}, RaiseDropout},
    Raising{"Slice", 10, {Moved{"starts"}, Moved{"ends"}, kAxes}},
    Raising{"TopK", 10, {Moved{"k", Moved::Kind::kInt}}},
    Raising{"Clip", 11, {Moved{"min", Moved::Kind::kFloat}, Moved{"max", Moved::Kind::kFloat}}},
    Raising{"Pad", 11, {Moved{"pads"}, Moved{"value", Moved::Kind::kFloat}}},
    Raising{"Resize", 11, {}, RaiseResize},
    Raising{"Scatter", 11, {}, RaiseScatter},
    Raising{"Softmax", 13, {}, RaiseSoftmax},
    Raising{"Hardmax", 13, {}, RaiseSoftmax},
    Raising{"LogSoftmax", 13, {}, RaiseSoftmax},
    Raising{"ReduceSum", 13, {kAxes}},
    Raising{"Split", 13, {Moved{"split"}}},
    Raising{"Squeeze", 13, {kAxes}},
    Raising{"Unsqueeze", 13, {kAxes}},
};

class OpsetRaiser {
 public:
  OpsetRaiser(Graph graph, int64_t opset)
      : opset_(opset), names_(graph), source_(std::move(graph)), raised_(source_) {
    raised_.opset = opset;
    raised_.nodes.clear();
  }

  absl::StatusOr<Graph> Raise() {
    for (const Node& node : source_.nodes) {
      HT_RETURN_IF_ERROR(
          Annotate(RaiseNode(node), absl::StrCat("node '", node.name, "' (", node.op, ")")));
    }
    return std::move(raised_);
  }

 private:
  absl::Status RaiseNode(const Node& node) {
    const auto raising =
        std::find_if(kRaisings.begin(), kRaisings.end(), [&](const Raising& known) {
          return known.op == node.op && source_.opset < known.since && known.since <= opset_;
        });
    if (node.domain.empty() && raising != kRaisings.end()) return Write(node, *raising);
    if (!node.domain.empty() || !IsSameInOpsets(node.op, source_.opset, opset_)) {
      return absl::UnimplementedError(absl::StrCat("the form of opset ", source_.opset,
                                                   " cannot be written as opset ", opset_));
    }
    raised_.nodes.push_back(node);
    return absl::OkStatus();
  }

  absl::Status Write(const Node& node, const Raising& raising) {
    PartsBuilder builder(node, opset_, names_);
    HT_RETURN_IF_ERROR(raising.write == nullptr
                           ? MoveAttributes(raising.moved, node, builder)
                           : raising.write(MakeNodeContext(raised_, node, source_.opset), builder));
    Parts parts = builder.Take();
    for (auto& [name, tensor] : parts.constants) {
      raised_.values[name] = {tensor.type(), tensor.shape()};
      raised_.initializers.emplace(name, std::move(tensor));
    }
    for (Node& part : parts.nodes) {
      HT_RETURN_IF_ERROR(Infer(part));
      raised_.nodes.push_back(std::move(part));
    }
    return absl::OkStatus();
  }

  // Of what lies between the node's sources and its results, which are known.
  absl::Status Infer(const Node& part) {
    if (raised_.values.contains(part.outputs[0])) return absl::OkStatus();
    const NodeContext context = MakeNodeContext(raised_, part);
    HT_ASSIGN_OR_RETURN(const ValueInfos infos, FindOperator("", part.op)->infer(context));
    raised_.values[part.outputs[0]] = infos.at(0);
    return absl::OkStatus();
  }

  const int64_t opset_;
  UniqueNames names_;
  const Graph source_;
  Graph raised_;
};

}  // namespace

absl::StatusOr<Graph> RaiseOpset(Graph graph, int64_t opset) {
  if (graph.opset >= opset) return graph;
  return OpsetRaiser(std::move(graph), opset).Raise();
}

}  // namespace halftone
